"""What is said of numbers that are related to an array of their case."""

import numpy as np
import pytest

from ece662.check.differences import describe
from ece662.check.judging import compare

rng = np.random.RandomState(7)
X, DOUT, WANT = rng.standard_normal((3, 6, 5))
GAMMA, BETA = rng.standard_normal((2, 5))
COLUMN, ROW = rng.standard_normal((6, 1)), rng.standard_normal(5)


def describe_got(got, want=WANT, name="dx", also=(), **inputs):
    """Diagnose one wrong output of one case with these inputs."""
    found = compare("rows", name, got, want)
    right = [compare("rows", *output) for output in also]
    assert not found.passed
    return describe([found], [found, *right], {"rows": inputs})


@pytest.mark.parametrize(
    ("got", "says"),
    [
        (np.ones_like(WANT), "Every number of dx is 1"),
        (WANT**2, "Each number of dx is the square of what it should be"),
        (1 / WANT, "Each number of dx is 1 over what it should be"),
        (X.copy(), "dx is wrong: it equals x."),
        (WANT * X, "dx is what it should be times x, entry by entry."),
        (X * DOUT, "dx is x times dout, entry by entry."),
        (WANT - X, "dx is what it should be minus x."),
        (WANT + 0.3 * DOUT, "dx is what it should be plus 0.3 times dout."),
        (X - (WANT - X), "What dx adds to x has the wrong sign."),
        (3 * (WANT - X), "dx is 3 times what should be added to x, alone."),
        (WANT * ROW + GAMMA, "dx is off by a factor and a term, and both are the same"),
        (WANT + X * ROW + GAMMA, "What dx is off by is x times a factor, plus a term"),
    ],
)
def test_describe_says_how_numbers_are_related(got, says):
    message = describe_got(got, x=X, dout=DOUT).message
    assert says in message


def test_describe_says_along_which_axis():
    assert "along axis 0 (of" in describe_got(WANT * ROW + GAMMA).message
    assert "along axis 1 (of" in describe_got(WANT * COLUMN + COLUMN**2).message


def test_describe_looks_below_gamma_and_beta():
    """Layer normalisation scales along one axis and is wrong along the other."""
    got = (WANT * COLUMN + COLUMN**2) * GAMMA + BETA
    message = describe_got(got, WANT * GAMMA + BETA, gamma=GAMMA, beta=BETA).message
    assert "dx, before gamma and beta, is off by a factor and a term" in message
    assert describe_got(got, WANT * GAMMA + BETA).id == "different"
    odd = describe_got(got, WANT * GAMMA + BETA, gamma=GAMMA[:2], beta=BETA)
    assert odd.id == "different"


def test_describe_part_of_an_array_and_the_value_of_another_output():
    want = DOUT.sum(0)
    assert "it equals dout[-1]." in describe_got(DOUT[-1], want, dout=DOUT).message
    other = [("running_var", ROW, ROW)]
    message = describe_got(ROW, GAMMA, "running_mean", other).message
    assert "it equals what running_var should be." in message


def test_describe_step_of_a_rule():
    step = 0.1 * DOUT
    inputs = {"w": X, "gradients": [DOUT]}
    name = "w after step 1"
    found = describe_got(X.copy(), X - step, name, **inputs)
    assert "it equals w before that step" in found.message
    found = describe_got(X - step - 0.1 * X**2 * DOUT, X - step, name, **inputs)
    assert found.id == "different"


@pytest.mark.parametrize("got", [np.sin(WANT), WANT + 1e-3 * X**3, X**2 + DOUT])
def test_describe_no_relation_where_there_is_none(got):
    inputs = {"x": X, "dout": DOUT, "gamma": GAMMA, "beta": BETA}
    assert describe_got(got, **inputs).id == "different"


def test_describe_no_relation_that_only_one_of_the_wrong_cases_has():
    failed = [compare("one", "dx", WANT - X, WANT), compare("two", "dx", X**3, WANT)]
    inputs = {"one": {"x": X}, "two": {"x": X}}
    assert describe(failed, failed, inputs).id == "different"


def test_describe_no_relation_between_few_numbers():
    """Any two numbers are related by some factor and term."""
    few = WANT[:1, :2]
    assert describe_got(few * GAMMA[:2] + 1, few, x=X[:1, :2]).id == "different"


def test_describe_a_small_error_by_what_it_is():
    """An error of 1e-5 is not a factor and a term, though nearly everything fits."""
    assert describe_got(WANT + 1e-5 * np.sin(9 * X), x=X).id == "different"


def test_describe_rounding_instead_of_zero():
    got = 1e-15 * np.sign(X)
    assert describe_got(got, x=X, dout=DOUT).id == "zero"


def test_describe_says_which_few_outputs_are_wrong():
    also = [(f"dW{k}", ROW, ROW) for k in range(7)]
    message = describe_got(np.sin(WANT), name="db1", also=also).message
    assert "; of all outputs, only db1 is wrong." in message


def test_describe_says_in_which_cases_it_is_right():
    wrong = [compare(case, "out", np.sin(WANT), WANT) for case in ("a", "b")]
    right = compare("one row", "out", WANT, WANT)
    message = describe(wrong, [*wrong, right]).message
    assert "in 2 of 3 cases; it is right in the case 'one row'." in message


def test_describe_gives_the_two_numbers_of_a_loss():
    message = describe_got(np.array(2.5), np.array(2.25), name="loss").message
    assert "(in the case 'rows' 2.5, where 2.25 is expected)" in message
