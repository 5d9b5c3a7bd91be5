"""What went wrong in a student's code, said in a line instead of a traceback.

A dashboard runs functions that may not be written yet. `describe_error` finds the
innermost line of the student's own code, which is a file with fill-in regions or a cell
of the notebook, and says what happened there.
"""

import linecache
import re
import traceback
from pathlib import Path

from ece662.exercises.regions import START

__all__ = ["UnfinishedError", "describe_error", "finished"]

PACKAGE = Path(__file__).parents[1]
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
    place = _students_line(error)
    where = f"{_short_path(place.filename)}, line {place.lineno}" if place else ""
    if isinstance(error, UnfinishedError):
        return (
            f"{error} returns None so far: an exercise to finish. Write it, save the "
            "file or run its cell, and try again."
        )
    if isinstance(error, NotImplementedError):
        name = f"{place.name} ({where})" if place else str(error) or "a function"
        return (
            f"Not written yet: {name}. Write it, save the file or run its cell, and "
            "try again: this dashboard runs your own code."
        )
    words = COLOURS.sub("", str(error))
    said = f"{type(error).__name__}: {words}" if words else type(error).__name__
    if place is None:
        return said
    said += f"\nin {where}, in {place.name}: {place.line}"
    if isinstance(error, TypeError | AttributeError) and "NoneType" in str(error):
        said += "\n(Something is None there: is an exercise still empty?)"
    return said


def _students_line(error: BaseException) -> traceback.FrameSummary | None:
    """Return the innermost frame in a file with regions, or in a notebook's cell."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((f for f in reversed(frames) if _is_students(f.filename)), None)


def _is_students(filename: str) -> bool:
    if _is_cell(filename):
        return True
    # An edited file is on the disk already, but linecache may hold its old lines.
    linecache.checkcache(filename)
    inside = PACKAGE in Path(filename).parents
    return inside and any(START in line for line in linecache.getlines(filename))


def _is_cell(filename: str) -> bool:
    return filename.startswith("<ipython-input") or "ipykernel_" in filename


def _short_path(filename: str) -> str:
    if _is_cell(filename):
        return "a cell of this notebook"
    return Path(filename).relative_to(PACKAGE.parent).as_posix()
