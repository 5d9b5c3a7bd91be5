"""`check` and `hint`: what a student calls."""

from collections.abc import Mapping
from typing import Any

from ece662.check.code import make_code
from ece662.check.diagnosing import diagnose
from ece662.check.judging import judge
from ece662.check.rendering import Report, Result
from ece662.check.running import run
from ece662.check.signatures import signature_of
from ece662.exercises import EXERCISES, Exercise, exercises_of, find_exercise

__all__ = ["check", "check_exercise", "chosen"]


def check(name: str | None = None) -> Report:
    """Check an exercise, all of a notebook, or everything.

    Args:
        name: an exercise ("affine_forward"), a notebook ("Q2"), or None for all.

    Returns:
        A report that shows itself.

    Raises:
        ValueError: there is no such exercise; names the nearest.
    """
    return Report([check_exercise(exercise) for exercise in chosen(name)])


def chosen(name: str | None) -> tuple[Exercise, ...]:
    """Return the exercises that a name stands for and that can be checked."""
    if name is None:
        found = EXERCISES
    elif (
        name.strip()[:1].lower() == "q"
        and name.strip()[1:2].isdigit()
        and len(name) < 4
    ):
        found = exercises_of(name)
    else:
        return (find_exercise(name),)
    return tuple(exercise for exercise in found if exercise.is_checked)


def check_exercise(
    exercise: Exercise, namespace: Mapping[str, Any] | None = None
) -> Result:
    """Try one exercise, judge what comes out, and say what went wrong."""
    code = make_code(namespace=namespace)
    signature = signature_of(exercise)
    outputs, problems = run(exercise, code)
    verdict = judge(exercise, outputs, signature.expected, problems, signature.accepted)
    wrong = diagnose(exercise, outputs, signature.expected, verdict, signature.known)
    return Result(verdict, wrong)
