"""What stops a recipe: a stub, another exercise's stub, an exception, a misfit.

A student gets a sentence with the line of their own file instead of a traceback.
"""

import linecache
import re
from collections.abc import Mapping
from pathlib import Path
from types import CodeType
from typing import NamedTuple

import ece662
from ece662.check.code import UnreadableError
from ece662.check.containing import replaced_in
from ece662.check.models import (
    ARGUMENTS,
    lacks_a_method,
    layer_of,
    line_of_model,
    stopped_model,
    words_of_frameworks,
)
from ece662.check.old_habits import newer_name, plain_words
from ece662.check.problem_words import problem_words
from ece662.check.recipe import Misfit, stopped_forward
from ece662.check.terms import Cause, Stop
from ece662.exercises import EXERCISES, Exercise
from ece662.exercises.regions import END, START, MarkerError
from ece662.frameworks.installed import FRAMEWORKS, why_missing
from ece662.live.limit import EndlessError
from ece662.live.place import StudentLine, exercise_of, frames_of, is_students, name_of
from ece662.live.unfinished import unfinished_of

__all__ = ["Problem", "explain"]

PACKAGE = Path(ece662.__file__).resolve().parent


class Problem(NamedTuple):
    """Why outputs are missing: a record, from which the sentence is made when shown."""

    kind: Stop
    cause: Cause
    facts: Mapping[str, str] = {}
    case: str = ""
    needs: str = ""  # the id of another exercise that has to be written first
    forward: str = ""  # the forward that stopped, in the exercise of its backward
    inside: str = ""  # another exercise, in whose function the error was raised

    @property
    def message(self) -> str:
        """The sentence for a student."""
        return problem_words(self.cause, self.facts)


NOT_TRIED = (Stop.NOT_IMPLEMENTED, Stop.NEEDS, Stop.UNREADABLE, Stop.ENDLESS)


def explain(error: BaseException, exercise: Exercise, case: str = "") -> Problem:
    """Turn an exception raised by a student's code into a problem."""
    error = _with_a_text(error)
    problem = _explain(error, exercise, case)
    if problem.kind in NOT_TRIED:
        return problem
    inside = _owner_of_the_line(error)
    inside = "" if inside in (None, exercise.id) else inside
    forward = stopped_forward(error)
    forward = "" if forward not in _FUNCTIONS else forward
    inside = "" if inside == forward else inside
    if inside and (calling := _calling_line(error, inside)):
        problem = problem._replace(facts={**problem.facts, "calling": calling})
    return problem._replace(forward=forward, inside=inside)


def _with_a_text(error: BaseException) -> BaseException:
    """Return an exception, or another in its place where its own __str__ stops."""
    try:
        str(error)
    except Exception:
        text = f"{type(error).__name__}, which has no text"
        return RuntimeError(text).with_traceback(error.__traceback__)
    return error


def _explain(error, exercise, case) -> Problem:
    place = _written_line(error)
    if isinstance(error, EndlessError):
        # Raised again, in a line of ours, where ending a deep recursion took long.
        if place is None and isinstance(error.__context__, EndlessError):
            return _explain(error.__context__, exercise, case)
        return _of_limit(error, exercise, place, case)
    if isinstance(error, NotImplementedError) and not lacks_a_method(error):
        return _of_stub(error, exercise, case)
    if isinstance(error, Misfit) and not replaced_in(error):
        return _said(Stop.MISFIT, f"{error}.", case)
    if names := newer_name(error):
        facts = {"old": names[0], "new": names[1], "where": _where(place)}
        return Problem(Stop.OLD_NUMPY, Cause.OLD_NAME, facts, case)
    if isinstance(error, ModuleNotFoundError) and error.name in FRAMEWORKS:
        return _said(Stop.MISSING_PACKAGE, why_missing(error.name), case)
    if isinstance(error, UnreadableError):
        return _said(Stop.UNREADABLE, f"{error}", case)
    if isinstance(error, MarkerError):
        return Problem(Stop.ERROR, Cause.MARKERS, {"error": f"{error}."}, case)
    if isinstance(error, SyntaxError) and error.filename:
        return _of_syntax(error, place, case)
    if isinstance(error, AttributeError) and error.name in exercise.provides:
        return Problem(Stop.NOT_IMPLEMENTED, Cause.NO_NAME, {"name": error.name}, case)
    return _of_exception(error, place, case)


def _of_syntax(error: SyntaxError, place: StudentLine | None, case: str) -> Problem:
    """Name the line that Python cannot read: of a file, or of a text given to eval."""
    file, said = Path(error.filename or ""), error.msg or "it is no Python"
    facts = {"error": f"{said}.", "meaning": plain_words(error)}
    if place is None or file.is_file():
        facts["where"] = f"{file.name}, line {error.lineno}"
        return Problem(Stop.ERROR, Cause.SYNTAX, facts, case)
    text = f" (`{error.text.strip()}`)" if (error.text or "").strip() else ""
    facts["where"] = _where(place)
    facts["error"] = f"{said}, in line {error.lineno} of it{text}."
    return Problem(Stop.ERROR, Cause.SYNTAX_OF_TEXT, facts, case)


def _said(kind: Stop, says: str, case: str = "") -> Problem:
    return Problem(kind, Cause.SAID, {"says": says}, case)


# Keras begins with the call that failed, says why two lines later, and in colour;
# TensorFlow names a node of its own first.
NO_REASON = "Exception encountered when calling "
COLOUR, NODE, LIST_FOLLOWS = (
    r"\x1b\[[\d;]*m",
    r"\{\{.*?\}\} ?",
    r", but expected one of:$",
)
NO_WORDS = re.compile(f"{COLOUR}|{NODE}|{LIST_FOLLOWS}")


