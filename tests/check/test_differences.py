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
        ("different", np.sin(X), X),
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


def test_describe_names_all_axes_along_which_a_factor_is_the_same():
    images = rng.standard_normal((2, 4, 3, 5))
    got = images * rng.standard_normal((1, 4, 1, 1))
    message = diagnosis_of(got, images).message
    assert "the same along axes 0, 2 and 3 (of shape (2, 4, 3, 5)) and" in message
    assert "differs along axis 1." in message


def test_describe_says_of_which_case_a_factor_is_true():
    """Where one case has a factor and another has none, both are not said."""
    failed = [compare("one", "dx", 4 * X, X), compare("two", "dx", X**2, X)]
    diagnosis = describe(failed, failed)
    assert diagnosis.message == "In the case 'one' dx is 4 times what it should be."


def test_describe_says_of_which_case_a_term_is_true():
    off = X + rng.standard_normal((4, 1))
    failed = [compare("one", "dx", off, X), compare("two", "dx", X**2, X)]
    assert "(of shape (4, 5), in the case 'one')" in describe(failed, failed).message


@pytest.mark.parametrize("rows", [slice(1, 3), slice(0, 1)])
def test_describe_rows_that_are_right(rows):
    """Rows of zeros among right ones are told by their index, and not as a factor."""
    got = X.copy()
    got[rows] = 0
    diagnosis = diagnosis_of(got)
    assert diagnosis.id == "partly"
    assert "of axis 0; the others are right" in diagnosis.message


def test_describe_does_not_call_a_smaller_error_right():
    """An eps in the wrong place is wrong everywhere, here less and there more."""
    got = X + 1e-5 * X**3
    got[0] = X[0] + 1e-8 * X[0] ** 3
    assert diagnosis_of(got).id == "different"


def test_describe_does_not_name_two_where_a_case_of_one_input_is_right():
    """The factor of a half is N here: where N is 1, the output is right."""
    inputs = {"rows": {"x": CUBE}, "one": {"x": CUBE[:1]}}
    right = compare("one", "dx", CUBE[:1], CUBE[:1])
    message = diagnosis_of(CUBE / 2, CUBE, inputs=inputs, also=[right]).message
    assert "1 over N, the number of inputs, times" in message
    alone = diagnosis_of(CUBE[:, :, :1] / 2, CUBE[:, :, :1]).message
    assert "it is half of what it should be" in alone


def test_describe_leaves_out_what_follows_in_test_mode():
    """Wrong averages are told, and not the outputs that are made with them."""
    averages = compare("rows", "running_mean", X[0] ** 2, X[0])
    later = compare("rows", "out in test mode", X + 1, X)
    message = describe([averages, later], [averages, later]).message
    assert "running_mean" in message
    assert "test mode" not in message


def test_describe_defaults_that_are_wrong():
    """With another default of beta2 the first step is right, and the rest is not."""
    inputs = {"none": {"gradients": X}, "some": {"gradients": X, "learning_rate": 1.0}}
    right = [compare(case, "w after step 1", X, X) for case in inputs]
    wrong = compare("none", "w after step 2", X**2, X)
    right.append(compare("some", "w after step 2", X, X))
    message = describe([wrong], [wrong, *right], inputs).message
    assert "no settings are given, and so the defaults count" in message
    assert "one call leaves" not in message


def test_describe_numbers_that_were_turned_before_a_reshape():
    message = diagnosis_of(X.T.reshape(X.shape)).message
    assert "has the right shape" in message
    assert "turned before a reshape" in message


def test_describe_says_of_which_case_it_is_that_all_is_zero():
    failed = [compare("one", "dx", 0 * X, X), compare("two", "dx", X**2, X)]
    assert describe(failed, failed).message == "In the case 'one' dx is zero."
