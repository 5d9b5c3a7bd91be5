"""Problems: what a student reads where the code stops."""

import inspect
import re

import numpy as np
import pytest

from ece662 import layers
from ece662.check import check
from ece662.check.problems import Problem, explain
from ece662.check.terms import Cause, Stop
from ece662.classifiers import fc_net
from ece662.exercises import find_exercise
from ece662.live.place import frames_of

RELU = find_exercise("relu_forward")


def problem_of(function):
    """Return what is said of the exception that a function raises."""
    try:
        function()
    except Exception as error:
        return explain(error, RELU)
    raise AssertionError("expected an exception")


def test_explain_shows_the_students_line():
    def divide():
        return 1 / 0

    problem = problem_of(divide)
    assert problem.kind == "error"
    assert "in tests/check/test_problems.py, line " in problem.message
    assert "`return 1 / 0`" in problem.message
    assert "ZeroDivisionError: division by zero" in problem.message


def test_explain_looks_at_each_line_of_a_recursion_once():
    def even(n):
        return odd(n + 1)

    def odd(n):
        return even(n + 1)

    with pytest.raises(RecursionError) as caught:
        even(0)
    places = [(code.co_name, line) for code, line in frames_of(caught.tb)]
    assert len(places) == len(set(places)) == 3
    assert {name for name, _ in places[1:]} == {"even", "odd"}
    problem = explain(caught.value, RELU)
    assert "even(n + 1)`" in problem.message or "odd(n + 1)`" in problem.message
    assert "RecursionError" in problem.message


class Mute(Exception):
    def __str__(self):
        raise KeyError("no text")


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        (GeneratorExit(), "GeneratorExit"),
        (type("Odd", (BaseException,), {})("odd"), "Odd: odd."),
        (SyntaxError("mine"), "SyntaxError: mine."),
        (BaseExceptionGroup("two", [SystemExit(1)]), "two"),
        (Mute(), "Mute, which has no text"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_check_explains_whatever_is_raised(monkeypatch, raised, words):
    def raising(x):
        raise raised

    monkeypatch.setattr(layers, "relu_forward", raising)
    verdict = str(check("relu_forward"))
    assert words in verdict
    assert "`raise raised`" in verdict


def test_explain_takes_the_line_that_called_our_own_checks():
    def call():
        layers.affine_forward(np.ones((2, 3)), np.ones((4, 1)), np.ones(1))

    assert "w must be (3, M)" in problem_of(call).message


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("np.product(3)", "old-numpy", "no longer has `np.product`.*: write np.prod"),
        ("np.float(3)", "old-numpy", "write float"),
        pytest.param(
            *("np.reshape(1, newshape=1)", "old-numpy", "`newshape`.*: write shape"),
            marks=pytest.mark.skipif(
                "newshape" in inspect.signature(np.reshape).parameters,
                reason="this NumPy still knows newshape",
            ),
        ),
        ("undefined", "error", "NameError: name 'undefined'"),
        (
            "1 +",
            "error",
            r"test_problems.py, line \d+ \(`problem = .* is no Python: "
            r"invalid syntax, in line 1 of it \(`1 \+`\)",
        ),
        ("raise_stub()", "not-implemented", "relu_forward is not written yet"),
    ],
)
def test_explain_in_plain_words(code, kind, words):
    def stub():
        raise NotImplementedError("relu_forward is yours to write: see Q1-FCNetworks")

    problem = problem_of(lambda: eval(code, {"np": np, "raise_stub": stub}))
    assert problem.kind == kind
    assert re.search(words, problem.message)


def test_check_of_a_stub_says_to_do_and_nothing_else(monkeypatch):
    def affine_forward(x, w, b):
        raise NotImplementedError("affine_forward is yours to write: see Q1-FCNetworks")

    monkeypatch.setattr(layers, "affine_forward", affine_forward)
    report = str(check("affine_forward"))
    assert report == "affine_forward: to do\n  affine_forward is not written yet."
    report = str(check("affine_backward"))
    assert "builds on affine_forward (Q1-FCNetworks)" in report
    assert "do that one first" in report
    assert check("relu_forward").passed


