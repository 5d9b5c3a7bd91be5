"""What went wrong in a student's code, said in a line instead of a traceback.

A dashboard runs functions that may not be written yet, or never end. `describe_error`
says what happened in the student's own line, which `ece662.live.place` finds.
"""

import re

from ece662.live.limit import EndlessError
from ece662.live.place import StudentLine, students_line_of
from ece662.live.unfinished import unfinished_of

__all__ = ["UnfinishedError", "describe_error", "finished"]

COLOURS = re.compile(r"\x1b\[[\d;]*m")  # a terminal's, which Keras writes


class UnfinishedError(Exception):
    """A function of the student's returned None where it owes a result."""


def finished(name: str, result):
    """Return what a student's function returned, unless nothing is there yet.

    Args:
        name: the function's name, to speak of it.
        result: what it returned.

    Raises:
        UnfinishedError: the result is None, or its first part is.
    """
    first = result[0] if isinstance(result, tuple) and result else result
    if first is None:
        raise UnfinishedError(name)
    return result


def describe_error(error: BaseException) -> str:
    """Say in plain words what went wrong, and where in the student's own code."""
    place = students_line_of(error)
    if isinstance(error, UnfinishedError):
        return (
            f"{error} returns None so far: an exercise to finish. Write it, save the "
            "file or run its cell, and try again."
        )
    if isinstance(error, EndlessError):
        where = f" in {_where(place)}: {place.text}" if place else ""
        return (
            f"Stopped after {error.seconds:g} seconds{where}\n"
            "Does a loop there never end? Mend it, save the file or run its cell, and "
            "try again."
        )
    if found := unfinished_of(error):
        return (
            f"{found.message} Write it, save the file or run its cell, and try again: "
            "this dashboard runs your own code."
        )
    if isinstance(error, NotImplementedError):
        name = f"{place.function} ({_where(place)})" if place else str(error)
        return (
            f"Not written yet: {name or 'a function'}. Write it, save the file or run "
            "its cell, and try again: this dashboard runs your own code."
        )
    words = COLOURS.sub("", str(error))
    said = f"{type(error).__name__}: {words}" if words else type(error).__name__
    if place is None:
        return said
    said += f"\nin {_where(place)}, in {place.function}: {place.text}"
    if isinstance(error, TypeError | AttributeError) and "NoneType" in str(error):
        said += "\n(Something is None there: is an exercise still empty?)"
    return said


def _where(place: StudentLine) -> str:
    is_cell = place.file == "the cell"
    return f"a cell of this notebook, line {place.line}" if is_cell else str(place)
