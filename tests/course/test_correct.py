"""Every right solution passes its checks, however it is written."""

import pytest

from ece662.exercises import EXERCISES
from tests.course.correct.variants import VARIANTS
from tests.course.trying import try_code

# The exercises that a group of functions is about: those that it provides.
CHECKED = [e for e in EXERCISES if e.kind in ("function", "class")]
CASES = [
    pytest.param(exercise, functions, id=f"{group}-{name}-{exercise.id}")
    for group, variants in VARIANTS.items()
    for name, functions in variants.items()
    for exercise in CHECKED
    if functions.keys() & set(exercise.provides)
]


@pytest.mark.parametrize(("exercise", "functions"), CASES)
def test_right_solution_passes(exercise, functions):
    verdict, diagnosis = try_code(exercise, functions)
    wrong = [f"{c.case}: {c.name}, error {c.error:.1e}" for c in verdict.failed]
    assert verdict.passed, [*(p.message for p in verdict.problems), *wrong]
    assert diagnosis is None


@pytest.mark.parametrize("group", VARIANTS)
def test_every_group_has_ten_right_solutions(group):
    assert len(VARIANTS[group]) >= 10


def test_every_exercise_has_ten_right_solutions():
    counts = {e.id: 0 for e in CHECKED}
    for case in CASES:
        counts[case.values[0].id] += 1
    assert {id for id, count in counts.items() if count < 10} == set()
