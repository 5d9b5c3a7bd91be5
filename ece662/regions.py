"""The fill-in regions: where a student writes, in modules and in notebook cells.

A region is what stands between the two marker lines below. Nothing else in the
repository knows what a marker looks like.
"""

from typing import NamedTuple

__all__ = ["END", "START", "Region", "find_regions"]

START = "# *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****"
END = "# *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****"


class Region(NamedTuple):
    """Line numbers of the two markers, counted from 1, and their indentation."""

    start: int
    end: int
    indent: str


def find_regions(source: str) -> list[Region]:
    """Find the fill-in regions of a module or a cell, in their order.

    Raises:
        ValueError: a marker without its counterpart, or not quite a marker; says
            which line.
    """
    regions, opened = [], None
    for number, line in enumerate(source.splitlines(), start=1):
        text = line.strip()
        if "OF YOUR CODE" in text and text not in (START, END):
            raise ValueError(f"line {number} is almost a marker line: {text!r}")
        if text == START:
            if opened is not None:
                raise ValueError(f"line {number} opens a region within another")
            opened = number
        elif text == END:
            if opened is None:
                raise ValueError(f"line {number} closes a region that was not opened")
            regions.append(Region(opened, number, line[: line.index("#")]))
            opened = None
    if opened is not None:
        raise ValueError(f"the region opened in line {opened} is never closed")
    return regions