def test_check_names_the_piece_that_a_network_is_built_on(monkeypatch):
    def doubled(dout, cache):
        dx, dw, db = reference(dout, cache)
        return dx, 2 * dw, db

    reference = layers.affine_backward
    for module in (layers, fc_net):
        monkeypatch.setattr(module, "affine_backward", doubled)
    diagnosis = check("FullyConnectedNet").results[0].diagnosis
    assert diagnosis.id == "needs-mending"
    assert (
        "builds on affine_backward, not right yet: mend that first" in diagnosis.message
    )
    assert check("sgd_momentum").passed


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (None, r"return \(out, cache\); it returned None"),
        (np.ones(3), r"return \(out, cache\); it returned one ndarray"),
        ((1, 2, 3), "it returned 3 things"),
        ((None, 1), "out is None"),
        (("text", 1), "out should hold numbers"),
        (([[1, 2], [3]], 1), "rows differ in length"),
    ],
)
def test_check_of_another_form_says_what_is_asked_for(monkeypatch, returned, words):
    monkeypatch.setattr(layers, "affine_forward", lambda x, w, b: returned)
    diagnosis = check("affine_forward").results[0].diagnosis
    assert diagnosis.id == "misfit"
    assert re.search(words, diagnosis.message)


def test_explain_a_function_of_other_arguments(monkeypatch):
    monkeypatch.setattr(layers, "affine_forward", lambda x, w: (x @ w, None))
    diagnosis = check("affine_forward").results[0].diagnosis
    assert diagnosis.id == "misfit"
    assert "does not take the arguments that the course gives it" in diagnosis.message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "Exception encountered when calling Net.call().\n\n"
            "\x1b[1mnegative size\x1b[0m\n\nArguments received by Net.call():",
            "negative size",
        ),
        ("Exception encountered when calling Net.call().", "Net.call()"),
        ("{{function_node __wrapped__Conv2D}} negative size [Op:Conv2D]", "negative"),
        ("two\nlines", "two."),
    ],
)
def test_explain_says_the_reason_that_a_framework_gives(text, reason):
    def code():
        raise ValueError(text)

    with pytest.raises(ValueError, match=r".") as caught:
        code()
    said = explain(caught.value, find_exercise("q5-tf-convnet-class")).message
    assert reason in said
    for noise in ("\x1b", "{{", "Arguments", "lines"):
        assert noise not in said


def test_what_stops_without_a_line_of_theirs_may_be_our_mistake():
    try:
        raise_in_a_library()
    except KeyError as error:
        found = explain(error.with_traceback(None), RELU)
    assert found.kind == "ours"


def raise_in_a_library():
    raise KeyError("x")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("np.zeros((2, 3 / 1))", "`//` gives a whole number"),
        ("np.ones(3)[2 / 1]", "`//` gives a whole number"),
        ("np.ones(4)[: 4 / 2]", "`//` gives a whole number"),
        ("np.random.rand((2, 3))", "takes it apart"),
        ("float(np.ones((2, 2)))", "does not take an array in the place of a number"),
        ("{}.iteritems()", r"write `d.items\(\)`"),
        ("xrange(3)", "write `range`"),
        ("map(abs, [1])[0]", "give no list"),
        ("range(3) + [3]", "`range`"),
        ("np.ones(2, bool) - np.ones(2, bool)", "cannot be subtracted"),
        ("np.NaN", "write np.nan"),
        ("np.lib.pad(1, 1)", "write np.pad"),
        ("np.ones(2).itemset(0, 1)", r"write a\[index\] = value"),
        ("{}['running_mean']", "gives a default then"),
        ("np.math.sqrt(2)", "with `import math`"),
        ("list('ab')[2 / 1]", "`//` gives a whole number"),
        ("np.random.seed(2.5)", "`//` gives a whole number"),
        ("np.random.randint(0, 2, 2.0)", "`//` gives a whole number"),
        ("np.unravel_index(1.0, (2, 2))", "`//` gives a whole number"),
        ("np.array([1], copy=False)", "np.asarray copies where it has to"),
        ("np.vstack(map(abs, [1]))", "give no list"),
    ],
)
def test_explain_what_python_3_and_numpy_2_changed(code, words):
    problem = problem_of(lambda: eval(code, {"np": np}))
    assert re.search(words, problem.message), problem.message


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("np.add(np.ones(2, int), 0.5, out=np.ones(2, int))", "with a dtype of floats"),
        ("np.ones(2)['mode']", "by a name, as if it were a dict"),
    ],
)
def test_explain_speaks_of_no_division_where_there_is_none(code, words):
    problem = problem_of(lambda: eval(code, {"np": np}))
    assert words in problem.message
    assert "has to be a whole number" not in problem.message


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_a_sentence_whatever_its_facts(cause):
    facts = {"error": "{x} boom", "says": "boom", "other": "boom", "name": "boom"}
    facts |= {"old": "boom", "exercise": "boom", "where": " in boom", "names": "boom"}
    for some in (facts, facts | {"more": "7"}):
        said = Problem(Stop.ERROR, cause, some).message
        assert "boom" in said
        assert said == said.strip()
    assert "boom" not in Problem(Stop.ERROR, cause).message
