"""Correct padding and windows, for mistakes in other steps."""

import numpy as np

from ece662._checks import pool_output_size

__all__ = ["pad_images", "pool_windows", "window_of"]


def pad_images(x, pad, mode="constant"):
    """Return images with a border of `pad` pixels, zeros by default."""
    return np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode=mode)


def window_of(i, j, stride, HH, WW):
    """Return the rows and the columns of the window of output (i, j)."""
    top, left = i * stride, j * stride
    return slice(top, top + HH), slice(left, left + WW)


def pool_windows(x, pool_param, down=None, across=None, height=None, width=None):
    """Yield each output's index and its window, with other steps or another size."""
    stride = pool_param["stride"]
    height, width = (
        height or pool_param["pool_height"],
        width or pool_param["pool_width"],
    )
    H_out, W_out = pool_output_size(x, pool_param)
    for n, c, i, j in np.ndindex(*x.shape[:2], H_out, W_out):
        top, left = i * (down or stride), j * (across or stride)
        place = (n, c, slice(top, top + height), slice(left, left + width))
        yield (n, c, i, j), place
