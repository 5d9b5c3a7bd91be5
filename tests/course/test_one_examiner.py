"""A student's check and the grader say the same of the same wrong code."""

import importlib.util
import re

import pytest

from course.grade.marks import marking, training
from course.grade.marks.pristine import BARE, FULL
from course.grade.sandboxed import inside
from course.grade.secret import Secret
from course.mistakes import all_mistakes
from course.sandbox.client import Ending, Outcome
from ece662.check import front
from ece662.check.code import make_code
from ece662.check.running import run_cases
from ece662.check.signatures import signature_of
from ece662.exercises import EXERCISES, find_exercise
from ece662.exercises.reading import Pieces
from ece662.frameworks.installed import FRAMEWORKS
from ece662.layers import spatial_batchnorm_backward

MISTAKES = all_mistakes()
MISSING = {name for name in FRAMEWORKS if importlib.util.find_spec(name) is None}


class InThisProcess:
    """A sandbox without walls or a process: what runs inside runs here."""

    def __init__(self, functions):
        self.functions = functions

    def call(self, function, arrays, arguments, limits):
        exercise = find_exercise(arguments["exercise"])
        inputs = inside._joined(arrays, arguments["plain"])
        code = make_code(self.functions)
        outputs = inside._answer(*run_cases(exercise, code, inputs, arguments["seed"]))
        return Outcome(Ending.ANSWERED, outputs)


class OnPublicInputs(marking.Marker):
    """Marks by the inputs that every student's own check has."""

    def hidden(self, exercise):
        return marking.PUBLIC


class Given:
    """What was handed out: no cell of it is run here."""

    texts = dict.fromkeys((exercise.file for exercise in EXERCISES), "")


@pytest.fixture(autouse=True)
def no_cells(monkeypatch):
    """Take functions of notebooks as they are, without running the cells before."""
    monkeypatch.setattr(training, "cells_of", lambda *a: [])
    monkeypatch.setattr(training, "served", lambda *a: {})


def words_of_check(exercise, functions):
    """Return what the student's check says of an exercise with these functions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(front, "make_code", _with(functions))
        result = front.check_exercise(exercise, lambda exercise: functions)
    wrong = result.diagnosis
    return (
        result.verdict.passed,
        wrong and wrong.id,
        wrong.message if wrong else "",
        wrong.question if wrong else "",
        tuple(result.details),
    )


def words_of_grader(exercise, functions):
    """Return what the grader says of it, in the same order."""
    mark = grader(functions).examined(exercise)[0]
    return (
        mark.status == "passed",
        mark.diagnosis,
        mark.message,
        mark.question,
        mark.details,
    )


@pytest.fixture(scope="module")
def checks():
    """What the check says of every mistake in NumPy: two tests compare with it."""
    return {
        mistake.id: words_of_check(find_exercise(mistake.exercise), mistake.names)
        for mistake in filter(in_numpy, MISTAKES)
    }


def _with(functions):
    def make(namespace=None):
        return make_code(functions, namespace)

    return make


def grader(functions):
    """Return what marks a submission that holds these functions.

    It draws the inputs of the check, to which the signatures belong that students have.
    """
    why_not = dict.fromkeys(FRAMEWORKS, "")
    marker = OnPublicInputs(None, None, Given(), Secret("0" * 32), why_not=why_not)
    marker._signatures = {(e.id, marking.PUBLIC): signature_of(e) for e in EXERCISES}
    sandbox = InThisProcess(functions)
    sandboxes = dict.fromkeys((FULL, BARE, *FRAMEWORKS), sandbox)
    return marking._Submission(marker, Pieces(), sandboxes)


def in_numpy(mistake):
    return not find_exercise(mistake.exercise).frameworks


@pytest.mark.slow
def test_grader_says_of_every_mistake_what_the_check_says(checks):
    differ = {}
    for mistake in filter(in_numpy, MISTAKES):
        functions = mistake.names
        check = checks[mistake.id]
        grade = words_of_grader(find_exercise(mistake.exercise), functions)
        if check != grade or check[0] or check[1] == "invalid":
            differ[mistake.id] = (check, grade)
    assert differ == {}


@pytest.mark.slow
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_grader_says_of_every_mistake_in_a_framework_what_the_check_says(framework):
    if framework in MISSING:
        pytest.skip(framework)
    for mistake in MISTAKES:
        exercise = find_exercise(mistake.exercise)
        if exercise.frameworks[:1] == (framework,):
            functions = mistake.names
            check = words_of_check(exercise, functions)
            assert check == words_of_grader(exercise, functions), mistake.id


def combinations():
    """Pair exercises with a mistake in one that they build on."""
    for exercise in EXERCISES:
        for need in exercise.needs if exercise.kind in ("function", "class") else ():
            found = [m for m in MISTAKES if m.exercise == need and in_numpy(m)]
            for mistake in found[:1]:
                yield pytest.param(exercise, mistake, id=f"{exercise.id}-{mistake.id}")


@pytest.mark.parametrize(("exercise", "mistake"), list(combinations()))
def test_grader_and_check_agree_where_another_exercise_is_wrong(exercise, mistake):
    functions = mistake.names
    own = [m for m in MISTAKES if m.exercise == exercise.id][:1]
    for wrong in ({}, own[0].names if own else {}):
        check = words_of_check(exercise, functions | wrong)
        assert check == words_of_grader(exercise, functions | wrong)


def test_both_say_what_has_to_be_mended_first():
    """Wrong in no way that has a name, above another exercise that is wrong."""

    def cubed(dout, cache):
        dx, dgamma, dbeta = spatial_batchnorm_backward(dout, cache)
        return dx**3, dgamma, dbeta

    [mistake] = (m for m in MISTAKES if m.id == "batchnorm-alt-sums-for-means")
    exercise = find_exercise("spatial_batchnorm_backward")
    functions = {
        "batchnorm_backward_alt": mistake.implementation,
        "spatial_batchnorm_backward": cubed,
    }
    check = words_of_check(exercise, functions)
    assert check == words_of_grader(exercise, functions)
    assert check[1] == "needs-mending"
    assert "batchnorm_backward_alt" in check[2]


FIGURES = re.compile(r"-?\d+(\.\d+)?(e[-+]?\d+)?")


@pytest.mark.slow
def test_grader_says_the_same_with_inputs_of_its_own(checks):
    """With another seed the figures differ, and the words do not."""
    differ = {}
    marker = marking.Marker(None, None, Given(), Secret("7" * 32))
    for mistake in filter(in_numpy, MISTAKES):
        exercise = find_exercise(mistake.exercise)
        functions = mistake.names
        check = checks[mistake.id]
        sandboxes = dict.fromkeys((FULL, BARE), InThisProcess(functions))
        mark = marking._Submission(marker, Pieces(), sandboxes).examined(exercise)[0]
        words = (mark.diagnosis, FIGURES.sub("#", mark.message), mark.question)
        if words != (check[1], FIGURES.sub("#", check[2]), check[3]):
            differ[mistake.id] = (words, check)
    assert differ == {}
