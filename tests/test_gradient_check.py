"""The numerical gradients themselves, on functions whose derivative is known."""

import numpy as np
import pytest

from ece662.gradient_check import (
    eval_numerical_gradient,
    eval_numerical_gradient_array,
    rel_error,
)


def test_gradient_of_a_sum_of_cubes(capsys):
    x = np.array([[1.0, -2.0], [0.5, 3.0]])
    grad = eval_numerical_gradient(lambda x: np.sum(x**3), x, verbose=False)
    np.testing.assert_allclose(grad, 3 * x**2, rtol=1e-8)
    np.testing.assert_array_equal(x, [[1, -2], [0.5, 3]])
    assert capsys.readouterr().out == ""


def test_verbose_prints_every_entry(capsys):
    eval_numerical_gradient(lambda x: x.sum(), np.zeros((1, 2)))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(")")[0] for line in lines] == ["(0, 0", "(0, 1"]


def test_gradient_with_respect_to_an_array_read_elsewhere():
    weights = np.array([2.0, 5.0])
    grad = eval_numerical_gradient(lambda _: weights.prod(), weights, verbose=False)
    np.testing.assert_allclose(grad, [5, 2])


def test_array_gradient_weighs_outputs_by_df():
    x, df = np.array([1.0, 2.0, 3.0]), np.array([10.0, 0.0, -1.0])
    grad = eval_numerical_gradient_array(np.square, x, df)
    np.testing.assert_allclose(grad, 2 * x * df, atol=1e-9)


def test_array_gradient_of_a_function_that_reuses_its_output():
    out = np.empty(2)
    grad = eval_numerical_gradient_array(
        lambda x: np.multiply(x, 3, out=out), np.array([1.0, 2.0]), np.ones(2)
    )
    np.testing.assert_allclose(grad, [3, 3])


def test_x_is_restored_when_f_raises():
    x = np.array([1.0, 2.0])
    with pytest.raises(ZeroDivisionError):
        eval_numerical_gradient(lambda x: 1 / 0, x)
    np.testing.assert_array_equal(x, [1, 2])


@pytest.mark.parametrize("x", [np.ones(2, np.float32), np.ones(2, int), [1.0, 2.0]])
def test_other_types_than_float64_are_refused(x):
    with pytest.raises(ValueError, match="float64 array, got"):
        eval_numerical_gradient(np.sum, x)


def test_df_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"\(2,\), got \(3,\)"):
        eval_numerical_gradient_array(np.square, np.ones(2), np.ones(3))


def test_rel_error_between_zero_and_one():
    x = np.array([1.0, -1.0, 0.0])
    assert rel_error(x, x) == 0
    assert rel_error(x, -x) == 1
    assert rel_error(np.array([1.0]), np.array([1.1])) == pytest.approx(0.1 / 2.1)


def test_rel_error_refuses_shapes_that_would_broadcast():
    with pytest.raises(ValueError, match=r"\(3,\) and \(1, 3\)"):
        rel_error(np.ones(3), np.ones((1, 3)))
