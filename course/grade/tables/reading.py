"""Rows of text out of a table, whichever program has saved it.

A CSV does not say in which encoding it is, nor what separates its cells. So both are
tried, and what the table is known to hold decides: the names of its columns, and those
of the students. Workbooks (.xlsx) are read by openpyxl, in a child with limits.
"""

import csv
import io
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from course.grade.contained import EndedError, borrowed
from course.grade.tables.values import bare
from course.sandbox.waiting import slowness

__all__ = ["MAX_BYTES", "Row", "Table", "TableError", "columns_of", "read_table"]

MAX_BYTES = 32 << 20
MAX_ROWS = 300_000
HEADING_WITHIN = 30  # rows: above it may stand a title
SECONDS = 120.0  # to read a workbook
SEPARATORS = (",", ";", "\t", "|")
# Whose names are compared, where a text is no Unicode: Western Europe first. Those of
# DOS are still what Excel offers as "CSV (MS-DOS)".
CODE_PAGES = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256",
              "cp1257", "cp1258", "cp932", "gb18030", "cp949", "big5", "mac_roman",
              "cp850", "cp852", "cp437", "cp866", "koi8_r", "iso8859_2", "iso8859_5",
              "mac_cyrillic", "mac_latin2", "euc_jp", "latin-1")  # fmt: skip
MARKS = {  # the byte order marks, the longer ones first
    b"\xff\xfe\x00\x00": "utf-32", b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig",
}  # fmt: skip
OTHERS = {  # what begins the files of other programs
    b"\xd0\xcf\x11\xe0": "an old workbook (.xls)",
    b"%PDF": "a PDF",
    b"{\\rtf": "a text with formats (.rtf)",
}
ADVICE = "save it as .csv or .xlsx"


class TableError(ValueError):
    """A table cannot be read; says why, and what to do."""


class Row(NamedTuple):
    """One row below the heading."""

    line: int  # where it stands in the file, counted from 1
    cells: dict[str, str]  # by the meaning of the column; "" where it is empty
    others: dict[str, str]  # by the name of the column, those without a meaning


class Table(NamedTuple):
    """What a file holds."""

    name: str
    heading: tuple[str, ...]  # as it stands there
    rows: tuple[Row, ...]
    remarks: tuple[str, ...]  # what was assumed, in words
    data: bytes  # the file's


Lines = list[tuple[int, list[str]]]  # where a row begins, and its cells


def read_table(
    path: Path,
    meanings: dict[str, Collection[str]],
    needed: Collection[str],
    known: Collection[str] = (),
) -> Table:
    """Read a table with a heading.

    Args:
        path: of the file.
        meanings: what a column is, by what it may be called (as `bare` writes it).
        needed: the meanings without which a row says nothing.
        known: texts that cells are expected to hold, such as the students' names.

    Raises:
        TableError: it cannot be read; says why, and what to do.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            why = f"it has {size >> 20} MB, expected up to {MAX_BYTES >> 20}"
            raise TableError(f"{path.name}: {why}")
        data = path.read_bytes()
    except OSError as error:
        raise TableError(f"{path} cannot be read: {error.strerror}") from None
    _refuse_others(data, path.name)

    def find(rows: Lines) -> int | None:
        return _heading_in(rows, meanings, needed)

    remarks = []
    if data.startswith(b"PK"):
        sheets = _sheets_of(path)
    else:
        text, remark = _text_of(data, path.name, known)
        remarks = [remark] if remark else []
        sheets = [_rows_of(text, path.name, find)]
    found = [(rows, place) for rows in sheets if (place := find(rows)) is not None]
    if not found:
        raise TableError(_no_heading(path.name, needed, sheets))
    heading = found[0][0][found[0][1]][1]
    rows = [
        row for rows, place in found for row in _below(rows, place, meanings, path.name)
    ]
    return Table(path.name, tuple(heading), tuple(rows), tuple(remarks), data)


def columns_of(
    heading: Sequence[str], meanings: dict[str, Collection[str]]
) -> dict[int, str]:
    """Return what the columns mean, by their place; those that mean something."""
    called = {name: meaning for meaning, names in meanings.items() for name in names}
    # A program that does not know the byte order mark keeps it, and quotes behind it.
    names = [bare(name.replace('"', "").replace("\ufeff", "")) for name in heading]
    found = {place: called.get(name) for place, name in enumerate(names)}
    return {place: meaning for place, meaning in found.items() if meaning}


def _refuse_others(data: bytes, name: str) -> None:
    for beginning, what in OTHERS.items():
        if data.startswith(beginning):
            raise TableError(f"{name} is {what}: {ADVICE}")
    if data[:2000].lstrip().lower().startswith((b"<html", b"<!doctype", b"<table")):
        raise TableError(f"{name} is a web page: {ADVICE}")


def _text_of(data: bytes, name: str, known: Collection[str]) -> tuple[str, str]:
    """Return the text of a file, and what was assumed for it."""
    for mark, encoding in MARKS.items():
        if data.startswith(mark):
            return _decoded(data, encoding, name), ""
    for encoding, zeros in (("utf-16-le", data[1:400:2]), ("utf-16-be", data[:400:2])):
        if zeros and zeros.count(0) > len(zeros) // 2:
            return _decoded(data, encoding, name), ""
    try:
        return data.decode("utf-8"), ""
    except UnicodeDecodeError:
        pass
    best, most = "", -1
    wanted = {bare(text) for text in known if not text.isascii()}
    for encoding in CODE_PAGES:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        cells = {bare(cell) for cell in re.split(r'[,;\t|\r\n"]+', text)}
        if (count := len(cells & wanted)) > most:
            best, most = encoding, count
    return data.decode(best), f"{name} is no Unicode: it was read as {best}"


def _decoded(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        why = f"it breaks off or is damaged at byte {error.start}"
        raise TableError(f"{name} is {encoding}, and {why}: {ADVICE}") from None


def _rows_of(text: str, name: str, find: Callable[[Lines], int | None]) -> Lines:
    """Split a text by the separator with which one of its first rows is a heading."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    offset = 0
    said = re.match(r'"?sep=(.)"?\n', text)  # as Excel writes and reads it
    separators = SEPARATORS
    if said:
        text, offset, separators = text[said.end() :], 1, (said[1], *SEPARATORS)
    top = "\n".join(text.split("\n")[: 4 * HEADING_WITHIN])
    for separator in separators:
        if find(list(_split(top, separator, offset))) is not None:
            return _unfolded(_strictly(text, separator, offset, name))
    for separator in separators:
        if find(_unfolded(list(_split(top, separator, offset)))) is not None:
            return _unfolded(_strictly(text, separator, offset, name))
    return list(_split(top, ",", offset))


