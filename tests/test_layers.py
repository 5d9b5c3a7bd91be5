"""The fully connected layers: known values, numerical gradients, bad input."""

import numpy as np
import pytest

from ece662.gradient_check import (
    eval_numerical_gradient,
    eval_numerical_gradient_array,
    rel_error,
)
from ece662.layers import (
    affine_backward,
    affine_forward,
    batchnorm_backward,
    batchnorm_backward_alt,
    batchnorm_forward,
    dropout_backward,
    dropout_forward,
    layernorm_backward,
    layernorm_forward,
    relu_backward,
    relu_forward,
    softmax_loss,
    svm_loss,
)


@pytest.fixture
def rng():
    return np.random.RandomState(7)


def assert_gradients(forward, arguments, gradients, dout, tolerance=1e-7):
    """Compare each gradient with the numerical one of the argument it belongs to."""
    assert len(arguments) == len(gradients)
    for i, (argument, gradient) in enumerate(zip(arguments, gradients, strict=True)):

        def moved(value, i=i):
            return forward(*arguments[:i], value, *arguments[i + 1 :])

        numerical = eval_numerical_gradient_array(moved, argument, dout)
        assert gradient.shape == argument.shape
        np.testing.assert_allclose(
            gradient, numerical, rtol=tolerance, atol=tolerance * np.abs(dout).max()
        )


def test_affine_forward_known_value():
    x = np.linspace(-0.1, 0.5, num=2 * 4 * 5 * 6).reshape(2, 4, 5, 6)
    w = np.linspace(-0.2, 0.3, num=120 * 3).reshape(120, 3)
    b = np.linspace(-0.3, 0.1, num=3)
    out, _ = affine_forward(x, w, b)
    expected = [
        [1.49834967, 1.70660132, 1.91485297],
        [3.25553199, 3.5141327, 3.77273342],
    ]
    np.testing.assert_allclose(out, expected, rtol=1e-8)


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (4, 2, 3), (3, 1, 2, 5)])
def test_affine_backward_agrees_with_numerical_gradient(rng, shape):
    x = rng.randn(*shape)
    w, b = rng.randn(int(np.prod(shape[1:])), 4), rng.randn(4)
    dout = rng.randn(shape[0], 4)
    gradients = affine_backward(dout, affine_forward(x, w, b)[1])
    assert_gradients(lambda *a: affine_forward(*a)[0], [x, w, b], gradients, dout)


def test_relu_cuts_what_is_negative_and_does_not_change_its_input():
    x = np.array([[-2.0, 0.0, 3.0]])
    out, cache = relu_forward(x)
    dout = np.array([[5.0, 6.0, 7.0]])
    dx = relu_backward(dout, cache)
    np.testing.assert_array_equal(out, [[0, 0, 3]])
    np.testing.assert_array_equal(dx, [[0, 0, 7]])
    np.testing.assert_array_equal(x, [[-2, 0, 3]])
    np.testing.assert_array_equal(dout, [[5, 6, 7]])


def test_losses_known_values():
    np.random.seed(231)
    x = 0.001 * np.random.randn(50, 10)
    y = np.random.randint(10, size=50)
    assert svm_loss(x, y)[0] == pytest.approx(8.999602749096233, rel=1e-14)
    assert softmax_loss(x, y)[0] == pytest.approx(2.302545844500738, rel=1e-14)


@pytest.mark.parametrize("loss", [svm_loss, softmax_loss])
def test_loss_gradient_agrees_with_numerical_gradient(rng, loss):
    x, y = 3 * rng.randn(6, 4), np.array([0, 1, 2, 3, 0, 3])
    numerical = eval_numerical_gradient(lambda x: loss(x, y)[0], x, verbose=False)
    assert rel_error(loss(x, y)[1], numerical) < 1e-6


@pytest.mark.parametrize("loss", [svm_loss, softmax_loss])
@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([0, 4], "between 0 and 3.* got 0 to 4"),
        ([-1, 0], "got -1 to 0"),
        ([0.0, 1.0], "integers, got float64"),
        ([0, 1, 2], r"\(2, 4\) and \(3,\)"),
    ],
)
def test_loss_refuses_bad_labels(rng, loss, labels, said):
    with pytest.raises(ValueError, match=said):
        loss(rng.randn(2, 4), np.array(labels))


def test_softmax_survives_large_scores():
    loss, dx = softmax_loss(np.array([[1000.0, 0.0], [-1000.0, 0.0]]), np.array([0, 0]))
    assert loss == pytest.approx(500)
    np.testing.assert_allclose(dx, [[0, 0], [-0.5, 0.5]], atol=1e-12)


def two_layer_activations(X, W1, W2):
    return np.maximum(0, X.dot(W1)).dot(W2)


