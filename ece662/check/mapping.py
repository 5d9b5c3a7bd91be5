"""A small map of where an array is wrong, for the verdict in a notebook."""

import html
from collections.abc import Sequence

import numpy as np

from ece662.check.comparing import Comparison
from ece662.check.patterns import wrong_entries
from ece662.check.phrases import describe_map

__all__ = ["draw_map"]

SIDE, GAP = 9, 6  # pixels: of an entry, between planes
PLANES = 6  # at most so many are drawn, of an array with more than two axes
LARGEST = 24  # rows or columns; larger planes are not drawn
WRONG, RIGHT = "#c62828", "#9e9e9e"


def draw_map(failed: Sequence[Comparison]) -> str:
    """Return an image (SVG) of the wrong entries of an output, or "".

    The output is the first of which some entries are wrong and others right. Of an
    array with more than two axes, planes along the last two axes are drawn.
    """
    for found in failed:
        wrong = wrong_entries(found)
        if wrong is not None and _is_worth_it(wrong):
            return _svg(found, wrong)
    return ""


def _is_worth_it(wrong) -> bool:
    if wrong.ndim < 2 or not wrong.any() or wrong.all():
        return False
    return max(wrong.shape[-2:]) <= LARGEST


def _svg(found: Comparison, wrong: np.ndarray) -> str:
    H, W = wrong.shape[-2:]
    planes = wrong.reshape(-1, H, W)
    # First the planes with wrong entries, then others, in the order of the array.
    order = sorted(range(len(planes)), key=lambda i: not planes[i].any())
    shown = sorted(order[:PLANES])
    width = len(shown) * (W * SIDE + GAP) - GAP
    height = H * SIDE
    squares = [
        _square(number * (W * SIDE + GAP) + j * SIDE, i * SIDE, planes[plane][i, j])
        for number, plane in enumerate(shown)
        for i in range(H)
        for j in range(W)
    ]
    text = html.escape(_alternative_text(found, wrong, len(shown), len(planes)))
    return (
        f'<br><svg role="img" width="{width}" height="{height}" '
        f'style="margin: 4px 0" aria-label="{text}"><title>{text}</title>'
        f"{''.join(squares)}</svg>"
    )


def _square(left, top, is_wrong) -> str:
    """Return one entry's square: filled if it is wrong, an outline if it is right."""
    look = f'fill="{WRONG}"' if is_wrong else f'fill="none" stroke="{RIGHT}"'
    side = SIDE - 2
    return f'<rect x="{left + 1}" y="{top + 1}" width="{side}" height="{side}" {look}/>'


def _alternative_text(found, wrong, shown, planes) -> str:
    part = "" if planes == shown else f" ({shown} of {planes} planes are drawn)"
    where = describe_map(wrong)
    return (
        f"Map of {found.name}, of shape {wrong.shape}, in the case '{found.case}'"
        f"{part}: {int(wrong.sum())} of {wrong.size} entries are wrong, filled"
        f"{'; ' + where if where else ''}; the right ones are outlines."
    )
