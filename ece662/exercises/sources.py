"""One source parsed: a module or a cell, its definitions and their regions.

What Python would run is what counts. Where a function is defined twice, the last
definition counts; code in a string is a string. A damaged marker line spoils the
definition that it is in and no other.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ece662.exercises.findings import Fault, Finding
from ece662.exercises.lines import Line, LineKind, column_of, scan, split

__all__ = ["Definition", "Region", "Source", "move", "parse"]

DEEPEST = 4  # levels of nested definitions that are looked at
_CONFLICT = ("<<<<<<<", ">>>>>>>")  # the first characters of a merge conflict's lines


class Region(NamedTuple):
    """Where a region is, and which owner's."""

    start: int  # the line of the START marker, counted from 1 in the module or cell
    end: int  # the line of the END marker
    indent: str  # the indentation of both
    owner: str = ""  # function, method or cell; "" at the top level of a module
    number: int = 1  # which of its owner's regions


@dataclass
class Definition:
    """A function or a class, or the source itself, which has no name."""

    name: str = ""
    line: int = 1
    column: int = -1
    outer: "Definition | None" = None
    inner: dict[str, "Definition"] = field(default_factory=dict)  # last one by name
    regions: list[tuple[int, int, str]] = field(default_factory=list)
    faults: list[Finding] = field(default_factory=list)
    times: int = 1  # how often the outer one has defined this name so far


@dataclass
class Source:
    """A parsed source."""

    text: str
    lines: list[Line]
    definitions: dict[str, Definition]  # by path; only the last one of a path
    faults: list[Finding]  # without file and owner

    def regions_of(self, path: str) -> list[tuple[int, int, str]]:
        """Return start, end and indentation of a definition's regions, in order."""
        found = self.definitions.get(path)
        return found.regions if found else []

    def body(self, region: tuple[int, int, str]) -> str:
        """Return the text in a region; each of its lines ends with a newline."""
        start, end, _ = region
        first, last = self.lines[start - 1], self.lines[end - 1]
        return "\n".join(split(self.text[first.after : last.begin])[:-1])

    def with_bodies(self, bodies: Mapping[tuple[int, int, str], str]) -> str:
        """Return the text with other bodies in some regions, each indented to fit."""
        parts, done = [], 0
        for region in sorted(bodies):
            start, end, indent = region
            body = bodies[region]
            if body == self.body(region):
                continue
            first, last = self.lines[start - 1], self.lines[end - 1]
            newline = self.text[first.end : first.after]
            moved = split(move(body, indent)) if body else []
            parts.append(self.text[done : first.after])
            parts += [line + newline for line in moved]
            done = last.begin
        return "".join([*parts, self.text[done:]])


def parse(text: str, ends: Callable[[str], bool] | None = None) -> Source:
    """Find the regions of a source; never raises.

    Args:
        text: a module, or a cell.
        ends: returns True for the name of a function or class that closes a region
            still open above it; None for a cell, which owns all regions in it.
    """
    lines = scan(text)
    top = Definition()
    _Parser(lines, text, top, ends).run()
    definitions = dict(_reachable(top))
    faults = [fault for found in definitions.values() for fault in found.faults]
    return Source(text, lines, definitions, faults)


def _reachable(definition: Definition) -> Iterator[tuple[str, Definition]]:
    """Yield the definitions that count by path, nested ones included.

    The depth is limited because the paths of deeply nested definitions would take time
    and memory with the square of the source's length; no exercise is nested deeply.
    """
    waiting = [("", definition, 0)]
    while waiting:
        path, found, depth = waiting.pop()
        yield path, found
        prefix = f"{path}." if path else ""
        inner = found.inner.items() if depth < DEEPEST else ()
        waiting += [(prefix + name, within, depth + 1) for name, within in inner]


class _Parser:
    """One walk over the lines."""

    def __init__(self, lines, text, top, ends):
        self.lines, self.text, self.ends = lines, text, ends
        self.scopes = [top]
        self.opened: tuple[int, str, Definition] | None = None

    def run(self) -> None:
        for number, line in enumerate(self.lines, start=1):
            if line.kind is LineKind.START:
                self._start(number, line)
            elif line.kind is LineKind.END:
                self._end(number, line)
            elif line.kind is LineKind.ALMOST:
                text = self.text[line.begin : line.end].strip()[:100]
                self._fault(number, Finding(Fault.ALMOST, line=number, text=text))
            elif line.defines and _is_code(line) and self.ends is not None:
                self._define(number, line)
            elif self._is_of_a_conflict(line):
                self._fault(number, Finding(Fault.CONFLICT, line=number))
        self._never_closed(len(self.lines))

    def _start(self, number: int, line: Line) -> None:
        if self.opened is not None:
            fault = Finding(Fault.WITHIN, line=number)
            self.opened[2].faults.append(fault)
            return
        self.opened = (number, line.indent, self._owner(number))

    def _end(self, number: int, line: Line) -> None:
        if self.opened is None:
            self._fault(number, Finding(Fault.UNOPENED, line=number))
            return
        start, indent, owner = self.opened
        if line.indent != indent:
            owner.faults.append(Finding(Fault.INDENTED, line=number, other=start))
        owner.regions.append((start, number, indent))
        self.opened = None

    def _define(self, number: int, line: Line) -> None:
        column = column_of(line.indent)
        if self.opened is not None:
            # A helper inside the region, unless the region's function has ended.
            if column > self.opened[2].column or not self.ends(line.defines):
                return
            self._never_closed(number)
        while self.scopes[-1].column >= column:
            self.scopes.pop()
        outer = self.scopes[-1]
        before = outer.inner.get(line.defines)
        times = before.times + 1 if before else 1
        new = Definition(line.defines, number, column, outer, times=times)
        outer.inner[line.defines] = new
        self.scopes.append(new)

    def _never_closed(self, here: int) -> None:
        if self.opened is not None:
            start, _, owner = self.opened
            owner.faults.append(Finding(Fault.UNCLOSED, line=start, other=here))
            self.opened = None

    def _is_of_a_conflict(self, line: Line) -> bool:
        return _is_code(line) and self.text.startswith(_CONFLICT, line.begin)

    def _fault(self, number: int, fault: Finding) -> None:
        owner = self.opened[2] if self.opened else self._owner(number)
        owner.faults.append(fault)

    def _owner(self, number: int) -> Definition:
        """Return the definition that a comment line belongs to.

        Python ignores a comment's indentation, so that of the next line of code counts,
        if it is deeper.
        """
        column = column_of(self.lines[number - 1].indent)
        below = next(filter(_is_code, self.lines[number : number + 200]), None)
        if below is not None:
            column = max(column, column_of(below.indent))
        deeper = bisect_left(self.scopes, column, key=lambda scope: scope.column)
        return self.scopes[max(0, deeper - 1)]


def _is_code(line: Line) -> bool:
    return line.kind is LineKind.CODE


def move(body: str, indent: str) -> str:
    """Move code, as a whole, to another indentation.

    The first line of code gets the new indentation, and so do all lines that begin with
    its old one. Lines inside a string are left as they are.
    """
    lines = scan(body)
    shown = [line for line in lines if line.kind is not LineKind.BLANK]
    first = next(filter(_is_code, lines), shown[0] if shown else None)
    if first is None or first.indent == indent:
        return body
    moved = []
    for line in lines:
        text = body[line.begin : line.after]
        if line.kind is LineKind.BLANK:
            moved.append(body[line.end : line.after])
        elif line.kind is LineKind.INSIDE or not text.startswith(first.indent):
            moved.append(text)
        else:
            moved.append(indent + text[len(first.indent) :])
    return "".join(moved)