def test_batchnorm_test_mode_known_values():
    np.random.seed(231)
    W1, W2 = np.random.randn(50, 60), np.random.randn(60, 3)
    gamma, beta, bn_param = np.ones(3), np.zeros(3), {"mode": "train"}
    for _ in range(50):
        a = two_layer_activations(np.random.randn(200, 50), W1, W2)
        batchnorm_forward(a, gamma, beta, bn_param)
    bn_param["mode"] = "test"
    a = two_layer_activations(np.random.randn(200, 50), W1, W2)
    out, _ = batchnorm_forward(a, gamma, beta, bn_param)
    np.testing.assert_allclose(
        out.mean(axis=0), [-0.03927354, -0.04349152, -0.10452688], atol=5e-9
    )
    np.testing.assert_allclose(
        out.std(axis=0), [1.01531428, 1.01238373, 0.97819988], atol=5e-9
    )


def test_batchnorm_gives_columns_the_mean_beta_and_deviation_gamma(rng):
    x = 5 * rng.randn(200, 3) + 12
    gamma, beta = np.array([1.0, 2.0, 3.0]), np.array([11.0, 12.0, 13.0])
    out, _ = batchnorm_forward(x, gamma, beta, {"mode": "train"})
    np.testing.assert_allclose(out.mean(axis=0), beta, rtol=1e-12)
    np.testing.assert_allclose(out.std(axis=0), gamma, rtol=1e-5)


def test_batchnorm_running_averages_follow_momentum(rng):
    x, ones = rng.randn(10, 2) + 3, np.ones(2)
    bn_param = {"mode": "train", "momentum": 0.75, "running_mean": 4 * ones}
    batchnorm_forward(x, ones, ones, bn_param)
    np.testing.assert_allclose(bn_param["running_mean"], 3 + 0.25 * x.mean(axis=0))
    np.testing.assert_allclose(bn_param["running_var"], 0.25 * x.var(axis=0))


def test_batchnorm_test_mode_uses_and_keeps_running_averages(rng):
    ones = np.ones(2)
    bn_param = {"mode": "test", "running_mean": ones, "running_var": 4 * ones}
    out, cache = batchnorm_forward(np.array([[3.0, 1.0]]), ones, 0 * ones, bn_param)
    np.testing.assert_allclose(out, [[1, 0]], rtol=1e-5)
    assert cache is None
    np.testing.assert_array_equal(bn_param["running_mean"], ones)
    np.testing.assert_array_equal(bn_param["running_var"], 4 * ones)


@pytest.mark.parametrize("backward", [batchnorm_backward, batchnorm_backward_alt])
@pytest.mark.parametrize("shape", [(4, 5), (2, 3), (7, 1)])
def test_batchnorm_backward_agrees_with_numerical_gradient(rng, backward, shape):
    x = 2 * rng.randn(*shape) + 1
    x[:, 0] += 100  # a mean far from 0 must not matter
    gamma, beta = rng.randn(shape[1]), rng.randn(shape[1])
    dout = rng.randn(*shape)

    def forward(*arguments):
        return batchnorm_forward(*arguments, {"mode": "train", "eps": 1e-3})

    gradients = backward(dout, forward(x, gamma, beta)[1])
    assert_gradients(lambda *a: forward(*a)[0], [x, gamma, beta], gradients, dout, 1e-6)


def test_batchnorm_of_a_constant_column_stays_finite(rng):
    x = np.hstack([np.full((4, 1), 3.0), rng.randn(4, 1)])
    out, cache = batchnorm_forward(x, np.ones(2), np.zeros(2), {"mode": "train"})
    step_by_step = batchnorm_backward(rng.randn(4, 2), cache)
    np.testing.assert_array_equal(out[:, 0], 0)
    assert all(np.isfinite(gradient).all() for gradient in step_by_step)


