"""Every known mistake is caught, nearly all are named, and nobody else is blamed."""

import functools
import importlib.util
import re

import pytest

from course.mistakes import all_mistakes
from course.mistakes.registry import mistake
from ece662.exercises import EXERCISES, find_exercise
from tests.course.correct.variants import VARIANTS
from tests.course.trying import try_code

MISTAKES = all_mistakes()
SHIPPED = [mistake for mistake in MISTAKES if not mistake.hidden]


def framework_of(mistake):
    return next(iter(find_exercise(mistake.exercise).frameworks), None)


def with_marks(mistake):
    """Return a parameter that is left out where its framework is not installed."""
    marks, framework = [], framework_of(mistake)
    if framework:
        missing = importlib.util.find_spec(framework) is None
        marks = [pytest.mark.slow, pytest.mark.skipif(missing, reason=framework)]
    return pytest.param(mistake, id=mistake.id, marks=marks)


IN_NUMPY = [mistake for mistake in SHIPPED if framework_of(mistake) is None]
IN_FRAMEWORKS = [mistake for mistake in SHIPPED if framework_of(mistake)]
# Found in 187 public solutions of such a course, in several of them each.
FREQUENT = {
    "pool-back-maximum-overwritten",
    "pool-back-window-overwritten",
    "conv-crop-empty-without-padding",
    "dropout-p-drops",
    "adam-without-bias-correction",
    "rmsprop-epsilon-inside-root",
    "dropout-never-scaled",
    "dropout-normal-for-uniform",
    "groupnorm-statistics-per-pixel",
    "batchnorm-test-eps-outside-root",
    "groupnorm-output-has-five-axes",
    "batchnorm-running-keeps-its-row",
    "spatial-reshape-without-transpose",
    "adam-count-never-stored",
    "conv-width-from-height",
}


@functools.cache
def tried(mistake):
    """Return the verdict on a mistake, and the diagnosis."""
    exercise = find_exercise(mistake.exercise)
    return try_code(exercise, mistake.names)


def by_id(mistake):
    return mistake.id


def test_there_are_enough_mistakes():
    assert len(SHIPPED) >= 120
    assert sum(mistake.hidden for mistake in MISTAKES) >= 10
    assert {mistake.id for mistake in SHIPPED} >= FREQUENT


def test_every_function_and_network_has_mistakes():
    exercises = {mistake.exercise for mistake in SHIPPED}
    assert {id for id in exercises if len(_of(id)) < 3} == set()
    names = {n for group in VARIANTS.values() for made in group.values() for n in made}
    provided = {name for exercise in EXERCISES for name in exercise.provides}
    assert names & provided <= {mistake.replaces for mistake in SHIPPED}


def _of(exercise):
    return [mistake for mistake in SHIPPED if mistake.exercise == exercise]


@pytest.mark.parametrize("mistake", list(map(with_marks, MISTAKES)))
def test_mistake_is_caught(mistake):
    verdict, _ = tried(mistake)
    assert not verdict.passed


def test_mistakes_are_named():
    misnamed = {m.id: tried(m)[1].id for m in IN_NUMPY if tried(m)[1].id != m.id}
    assert len(misnamed) <= 0.05 * len(IN_NUMPY), misnamed


@pytest.mark.parametrize("mistake", list(map(with_marks, IN_FRAMEWORKS)))
def test_mistake_in_a_framework_is_named(mistake):
    assert tried(mistake)[1].id == mistake.id


@pytest.mark.parametrize("id", sorted(FREQUENT))
def test_frequent_mistake_is_named(id):
    [mistake] = (m for m in SHIPPED if m.id == id)
    assert tried(mistake)[1].id == id


@pytest.mark.parametrize("mistake", [m for m in MISTAKES if m.hidden], ids=by_id)
def test_hidden_mistake_is_never_taken_for_another(mistake):
    """What the signatures do not hold is told in general terms or by no name at all."""
    _, diagnosis = tried(mistake)
    assert diagnosis is not None
    assert diagnosis.id not in {m.id for m in MISTAKES}


@pytest.mark.parametrize("mistake", MISTAKES, ids=by_id)
def test_mistake_says_a_sentence_and_asks_a_question(mistake):
    find_exercise(mistake.exercise)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", mistake.id)
    assert mistake.says.endswith(".")
    assert "?" in mistake.asks
    assert len(mistake.says) + len(mistake.asks) < 400
    # Sentences point at ideas. Code with an assignment or a call in it would be lines.
    assert not re.search(r"\w+ (=|\+=) \w+\(|\bnp\.|\w\(\w*, ", mistake.says)


def test_mistake_refuses_a_name_twice():
    with pytest.raises(ValueError, match="two mistakes of the name 'relu-leaks'"):

        @mistake("relu_forward", says="So.", asks="Is it?")
        def relu_leaks(x):
            return x, x
