"""Marks that people gave: kept apart from the tables in which they are entered.

`marks.json` holds what is known. A table is input: each of its rows is taken, changes
nothing, or is not understood, and says which. An empty cell takes nothing back, the
word `open` does. What a mark was before stays beside it.
"""

import enum
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from course.grade.errors import GradingError
from course.grade.reports.keeping import replace_file
from course.grade.reports.records import Given, Records, record_name
from course.grade.reports.rubric import items_in
from course.grade.tables.names import Names
from course.grade.tables.reading import Row, TableError, read_table
from course.grade.tables.values import bare, points_of
from course.grade.text import cell, printable
from ece662.exercises import EXERCISES

__all__ = ["MARKS", "Fate", "Marks", "MergedTable"]

MARKS = "marks.json"
OPEN = "open"  # in the place of points: takes a mark back
NO_COMMENT = "no comment"  # in the place of one: takes it back
MAX_COMMENT = 20_000  # characters
MEANINGS = {
    "student": ("student", "students", "name", "student name", "student id", "id",
                "studierende", "étudiant", "estudiante"),
    "question": ("question", "questions", "exercise", "frage", "aufgabe", "pregunta"),
    "points": ("points", "point", "score", "mark", "marks", "grade", "punkte", "puntos",
               "points given"),
    "of": ("of", "out of", "max", "maximum", "max points", "von", "sur", "de"),
    "comment": ("comment", "comments", "feedback", "remark", "remarks", "reason",
                "kommentar", "commentaire", "comentario"),
    "rubric": ("rubric", "rubrics"),
    "record": ("record", "records"),
}  # fmt: skip
OF = {exercise.id: exercise.points for exercise in EXERCISES}
IDS = {bare(id): id for id in OF}
CHECKED = {exercise.id for exercise in EXERCISES if exercise.is_checked}


class RowState(enum.StrEnum):
    """What became of a row. The values are written into rows.csv."""

    TAKEN = "taken"
    UNCHANGED = "unchanged"
    LOST = "not understood"


class Fate(NamedTuple):
    """What became of a row."""

    table: str
    line: int
    student: str
    question: str
    points: str
    fate: RowState
    why: str = ""

    @property
    def is_lost(self) -> bool:
        """True where a person has to look at it."""
        return self.fate is RowState.LOST

    def __str__(self) -> str:
        """Say where the row is, and what is wrong with it."""
        return f"{self.table}, line {self.line}: {self.why}"


@dataclass
class MergedTable:
    """What came of reading a table."""

    name: str
    fates: list[Fate] = field(default_factory=list)
    remarks: tuple[str, ...] = ()
    trouble: str = ""  # why nothing could be read

    @property
    def is_clear(self) -> bool:
        """True where every row was understood."""
        return not self.trouble and not any(fate.is_lost for fate in self.fates)

    def __str__(self) -> str:
        """Say in a line what became of the rows."""
        if self.trouble:
            return (
                f"{self.trouble}. The marks known before stay; without this file the "
                "next run writes a table with all of them"
            )
        count = defaultdict(int)
        for fate in self.fates:
            count[fate.fate] += 1
        summary = ", ".join(f"{n} {what}" for what, n in sorted(count.items()))
        return f"{self.name}: {len(self.fates)} rows: {summary or 'nothing in it'}"