def test_batchnorm_backwards_agree(rng):
    x, dout = 5 * rng.randn(100, 50) + 12, rng.randn(100, 50)
    gamma, beta = rng.randn(50), rng.randn(50)
    _, cache = batchnorm_forward(x, gamma, beta, {"mode": "train"})
    both = zip(
        batchnorm_backward(dout, cache),
        batchnorm_backward_alt(dout, cache),
        strict=True,
    )
    for long_way, short_cut in both:
        np.testing.assert_allclose(long_way, short_cut, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("backward", [batchnorm_backward, batchnorm_backward_alt])
def test_batchnorm_backward_refuses_the_cache_of_test_mode(rng, backward):
    x, ones = rng.randn(4, 2), np.ones(2)
    _, cache = batchnorm_forward(x, ones, ones, {"mode": "test"})
    with pytest.raises(ValueError, match="mode 'train'"):
        backward(x, cache)


@pytest.mark.parametrize("shape", [(4, 5), (1, 3), (3, 2)])
def test_layernorm_backward_agrees_with_numerical_gradient(rng, shape):
    x, dout = 2 * rng.randn(*shape) + 1, rng.randn(*shape)
    gamma, beta = rng.randn(shape[1]), rng.randn(shape[1])

    def forward(*arguments):
        return layernorm_forward(*arguments, {"eps": 1e-3})

    gradients = layernorm_backward(dout, forward(x, gamma, beta)[1])
    assert_gradients(lambda *a: forward(*a)[0], [x, gamma, beta], gradients, dout, 1e-6)


def test_layernorm_normalises_each_row_on_its_own(rng):
    x = 5 * rng.randn(6, 40) + 12
    gamma, beta = np.full(40, 3.0), np.full(40, 5.0)
    out, _ = layernorm_forward(x, gamma, beta, {})
    alone, _ = layernorm_forward(x[2:3], gamma, beta, {})
    np.testing.assert_allclose(out.mean(axis=1), 5)
    np.testing.assert_allclose(out.std(axis=1), 3, rtol=1e-5)
    np.testing.assert_allclose(out[2:3], alone)


@pytest.mark.parametrize(
    ("p", "mean", "zeros"),
    [
        (0.25, 10.014059116977283, 0.749784),
        (0.4, 9.977917658761159, 0.600796),
        (0.7, 9.987811912159428, 0.30074),
    ],
)
def test_dropout_known_values(p, mean, zeros):
    np.random.seed(231)
    x = np.random.randn(500, 500) + 10
    # The course draws the masks for 0.25, 0.4 and 0.7 one after the other.
    for each in (0.25, 0.4, 0.7):
        out, _ = dropout_forward(x, {"mode": "train", "p": each})
        if each == p:
            assert out.mean() == pytest.approx(mean, rel=1e-12)
            assert (out == 0).mean() == pytest.approx(zeros, abs=1e-12)


def test_dropout_backward_passes_what_forward_kept(rng):
    x, dout = rng.randn(10, 10) + 10, rng.randn(10, 10)
    dropout_param = {"mode": "train", "p": 0.2, "seed": 123}
    out, cache = dropout_forward(x, dropout_param)
    np.testing.assert_allclose(dropout_backward(dout, cache), dout * (out / x))
    np.testing.assert_array_equal(out, dropout_forward(x, dropout_param)[0])


def test_dropout_does_nothing_at_test_time(rng):
    x = rng.randn(3, 4)
    out, cache = dropout_forward(x, {"mode": "test", "p": 0.3})
    np.testing.assert_array_equal(out, x)
    np.testing.assert_array_equal(dropout_backward(x, cache), x)


@pytest.mark.parametrize("p", [0, -0.5, 1.5])
def test_dropout_refuses_a_p_that_is_no_probability_to_keep(rng, p):
    with pytest.raises(ValueError, match=f"0 < p <= 1, got {p}"):
        dropout_forward(rng.randn(2, 2), {"mode": "train", "p": p})


def float32_results(rng):
    x, w = rng.randn(4, 3).astype("f"), rng.randn(3, 2).astype("f")
    ones, zeros = np.ones(3, "f"), np.zeros(3, "f")
    bn_param = {"mode": "train"}
    out, cache = affine_forward(x, w, ones[:2])
    yield from (out, *affine_backward(out, cache))
    out, cache = relu_forward(x)
    yield from (out, relu_backward(out, cache))
    out, cache = batchnorm_forward(x, ones, zeros, bn_param)
    yield from (out, *batchnorm_backward(x, cache), *batchnorm_backward_alt(x, cache))
    yield from (bn_param["running_mean"], bn_param["running_var"])
    yield batchnorm_forward(x, ones, zeros, {**bn_param, "mode": "test"})[0]
    out, cache = layernorm_forward(x, ones, zeros, {})
    yield from (out, *layernorm_backward(out, cache))
    out, cache = dropout_forward(x, {"mode": "train", "p": 0.5})
    yield from (out, dropout_backward(out, cache))
    for loss in (softmax_loss, svm_loss):
        yield loss(x, np.array([0, 1, 2, 0]))[1]


def test_float32_stays_float32(rng):
    assert {result.dtype for result in float32_results(rng)} == {np.dtype("float32")}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda x, v: affine_forward(x, np.ones((4, 2)), v),
            r"\(3, M\).* got \(4, 2\)",
        ),
        (lambda x, v: affine_forward(x, np.ones((3, 2)), v), r"b must be \(2,\)"),
        (
            lambda x, v: affine_backward(
                v, affine_forward(x, np.ones((3, 2)), v[:2])[1]
            ),
            r"\(2, 2\), got \(3,\)",
        ),
        (lambda x, v: relu_backward(v, x), r"\(2, 3\), got \(3,\)"),
        (lambda x, v: batchnorm_forward(x, v, v, {}), "'train' or 'test', got None"),
        (
            lambda x, v: batchnorm_forward(x, v, v, {"mode": "Train"}),
            "'train' or 'test', got 'Train'",
        ),
        (
            lambda x, v: batchnorm_forward(x, v[:2], v, {"mode": "train"}),
            r"gamma must be \(3,\).* got \(2,\)",
        ),
        (lambda x, v: layernorm_forward(x, v, x, {}), r"beta must be \(3,\)"),
        (lambda x, v: layernorm_forward(v, v, v, {}), r"x must be \(N, D\)"),
        (lambda x, v: dropout_forward(x, {"p": 0.5, "mode": "x"}), "got 'x'"),
    ],
)
def test_layers_say_what_does_not_fit(call, said):
    with pytest.raises(ValueError, match=said):
        call(np.ones((2, 3)), np.ones(3))
