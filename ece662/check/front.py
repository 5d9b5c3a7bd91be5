"""`check`: what a student calls, in a notebook or by the command `ece662 check`."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ece662
from ece662 import live
from ece662.check.code import MODULES, make_code
from ece662.check.containing import PASSED_ON, contained
from ece662.check.diagnosing import diagnose
from ece662.check.examining import Examined, examine
from ece662.check.judging import Verdict
from ece662.check.problems import Problem, explain
from ece662.check.recipes import RECIPES
from ece662.check.rendering import Report, Result
from ece662.check.running import Run, inputs_of, run
from ece662.check.signatures import signature_of
from ece662.check.terms import Cause, Stop
from ece662.exercises import (
    EXERCISES,
    Exercise,
    exercises_of,
    find_exercise,
    is_notebook,
)
from ece662.exercises.work import Piece, find_root, read_work
from ece662.frameworks.installed import why_missing
from ece662.live.limit import EndlessError, patience, time_limit
from ece662.live.place import students_line_of

__all__ = [
    "check",
    "check_exercise",
    "chosen",
    "limit_of",
    "verdict_of",
    "with_notes",
]

SECONDS, SECONDS_TRAINING = 30, 900  # that a check may take; see `limit_of`
_remembered: dict[str, Result] = {}  # what was checked by itself in this session

Names = Callable[[Exercise], Mapping[str, Any]]


def check(name: str | None = None) -> Report:
    """Check an exercise, all of a notebook, or everything.

    Exercises in modules are checked in their files, cells in this notebook. A cell has
    to be checked right after it ran, because later cells may rebind its names; a check
    of the whole notebook repeats the result of that check.

    Args:
        name: an exercise ("affine_forward"), a notebook ("Q2"), or None for all.

    Returns:
        A report that shows itself.

    Raises:
        ValueError: there is no such exercise; names the nearest.
    """
    from ece662.check import verdicts  # which asks for the cache: not in a sandbox

    found, root = chosen(name), find_root()
    marks = _marks_of_files(root, found)
    live.refresh()  # checks the saved files, even if saved after this cell began
    try:
        results = list(_results_in_a_notebook(found))
    except KeyboardInterrupt as error:
        raise InterruptedCheckError(error) from None
    verdicts.remember(root, marks, map(verdict_of, results))
    return Report(with_notes(results, found, root))


def _marks_of_files(root: Path, exercises: Sequence[Exercise]) -> dict[str, str]:
    """Return the fingerprints of exercises in modules, by id.

    Cells have none here: this notebook's names are not those of its saved file.
    """
    from ece662.check import verdicts

    if (root / "ece662").resolve() != Path(ece662.__file__).resolve().parent:
        return {}
    with suppress(OSError, ValueError):  # damaged files are the check's to report
        return verdicts.fingerprints(root, [e for e in exercises if not _is_a_cell(e)])
    return {}


def verdict_of(result: Result) -> dict[str, Any]:
    """Return a result as it is kept, and as a program gets it."""
    return {
        "id": result.verdict.exercise,
        "status": result.verdict.status,
        "passed": result.verdict.passed,
        "diagnosis": result.diagnosis.id if result.diagnosis else None,
        "message": result.message,
        "seconds": round(result.seconds, 3),
    }


class InterruptedCheckError(KeyboardInterrupt):
    """A check was interrupted; a notebook shows one line instead of a traceback."""

    def __init__(self, error: KeyboardInterrupt):
        """Make the message; it names the student's line that was running."""
        place = students_line_of(error)
        where = f" in {place} (`{place.text}`)" if place else ""
        super().__init__(f"The check was interrupted{where}.")

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def with_notes(
    results: Iterable[Result], exercises: Iterable[Exercise], root: Path
) -> list[Result]:
    """Add to each result the notes on the exercise's file.

    Args:
        results: one for each exercise.
        exercises: those that were checked.
        root: the course's folder.
    """
    pieces = read_work(root, tuple(exercises))
    return [
        replace(result, notes=(*_damage(piece), *piece.remarks))
        for result, piece in zip(results, pieces, strict=True)
    ]


def _damage(piece: Piece) -> Iterator[str]:
    """Yield why an exercise cannot be handed in, though it runs."""
    # Faults of a whole file are left out: the check reports them itself, unless the
    # notebook runs from another folder.
    if piece.fault is not None and piece.fault.owner:
        yield f"{piece.damage}: what cannot be read cannot be handed in"


def chosen(name: str | None) -> tuple[Exercise, ...]:
    """Return the exercises that a name stands for, without questions for a person.

    Raises:
        ValueError: there is none of that name, or it has no check.
    """
    if name is None:
        found = EXERCISES
    elif is_notebook(name):
        found = exercises_of(name)
    else:
        exercise = find_exercise(name)
        if not exercise.is_checked:
            reason = "is a question: your answer is read by a person"
            raise ValueError(f"{exercise.id} {reason}, there is nothing to check")
        if exercise.recipe not in RECIPES:
            raise ValueError(f"there is no check for {exercise.id}")
        return (exercise,)
    return tuple(exercise for exercise in found if exercise.recipe in RECIPES)


