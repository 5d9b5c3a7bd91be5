"""Recognise outputs without keeping them: a few numbers for each stand for all.

A known mistake is told by what it computes. Of its outputs only this is kept: whether
each one is there, a number for its shape, its length as a vector, and its projections
on a few fixed directions. Enough to recognise it, and useless for anything else.
"""

import zlib
from collections.abc import Iterable, Mapping

import numpy as np

__all__ = ["TOLERANCE", "matches", "matching_rows", "sketch"]

PROJECTIONS = 3
TOLERANCE = 1e-6  # of the vector's length; two spellings of one formula agree to 1e-12
TINY = 1e-6  # a shorter vector is zero but for rounding
LARGEST = 1e100  # of diverging numbers: their squares must not overflow
NOT_FINITE = 12345.678  # stands for nan and infinity, which would spoil a projection


def sketch(outputs: Mapping[str, np.ndarray], names: Iterable[str]) -> np.ndarray:
    """Return a row for each name: (there, shape, length, projections ...)."""
    rows = [_row(name, outputs.get(name)) for name in names]
    return np.array(rows).reshape(-1, 3 + PROJECTIONS)


def _row(name, value) -> list[float]:
    if value is None:
        return [0.0] * (3 + PROJECTIONS)
    values = np.asarray(value, float)
    shape = zlib.crc32(repr(values.shape).encode()) / 2**32
    flat = np.where(np.isfinite(values), values, NOT_FINITE).ravel()
    flat = flat.clip(-LARGEST, LARGEST)
    rng = np.random.RandomState(zlib.crc32(name.encode()))
    directions = rng.standard_normal((PROJECTIONS, flat.size))
    return [1.0, shape, float(np.linalg.norm(flat)), *(directions @ flat)]


def matches(one: np.ndarray, other: np.ndarray, tolerance: float = TOLERANCE) -> bool:
    """True where two sketches are those of the same outputs, to within rounding."""
    return one.shape == other.shape and bool(matching_rows(one, other, tolerance).all())


def matching_rows(
    one: np.ndarray, other: np.ndarray, tolerance: float = TOLERANCE
) -> np.ndarray:
    """Say row by row, which is output by output, whether two sketches agree."""
    if one.shape != other.shape:
        return np.zeros(len(one), bool)
    length = np.maximum(np.maximum(one[:, 2], other[:, 2]), TINY)[:, np.newaxis]
    near = np.abs(one[:, 2:] - other[:, 2:]) <= tolerance * length
    return np.all(one[:, :2] == other[:, :2], axis=1) & near.all(axis=1)
