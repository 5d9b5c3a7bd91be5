"""Which cell of a notebook belongs to which exercise.

A cell is identified by its id. Where ids are missing (an old notebook format, a service
that assigns new ones), a cell with marker lines belongs to the exercise that the next
`check` names, and an answer is the cell below its question. If as many cells as
exercises are left over, they are paired in the order of the notebook. Where an answer's
cell is as it was handed out, one that the student has made below it counts.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from ece662.exercises import Exercise
from ece662.exercises.findings import Finding, Note
from ece662.exercises.notebooks import Cell

__all__ = ["ANSWER", "name_cells"]

ANSWER = "**Your answer.** *Write it here, in place of this line.*"

_CHECK = re.compile(r"""\bcheck\(\s*["']([\w.-]{1,80})["']\s*\)""")
_QUESTION = re.compile(
    r"#+ (?:Inline question \d|Describe what you did)", re.IGNORECASE
)


def name_cells(
    cells: Sequence[Cell],
    exercises: Collection[Exercise],
    bodies: Mapping[int, Sequence[str]],
    is_empty: Callable[[str], bool],
) -> tuple[dict[int, str], list[Finding]]:
    """Give every cell a name of its own.

    Args:
        cells: of the notebook.
        exercises: those that are written in it.
        bodies: the texts in a cell's regions, by the cell's number.
        is_empty: returns True for the text of a region without code.

    Returns:
        The names by the number of the cell: for the exercises' cells the owners that
        the exercises list, for others their ids. And notes, without the file.
    """
    return _Namer(cells, exercises, bodies, is_empty).named()


class _Namer:
    def __init__(self, cells, exercises, bodies, is_empty):
        self.cells, self.exercises = cells, exercises
        self.bodies, self.is_empty = bodies, is_empty
        self.answers = [e.id for e in exercises if e.kind == "answer"]
        self.owners = [o for e in exercises if e.kind != "answer" for o in e.regions]
        self.listed = {*self.answers, *self.owners}
        self.by_id: dict[str, list[Cell]] = defaultdict(list)
        for cell in cells:
            self.by_id[cell.id].append(cell)
        self.taken: dict[int, str] = {}
        self.notes: list[Finding] = []

    def named(self) -> tuple[dict[int, str], list[Finding]]:
        for owner in self.owners:
            same = self.by_id.get(owner, [])
            self._choose(owner, [c for c in same if c.number in self.bodies])
        for answer in self.answers:
            self._choose(answer, self.by_id.get(answer, []))
        self._find_owners()
        self._find_answers()
        self._look_below()
        for owner in self._missing(self.owners):  # the marker lines are gone
            self._choose(owner, self.by_id.get(owner, []))
        names = {}
        for cell in self.cells:
            is_own = len(self.by_id[cell.id]) == 1 and cell.id not in {"", *self.listed}
            own = cell.id if is_own else f"cell {cell.number}"
            names[cell.number] = self.taken.get(cell.number, own)
        return names, self.notes

    def _choose(self, name: str, cells: list[Cell]) -> None:
        """Choose the last cell with an id, of those with code if there are any."""
        if not cells:
            return
        written = [cell for cell in cells if self._is_written(cell)]
        chosen = (written or cells)[-1]
        self.taken[chosen.number] = name
        if len(cells) > 1:
            note = Finding(Note.COPIED, "", name, chosen.number, len(cells))
            self.notes.append(note)

    def _is_written(self, cell: Cell) -> bool:
        bodies = self.bodies.get(cell.number)
        if bodies is None:
            return cell.source.strip() not in ("", ANSWER)
        return not any(map(self.is_empty, bodies))

    def _missing(self, names: Iterable[str]) -> list[str]:
        found = set(self.taken.values())
        return [name for name in names if name not in found]

    def _find_owners(self) -> None:
        """Find cells by the `check` below them, then by their order."""
        if not self._missing(self.owners):
            return
        waiting: list[Cell] = []
        for cell in self.cells:
            if self._is_free(cell) and cell.number in self.bodies:
                waiting.append(cell)
            elif waiting and (call := _CHECK.search(cell.source)):
                self._take(waiting, self._missing(self._owners_of(call[1])))
                waiting = []
        left = [c for c in self.cells if self._is_free(c) and c.number in self.bodies]
        missing = self._missing(self.owners)
        if len(left) == len(missing):
            self._take(left, missing)

    def _owners_of(self, id: str) -> Sequence[str]:
        return next((e.regions for e in self.exercises if e.id == id), ())

    def _take(self, cells: Sequence[Cell], names: Sequence[str]) -> None:
        """Give names to the last of some cells; where there are fewer, to those."""
        count = min(len(cells), len(names))
        pairs = zip(
            cells[len(cells) - count :], names[len(names) - count :], strict=True
        )
        for cell, name in pairs:
            self.taken[cell.number] = name
            self.notes.append(Finding(Note.FOUND, "", name, cell.number))

    def _is_free(self, cell: Cell) -> bool:
        return cell.number not in self.taken and cell.id not in self.listed

    def _find_answers(self) -> None:
        """Find answers below their questions, then by their tags."""
        if not (missing := self._missing(self.answers)):
            return
        questions = [i for i, cell in enumerate(self.cells) if _is_question(cell)]
        if len(questions) == len(self.answers):
            for i, answer in zip(questions, self.answers, strict=True):
                below = self.cells[i + 1 : i + 2]
                free = [c for c in below if self._is_free(c) and not _is_question(c)]
                if free and answer in missing:
                    self._take(free, [answer])
        tagged = [c for c in self.cells if self._is_free(c) and "answer" in c.tags]
        missing = self._missing(self.answers)
        if len(tagged) == len(missing):
            self._take(tagged, missing)

    def _look_below(self) -> None:
        """Take an answer from a cell that the student has made below an empty one.

        Cells that were handed out are known by their ids, which begin as the answer's;
        so this is done only where ids were kept.
        """
        for place, cell in enumerate(self.cells[:-1]):
            name, below = self.taken.get(cell.number), self.cells[place + 1]
            if name not in self.answers or cell.id != name or self._is_written(cell):
                continue
            given = f"{name.partition('-')[0]}-"
            is_own = below.id and not below.id.startswith(given)
            has_text = below.kind == "markdown" and below.source.strip()
            if is_own and has_text and self._is_free(below):
                del self.taken[cell.number]
                self.taken[below.number] = name
                self.notes.append(Finding(Note.BELOW, "", name, below.number))


def _is_question(cell: Cell) -> bool:
    return cell.kind == "markdown" and (
        "question" in cell.tags or bool(_QUESTION.match(cell.source.lstrip()[:80]))
    )
