"""The general diagnoses, each on the difference that it is for."""

import numpy as np
import pytest

from ece662.check.differences import describe
from ece662.check.judging import compare

rng = np.random.RandomState(1)
X = rng.standard_normal((4, 5))
CUBE = rng.standard_normal((2, 3, 4))


def diagnosis_of(got, want=X, name="dx", case="rows", inputs=None, also=()):
    """Return the diagnosis of a single wrong output."""
    found = compare(case, name, got, want)
    assert not found.passed
    return describe([found], [found, *also], inputs)


@pytest.mark.parametrize(
    ("id", "got", "want"),
    [
        ("missing", None, X),
        ("dtype", X > 0, X),
        ("kept-axes", X[np.newaxis], X),
        ("transposed", X.T, X),
        ("transposed", CUBE.transpose(0, 2, 1).reshape(CUBE.shape), CUBE),
        ("broadcast", np.ones((4, 1)), np.ones((4, 5))),
        ("shape", np.ones((3, 3)), X),
        ("nan", X * np.nan, X),
        ("nan", np.full(X.shape, np.inf), X),
        ("sign", -X, X),
        ("zero", 0 * X, X),
        ("factor", 4 * X, X),
        ("constant-term", X + 0.3, X),
        ("term-along-axis", X + rng.standard_normal(5), X),
        ("factor-along-axis", X * rng.standard_normal((4, 1)), X),
        ("scrambled", np.sort(X, axis=None).reshape(X.shape), X),
        ("partly", np.where(np.arange(5) < 2, X, 0.5), X),
        ("different", X**2, X),
    ],
)
def test_describe_names_the_difference(id, got, want):
    assert diagnosis_of(got, want).id == id


def test_describe_partly_says_where_the_border_is():
    got = X.copy()
    got[0] = got[:, 0] = got[:, -1] = 7
    assert "all of them at the border" in diagnosis_of(got).message


@pytest.mark.parametrize(
    ("rows", "where"),
    [(np.s_[2], "index 2 of axis 0"), (np.s_[::2], "every other index 0, 2 of axis 0")],
)
@pytest.mark.parametrize("term", [1.0, -X[2]], ids=["term", "zeros"])
def test_describe_prefers_where_to_how(rows, where, term):
    got = X.copy()
    got[rows] += term
    found = diagnosis_of(got)
    assert found.id == "partly"
    assert where in found.message


@pytest.mark.parametrize(
    ("factor", "name"),
    [(1 / 4, "1 over N"), (4, "it is N"), (5, "D, the length"), (0.3, "it is p times")],
)
def test_describe_names_a_factor_that_it_can_tell(factor, name):
    inputs = {"rows": {"x": X, "p": 0.3}}
    assert name in diagnosis_of(factor * X, inputs=inputs).message


def test_describe_does_not_name_a_factor_that_differs_from_case_to_case():
    failed = [compare("one", "dx", 4 * X, X), compare("two", "dx", 3 * X, X)]
    inputs = {"one": {"x": X}, "two": {"x": X}}
    diagnosis = describe(failed, failed, inputs)
    assert diagnosis.id == "factor"
    assert "in the case 'one' it is 4 times what it should be" in diagnosis.message


def test_describe_sees_no_factor_between_two_single_numbers():
    assert diagnosis_of(np.array(2.7), np.array(2.3), name="loss").id == "different"


def test_describe_a_fact_that_does_not_hold():
    diagnosis = diagnosis_of(
        np.array(False), np.array(True), name="another mask each time"
    )
    assert (diagnosis.id, "another mask each time" in diagnosis.message) == (
        "not-so",
        True,
    )


def test_describe_changed_input():
    found = compare("rows", "dout unchanged", np.array(False), np.array(True))
    assert describe([found], [found]).id == "input-changed"


def test_describe_right_in_training_only():
    right = compare("one batch", "out", X, X)
    assert diagnosis_of(X + 1, name="out in test mode", also=[right]).id == "train-only"


def test_describe_right_for_the_first_step_only():
    right = compare("rows", "w after step 1", X, X)
    diagnosis = diagnosis_of(X + 1, name="w after step 2", also=[right])
    assert diagnosis.id == "first-step-only"
