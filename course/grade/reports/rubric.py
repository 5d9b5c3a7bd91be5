"""What answers to a question are marked by: items of words, with points or without.

An item is written on one line, `0.5 names the product`. Without a number it is a
comment that is used again. Items come from the course's rules and from whoever marks:
those that are in use are offered to all.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Item", "item_of", "items_in", "together"]

ITEM = re.compile(
    r"(?P<points>[+-]?\d{1,3}(?:[.,]\d+)?)(?::\s*|\s+)(?P<text>.+)", re.DOTALL
)
BETWEEN = "|"  # items in a cell of a table
MOST = 30  # items of a question


class Item(NamedTuple):
    """One thing that an answer may have."""

    points: float | None  # None for a comment
    text: str

    def __str__(self) -> str:
        """The line that it is written on."""
        return self.text if self.points is None else f"{self.points:g} {self.text}"


def item_of(line: str) -> Item | None:
    """Read an item; None where there are no words."""
    line = " ".join(line.replace(BETWEEN, "/").split())
    if match := ITEM.fullmatch(line):
        return Item(float(match["points"].replace(",", ".")), match["text"])
    return Item(None, line) if line else None


def items_in(cell: str) -> tuple[str, ...]:
    """Return the items in a cell of a table, each as it is written."""
    found = map(item_of, cell.split(BETWEEN))
    return tuple(dict.fromkeys(str(item) for item in found if item))


def together(*lists: Iterable[str]) -> list[Item]:
    """Join items from several places, each of them once."""
    found = (item_of(line) for lines in lists for line in lines)
    return list(dict.fromkeys(item for item in found if item))[:MOST]
