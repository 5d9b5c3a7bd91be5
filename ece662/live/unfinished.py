"""One line instead of a traceback for exercises that are not written yet.

Whoever runs a notebook from top to bottom calls functions that are still to be written,
and uses names that are None because a cell is still empty. That is no mistake, so the
notebook shows one line, with a file and a line to click on. Checks and dashboards use
the same words.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ece662 import live
from ece662.exercises import EXERCISES, Exercise
from ece662.exercises.findings import Finding
from ece662.exercises.reading import read_files
from ece662.exercises.regions import is_empty
from ece662.exercises.sources import parse
from ece662.live.place import StudentLine, exercise_of, students_line_of
from ece662.live.without import note_missing, why_not_there

__all__ = ["Unfinished", "clickable", "register", "unfinished_of"]

_ROOT = Path(__file__).resolve().parents[2]


class Unfinished(NamedTuple):
    """An exercise whose missing code was called."""

    exercise: Exercise
    place: StudentLine | None
    begun: Finding | None = None  # what is missing, where a part is written

    @property
    def message(self) -> str:
        """The sentence, with its full stop."""
        if self.begun is not None:
            return f"{self.begun}."
        in_its_file = self.place is not None and self.place.file == self.exercise.file
        where = f" ({self.place})" if in_its_file else ""
        return f"{self.exercise.id} is not written yet{where}."


def unfinished_of(error: BaseException) -> Unfinished | None:
    """Return the unfinished exercise that raised a NotImplementedError, or None."""
    if not isinstance(error, NotImplementedError):
        return None
    exercise, place = exercise_of(error), students_line_of(error)
    if exercise is None:
        words = str(error).replace(":", " ").split()
        exercise = next((e for e in EXERCISES if e.id in words), None)
    if exercise is None:
        return None
    return Unfinished(exercise, place, _begun(exercise, place))


def _begun(exercise: Exercise, place: StudentLine | None) -> Finding | None:
    if place is None or place.file != exercise.file:
        return None
    try:
        data = (_ROOT / exercise.file).read_bytes()
    except OSError:
        return None
    return read_files({exercise.file: data}, [exercise]).piece_of(exercise).begun


def register(explain: Callable[[BaseException], str | None] = lambda _: None) -> None:
    """Make the running notebook show unfinished exercises in one line.

    Args:
        explain: says in a line what other errors mean; None for those it does not know.
    """
    _explain[:] = [explain]
    shell = live.running_shell()
    if shell is None:
        return
    shell.set_custom_exc((Exception,), _on_error)
    if _before_cell in shell.events.callbacks["pre_run_cell"]:
        shell.events.unregister("pre_run_cell", _before_cell)
    shell.events.register("pre_run_cell", _before_cell)


def _on_error(shell: Any, kind: type, error: BaseException, trace: Any, **options: Any):
    """Show an error; IPython calls this instead of its own function."""
    message = why_not_there(error)
    message = message or next(filter(None, (e(error) for e in _explain)), None)
    if message is not None:
        error._render_traceback_ = lambda: [message]  # type: ignore[attr-defined]
    note_missing(error, _source[-1])
    message = message or _in_one_line(error, shell.user_ns)
    if message is not None:
        error._render_traceback_ = lambda: [message]  # type: ignore[attr-defined]
    shell.showtraceback((kind, error, trace), **options)
    return []


class _Cell(NamedTuple):
    """A cell that was run while a region in it was empty."""

    name: str
    line: int
    gives: frozenset[str]  # the names that it assigns or annotates at the top level


_explain: list[Callable[[BaseException], str | None]] = []  # given by `register`
_source = [""]  # of the running cell
_current: list[_Cell] = []  # the running cell, if a region in it is empty
_empty: dict[str, _Cell] = {}  # earlier cells with an empty region


def _before_cell(info: Any) -> None:
    """Record whether a cell has an empty region; IPython calls this before it runs."""
    source = str(info.raw_cell or "")
    name = str(getattr(info, "cell_id", None) or "")
    _source[:] = [source]
    _current.clear()
    parsed = parse(source)
    regions = parsed.regions_of("")
    empty = [region for region in regions if is_empty(parsed.body(region))]
    listed = {owner for exercise in EXERCISES for owner in exercise.regions}
    key = name if name in listed else source.partition("\n")[0]
    _empty.pop(key, None)
    if empty:
        words = frozenset(re.findall(r"^(\w[\w, ]*?)(?: =|:)", source, re.MULTILINE))
        gives = frozenset(w.strip() for names in words for w in names.split(","))
        cell = _Cell(name if name in listed else "", empty[0][0], gives)
        _current.append(cell)
        _empty[key] = cell


def _in_one_line(error: BaseException, names: dict[str, Any]) -> str | None:
    """Return the line to show instead of a traceback; None for any other error."""
    found = unfinished_of(error)
    if found is not None:
        return clickable(found.message)
    if isinstance(error, NameError) and " any more" in str(error):
        return clickable(f"{error}.")
    if _current:
        own = _current[0]
        what = own.name or "This cell"
        return f"{what} is not written yet (line {own.line} of this cell)."
    place = students_line_of(error)
    if isinstance(error, AttributeError | TypeError) and "NoneType" in str(error):
        for name in re.findall(r"\w+", place.text if place else ""):
            for cell in _empty.values():
                if name in cell.gives and name in names and names[name] is None:
                    where = f"{cell.name or 'a cell above'} is not written yet"
                    return f"{name} is None: {where} (line {cell.line} of that cell)."
    return None


def clickable(message: str) -> str:
    """Write file names so that JupyterLab makes links of them: "~/course/x.py:12"."""

    def full(match: re.Match) -> str:
        path = str(_ROOT / match[1])
        home = os.path.expanduser("~")
        if path.startswith(home + os.sep):
            path = "~" + path[len(home) :]
        return f"{path}:{match[2]}" if match[2] else path

    return re.sub(r"\b(ece662/[\w/]+\.py)(?:, line (\d+))?", full, message)
