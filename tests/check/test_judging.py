"""Judging: tolerances, shapes, limits, and whose fault it is."""

import numpy as np
import pytest

from ece662.check.code import make_code
from ece662.check.diagnosing import diagnose
from ece662.check.judging import compare, judge
from ece662.check.recipe import Rule
from ece662.check.running import run
from ece662.check.signatures import signature_of
from ece662.check.terms import AtFault, How
from ece662.classifiers.fc_net import TwoLayerNet
from ece662.exercises import EXERCISES, find_exercise
from ece662.layers import affine_backward, affine_forward

X = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    ("got", "passes"),
    [
        (X, True),
        (X + 1e-9, True),
        (X.astype(np.float32), True),
        (X + 1e-3, False),
        (X[np.newaxis], False),
        (X.astype(int), False),
        (X * np.nan, False),
        (None, False),
    ],
)
def test_compare_wants_numbers_shape_and_kind(got, passes):
    assert compare("case", "out", got, X).passed is passes


def test_compare_tells_where_the_largest_difference_is():
    got = X.copy()
    got[1, 2] += 0.5
    found = compare("case", "out", got, X)
    assert found.where == (1, 2)
    assert found.error == pytest.approx(0.1)  # of the largest, 5


def test_compare_at_least_takes_the_limit_itself():
    rule = Rule(How.AT_LEAST, 0.4)
    for got, passes in ((0.4, True), (0.39, False), (np.nan, False)):
        assert compare("as trained", "a", np.array(got), 0.4, rule).passed is passes


def verdict_on(id, **overrides):
    exercise = find_exercise(id)
    outputs, problems = run(exercise, make_code(overrides))
    return judge(exercise, outputs, signature_of(exercise).expected, problems)


def without_bias(x, w, b):
    return x.reshape(len(x), -1) @ w, (x, w, b)


def without_db(dout, cache):
    dx, dw, db = affine_backward(dout, cache)
    return dx, dw, 0 * db


def test_judge_finds_the_half_that_is_at_fault():
    id = "affine_backward"
    assert verdict_on(id, affine_backward=without_db).fault is AtFault.BACKWARD
    both = {"affine_forward": without_bias, "affine_backward": without_db}
    assert verdict_on(id, **both).fault is AtFault.FORWARD
    assert verdict_on(id, affine_forward=without_bias).passed


def test_judge_finds_that_both_halves_are_at_fault():
    def doubled(x, w, b):
        out, cache = affine_forward(x, w, b)
        return 2 * out, cache

    found = verdict_on(
        "affine_backward", affine_forward=doubled, affine_backward=without_db
    )
    assert found.fault is AtFault.BOTH


def test_judge_without_anything_to_expect_does_not_pass_and_is_reported():
    exercise = find_exercise("adam")
    outputs, problems = run(exercise, make_code())
    verdict = judge(exercise, outputs, {}, problems)
    assert not verdict.passed
    assert diagnose(exercise, outputs, {}, verdict).id == "no-signature"


def test_judge_without_outputs_does_not_pass():
    for exercise in EXERCISES:
        if exercise.is_checked:
            assert not judge(exercise, {}, {}).passed


def other_than(value):
    return ~value if value.dtype == bool else value + 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_judge_passes_the_reference_on_other_inputs_that_fit_its_own_forward(seed):
    for exercise in EXERCISES:
        if exercise.kind in ("function", "class"):
            outputs, problems = run(exercise, make_code(), seed)
            verdict = judge(exercise, outputs, outputs, problems)
            assert verdict.passed, exercise.id
            failing = {key: other_than(value) for key, value in outputs.items()}
            assert not judge(exercise, failing, outputs).passed


def test_judge_blames_neither_half_where_no_gradient_is_wrong():
    class TooSmall(TwoLayerNet):
        def __init__(self, *args, weight_scale, **kwargs):
            super().__init__(*args, weight_scale=weight_scale / 10, **kwargs)

    found = verdict_on("TwoLayerNet", TwoLayerNet=TooSmall)
    assert {c.name for c in found.failed} == {"spread of W1", "spread of W2"}
    assert found.fault is None
