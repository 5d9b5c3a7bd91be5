"""Run the cells of a notebook without Jupyter, as far as an exercise needs them."""

import contextlib
import io
import linecache
import os
from pathlib import Path
from typing import Any

from ece662.check.as_python import add_shell, compiled
from ece662.check.preceding import cells_before
from ece662.exercises import Exercise
from ece662.exercises.findings import Fault, Finding, MarkerError
from ece662.exercises.lines import split
from ece662.exercises.regions import is_empty, parse_file
from ece662.exercises.work import read_text

__all__ = ["Cells", "sources_of"]


class Cells:
    """The notebooks of a folder; each cell is run once, and only when it is needed."""

    def __init__(self, root: Path):
        """Keep the folder that `Exercise.file` is relative to."""
        self.root = root
        self._names: dict[str, dict[str, Any]] = {}  # by notebook
        self._done: set[tuple[str, str]] = set()  # notebook and cell

    def names_after(self, exercise: Exercise) -> dict[str, Any]:
        """Run an exercise's cell, after those it needs; return the notebook's names.

        What the cells print and draw is not shown. Their exceptions propagate.

        Raises:
            FileNotFoundError: the notebook is not there.
            MarkerError: a cell of the exercise is gone, or damaged.
            NotImplementedError: a cell is not written yet; names it.
        """
        text = read_text(self.root / exercise.file, self.root)
        names = self._names.setdefault(exercise.file, {"__name__": "__main__"})
        add_shell(names)
        for id, source in sources_of(exercise, text).items():
            if (exercise.file, id) not in self._done:
                _run(source, id, names)
                self._done.add((exercise.file, id))
        return names


def sources_of(exercise: Exercise, notebook: str) -> dict[str, str]:
    """Return the sources of an exercise's cells, by id, after those it needs.

    Args:
        exercise: one that is written in cells.
        notebook: the text of its notebook.

    Raises:
        MarkerError: a cell of the exercise is gone, or damaged.
        NotImplementedError: a cell is not written yet; names it.
    """
    parsed = parse_file(notebook, exercise.file)
    bodies, cells = parsed.bodies, parsed.cells
    for id in exercise.regions:
        if id not in cells:
            raise MarkerError(Finding(Fault.GONE, exercise.file, id))
    wanted = [*exercise.context, *exercise.regions]
    if not all(id in cells for id in exercise.context):
        own = min((cells[id] for id in exercise.regions), key=lambda c: c.number)
        before = {cell.number for cell in cells_before(own, list(cells.values()))}
        above = [id for id, cell in cells.items() if cell.number in before]
        wanted = list(dict.fromkeys([*above, *exercise.regions]))
    for id in wanted:
        if faults := parsed.faults.get(id):
            raise MarkerError(faults[0])
        own = [body for (owner, _), body in bodies.items() if owner == id]
        if own and all(map(is_empty, own)):
            raise NotImplementedError(id)
    return {id: cells[id].source for id in wanted}


def _run(source: str, id: str, names: dict[str, Any]) -> None:
    """Run one cell."""
    filename = f"<{id}>"
    # For messages that show the text of a line in which the cell failed.
    linecache.cache[filename] = (
        len(source),
        None,
        [line + "\n" for line in split(source)],
        filename,
    )
    with contextlib.redirect_stdout(io.StringIO()), _no_windows():
        exec(compiled(source, filename), names)


@contextlib.contextmanager
def _no_windows():
    """Draw figures without windows; processes started later do not inherit that."""
    if "MPLBACKEND" in os.environ:
        yield
        return
    os.environ["MPLBACKEND"] = "agg"
    try:
        yield
    finally:
        del os.environ["MPLBACKEND"]