def _reason(error: BaseException) -> str:
    """Return the line of an exception's text that says what happened."""
    lines = [NO_WORDS.sub("", line).strip() for line in str(error).split("\n")]
    said = [line for line in lines if line]
    return next((s for s in said if not s.startswith(NO_REASON)), "".join(said[:1]))


def _of_exception(error, place: StudentLine | None, case) -> Problem:
    text = _reason(error)
    said = f"{type(error).__name__}: {text}" if text else type(error).__name__
    facts = {
        "where": _where(place),
        "error": said if said.endswith((".", "!", "?")) else f"{said}.",
        "meaning": plain_words(error) or words_of_frameworks(error),
    }
    if place or isinstance(error, SystemExit):
        return Problem(Stop.ERROR, Cause.RAISED, facts, case)
    model = stopped_model(error)
    if isinstance(error, TypeError) and ARGUMENTS.search(text):
        begins = _where(line_of_model(model)) if model is not None else ""
        facts["where"] = f" It begins{begins}." if begins else ""
        return Problem(Stop.MISFIT, Cause.ARGUMENTS, facts, case)
    if model is None and (names := replaced_in(error)):
        return Problem(Stop.ERROR, Cause.REPLACED, {"names": names}, case)
    if model is None:
        return Problem(Stop.OURS, Cause.OURS, {"error": said}, case)
    layer = layer_of(error)
    within = f", in its layer {layer}" if layer else ""
    facts["where"] = f"{_where(line_of_model(model))}{within}"
    return Problem(Stop.ERROR, Cause.MODEL, facts, case)


_FUNCTIONS = {exercise.id for exercise in EXERCISES}


def _of_stub(error, exercise, case) -> Problem:
    """Say whether this exercise is not written, or one that it builds on."""
    found = unfinished_of(error)
    if found is None:
        return _said(Stop.NOT_IMPLEMENTED, f"{exercise.id} is not written yet.", case)
    owner = found.exercise
    if owner == exercise:
        kind = Stop.ERROR if found.begun else Stop.NOT_IMPLEMENTED
        return _said(kind, found.message, case)
    facts = {"other": owner.id, "notebook": owner.notebook, "says": found.message}
    cause = Cause.BUILDS_ON_BEGUN if found.begun else Cause.BUILDS_ON
    return Problem(Stop.NEEDS, cause, facts, case, owner.id)


def _of_limit(
    error: EndlessError, exercise, place: StudentLine | None, case
) -> Problem:
    owner = exercise_of(error)
    facts = {"seconds": f"{error.seconds:g}", "where": _where(place)}
    if place is not None and place.function == "<module>" and owner is None:
        file = place.file if place.file.endswith(".py") else ""
        return Problem(Stop.ENDLESS, Cause.LIMIT_LOADING, facts, case, file)
    if owner is None or owner == exercise:
        return Problem(Stop.ENDLESS, Cause.LIMIT, facts, case)
    facts["other"] = owner.id
    return Problem(Stop.ENDLESS, Cause.LIMIT_ELSEWHERE, facts, case, owner.id)


def _where(place: StudentLine | None) -> str:
    """Return " in FILE, line N (`text`)"."""
    if place is None:
        return ""
    return f" in {place}" + (f" (`{place.text}`)" if place.text else "")


def _written_line(error) -> StudentLine | None:
    """Return the innermost line in the traceback that the student wrote.

    In a file of the course, lines between marker lines are preferred: the code around
    them was given.
    """
    frames = reversed(list(frames_of(error.__traceback__)))
    found = [frame for frame in frames if is_students(frame[0].co_filename)]
    written = [frame for frame in found if _is_written(*frame)]
    for code, line in (written or found)[:1]:
        text = _line(code.co_filename, line).strip()
        return StudentLine(name_of(code.co_filename), line, text, code.co_qualname)
    return None


def _line(file: str, number: int) -> str:
    linecache.checkcache(file)  # the file may have been edited
    return linecache.getline(file, number)


def _is_written(code: CodeType, line: int) -> bool:
    """Return False for a line of the course's files that is in no region."""
    if not Path(code.co_filename).resolve().is_relative_to(PACKAGE):
        return True
    if code.co_name == "<module>":  # what is given does not stop while it is loaded
        return True
    inside = False
    for number in range(code.co_firstlineno, line):
        text = _line(code.co_filename, number).strip()
        inside = (inside or text == START) and text != END
    return inside


def _calling_line(error, inside: str) -> str:
    """Return the student's line that called another exercise; "" if it is named."""
    calling = None
    for code, line in frames_of(error.__traceback__):
        if code.co_name == inside:
            break
        if is_students(code.co_filename):
            calling = code, line
    else:
        return ""
    if calling is None or not _stopped_beyond(error, inside):
        return ""
    code, line = calling
    text = _line(code.co_filename, line).strip()
    return f"{name_of(code.co_filename)}, line {line}" + (
        f" (`{text}`)" if text else ""
    )


def _stopped_beyond(error, inside: str) -> bool:
    """True where the line that is named is not the one that called."""
    place = _written_line(error)
    return place is not None and place.function.rpartition(".")[2] == inside


def _owner_of_the_line(error) -> str | None:
    """Return the exercise to whose function the innermost line belongs."""
    for code, _ in reversed(list(frames_of(error.__traceback__))):
        if is_students(code.co_filename) and code.co_name in _FUNCTIONS:
            return code.co_name
    return None
