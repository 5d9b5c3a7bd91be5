"""What stops a recipe: a stub, another exercise's stub, an exception, a misfit.

A student sees the line of their own file, in words, and never a traceback of ours.
"""

import linecache
import re
from pathlib import Path
from types import CodeType
from typing import NamedTuple

import ece662
from ece662.check.code import UnreadableError
from ece662.check.old_habits import newer_name, plain_words
from ece662.check.recipe import Misfit, stopped_forward
from ece662.check.terms import Stop
from ece662.exercises import EXERCISES, Exercise
from ece662.exercises.regions import END, START, MarkerError
from ece662.frameworks.installed import FRAMEWORKS, why_missing
from ece662.live.limit import EndlessError
from ece662.live.place import Place, exercise_of, frames_of, is_students, name_of
from ece662.live.unfinished import unfinished_of

__all__ = ["Problem", "explain"]

PACKAGE = Path(ece662.__file__).resolve().parent


class Problem(NamedTuple):
    """Why there are no outputs, or not all."""

    kind: Stop
    message: str
    case: str = ""
    needs: str = ""  # the id of the exercise that comes first, where there is one
    forward: str = ""  # the other half of a pair, where that is what stopped
    inside: str = ""  # another exercise whose function it stopped in


NOT_TRIED = (Stop.NOT_IMPLEMENTED, Stop.NEEDS, Stop.UNREADABLE, Stop.ENDLESS)


def explain(error: BaseException, exercise: Exercise, case: str = "") -> Problem:
    """Say what an exception out of a student's code means."""
    problem = _explain(error, exercise, case)
    if problem.kind in NOT_TRIED:
        return problem
    inside = _owner_of_the_line(error)
    inside = "" if inside in (None, exercise.id) else inside
    forward = stopped_forward(error)
    forward = "" if forward not in _FUNCTIONS else forward
    inside = "" if inside == forward else inside
    return problem._replace(forward=forward, inside=inside)


def _explain(error, exercise, case) -> Problem:
    place = _where(_written_line(error))
    if isinstance(error, EndlessError):
        return _of_limit(error, exercise, case)
    if isinstance(error, NotImplementedError):
        return _of_stub(error, exercise, case)
    if isinstance(error, Misfit):
        return Problem(Stop.MISFIT, f"{error}.", case)
    if names := newer_name(error):
        old, new = names
        text = f"NumPy 2 no longer has `{old}`{place}: write {new} instead."
        return Problem(Stop.OLD_NUMPY, text, case)
    if isinstance(error, ModuleNotFoundError) and error.name in FRAMEWORKS:
        return Problem(Stop.MISSING_PACKAGE, why_missing(error.name), case)
    if isinstance(error, UnreadableError):
        return Problem(Stop.UNREADABLE, f"{error}", case)
    if isinstance(error, MarkerError):
        return Problem(Stop.ERROR, f"A marker line is damaged: {error}.", case)
    plain = plain_words(error)
    if isinstance(error, SyntaxError):
        where = f"{Path(error.filename or '?').name}, line {error.lineno}"
        text = f"Python cannot read {where}: {error.msg}. {plain}".strip()
        return Problem(Stop.ERROR, text, case)
    if isinstance(error, AttributeError) and error.name in exercise.provides:
        return Problem(Stop.NOT_IMPLEMENTED, f"There is no {error.name} yet.", case)
    text = str(error).strip().partition("\n")[0]
    said = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if not place and isinstance(error, TypeError) and re.search(ARGUMENTS, text):
        text = f"It does not take the arguments that the course gives it: {said}."
        return Problem(Stop.MISFIT, text, case)
    if not place and not isinstance(error, SystemExit):
        return Problem(Stop.OURS, said, case)
    stop = "" if said.endswith((".", "!", "?")) else "."
    text = f"Your code stopped{place}: {said}{stop} {plain}".strip()
    return Problem(Stop.ERROR, text, case)


ARGUMENTS = r"\(\) (takes|got|missing) "  # how Python speaks of a call's arguments
_FUNCTIONS = {exercise.id for exercise in EXERCISES}


def _of_stub(error, exercise, case) -> Problem:
    """Tell an exercise that is not done from one that it builds on."""
    found = unfinished_of(error)
    if found is None:
        return Problem(Stop.NOT_IMPLEMENTED, f"{exercise.id} is not written yet.", case)
    owner = found.exercise
    if owner == exercise:
        kind = Stop.ERROR if found.begun else Stop.NOT_IMPLEMENTED
        return Problem(kind, found.message, case)
    text = (
        f"This builds on {owner.id} ({owner.notebook}), which is not written yet: do "
        "that one first."
    )
    return Problem(Stop.NEEDS, text, case, owner.id)


def _of_limit(error: EndlessError, exercise: Exercise, case: str) -> Problem:
    place, owner = _written_line(error), exercise_of(error)
    text = f"Stopped after {error.seconds:g} seconds{_where(place)}"
    if place is not None and place.function == "<module>" and owner is None:
        message = f"{text}, which is run when the file is loaded."
        file = place.file if place.file.endswith(".py") else ""
        return Problem(Stop.ENDLESS, message, case, file)
    if owner is None or owner == exercise:
        message = f"{text}: does a loop there never end?"
        return Problem(Stop.ENDLESS, message, case)
    message = f"{text}: does a loop in {owner.id} never end? Mend that one first."
    return Problem(Stop.ENDLESS, message, case, owner.id)


def _where(place: Place | None) -> str:
    """Return " in FILE, line N (`text`)"."""
    if place is None:
        return ""
    return f" in {place}" + (f" (`{place.text}`)" if place.text else "")


def _written_line(error) -> Place | None:
    """Return the innermost line that is the student's own.

    In a file of the course that is a line between the marker lines, where there is
    one: what stands around them was given.
    """
    frames = reversed(list(frames_of(error.__traceback__)))
    found = [frame for frame in frames if is_students(frame[0].co_filename)]
    written = [frame for frame in found if _is_written(*frame)]
    for code, line in (written or found)[:1]:
        text = _line(code.co_filename, line).strip()
        return Place(name_of(code.co_filename), line, text, code.co_qualname)
    return None


def _line(file: str, number: int) -> str:
    linecache.checkcache(file)  # an edited file is on the disk already
    return linecache.getline(file, number)


def _is_written(code: CodeType, line: int) -> bool:
    """Return False for a given line of the course's files: no region holds it."""
    if not Path(code.co_filename).resolve().is_relative_to(PACKAGE):
        return True
    inside = False
    for number in range(code.co_firstlineno, line):
        text = _line(code.co_filename, number).strip()
        inside = (inside or text == START) and text != END
    return inside


def _owner_of_the_line(error) -> str | None:
    """Return the id of the function's exercise that the innermost line is of."""
    for code, _ in reversed(list(frames_of(error.__traceback__))):
        if is_students(code.co_filename) and code.co_name in _FUNCTIONS:
            return code.co_name
    return None
