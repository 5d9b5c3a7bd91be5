"""What the cases of the recipes are: they fit, and hide nothing behind each other."""

import numpy as np
import pytest

from ece662.check.code import make_code
from ece662.check.recipe import in_forward, noting_calls, stopped_forward
from ece662.check.recipes import RECIPES
from ece662.check.recipes.conv import CONV_CASES, EVERY_POOL_CASE
from ece662.check.running import inputs_of, run
from ece662.exercises import EXERCISES, find_exercise
from ece662.layers import batchnorm_backward_alt, batchnorm_forward

FUNCTIONS = [e for e in EXERCISES if e.kind == "function" and not e.frameworks]


@pytest.mark.parametrize("case", CONV_CASES)
def test_filters_end_at_the_edge_of_the_padded_image(case):
    x, w, stride, pad = CONV_CASES[case]
    for side, window in zip(x[2:], w[2:], strict=True):
        assert (side + 2 * pad - window) % stride == 0


@pytest.mark.parametrize("case", EVERY_POOL_CASE)
def test_pooling_windows_end_at_the_edge_of_the_image(case):
    shape, height, width, stride = EVERY_POOL_CASE[case]
    assert (shape[2] - height) % stride == 0
    assert (shape[3] - width) % stride == 0


@pytest.mark.parametrize("exercise", FUNCTIONS, ids=[e.id for e in FUNCTIONS])
def test_inputs_are_what_anybody_may_rely_on(exercise):
    for inputs in inputs_of(exercise).values():
        for array in inputs.values():
            if isinstance(array, np.ndarray):
                assert array.dtype == np.float64
                assert array.flags.c_contiguous


@pytest.mark.parametrize(
    ("recipe", "axis"),
    [
        ("affine_forward", 0),
        ("relu_forward", 0),
        ("conv_forward_naive", 0),
        ("conv_forward_naive", 1),
        ("max_pool_forward_naive", 0),
        ("max_pool_forward_naive", 1),
        ("layernorm_backward", 0),
        ("batchnorm_backward", 1),
        ("spatial_batchnorm_backward", 1),
        ("spatial_groupnorm_backward", 1),
    ],
)
def test_some_case_has_a_size_of_one(recipe, axis):
    cases = inputs_of(find_exercise(recipe)).values()
    assert any(inputs["x"].shape[axis] == 1 for inputs in cases)


@pytest.mark.parametrize("name", ["affine_forward", "relu_forward", "dropout_forward"])
def test_inputs_have_several_numbers_of_axes(name):
    cases = inputs_of(find_exercise(name)).values()
    assert len({inputs["x"].ndim for inputs in cases}) >= 2


@pytest.mark.parametrize("rule", ["sgd_momentum", "rmsprop", "adam"])
def test_rules_move_parameters_of_several_shapes(rule):
    cases = inputs_of(find_exercise(rule)).values()
    assert {inputs["w"].ndim for inputs in cases} >= {1, 2, 4}


def test_what_is_called_on_the_way_is_seen():
    def spatial(dout, cache):
        return batchnorm_backward_alt(dout, cache)

    calls = {}
    x = np.arange(6.0).reshape(3, 2)
    with noting_calls(calls):
        _, cache = batchnorm_forward(x, np.ones(2), np.ones(2), {"mode": "train"})
        spatial(x, cache)
    assert set(calls) == {"called batchnorm_forward", "called batchnorm_backward_alt"}


def test_an_exception_knows_the_forward_that_it_came_from():
    with pytest.raises(ZeroDivisionError) as caught, in_forward("relu_forward"):
        raise ZeroDivisionError
    assert stopped_forward(caught.value) == "relu_forward"
    assert stopped_forward(ValueError()) == ""


def test_calls_are_outputs_of_those_that_build_on_others():
    exercise = find_exercise("spatial_batchnorm_backward")
    keys = run(exercise, make_code()).outputs
    called = {key.partition("/called ")[2] for key in keys if "/called " in key}
    assert called >= {"batchnorm_forward", "batchnorm_backward_alt"}


def test_every_recipe_of_the_layers_asks_for_what_float64_reaches():
    for exercise in FUNCTIONS:
        if not exercise.id.startswith("dropout"):
            assert RECIPES[exercise.recipe].tolerance <= 1e-8
