"""A notebook's file: its cells, and how to replace sources and nothing else.

The reader is more tolerant than Jupyter: a cell without id, outputs or metadata is a
cell. Only `source` is ever replaced, and in the form that the file has it in; the
file's indentation, escapes, order of keys and other cells stay as they are, byte by
byte.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ece662.exercises.findings import Fault, Finding, NotebookError
from ece662.exercises.lines import BYTE_ORDER_MARK

__all__ = ["Cell", "cells_of", "in_format_4", "with_sources"]

MAX_CELLS = 20_000

_SPACE = re.compile(r"[ \t\r\n]*+")
_STRING = re.compile(r'"(?:[^"\\]|\\[\s\S])*+"')
_SCALAR = re.compile(r"[^\s,:\[\]{}\"]++")
_STEP = re.compile(r'[^"\[\]{}]*+(?:"(?:[^"\\]|\\[\s\S])*+"|([\[{])|([\]}]))')
_ESCAPE = re.compile(r"\\u(?!00[01])")  # control characters are escaped in any style
_CONFLICT = re.compile(r"^(?:<{7}|={7}|>{7})(?: |\r?$)", re.MULTILINE)


class Cell(NamedTuple):
    """The parts of a cell that are used here."""

    number: int  # which cell of the notebook, counted from 1
    id: str  # "" where it has none
    kind: str  # "code", "markdown" or "raw"
    source: str
    tags: tuple[str, ...] = ()
    pictures: int = 0  # how many are attached


def cells_of(text: str, name: str = "") -> list[Cell]:
    """Read the cells of a notebook.

    Args:
        text: of the file.
        name: of the file, for messages.

    Raises:
        NotebookError: it is not a notebook.
    """
    notebook = _upgraded(_load(text, name))
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if isinstance(cells, list):
        if len(cells) > MAX_CELLS:
            what = f"it has {len(cells)} cells"
            raise NotebookError(Finding(Fault.FORM, name, text=what))
        return [_cell(n, c) for n, c in enumerate(cells, 1) if isinstance(c, dict)]
    what = "it has no list of cells"
    raise NotebookError(Finding(Fault.FORM, name, text=what))


def _load(text: str, name: str) -> Any:
    if not text.strip(BYTE_ORDER_MARK + " \t\r\n"):
        raise NotebookError(Finding(Fault.EMPTY, name))
    try:
        return json.loads(text.removeprefix(BYTE_ORDER_MARK), strict=False)
    except json.JSONDecodeError as error:
        if conflict := _CONFLICT.search(text):
            line = text.count("\n", 0, conflict.start()) + 1
            found = Finding(Fault.CONFLICT, name, line=line)
        else:
            found = Finding(Fault.JSON, name, line=error.lineno, text=error.msg)
    except (ValueError, RecursionError) as error:  # a number too long, or too deep
        what = f"it has another form ({type(error).__name__})"
        found = Finding(Fault.FORM, name, text=what)
    raise NotebookError(found)


def in_format_4(text: str, name: str = "") -> str:
    """Return a notebook's text; one of the formats 2 and 3 in the present format.

    Outputs of such a notebook have another form, and are left out, as is metadata
    beside the cells' tags: running it makes outputs anew. The converter of nbformat is
    not used, as students need not have it.

    Args:
        text: of the file.
        name: of the file, for messages.

    Raises:
        NotebookError: it is not a notebook.
    """
    if '"worksheets"' not in text:
        return text
    notebook = _load(text, name)
    upgraded = _upgraded(notebook)
    if upgraded is notebook:
        return text
    return json.dumps(upgraded, indent=1) + "\n"


def _upgraded(notebook: Any) -> Any:
    """Return a notebook as it is, or what one with worksheets is in format 4."""
    sheets = notebook.get("worksheets") if isinstance(notebook, dict) else None
    if not isinstance(sheets, list) or "cells" in notebook:
        return notebook
    cells = []
    for sheet in sheets:
        found = sheet.get("cells") if isinstance(sheet, dict) else None
        cells += found if isinstance(found, list) else []
    return {
        "cells": [_upgraded_cell(cell) for cell in cells if isinstance(cell, dict)],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 4,
    }


def _upgraded_cell(cell: dict[str, Any]) -> dict[str, Any]:
    kind, tags = cell.get("cell_type"), list(_cell(0, cell).tags)
    new = {"metadata": {"tags": tags} if tags else {}}
    if kind == "code":
        source = _joined(cell.get("input"))
        return {"cell_type": "code", **new, "source": source.splitlines(keepends=True),
                "outputs": [], "execution_count": None}  # fmt: skip
    source = _joined(cell.get("source"))
    if kind == "heading":
        level = cell.get("level")
        source = f"{'#' * (level if level in range(1, 7) else 1)} {source}"
    kind = "raw" if kind == "raw" else "markdown"
    return {"cell_type": kind, **new, "source": source.splitlines(keepends=True)}


def _cell(number: int, cell: dict[str, Any]) -> Cell:
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    tags = [tags] if isinstance(tags, str) else tags if isinstance(tags, list) else []
    id, attached = cell.get("id"), cell.get("attachments")
    if not isinstance(id, str) and isinstance(metadata, dict):
        id = metadata.get("id")  # where Colab puts it
    kind = cell.get("cell_type")
    return Cell(
        number,
        id if isinstance(id, str) else "",
        kind[:40] if isinstance(kind, str) else "",
        _joined(cell.get("source")),
        tuple(tag for tag in tags if isinstance(tag, str)),
        len(attached) if isinstance(attached, dict) else 0,
    )


def _joined(source: Any) -> str:
    """Return a source, which is one string or a list of lines."""
    if isinstance(source, str):
        return source
    lines = source if isinstance(source, list) else []
    return "".join(line for line in lines if isinstance(line, str))


def with_sources(text: str, sources: Mapping[int, str]) -> str:
    """Return a notebook's text with other sources in some cells.

    Args:
        text: of the file; one that `cells_of` reads.
        sources: by the number of the cell.
    """
    if not sources:
        return text
    as_ascii = text.isascii() and bool(_ESCAPE.search(text))
    parts, done = [], 0
    for number, (begin, end) in enumerate(_spans_of_sources(text), start=1):
        if number in sources and begin < end:
            parts.append(text[done:begin])
            parts.append(_written(sources[number], text[begin:end], as_ascii))
            done = end
    return "".join([*parts, text[done:]])


def _written(source: str, before: str, as_ascii: bool) -> str:
    """Write a source as JSON, formatted as the one that it replaces."""

    def dump(value: str) -> str:
        is_half = any("\ud800" <= character <= "\udfff" for character in value)
        return json.dumps(value, ensure_ascii=as_ascii or is_half)

    if not before.startswith("["):
        return dump(source)
    lines = source.splitlines(keepends=True)  # as nbformat does
    opening = "[" + _SPACE.match(before, 1)[0]
    closing = before[len(before[:-1].rstrip(" \t\r\n")) :]
    between = "," + opening[1:] if "\n" in opening else ", "
    return opening + between.join(map(dump, lines)) + closing


def _spans_of_sources(text: str) -> Iterator[tuple[int, int]]:
    """Yield for each cell the offsets at which its source begins and ends."""
    top = _items(text, _after_space(text, len(BYTE_ORDER_MARK) if
                 text.startswith(BYTE_ORDER_MARK) else 0))  # fmt: skip
    cells = dict(top).get("cells", (0, 0))
    for begin, _ in _elements(text, cells[0]):
        if text[begin] == "{":
            yield dict(_items(text, begin)).get("source", (0, 0))
        else:
            yield 0, 0


def _items(text: str, begin: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield an object's keys with the offsets of their values; the last one counts."""
    place = _after_space(text, begin + 1)
    while text[place] != "}":
        if text[place] == ",":
            place = _after_space(text, place + 1)
        key = _STRING.match(text, place)
        place = _after_space(text, _after_space(text, key.end()) + 1)
        end = _end_of_value(text, place)
        yield json.loads(key[0], strict=False), (place, end)
        place = _after_space(text, end)


def _elements(text: str, begin: int) -> Iterator[tuple[int, int]]:
    """Yield the offsets of a list's elements."""
    place = _after_space(text, begin + 1)
    while text[place] != "]":
        if text[place] == ",":
            place = _after_space(text, place + 1)
        end = _end_of_value(text, place)
        yield place, end
        place = _after_space(text, end)


def _end_of_value(text: str, begin: int) -> int:
    if text[begin] == '"':
        return _STRING.match(text, begin).end()
    if text[begin] not in "[{":
        return _SCALAR.match(text, begin).end()
    depth, place = 0, begin
    while True:
        step = _STEP.match(text, place)
        depth += bool(step[1]) - bool(step[2])
        place = step.end()
        if depth == 0:
            return place


def _after_space(text: str, place: int) -> int:
    return _SPACE.match(text, place).end()