def check_exercise(
    exercise: Exercise, names: Names, endless: set[str] | None = None
) -> Result:
    """Run one exercise, judge its outputs, and diagnose what went wrong.

    Args:
        exercise: which one.
        names: for an exercise in a cell, returns the notebook's names after that cell.
        endless: ids of exercises whose code was stopped by its time limit; exercises
            that build on them are not run. Updated in place.
    """
    start, endless = time.perf_counter(), set() if endless is None else endless
    first = next((id for id in _builds_on(exercise) if id in endless), None)
    if first:
        before = Problem(
            Stop.ENDLESS, Cause.BUILDS_ON_ENDLESS, {"other": first}, needs=first
        )
        tried = Run({}, (before,))
    else:
        tried = _run(exercise, names)
    stopped = [p for p in tried.problems if p.kind is Stop.ENDLESS]
    endless |= {problem.needs or exercise.id for problem in stopped}

    def verdict_on(need: Exercise) -> Verdict | None:
        return None if stopped else _verdict_on(need, names)

    verdict, wrong = _examine(exercise, tried, verdict_on)
    return Result(verdict, wrong, time.perf_counter() - start)


def _builds_on(exercise: Exercise) -> Iterator[str]:
    """Yield the ids of all exercises whose code one runs, and the files it imports."""
    for module in MODULES:  # in this order; see `make_code`
        file = f"{module.replace('.', '/')}.py"
        yield file
        if file == exercise.file:
            break
    waiting, seen = [exercise, *_cells_below(exercise)], set()
    while waiting:
        one = waiting.pop(0)
        if one.id not in seen:
            seen.add(one.id)
            yield one.id
            further = (*one.needs, *filter(None, [one.extends]))
            waiting += map(find_exercise, further)


def _cells_below(exercise: Exercise) -> Iterator[Exercise]:
    """Yield the exercises whose cells have to run before one."""
    for other in EXERCISES:
        if set(exercise.context) & set(other.regions):
            yield other


def _examine(exercise, tried, verdict_on) -> Examined:
    inputs, signature = inputs_of(exercise), signature_of(exercise)
    return examine(exercise, tried, inputs, signature, verdict_on)


def _verdict_on(need, names) -> Verdict:
    """Return the verdict on an exercise that another builds on, without a diagnosis."""
    return _examine(need, _run(need, names), lambda further: None).verdict


def _results_in_a_notebook(found: Sequence[Exercise]) -> Iterator[Result]:
    """Check exercises; among several, a cell has the result of its last own check."""
    endless: set[str] = set()
    for exercise in found:
        if len(found) == 1:
            result = check_exercise(exercise, _names_of_the_notebook)
            _remembered[exercise.id] = result
            yield result
        elif _is_a_cell(exercise):
            yield _remembered.get(exercise.id) or _not_tried(exercise)
        else:
            yield check_exercise(exercise, _names_of_the_notebook, endless)


def _not_tried(exercise) -> Result:
    facts = {"exercise": exercise.id, "notebook": exercise.notebook}
    problem = Problem(Stop.NOT_IMPLEMENTED, Cause.CELL_NOT_RUN, facts)
    verdict = Verdict(exercise.id, False, problems=(problem,))
    return Result(verdict, diagnose(exercise, {}, {}, verdict))


def limit_of(exercise: Exercise) -> float:
    """Return how many seconds an exercise may take: far more than correct code does."""
    return (SECONDS_TRAINING if _is_a_cell(exercise) else SECONDS) * patience()


def _run(exercise, names) -> Run:
    try:
        with time_limit(limit_of(exercise)):
            return _run_without_limit(exercise, names)
    except EndlessError as error:
        return Run({}, (explain(error, exercise),))


def _run_without_limit(exercise, names) -> Run:
    if not _is_a_cell(exercise):
        return run(exercise, make_code())
    for framework in exercise.frameworks[:1]:
        if find_spec(framework) is None:
            facts = {"says": why_missing(framework)}
            return Run({}, (Problem(Stop.MISSING_PACKAGE, Cause.SAID, facts),))
    try:
        with contained():
            namespace = names(exercise)
    except BaseException as error:
        if isinstance(error, PASSED_ON):
            raise
        return Run({}, (explain(error, exercise),))
    return run(exercise, make_code(namespace=namespace))


def _is_a_cell(exercise: Exercise) -> bool:
    return exercise.file.endswith(".ipynb")


def _names_of_the_notebook(exercise: Exercise) -> dict[str, Any]:
    """Return the running notebook's names; none where no notebook is running."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return dict(shell.user_ns) if shell else {}
