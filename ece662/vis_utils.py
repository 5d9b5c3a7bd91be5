"""Small tools to look at many pictures at once."""

import math

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["visualize_grid"]


def visualize_grid(
    Xs: ArrayLike, ubound: float = 255.0, padding: int = 1
) -> np.ndarray:
    """Lay pictures out in a square grid, each stretched to the full range of values.

    Args:
        Xs: (N, H, W, C) pictures, or first-layer weights turned into such.
        ubound: the value that the brightest entry of each picture gets; the darkest
            gets 0, and a picture of one value only becomes 0.
        padding: blank pixels between pictures.

    Returns:
        grid: (G * H + (G - 1) * padding, G * W + (G - 1) * padding, C) float array,
            where G = ceil(sqrt(N)); unused places are 0.

    Raises:
        ValueError: Xs has not four axes, or no picture.
    """
    Xs = np.asarray(Xs)
    if Xs.ndim != 4 or len(Xs) == 0:
        raise ValueError(f"Xs must be (N, H, W, C) with N > 0, got shape {Xs.shape}")
    N, H, W, C = Xs.shape
    side = math.ceil(math.sqrt(N))
    row_step, column_step = H + padding, W + padding
    grid = np.zeros((side * row_step - padding, side * column_step - padding, C))
    for n, picture in enumerate(Xs):
        top, left = n // side * row_step, n % side * column_step
        grid[top : top + H, left : left + W] = _stretch(picture, ubound)
    return grid


def _stretch(picture: np.ndarray, ubound: float) -> np.ndarray:
    low, high = picture.min(), picture.max()
    if low == high:
        return np.zeros_like(picture, dtype=float)
    return ubound * (picture - low) / (high - low)
