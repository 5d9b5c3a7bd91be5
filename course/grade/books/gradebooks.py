"""Fill one column of a platform's own gradebook, and leave the rest as it is.

Canvas, Moodle and Blackboard export a table and take the same one back. It is read in
whatever encoding and with whatever separator it has, and written so again.
"""

import csv
import io
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from course.grade.books.people import MEANINGS, People, person_of
from course.grade.errors import GradingError
from course.grade.tables.reading import MARKS, MAX_BYTES, SEPARATORS, columns_of
from course.grade.tables.values import bare

__all__ = ["Filled", "fill"]

BEHIND = re.compile(r"\s*(?:\(\d+\)|\[[^\]]*\]\s*(?:\|.*)?|\|\s*\d+)\s*$")
TOTAL = re.compile(r"\[Total Pts: *(?:up to *)?([\d.,]+)", re.IGNORECASE)
CANVAS_MOST = "points possible"  # the first cell of its row of maxima
MOST = ("maximum grade", "max grade", "höchstbewertung", CANVAS_MOST)


class Filled(NamedTuple):
    """A gradebook with a column filled."""

    data: bytes
    filled: int  # rows
    without: list[str]  # students in it for whom there is nothing
    remarks: list[str]


class _Form(NamedTuple):
    """How a table is written."""

    encoding: str
    mark: bytes
    separator: str
    end: str
    quoting: int


def fill(
    path: Path,
    column: str,
    points_of: Callable[[People], Mapping[int, float]],
    of: float,
) -> Filled:
    """Return a gradebook with the points in one column.

    Args:
        path: of the file that the platform has exported.
        column: its name, with or without what the platform adds to it; "" for a column
            named Grade.
        points_of: gives the points by the line of the students in this file.
        of: what the points are out of; a gradebook with another maximum gets its share.

    Raises:
        GradingError: it cannot be read, or the column is not there or there twice.
    """
    rows, form = _read(path)
    heading = next((i for i, row in enumerate(rows[:20]) if _is_heading(row)), None)
    if heading is None:
        raise GradingError(f"{path}: no row names the students' columns")
    names = rows[heading]
    place = _column(path, names, column)
    columns = columns_of(names, MEANINGS)
    people = {}
    for line, row in enumerate(rows[heading + 1 :], start=heading + 1):
        cells = {meaning: row[i] for i, meaning in columns.items() if i < len(row)}
        if person := person_of(cells, line):
            people[line] = person
    points = points_of(People(list(people.values())))
    filled, remarks = 0, []
    for line, number in points.items():
        most = _most(names, place, rows, heading, line)
        share = number if most is None or most == of else number * most / of
        row = rows[line]
        row += [""] * (place + 1 - len(row))
        text = f"{round(share, 2):g}"
        if row[place].strip() and bare(row[place]) != bare(text):
            remarks.append(f"{people[line].shown}: {row[place][:40]} becomes {text}")
        row[place] = text
        filled += 1
    without = [p.shown for line, p in people.items() if line not in points]
    return Filled(_write(rows, form), filled, without, remarks)


def _is_heading(row: list[str]) -> bool:
    return bool({"name", "last", "id", "login"} & {*columns_of(row, MEANINGS).values()})


def _column(path: Path, names: list[str], column: str) -> int:
    wanted = bare(column or "grade")
    found = [i for i, name in enumerate(names) if bare(name) == wanted] or [
        i for i, name in enumerate(names) if bare(BEHIND.sub("", name)) == wanted
    ]
    if len(found) != 1:
        what = "no column" if not found else f"{len(found)} columns"
        listed = ", ".join(repr(name) for name in names if name)
        raise GradingError(f"{path}: {what} {column or 'Grade'!r}; there are {listed}")
    return found[0]


def _most(names, place: int, rows, heading: int, line: int) -> float | None:
    """Return the maximum that a gradebook states, None where it does not."""
    said = TOTAL.search(names[place])
    texts = [said[1]] if said else []
    texts += [  # of Canvas, below the heading
        row[place]
        for row in rows[heading + 1 : heading + 3]
        if row and bare(row[0]) == CANVAS_MOST and place < len(row)
    ]
    for i, name in enumerate(names):  # of Moodle, beside the grade
        if bare(name) in MOST and i < len(rows[line]):
            texts.append(rows[line][i])
    for text in texts:
        try:
            return float(text.replace(",", "."))
        except ValueError:
            continue
    return None


def _read(path: Path) -> tuple[list[list[str]], _Form]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise GradingError(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise GradingError(f"{path} is larger than {MAX_BYTES >> 20} MB")
    mark = next((mark for mark in MARKS if data.startswith(mark)), b"")
    encoding = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(mark, "utf-8")
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError:
        # In which every byte is a character, and is written back as it was.
        text, encoding = data.decode("latin-1"), "latin-1"
    end = "\r\n" if "\r\n" in text else "\n"
    first = text.partition("\n")[0]
    separator = max(SEPARATORS, key=first.count)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        rows = list(reader)
        is_quoted = bool(rows) and first.count('"') >= 2 * len(rows[0])
        quoting = csv.QUOTE_ALL if is_quoted else csv.QUOTE_MINIMAL
        return rows, _Form(encoding, mark, separator, end, quoting)
    except csv.Error as error:
        raise GradingError(f"{path} cannot be read: {error}") from None


def _write(rows: list[list[str]], form: _Form) -> bytes:
    lines = io.StringIO(newline="")
    writer = csv.writer(
        lines, delimiter=form.separator, lineterminator=form.end, quoting=form.quoting
    )
    writer.writerows(rows)
    return form.mark + lines.getvalue().encode(form.encoding)
