"""Where an f-string ends: since Python 3.12 it may hold strings with its own quotes.

    f'''{", ".join(f'''{name}''' for name in names)}'''

Before 3.12, the second triple quote ended the string. So these functions are used only
where the Python that runs is 3.12 or newer.
"""

import re
import sys
from typing import NamedTuple

__all__ = ["NESTED", "end_of_fstring", "is_fstring"]

NESTED = sys.version_info >= (3, 12)

_QUOTES = re.compile(r"\"\"\"|'''|\"|'")
_PREFIX = re.compile(r"(?<!\w)(?:[rR]?[fFtT]|[fFtT][rR])$")
_PLAIN = re.compile(
    r'"""(?:[^"\\]|\\[\s\S]|"(?!""))*+(?:""")?'
    r"|'''(?:[^'\\]|\\[\s\S]|'(?!''))*+(?:''')?"
    r"|'(?:[^'\\\r\n]|\\(?:\r\n|[\s\S]))*+'?"
    r'|"(?:[^"\\\r\n]|\\(?:\r\n|[\s\S]))*+"?'
)
_TEXT = re.compile(r"[^\\{}'\"\r\n]++")
_CODE = re.compile(r"[^'\"#(\[{)\]}:]++")


class _Part(NamedTuple):
    """A part of an f-string whose end has not been reached."""

    quote: str  # that ends the string, or the string around the expression
    is_code: bool = False  # an expression between braces
    is_format: bool = False  # a format after the colon of an expression


def is_fstring(source: str, quote: int) -> bool:
    """True where the string whose opening quote is at this offset is an f-string."""
    return bool(_PREFIX.search(source, max(0, quote - 3), quote))


def end_of_fstring(source: str, begin: int, end: int) -> tuple[int, bool]:
    """Find the end of an f-string.

    Args:
        source: the text.
        begin: the offset of its opening quote.
        end: the offset at which to stop looking.

    Returns:
        The offset after it, and whether it is closed. One that is not closed ends with
        its line if its quotes are single ones.
    """
    quote = _QUOTES.match(source, begin)[0]
    stack, depths = [_Part(quote)], []
    place = begin + len(quote)
    while place < end and stack:
        step = _in_code if stack[-1].is_code else _in_text
        place = step(source, place, end, stack, depths)
    return min(place, end), not stack


def _in_text(source, place, end, stack, depths) -> int:
    """Take one step in the text of an f-string, or in a format."""
    part = stack[-1]
    if found := _TEXT.match(source, place, end):
        return found.end()
    if source.startswith(part.quote, place):
        if part.is_format:  # the expression around it was not closed
            del stack[-2:], depths[-1:]
            return place
        stack.pop()
        return place + len(part.quote)
    sign = source[place]
    if sign == "\\":
        named = source.startswith("\\N{", place)
        return source.find("}", place, end) + 1 or end if named else place + 2
    if sign == "{" and (part.is_format or not source.startswith("{{", place)):
        stack.append(_Part(part.quote, is_code=True))
        depths.append(0)
        return place + 1
    if sign == "}" and part.is_format:
        stack.pop()
        return place
    if sign in "\r\n" and len(part.quote) == 1:
        stack.clear()
        return place
    return place + (2 if source.startswith(("{{", "}}"), place) else 1)


def _in_code(source, place, end, stack, depths) -> int:
    """Take one step in an expression between braces."""
    if found := _CODE.match(source, place, end):
        return found.end()
    sign = source[place]
    if sign in "'\"":
        if not is_fstring(source, place):
            return _PLAIN.match(source, place, end).end()
        quote = _QUOTES.match(source, place)[0]
        stack.append(_Part(quote))
        return place + len(quote)
    if sign == "#":
        line = re.compile(r"[^\r\n]*+").match(source, place, end)
        return line.end()
    if sign == "}" and depths[-1] == 0:
        stack.pop()
        depths.pop()
    elif sign in "([{":
        depths[-1] += 1
    elif sign in ")]}":
        depths[-1] -= 1
    elif depths[-1] == 0:  # a colon
        stack.append(_Part(stack[-1].quote, is_format=True))
    return place + 1
