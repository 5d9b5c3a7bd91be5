"""The fill-in regions: where a student writes, in modules and in notebook cells.

A region is the text between two marker lines; only `ece662.exercises.lines` defines
what those look like. A region is identified by its *owner* and its number there,
counted from 1: in a module the owner is the function or method around it
("affine_forward", "TwoLayerNet.loss"), in a notebook the id of the cell.

    parse_file(text, name)      everything: regions, faults and notes
    find(text, name)            where the regions are
    read(text, name)            the texts in them, their bodies
    fill(text, name, bodies)    the same file with other bodies

None of them reads or writes a file. `name` is the path from the course's root; by its
suffix the text is parsed as a module or as a notebook. Lines of a body end with `\\n`.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ece662.exercises import EXERCISES
from ece662.exercises.findings import Fault, Finding, MarkerError, Note
from ece662.exercises.lines import (
    END,
    START,
    LineKind,
    code_lines,
    first_statement,
    scan,
)
from ece662.exercises.naming import ANSWER, name_cells
from ece662.exercises.notebooks import Cell, cells_of, in_format_4, with_sources
from ece662.exercises.sources import Region, Source, parse

__all__ = [
    "ANSWER",
    "END",
    "START",
    "MarkerError",
    "Parsed",
    "Region",
    "fill",
    "find",
    "find_regions",
    "is_empty",
    "left_raise",
    "parse_file",
    "read",
    "stub",
]

MAX_CELLS = 2 << 20  # characters, of all cells of a notebook that may hold regions

_STUB = re.compile(r"raise NotImplementedError\b")
_BINDS = re.compile(
    r"(?P<names>[A-Za-z_]\w*(?:\s*[,=]\s*[A-Za-z_]\w*)*?)\s*(?::[^=]*)?=(?!=)|"
    r"(?:from\s.+\s)?import\s+(?P<taken>.+)"
)

Key = tuple[str, int]  # owner and number


class Location(NamedTuple):
    """Where one region is in a file."""

    source: Source
    span: tuple[int, int, str]  # lines of the markers, and their indentation
    cell: int = 0  # the cell's number, in a notebook


@dataclass
class Parsed:
    """What was found in a file, whether its marker lines are whole or damaged."""

    text: str
    name: str
    places: dict[Key, Location] = field(default_factory=dict)
    # By owner; "" for faults outside of every owner.
    faults: dict[str, list[Finding]] = field(default_factory=dict)
    notes: list[Finding] = field(default_factory=list)
    cells: dict[str, Cell] = field(default_factory=dict)  # by name, in a notebook
    lines: dict[str, int] = field(default_factory=dict)  # first line of each owner

    @property
    def regions(self) -> dict[Key, Region]:
        """The regions, in the order of the file."""
        return {key: Region(*place.span, *key) for key, place in self.places.items()}

    @property
    def bodies(self) -> dict[Key, str]:
        """The texts in the regions."""
        return {
            key: place.source.body(place.span) for key, place in self.places.items()
        }

    def require_whole(self) -> None:
        """Raise a MarkerError for the first fault, if there is one."""
        faults = [fault for faults in self.faults.values() for fault in faults]
        if faults:
            raise MarkerError(faults[0])

    def fill(self, bodies: Mapping[Key, str]) -> str:
        """Return the text with other bodies in some regions.

        Raises:
            MarkerError: the region's owner is damaged, or a body holds a marker line.
            KeyError: there is no such region.
        """
        wanted: dict[int, dict[tuple[int, int, str], str]] = {}
        sources = {}
        for key, body in bodies.items():
            if faults := self.faults.get(key[0]):
                raise MarkerError(faults[0])
            if key not in self.places:
                raise KeyError(f"{self.name} has no region {key[1]} in {key[0]}")
            if _holds_a_marker(body):
                message = f"{self.name}: the text for {key[0]} holds a marker line"
                raise MarkerError(message)
            source, span, cell = self.places[key]
            wanted.setdefault(cell, {})[span] = body
            sources[cell] = source
        changed = {cell: sources[cell].with_bodies(wanted[cell]) for cell in wanted}
        if not self.name.endswith(".ipynb"):
            return changed.get(0, self.text)
        new = {cell: s for cell, s in changed.items() if s != sources[cell].text}
        return with_sources(self.text, new)


def parse_file(text: str, name: str) -> Parsed:
    """Parse a module or a notebook.

    Raises:
        NotebookError: the name ends in .ipynb, and the text is not a notebook.
    """
    listed = [exercise for exercise in EXERCISES if exercise.file == name]
    if name.endswith(".ipynb"):
        return _parse_notebook(text, name, listed)
    names = {w for e in listed for owner in e.regions for w in owner.split(".")}
    source = parse(text, names.__contains__ if names else lambda name: True)
    parsed = Parsed(text, name)
    spans = []
    for path, definition in source.definitions.items():
        spans += [(span, path, n) for n, span in enumerate(definition.regions, 1)]
        parsed.lines[path] = definition.line
        _add_faults(parsed, path, definition.faults)
        if definition.times > 1 and path in {o for e in listed for o in _and_outer(e)}:
            note = Finding(Note.TWICE, name, path, definition.line, definition.times)
            parsed.notes.append(note)
    for span, path, number in sorted(spans):
        parsed.places[path, number] = Location(source, span)
    parsed.notes += [*_quoted(source, name, listed), *_bound(source, name, listed)]
    return parsed


def _bound(source: Source, name: str, listed) -> Iterator[Finding]:
    """Yield a note where a function or class is bound to something else below it."""
    owners = {owner.partition(".")[0] for e in listed for owner in e.regions}
    for number, line in enumerate(source.lines, start=1):
        text = source.text[line.begin : line.end]
        match = None if line.kind is LineKind.INSIDE else _BINDS.match(text)
        bound = re.findall(r"\w+", match["names"] or match["taken"]) if match else ()
        for owner in owners.intersection(bound):
            defined = source.definitions.get(owner)
            if defined and number > defined.line:
                yield Finding(Note.BOUND, name, owner, number)


def _quoted(source: Source, name: str, listed) -> Iterator[Finding]:
    """Yield a note for each function or class of an exercise copied in a string."""
    owners = {owner: owner for e in listed for owner in _and_outer(e)}
    methods = Counter(owner.rpartition(".")[2] for owner in owners)
    owners |= {o.rpartition(".")[2]: o for o in owners if "." in o}
    for number, line in enumerate(source.lines, start=1):
        # `loss` is a method of two classes; a copy in a string may be either's.
        is_copy = line.kind is LineKind.INSIDE and methods[line.defines] == 1
        if is_copy and line.defines in owners:
            yield Finding(Note.QUOTED, name, owners.pop(line.defines), number)


def _and_outer(exercise) -> Iterator[str]:
    for owner in exercise.regions:
        yield owner
        yield owner.partition(".")[0]


def _parse_notebook(text, name, listed) -> Parsed:
    new = in_format_4(text, name)
    old = [Finding(Note.OLD, name, other=3)] if new is not text else []
    text, cells = new, cells_of(new, name)
    sources, left, long = {}, MAX_CELLS, set()
    for cell in filter(_may_hold, cells):
        if len(cell.source) <= left:
            left -= len(cell.source)
            sources[cell.number] = parse(cell.source)
        else:
            long.add(cell.number)
    spans = {n: source.regions_of("") for n, source in sources.items()}
    bodies = {
        number: [sources[number].body(span) for span in found]
        for number, found in spans.items()
        if found
    }
    names, notes = name_cells(cells, listed, bodies, is_empty)
    notes = [*old, *(note._replace(file=name) for note in notes)]
    parsed = Parsed(text, name, notes=notes)
    for cell in cells:
        own = names[cell.number]
        parsed.cells[own] = cell
        if cell.number in long:
            other = len(cell.source)
            fault = Finding(Fault.LONG, other=other, limit=MAX_CELLS)
            _add_faults(parsed, own, [fault])
        if cell.number not in sources:
            continue
        _add_faults(parsed, own, sources[cell.number].faults)
        for number, span in enumerate(spans[cell.number], start=1):
            parsed.places[own, number] = Location(
                sources[cell.number], span, cell.number
            )
    return parsed


def _may_hold(cell: Cell) -> bool:
    """True where marker lines in a cell count: in Markdown, only undamaged ones do."""
    if "OF YOUR CODE" not in cell.source.upper():
        return False
    return cell.kind == "code" or (START in cell.source and END in cell.source)


def _add_faults(parsed: Parsed, owner: str, faults) -> None:
    if faults:
        own = [fault._replace(file=parsed.name, owner=owner) for fault in faults]
        parsed.faults[owner] = own


def find(text: str, name: str) -> list[Region]:
    """Find the regions of a file, in order.

    Args:
        text: the whole text of a module or a notebook.
        name: its file name.

    Raises:
        MarkerError: a damaged marker line; says the file, the cell and the line.
    """
    parsed = parse_file(text, name)
    parsed.require_whole()
    return list(parsed.regions.values())


def read(text: str, name: str) -> dict[Key, str]:
    """Read the texts in the regions, unchanged.

    Returns:
        The bodies by (owner, number). `fill` with them returns the same file.

    Raises:
        MarkerError: as `find`.
    """
    parsed = parse_file(text, name)
    parsed.require_whole()
    return parsed.bodies


def fill(text: str, name: str, bodies: Mapping[Key, str]) -> str:
    """Write other bodies into some regions; every other character stays as it is.

    Args:
        text: the whole text of a module or a notebook.
        name: its file name.
        bodies: the new bodies by (owner, number); each is moved, as a whole, to the
            indentation of its region.

    Raises:
        MarkerError: as `find`; or a body holds a marker line itself.
        KeyError: there is no such region.
    """
    parsed = parse_file(text, name)
    parsed.require_whole()
    return parsed.fill(bodies)


def find_regions(source: str, name: str = "") -> list[Region]:
    """Find the regions of one source: a module, or a single cell.

    Raises:
        MarkerError: a marker without its counterpart, one that is indented otherwise,
            or not quite a marker; says which line.
    """
    return find(source, name)


def stub(exercise: str, notebook: str | None) -> str:
    """Return the text that a region is handed out with.

    Args:
        exercise: its id.
        notebook: the notebook that explains it; None for a cell of that notebook, where
            a comment is enough (and a `pass`, as the region may be a whole function).
    """
    if notebook is None:
        return f"# Your code for the exercise {exercise} goes here.\npass"
    message = f"{exercise} is yours to write: see {notebook}"
    return f'raise NotImplementedError(\n    "{message}"\n)'


def is_empty(body: str) -> bool:
    """True where nothing is written yet: a stub, `pass`, or comments only."""
    code = list(code_lines(body))
    return not code or code == ["pass"] or bool(_STUB.match(code[0]))


def left_raise(body: str) -> int:
    """Return the line of the stub's `raise`, where it was left above written code.

    The code below it never runs. Counted from 1 in the body; 0 where there is none.
    """
    if not is_empty(body):
        return 0
    number, below = first_statement(body)
    return number if any(line != "pass" for line in code_lines(below)) else 0


def _holds_a_marker(body: str) -> bool:
    markers = (LineKind.START, LineKind.END, LineKind.ALMOST)
    return any(line.kind in markers for line in scan(body))
