"""Which entries of an array are wrong, and the pattern that they form."""

import enum
from typing import NamedTuple

import numpy as np

from ece662.check.comparing import Comparison

__all__ = ["Pattern", "Where", "pattern_of", "wrong_entries"]

BY_CHANCE = 0.02  # a pattern that random entries show more often says nothing
WRONG = 1e-7  # of the largest value: more than rounding
NOTICED = 1e-3  # of the smallest error that is more than rounding
EXACT = 1e-13  # of the largest value: less is rounding in float64


class Where(enum.Enum):
    """What the wrong entries have in common."""

    BORDER = enum.auto()
    INSIDE = enum.auto()
    EVERY_OTHER = enum.auto()  # along an axis
    ONLY = enum.auto()  # all entries at some indices of an axis
    NOWHERE_ELSE = enum.auto()  # a part of the entries at some indices of an axis


class Pattern(NamedTuple):
    """A pattern of wrong entries."""

    where: Where
    axis: int = 0
    places: tuple[int, ...] = ()  # indices along the axis


def wrong_entries(found: Comparison) -> np.ndarray | None:
    """Return a mask of the wrong entries; None where the shapes differ."""
    got, want = found.got, found.want
    if got is None or got.shape != want.shape or want.dtype.kind not in "fiu":
        return None
    scale = np.max(np.abs(want), initial=0.0) or 1.0
    off = np.abs(got.astype(float) - want)
    wrong = ~(off <= WRONG * scale)
    # An error that is merely smaller, as that of a tiny eps, is wrong like the others.
    least = np.min(off[wrong], initial=np.inf)
    return wrong | ~(off <= max(NOTICED * least, EXACT * scale))


def pattern_of(wrong: np.ndarray) -> Pattern | None:
    """Return the pattern of the wrong entries, None where there is none."""
    if not wrong.any() or wrong.all():
        return None
    for axis in range(wrong.ndim):
        rest = tuple(i for i in range(wrong.ndim) if i != axis)
        touched, throughout = wrong.any(axis=rest), wrong.all(axis=rest)
        places = tuple(int(i) for i in np.flatnonzero(touched))
        is_whole = bool(np.all(touched == throughout))
        by_chance = (len(places) / len(touched)) ** wrong.sum()
        if len(places) == len(touched) or (not is_whole and by_chance > BY_CHANCE):
            continue
        if len(places) > 1 and set(np.diff(places)) == {2}:
            return Pattern(Where.EVERY_OTHER, axis, places)
        where = Where.ONLY if is_whole else Where.NOWHERE_ELSE
        return Pattern(where, axis, places)
    inside = tuple(slice(1, -1) for _ in range(min(2, wrong.ndim)))
    core = wrong[(..., *inside)]
    share = core.size / wrong.size  # of the entries that are not at the border
    if share and not core.any() and (1 - share) ** wrong.sum() <= BY_CHANCE:
        return Pattern(Where.BORDER)
    if share and core.sum() == wrong.sum() and share ** wrong.sum() <= BY_CHANCE:
        return Pattern(Where.INSIDE)
    return None
