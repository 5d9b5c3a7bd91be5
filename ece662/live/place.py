"""The student's own line in a traceback, found here for checks, cells and dashboards.

A student's are the files with fill-in regions, the cells of a notebook, and every other
file that belongs neither to this package nor to a library. An error may be raised deep
in NumPy or in our checks of arguments: what helps is the innermost line that the
student can change.
"""

import linecache
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, TracebackType
from typing import NamedTuple

from ece662.exercises import EXERCISES, Exercise

__all__ = [
    "StudentLine",
    "exercise_of",
    "frames_of",
    "is_students",
    "name_of",
    "students_line_of",
]

_PACKAGE = Path(__file__).resolve().parents[1]
_ROOT = _PACKAGE.parent
_LIBRARIES = tuple(
    {sysconfig.get_path(n) for n in ("purelib", "platlib", "stdlib", "platstdlib")}
)
_WRITTEN = {exercise.file for exercise in EXERCISES}
_CELL = re.compile(r"ipykernel_\d+|^<ipython-input")
_COMPILED = (".pyx", ".pxd", ".pxi")  # sources of libraries that are not installed
_NO_FILE = re.compile(r"^<(?:frozen|string|__array|decorator|unknown)")


class StudentLine(NamedTuple):
    """One line of a student's code."""

    file: str  # from the course's root; "the cell" for a notebook's
    line: int
    text: str
    function: str  # the qualified name of the function that it is in

    def __str__(self) -> str:
        """Return file and line."""
        return f"{self.file}, line {self.line}"


def students_line_of(error: BaseException) -> StudentLine | None:
    """Return the innermost line of the student's code in an exception's traceback."""
    for code, line in reversed(list(frames_of(error.__traceback__))):
        if is_students(code.co_filename):
            # The file may have been edited; linecache may hold its old lines.
            linecache.checkcache(code.co_filename)
            text = linecache.getline(code.co_filename, line).strip()
            return StudentLine(name_of(code.co_filename), line, text, code.co_qualname)
    return None


def frames_of(traceback: TracebackType | None) -> Iterator[tuple[CodeType, int]]:
    """Yield code and line of each frame, the outermost first.

    Each pair comes once, in its innermost place: a function that calls itself without
    end leaves a thousand frames or more, and each one's file would be looked up again.
    """
    found = {}
    while traceback is not None:
        code, line = traceback.tb_frame.f_code, traceback.tb_lineno
        found.pop((id(code), line), None)  # to be the last one of the dictionary again
        found[id(code), line] = (code, line)
        traceback = traceback.tb_next
    yield from found.values()


def exercise_of(error: BaseException) -> Exercise | None:
    """Return the exercise in whose function, class or cell an exception was raised."""
    for code, _ in reversed(list(frames_of(error.__traceback__))):
        if is_students(code.co_filename):
            return _owner(code)
    return None


def _owner(code: CodeType) -> Exercise | None:
    file, path = name_of(code.co_filename), code.co_qualname.partition(".<locals>")[0]
    cell = code.co_filename.strip("<>")
    for exercise in EXERCISES:
        if code.co_filename == f"<{cell}>" and cell in exercise.regions:
            return exercise
        tops = {owner.partition(".")[0] for owner in exercise.regions}
        if exercise.file == file and path in exercise.regions:
            return exercise
        if exercise.file == file and path.partition(".")[0] in tops:
            return exercise
    return None


def is_students(filename: str) -> bool:
    """True where a file name in a traceback is that of a student's file or cell."""
    if _CELL.search(filename):
        return True
    if filename.startswith("<"):
        return not _NO_FILE.match(filename)
    path = Path(filename).resolve()
    if path.suffix in _COMPILED:
        return False
    if path.is_relative_to(_ROOT):
        inside = path.relative_to(_ROOT).as_posix()
        if inside in _WRITTEN:
            return True
        if path.is_relative_to(_PACKAGE):
            return False
    return not str(path).startswith(_LIBRARIES)


def name_of(filename: str) -> str:
    """Return a file's name for messages: its path from the course's root."""
    if _CELL.search(filename) or filename.startswith("<"):
        return "the cell"
    path = Path(filename).resolve()
    inside = path.is_relative_to(_ROOT)
    return path.relative_to(_ROOT).as_posix() if inside else path.name