class Marks:
    """The marks of a run that people gave, by record and exercise."""

    def __init__(self, out: Path):
        """Read what is known.

        Args:
            out: the folder of the run.

        Raises:
            GradingError: the file is there and cannot be read.
        """
        self._path = out / MARKS
        self._known: dict[str, dict[str, dict[str, Any]]] = {}
        self._tables: dict[str, str] = {}  # the digest of each table as last seen
        try:
            held = json.loads(self._path.read_text("utf-8"))
            self._known, self._tables = held["marks"], held["tables"]
            self.given()
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            why = f"{self._path} cannot be read ({type(error).__name__}: {error})"
            copies = "copies of it as it was are in the folder earlier"
            raise GradingError(f"{why}; {copies}") from None

    def given(self) -> dict[tuple[str, str], Given]:
        """Return the marks, by the record's name and the exercise."""
        return {
            (record, exercise): Given(
                mark["points"],
                mark["comment"],
                mark["answer"],
                mark["was"],
                mark.get("rubric", ()),
            )
            for record, of_record in self._known.items()
            for exercise, mark in of_record.items()
        }

    def save(self) -> None:
        """Write what is known; a dated copy of it as it was is kept.

        Raises:
            GradingError: the disk is full.
        """
        held = {"format": 1, "marks": self._known, "tables": self._tables}
        text = json.dumps(held, indent=1, sort_keys=True, ensure_ascii=False)
        replace_file(self._path, text + "\n")

    def saw(self, path: Path, data: bytes) -> None:
        """Remember what a table holds: what it says is known."""
        self._tables[str(path.absolute())] = hashlib.sha256(data).hexdigest()

    def merge(
        self, path: Path, records: Records, answer_of: Callable[[str, str], str]
    ) -> MergedTable:
        """Take over what a table says, row by row.

        Args:
            path: of the table.
            records: of the run.
            answer_of: gives the digest of a record's answer to a question.
        """
        merged = MergedTable(path.name)
        names = [name for s in records.students for name in (s, record_name(s))]
        known = [*names, *(m["comment"] for r in self._known.values()
                           for m in r.values())]  # fmt: skip
        needed = ("student", "question", "points")
        try:
            table = read_table(path, MEANINGS, needed, known)
        except TableError as error:
            merged.trouble = printable(str(error), 1000)
            return merged
        merged.remarks = table.remarks
        before = self._tables.get(str(path.absolute()))
        self.saw(path, table.data)
        is_seen = self._tables[str(path.absolute())] == before
        finder = _Finder(records)
        readings = [_Reading.of(row, finder) for row in table.rows]
        _refuse_contradictions(readings)
        for reading in readings:
            fate, why = RowState.LOST, reading.why
            if why and reading.exercise and reading.is_blank:
                fate, why = RowState.UNCHANGED, "empty"
            elif not why:
                fate, why = self._take(reading, is_seen, path.name, answer_of)
            merged.fates.append(reading.fate(path.name, fate, why))
        return merged

    def _take(
        self, reading, is_seen: bool, table: str, answer_of
    ) -> tuple[RowState, str]:
        """Take a row that was understood; say what became of it."""
        of_record = self._known.get(reading.record, {})
        old = of_record.get(reading.exercise)
        if old and is_seen:
            return RowState.UNCHANGED, "the table was read before"
        if reading.is_open and reading.comment in ("", (old or {}).get("comment")):
            if old is None:
                return RowState.UNCHANGED, ""
            old_points, _ = old["points"], of_record.pop(reading.exercise)
            return RowState.TAKEN, f"{_short(old_points)} is taken back"
        if not reading.says_something:
            return (
                RowState.UNCHANGED,
                f"empty; {_short(old['points'])} stays" if old else "",
            )
        points, comment, rubric = reading.over(old or {})
        if (points, comment, rubric) == _said_by(old):
            return RowState.UNCHANGED, ""
        of_record = self._known.setdefault(reading.record, {})
        was = [*(old["was"] if old else ()), *([_without_was(old)] if old else ())]
        of_record[reading.exercise] = {
            "points": points,
            "comment": comment,
            "rubric": list(rubric),
            "answer": answer_of(reading.record, reading.exercise),
            "table": f"{table}, line {reading.line}",
            "was": was,
        }
        if old and points != old["points"]:
            return RowState.TAKEN, f"was {_short(old['points'])}"
        return RowState.TAKEN, ""


def _without_was(mark: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in mark.items() if key != "was"}


def _said_by(mark: dict[str, Any] | None) -> tuple:
    mark = mark or {}
    rubric = tuple(mark.get("rubric", ()))
    return mark.get("points"), mark.get("comment", ""), rubric


def _short(points: float | None) -> str:
    return "no mark" if points is None else f"{points:g}"