def _split(text: str, separator: str, offset: int, strict=False) -> Iterator:
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, strict=strict
    )
    line = 1 + offset
    for cells in reader:
        yield line, cells
        line = reader.line_num + 1 + offset


def _strictly(text: str, separator: str, offset: int, name: str) -> Lines:
    """Split a whole text; refuse an open quote, which would take in all rows below."""
    rows, line = [], 1
    try:
        for line, cells in _split(text, separator, offset, strict=True):
            rows.append((line, cells))
            if len(rows) > MAX_ROWS:
                raise TableError(f"{name} has more than {MAX_ROWS} rows")
    except csv.Error as error:
        where = f"{name}, behind line {line}"
        raise TableError(f"{where}: the quotes are broken ({error})") from None
    return rows


def _unfolded(rows: Lines) -> Lines:
    """Split rows that a spreadsheet has put into one cell each."""
    return [(line, _inner(cells)) for line, cells in rows]


def _inner(cells: list[str]) -> list[str]:
    filled = [cell for cell in cells if cell.strip()]
    if len(filled) != 1 or "\n" in filled[0]:
        return cells
    splits = (next(csv.reader(filled, delimiter=mark)) for mark in SEPARATORS)
    inner = max(splits, key=len)
    return inner if len(inner) > 2 else cells


def _sheets_of(path: Path) -> list[Lines]:
    about = {"path": str(path.absolute())}
    try:
        with borrowed() as child:
            answer = child.ask("workbook", about, SECONDS * slowness())
    except EndedError as ended:
        raise TableError(f"{path.name} cannot be read as .xlsx: {ended}") from None
    return [[(line, cells) for line, cells in sheet] for sheet in answer]


def _heading_in(rows: Lines, meanings, needed: Collection[str]) -> int | None:
    for place, (_, cells) in enumerate(rows[:HEADING_WITHIN]):
        found = list(columns_of(cells, meanings).values())
        if set(needed) <= set(found):
            return place
    return None


def _no_heading(name: str, needed, sheets: Sequence[Lines]) -> str:
    rows = [cells for sheet in sheets for _, cells in sheet]
    if not any(cell.strip() for cells in rows for cell in cells):
        return f"{name} is empty"
    first = next(cells for cells in rows if any(cells))
    return (
        f"{name}: no row names its columns; expected {', '.join(needed)} among them, "
        f"got {', '.join(cell[:40] for cell in first[:8])!r}"
    )


def _below(rows: Lines, place: int, meanings: Any, name: str) -> Iterator[Row]:
    """Yield the rows below a heading, those that hold anything."""
    heading = rows[place][1]
    columns = columns_of(heading, meanings)
    twice = {m for m in columns.values() if [*columns.values()].count(m) > 1}
    if twice:
        raise TableError(f"{name} has two columns for {', '.join(sorted(twice))}")
    for line, cells in rows[place + 1 :]:
        if not any(cell.strip() for cell in cells):
            continue
        cells, more = cells[: len(heading)], cells[len(heading) :]
        cells += [""] * (len(heading) - len(cells))
        if any(cell.strip() for cell in more):
            others = {"": "the row has more cells than the heading"}
        else:
            others = {n: c for i, (n, c) in enumerate(zip(heading, cells, strict=True))
                      if i not in columns}  # fmt: skip
        yield Row(line, {columns[i]: cells[i] for i in columns}, others)
