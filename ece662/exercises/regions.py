"""The fill-in regions: where a student writes, in modules and in notebook cells.

A region is what stands between the two marker lines below. Nothing else in the
repository knows what a marker looks like. A region is known by its *owner* and its
number there, counted from 1: in a module the owner is the function or method around it
("affine_forward", "TwoLayerNet.loss"), in a notebook the id of the cell.

    find(text, name)            where the regions are
    read(text, name)            what stands in them
    fill(text, name, bodies)    the same text with other bodies

All three are pure: text in, text out. `name` is the file's, for messages, and its
ending tells a notebook from a module. Modules are read line by line and never parsed,
because a student's file may hold a syntax error and still has to be mended.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

__all__ = [
    "END",
    "START",
    "MarkerError",
    "Region",
    "fill",
    "find",
    "find_regions",
    "is_empty",
    "read",
    "stub",
]

START = "# *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****"
END = "# *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****"

_DEFINITION = re.compile(r"( *)(?:async +)?(?:def|class) +(\w+) *[\[(:]")
_STUB = re.compile(r"raise NotImplementedError\b")


class MarkerError(ValueError):
    """A marker line is damaged or out of place; the text says where."""


class Region(NamedTuple):
    """Where a region is, and whose it is."""

    start: int  # the line of the START marker, counted from 1 in the module or cell
    end: int  # the line of the END marker
    indent: str  # the indentation of both
    owner: str = ""  # function, method or cell; "" at the top level of a module
    number: int = 1  # which of its owner's regions


def find(text: str, name: str) -> list[Region]:
    """Find the regions of a file, in their order.

    Args:
        text: the whole text of a module or a notebook.
        name: its file name.

    Raises:
        MarkerError: a damaged marker line; says the file, the cell and the line.
    """
    return [region for _, region in _located(text, name)]


def read(text: str, name: str) -> dict[tuple[str, int], str]:
    """Read what stands in the regions, as it stands there.

    Returns:
        The bodies by (owner, number). Filled in again, they change nothing.

    Raises:
        MarkerError: as `find`.
    """
    bodies = {}
    for source, region in _located(text, name):
        lines = source.splitlines()[region.start : region.end - 1]
        bodies[region.owner, region.number] = "\n".join(lines)
    return bodies


def fill(text: str, name: str, bodies: Mapping[tuple[str, int], str]) -> str:
    """Write other bodies into some regions; all else stays as it is, to the letter.

    Args:
        text: the whole text of a module or a notebook.
        name: its file name.
        bodies: the new bodies by (owner, number); each is moved, as a whole, to the
            indentation of its region.

    Raises:
        MarkerError: as `find`; or a body holds a marker line itself.
        KeyError: there is no such region.
    """
    there = {(region.owner, region.number) for region in find(text, name)}
    for key, body in bodies.items():
        if key not in there:
            raise KeyError(f"{name} has no region {key[1]} in {key[0]}")
        if any(map(_is_nearly_a_marker, body.splitlines())):
            raise MarkerError(f"{name}: the text for {key[0]} holds a marker line")
    if not name.endswith(".ipynb"):
        return _fill_source(text, find_regions(text, name), bodies)
    notebook = json.loads(text)
    for cell, source in _code_cells(notebook):
        regions = _of_cell(source, cell["id"], name)
        if any((region.owner, region.number) in bodies for region in regions):
            lines = _fill_source(source, regions, bodies).splitlines(keepends=True)
            cell["source"] = lines
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def stub(exercise: str, notebook: str | None) -> str:
    """Return what stands in a region until it is written.

    Args:
        exercise: the id to name.
        notebook: which notebook tells about it; None in the notebook's own cell, where
            a comment will do (and a `pass`, should the region be all of a function).
    """
    if notebook is None:
        return f"# Your code for the exercise {exercise} goes here.\npass"
    told = f"{exercise} is yours to write: see {notebook}"
    return f'raise NotImplementedError(\n    "{told}"\n)'


def is_empty(body: str) -> bool:
    """True where nobody has written anything yet: a stub, `pass`, or comments only."""
    lines = [line.strip() for line in body.splitlines()]
    code = [line for line in lines if line and not line.startswith("#")]
    return not code or code == ["pass"] or bool(_STUB.match(code[0]))


def find_regions(source: str, name: str = "") -> list[Region]:
    """Find the regions of one source: a module, or a single cell.

    Raises:
        MarkerError: a marker without its counterpart, one that is indented otherwise,
            or not quite a marker; says which line.
    """
    place = f"{name}, " if name else ""
    regions, opened, scopes = [], None, []
    owners: Counter[str] = Counter()
    for number, line in enumerate(source.splitlines(), start=1):
        text = line.strip()
        if text == START:
            if opened is not None:
                raise MarkerError(f"{place}line {number} opens a region within another")
            opened = (number, line[: line.index("#")])
        elif text == END:
            if opened is None:
                told = "closes a region that was not opened"
                raise MarkerError(f"{place}line {number} {told}")
            start, indent = opened
            if line[: line.index("#")] != indent:
                told = f"is not indented as line {start}, which opens the region"
                raise MarkerError(f"{place}line {number} {told}")
            owner = ".".join(word for depth, word in scopes if depth < len(indent))
            owners[owner] += 1
            regions.append(Region(start, number, indent, owner, owners[owner]))
            opened = None
        elif _is_nearly_a_marker(line):
            told = f"is almost a marker line: {text!r}"
            raise MarkerError(f"{place}line {number} {told}")
        elif opened is None and (found := _DEFINITION.match(line)):
            scopes = [scope for scope in scopes if scope[0] < len(found[1])]
            scopes.append((len(found[1]), found[2]))
    if opened is not None:
        told = f"the region opened in line {opened[0]} is never closed"
        raise MarkerError(f"{place}{told}")
    return regions


def _is_nearly_a_marker(line: str) -> bool:
    return "OF YOUR CODE" in line


def _located(text: str, name: str) -> Iterator[tuple[str, Region]]:
    """Yield each region with the source that it stands in."""
    if not name.endswith(".ipynb"):
        yield from ((text, region) for region in find_regions(text, name))
        return
    for cell, source in _code_cells(json.loads(text)):
        for region in _of_cell(source, cell.get("id", ""), name):
            yield source, region


def _of_cell(source: str, cell_id: str, name: str) -> list[Region]:
    """Find the regions of a cell: all its own, whatever functions it defines."""
    found = find_regions(source, f"{name}, cell {cell_id}")
    return [
        region._replace(owner=cell_id, number=number)
        for number, region in enumerate(found, start=1)
    ]


def _code_cells(notebook: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            yield cell, "".join(cell["source"])  # one string, or a list of lines


def _fill_source(
    source: str, regions: list[Region], bodies: Mapping[tuple[str, int], str]
) -> str:
    lines = source.splitlines(keepends=True)
    for region in reversed(regions):  # from the end, so that line numbers stay true
        body = bodies.get((region.owner, region.number))
        if body is None:
            continue
        opening = lines[region.start - 1]
        newline = opening[len(opening.rstrip("\r\n")) :]
        moved = _move(body.splitlines(), len(region.indent))
        lines[region.start : region.end - 1] = [line + newline for line in moved]
    return "".join(lines)


def _move(lines: list[str], depth: int) -> list[str]:
    """Shift lines so that the first one with code stands at ``depth``."""
    full = [line for line in lines if line.strip()]
    code = [line for line in full if not line.lstrip().startswith("#")]
    first = (code or full or [""])[0]
    shift = depth - (len(first) - len(first.lstrip()))
    if shift == 0:
        return lines
    depths = [len(line) - len(line.lstrip()) + shift for line in lines]
    return [
        " " * depth + line.lstrip() if line.strip() else ""
        for depth, line in zip(depths, lines, strict=True)
    ]