@dataclass
class _Reading:
    """What a row says, once it is understood; `why` where it is not."""

    line: int
    cells: dict[str, str]
    record: str = ""
    exercise: str = ""
    points: float | None = None
    comment: str = ""
    rubric: tuple[str, ...] = ()
    is_open: bool = False
    is_blank: bool = False
    takes_comment_back: bool = False
    why: str = ""

    @classmethod
    def of(cls, row: Row, finder: "_Finder") -> "_Reading":
        """Understand a row."""
        comment = _as_typed(row.cells.get("comment", ""))
        self = cls(row.line, row.cells, comment=comment)
        if bare(comment) == NO_COMMENT:
            self.comment, self.takes_comment_back = "", True
        self.rubric = items_in(_as_typed(row.cells.get("rubric", "")))
        entered = row.cells["points"].strip()
        self.is_open = bare(entered) == OPEN
        self.is_blank = not (
            entered or self.comment or self.takes_comment_back or "" in row.others
        )
        self.exercise, self.why = _exercise_of(row.cells["question"])
        if not self.why:
            self.record, self.why = finder(row.cells)
        if not self.why and entered and not self.is_open:
            self.points, self.why = points_of(entered, OF[self.exercise])
        self.why = self.why or self._misfit(row)
        return self

    @property
    def says_something(self) -> bool:
        """True where there is more than whose answer it is."""
        has_words = self.comment or self.takes_comment_back or self.rubric
        return self.is_open or self.points is not None or bool(has_words)

    def over(self, old: Mapping[str, Any]) -> tuple:
        """Return points, comment and rubric, with the old where nothing is said."""
        points, comment = self.points, self.comment
        if points is None and not self.is_open:
            points = old.get("points")
        if not comment and not self.takes_comment_back:
            comment = old.get("comment", "")
        # Items go with the comment that they are part of.
        is_same = comment == old.get("comment", "")
        rubric = self.rubric or (tuple(old.get("rubric", ())) if is_same else ())
        return points, comment, rubric

    def _misfit(self, row: Row) -> str:
        """Say what does not go together in a row."""
        of = row.cells.get("of", "").strip()
        if of and points_of(of, 10 * OF[self.exercise])[0] != OF[self.exercise]:
            return f"{self.exercise} is out of {OF[self.exercise]}, not {of[:40]!r}"
        if "" in row.others:
            return row.others[""]
        if len(self.comment) > MAX_COMMENT:
            return f"the comment has more than {MAX_COMMENT} characters"
        if self.exercise in CHECKED and self.points is not None and not self.comment:
            return f"{self.exercise} is checked: another mark needs a reason as comment"
        return ""

    def fate(self, table: str, fate: RowState, why: str) -> Fate:
        """Return what became of the row."""
        student, question, points = (
            printable(self.cells[name], 100)
            for name in ("student", "question", "points")
        )
        return Fate(table, self.line, student, question, points, fate, why)


def _as_typed(text: str) -> str:
    """Return a comment without what a table puts in front of formulas."""
    text = text.strip()
    is_defused = text.startswith("'") and cell(text[1:]) == text
    return text[1:] if is_defused else text


def _exercise_of(text: str) -> tuple[str, str]:
    if found := IDS.get(bare(text)):
        return found, ""
    return "", f"there is no question {text[:100]!r}"


def _refuse_contradictions(readings: Iterable[_Reading]) -> None:
    """Take neither of two rows that say different things of the same."""
    by_place = defaultdict(list)
    for reading in readings:
        if not reading.why:
            by_place[reading.record, reading.exercise].append(reading)
    for same in by_place.values():
        said = {(r.points, r.comment, r.rubric, r.is_open, r.takes_comment_back)
                for r in same if r.says_something}  # fmt: skip
        if len(said) > 1:
            lines = ", ".join(str(reading.line) for reading in same)
            for reading in same:
                reading.why = f"lines {lines} say different things of one answer"


class _Finder:
    """Finds the record that a row means, by the columns `record` and `student`."""

    def __init__(self, records: Records):
        """Look at the students' names."""
        self._students = {record_name(s): s for s in records.students}
        self._names = Names(records.students)
        self._records = Names(self._students)

    def __call__(self, cells: dict[str, str]) -> tuple[str, str]:
        """Return the record's name, or what is wrong."""
        record, student = cells.get("record", ""), cells["student"]
        if record.strip() in self._students:
            by_record = [record.strip()]
        else:
            by_record = self._records.find(record) if record.strip() else []
        by_name = [record_name(s) for s in self._names.find(student)]
        if len(by_record) == 1:
            if by_name and by_record[0] not in by_name:
                return "", f"the record is not that of {student[:100]!r}"
            return by_record[0], ""
        if len(by_name) == 1:
            return by_name[0], ""
        if by_name:
            message = f"{len(by_name)} students may be {student[:100]!r}"
            return "", f"{message}: the column record tells them apart"
        return "", f"there are points for {student[:100]!r}, who handed nothing in"
