"""Factors and terms between an output and the expected one, and what they may be."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ece662.check.comparing import Comparison

__all__ = [
    "CLOSE",
    "Size",
    "close",
    "common_size",
    "constant_axes",
    "factor_of",
]

CLOSE = 1e-7  # of the largest value


class Size(NamedTuple):
    """A possible value of a factor: a size of an array, or a setting."""

    of: str  # "N", "D", "all", "pixels", "area", "unbiased", "2", or a setting's name
    array: str = ""
    rest: bool = False  # one minus the setting
    over: bool = False  # one divided by it


def close(a, b, tolerance=CLOSE) -> bool:
    """Return whether two arrays agree, b being broadcast to a."""
    scale = max(np.max(np.abs(b), initial=0.0), 1e-9)
    return a.shape == np.shape(np.broadcast_to(b, a.shape)) and bool(
        np.all(np.abs(a - b) <= tolerance * scale)
    )


def factor_of(found: Comparison) -> float | None:
    """Return the factor between got and want, None where there is no single one."""
    if found.got is None or found.got.shape != found.want.shape or not found.want.size:
        return None
    got, want = found.got.astype(float), found.want.astype(float)
    power = np.sum(want * want)
    if power == 0 or not np.all(np.isfinite(got)):
        return None
    factor = float(np.sum(got * want) / power)
    return factor if close(got, factor * want) else None


def constant_axes(array) -> tuple[int, ...]:
    """Return the axes, longer than 1, along which an array does not change."""
    return tuple(
        axis
        for axis in range(array.ndim)
        if array.shape[axis] > 1 and close(array, array.mean(axis, keepdims=True))
    )


def common_size(
    factors: Sequence[float],
    failed: Sequence[Mapping],
    passed: Sequence[Mapping],
) -> Size | None:
    """Return the size or setting that explains the factor of every case.

    Args:
        factors: of the cases that failed.
        failed: their inputs.
        passed: the inputs of the cases where the output is right: there the factor is
            1, and so has to be the size.
    """
    sizes = [_sizes_of(inputs) for inputs in failed]
    if not sizes:
        return None
    others = [_sizes_of(inputs) for inputs in passed]
    for over in (False, True):
        for size in sizes[0]:
            fits = all(
                size in found
                and np.isclose(
                    factor * found[size] if over else factor, 1 if over else found[size]
                )
                for factor, found in zip(factors, sizes, strict=True)
            )
            if fits and all(np.isclose(found.get(size, 1), 1) for found in others):
                return size._replace(over=over)
    return None


def _sizes_of(inputs: Mapping) -> dict[Size, float]:
    """Return the sizes and settings of a case that a factor may be."""
    sizes = {Size("2"): 2.0}
    for name in ("x", "X", "batches"):
        if name in inputs:
            shape = np.shape(inputs[name])[1 if name == "batches" else 0 :]
            sizes |= _sizes_of_shape(shape, name)
    for name, value in inputs.items():
        if isinstance(value, float):
            sizes[Size(name)] = value
            sizes[Size(name, rest=True)] = 1 - value
    return sizes


def _sizes_of_shape(shape, name) -> dict[Size, float]:
    sizes = {Size("N"): float(shape[0])}
    if len(shape) > 1:
        sizes[Size("D")] = float(np.prod(shape[1:]))
        sizes[Size("all", name)] = float(np.prod(shape))
    rows = shape[0]
    if len(shape) == 4:
        N, _, H, W = shape
        rows = N * H * W
        sizes[Size("pixels")] = float(rows)
        sizes[Size("area")] = float(H * W)
    if rows > 1:
        sizes[Size("unbiased")] = rows / (rows - 1)
    return sizes
