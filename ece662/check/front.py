"""`check`: what a student calls, in a notebook or by the command `ece662 check`."""

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from ece662.check.code import make_code
from ece662.check.diagnosing import diagnose
from ece662.check.judging import Verdict, judge
from ece662.check.problems import explain
from ece662.check.recipes import RECIPES
from ece662.check.rendering import Report, Result
from ece662.check.running import Run, inputs_of, run
from ece662.check.signatures import signature_of
from ece662.exercises import (
    EXERCISES,
    Exercise,
    exercises_of,
    find_exercise,
    is_notebook,
)

__all__ = ["check", "check_exercise", "chosen"]

Names = Callable[[Exercise], Mapping[str, Any]]


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
    return Report([check_exercise(e, _names_of_the_notebook) for e in chosen(name)])


def chosen(name: str | None) -> tuple[Exercise, ...]:
    """Return the exercises that a name stands for, without those a person reads.

    Raises:
        ValueError: there is none of that name, or nothing that could check it.
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
        if exercise.recipe not in RECIPES:
            raise ValueError(f"there is no check for {exercise.id}")
        return (exercise,)
    return tuple(exercise for exercise in found if exercise.recipe in RECIPES)


def check_exercise(exercise: Exercise, names: Names) -> Result:
    """Try one exercise, judge what comes out, and say what went wrong.

    Args:
        exercise: which one.
        names: gives the names of the notebook after an exercise in a cell.
    """
    start = time.perf_counter()
    outputs, verdict = _try(exercise, names)
    expected, _, known = signature_of(exercise)
    broken = [] if verdict.passed else _broken(exercise, names)
    wrong = diagnose(
        exercise, outputs, expected, verdict, known, broken, inputs_of(exercise)
    )
    return Result(verdict, wrong, time.perf_counter() - start)


def _try(exercise, names) -> tuple[dict, Verdict]:
    outputs, problems = _run(exercise, names)
    expected, accepted, _ = signature_of(exercise)
    return outputs, judge(exercise, outputs, expected, problems, accepted)


def _run(exercise, names) -> Run:
    if not exercise.file.endswith(".ipynb"):
        return run(exercise, make_code())
    try:
        namespace = names(exercise)
    except (Exception, SystemExit) as error:
        return Run({}, (explain(error, exercise),))
    return run(exercise, make_code(namespace=namespace))


def _broken(exercise, names) -> list[str]:
    """List the needed exercises that do not pass themselves."""
    needed = map(find_exercise, exercise.needs)
    return [need.id for need in needed if not _try(need, names)[1].passed]


def _names_of_the_notebook(exercise: Exercise) -> dict[str, Any]:
    """Return the running notebook's names; none where no notebook is running."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return dict(shell.user_ns) if shell else {}
