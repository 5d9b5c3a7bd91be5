"""`check`: what a student calls, in a notebook or by the command `ece662 check`."""

import sys
import time
from collections.abc import Mapping
from typing import Any

from ece662.check.code import make_code
from ece662.check.diagnosing import diagnose
from ece662.check.judging import judge
from ece662.check.rendering import Report, Result
from ece662.check.running import inputs_of, run
from ece662.check.signatures import signature_of
from ece662.exercises import (
    EXERCISES,
    Exercise,
    exercises_of,
    find_exercise,
    is_notebook,
)

__all__ = ["check", "check_exercise", "chosen"]


def check(name: str | None = None) -> Report:
    """Check an exercise, all of a notebook, or everything.

    Exercises in modules are taken from the files, cells from this notebook: run a cell
    before it is checked.

    Args:
        name: an exercise ("affine_forward"), a notebook ("Q2"), or None for all.

    Returns:
        A report that shows itself.

    Raises:
        ValueError: there is no such exercise; names the nearest.
    """
    namespace = _names_of_the_notebook()
    return Report([check_exercise(e, namespace) for e in chosen(name)])


def chosen(name: str | None) -> tuple[Exercise, ...]:
    """Return the exercises that a name stands for, without those a person reads.

    Raises:
        ValueError: there is none of that name, or a person has to read it.
    """
    if name is None:
        found = EXERCISES
    elif is_notebook(name):
        found = exercises_of(name)
    else:
        exercise = find_exercise(name)
        if not exercise.is_checked:
            told = "is a question: your answer is read by a person"
            raise ValueError(f"{exercise.id} {told}, there is nothing to check")
        return (exercise,)
    return tuple(exercise for exercise in found if exercise.is_checked)


def check_exercise(exercise: Exercise, namespace: Mapping[str, Any]) -> Result:
    """Try one exercise, judge what comes out, and say what went wrong.

    Args:
        exercise: which one.
        namespace: the names of the notebook, for an exercise in a cell.
    """
    start = time.perf_counter()
    outputs, verdict = _try(exercise, namespace)
    expected, _, known = signature_of(exercise)
    broken = [] if verdict.passed else _broken(exercise, namespace)
    wrong = diagnose(
        exercise, outputs, expected, verdict, known, broken, inputs_of(exercise)
    )
    return Result(verdict, wrong, time.perf_counter() - start)


def _try(exercise, namespace):
    is_in_a_cell = exercise.file.endswith(".ipynb")
    code = make_code(namespace=namespace if is_in_a_cell else None)
    outputs, problems = run(exercise, code)
    expected, accepted, _ = signature_of(exercise)
    return outputs, judge(exercise, outputs, expected, problems, accepted)


def _broken(exercise, namespace) -> list[str]:
    """List the needed exercises that do not pass themselves."""
    needed = map(find_exercise, exercise.needs)
    return [need.id for need in needed if not _try(need, namespace)[1].passed]


def _names_of_the_notebook() -> dict[str, Any]:
    """Return the running notebook's names; none where no notebook is running."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return dict(shell.user_ns) if shell else {}
