"""A source as Python sees it: its lines, and which of them are marker lines.

A line ends with `\\n`, `\\r\\n` or `\\r` and nothing else: a form feed or U+2028 in a
comment is a character like any other. Code inside a string is text. Python's own parser
is not used, because a student's file may hold a syntax error, and an untrusted file may
hold anything. Every function here takes time linear in its input.
"""

import enum
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from ece662.exercises import fstrings

__all__ = [
    "END",
    "START",
    "Line",
    "LineKind",
    "code_lines",
    "column_of",
    "first_statement",
    "scan",
    "split",
]

START = "# *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****"
END = "# *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****"

BYTE_ORDER_MARK = "\ufeff"
TAB = 8  # columns, as Python counts them
MAX_INDENT = 1000  # characters of an indentation that are counted
MAX_NAME = 100  # characters of a name that are kept

_NEWLINE = re.compile(r"\r\n?|\n")
_DEFINITION = re.compile(r"[ \t\f]*+(?:async[ \t]++)?(?:def|class)[ \t]++(\w++)")
_TOKEN = re.compile(
    r"(?P<newline>\r\n?|\n)"
    r"|(?P<comment>\#[^\r\n]*+)"
    r'|(?P<triple>"""(?:[^"\\]|\\[\s\S]|"(?!""))*+(?P<closed>""")?'
    r"|'''(?:[^'\\]|\\[\s\S]|'(?!''))*+(?P<shut>''')?)"
    r"|(?P<string>'(?:[^'\\\r\n]|\\(?:\r\n|[\s\S]))*+'?"
    r'|"(?:[^"\\\r\n]|\\(?:\r\n|[\s\S]))*+"?)'
    r"|(?P<code>[^\r\n#'\"]++)"
)
_CUT = re.compile(  # see `scan`
    r"(?:^|(?<=[\r\n]))[ \t\f]*+"
    r"(?:\# \*{5}(?:START|END) OF YOUR CODE|(?:async[ \t]++)?(?:def|class)[ \t]++\w)"
)


class LineKind(enum.Enum):
    """What a line is."""

    CODE = enum.auto()
    COMMENT = enum.auto()
    BLANK = enum.auto()
    INSIDE = enum.auto()  # its first character is within a string
    START = enum.auto()
    END = enum.auto()
    ALMOST = enum.auto()  # a damaged marker line


class Line(NamedTuple):
    """One line of a source."""

    begin: int  # where its text begins in the source
    end: int  # where its text ends
    after: int  # where the next line begins
    kind: LineKind
    indent: str
    defines: str = ""  # the function or class that begins here, or its copy in a string


def split(text: str) -> list[str]:
    """Split a text into lines as Python does, without their ends."""
    return _NEWLINE.split(text)


def column_of(indent: str) -> int:
    """Return the column at which code with this indentation begins, as in Python."""
    column = 0
    for character in indent[:MAX_INDENT]:
        if character == "\t":
            column = (column // TAB + 1) * TAB
        else:
            column = 0 if character == "\f" else column + 1
    return column


def scan(source: str) -> list[Line]:
    """Find the lines of a source.

    A string that is never closed would contain everything below it, and Python rejects
    the whole source. Here such a string ends before the next marker line or definition,
    so that the mistake affects only the function in which it was made.
    """
    begin = len(BYTE_ORDER_MARK) if source.startswith(BYTE_ORDER_MARK) else 0
    lines, is_closed = _scan_part(source, begin, len(source))
    if is_closed:
        return lines
    cuts = [match.start() for match in _CUT.finditer(source, begin)]
    ends = sorted({begin, *cuts, len(source)})
    parts = (_scan_part(source, *part)[0] for part in pairwise(ends))
    return [line for lines in parts for line in lines]


def _scan_part(source: str, begin: int, end: int) -> tuple[list[Line], bool]:
    """Find the lines of a part of a source; the part begins at the start of a line.

    Returns:
        The lines, and whether every string over several lines is closed.
    """
    lines: list[Line] = []
    inside, suspicious, is_closed = False, False, True
    place = begin
    while match := _TOKEN.match(source, place, end):
        place = match.end()
        if match["newline"]:
            line = _line(source, begin, match, inside, suspicious)
            lines.append(line)
            begin, inside, suspicious = match.end(), False, False
        elif match["comment"] or match["code"]:
            suspicious = suspicious or "OF YOUR CODE" in match[0].upper()
        else:
            if fstrings.NESTED and fstrings.is_fstring(source, match.start()):
                place, closed = fstrings.end_of_fstring(source, match.start(), end)
                is_closed = is_closed and closed
            elif match["triple"]:
                is_closed = bool(match["closed"] or match["shut"])
            for newline in _NEWLINE.finditer(source, match.start(), place):
                lines.append(_line(source, begin, newline, inside, suspicious))
                begin, inside, suspicious = newline.end(), True, False
    if begin < end:
        lines.append(_line(source, begin, None, inside, suspicious, end))
    return lines, is_closed


def _line(
    source: str,
    begin: int,
    newline: re.Match | None,
    inside: bool,
    suspicious: bool,
    end: int = 0,
) -> Line:
    end, after = newline.span() if newline else (end, end)
    text = source[begin:end]
    bare = text.lstrip(" \t\f")
    indent = text[: len(text) - len(bare)]
    if inside:
        return Line(begin, end, after, LineKind.INSIDE, indent, _defined(text))
    if suspicious:
        marker = {START: LineKind.START, END: LineKind.END}.get(
            bare.rstrip(), LineKind.ALMOST
        )
        return Line(begin, end, after, marker, indent)
    if not bare:
        return Line(begin, end, after, LineKind.BLANK, indent)
    if bare.startswith("#"):
        return Line(begin, end, after, LineKind.COMMENT, indent)
    return Line(begin, end, after, LineKind.CODE, indent, _defined(text))


def _defined(text: str) -> str:
    found = _DEFINITION.match(text)
    return found[1][:MAX_NAME] if found else ""


def first_statement(source: str) -> tuple[int, str]:
    """Find the first statement of a source.

    Returns:
        Its line, counted from 1, and the text after it; 0 and "" where there is none.
    """
    lines = scan(source)
    code = (n for n, line in enumerate(lines, 1) if line.kind is LineKind.CODE)
    if not (number := next(code, 0)):
        return 0, ""
    depth = 0
    for match in _TOKEN.finditer(source, lines[number - 1].begin):
        if text := match["code"]:
            depth += sum(map(text.count, "([{")) - sum(map(text.count, ")]}"))
        elif match["newline"] and depth <= 0:
            return number, source[match.end() :]
    return number, ""


def code_lines(source: str) -> Iterator[str]:
    """Yield the lines that hold code, without indentation and trailing space."""
    for line in scan(source):
        if line.kind is LineKind.CODE:
            yield source[line.begin : line.end].strip()
