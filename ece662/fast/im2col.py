"""Convolution and pooling by matrix products: im2col, in plain NumPy.

The window below a filter holds C * HH * WW pixels. Written down as a column, with the
columns of all windows side by side, they make a matrix; a filter written as a row meets
every window in one matrix product:

      image, C = 1            im2col, 2 x 2 windows        w     (F, C * HH * WW)
        a b c                   a b d e                  @ columns (C * HH * WW, L)
        d e f      becomes      b c e f                  = out   (F, L)
        g h i                   d e g h
                                e f h i                  L = H_out * W_out windows

A pixel stands in as many columns as there are windows that see it, so the matrix is
larger than the image: nine times for a 3 x 3 filter. That is what it costs to hand the
work to the matrix product, the most carefully tuned loop there is. One image at a time,
the matrix stays in the cache.

`col2im` goes the way back for gradients: each pixel sums what its copies received.

The layers have the signatures and caches of `ece662.fast_layers`, which uses them where
there are no compiled kernels.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ece662._checks import (
    as_floats,
    check_dout,
    conv_output_size,
    pool_output_size,
)

__all__ = [
    "col2im",
    "conv_backward_im2col",
    "conv_forward_im2col",
    "im2col",
    "max_pool_backward_im2col",
    "max_pool_forward_im2col",
]


def im2col(image, HH, WW, stride, pad):
    """Write every window of an image as a column.

    Args:
        image: (C, H, W).
        HH, WW: height and width of a window.
        stride: pixels from one window to the next.
        pad: rows and columns of zeros on each side.

    Returns:
        (C * HH * WW, H_out * W_out) matrix, the windows row by row.
    """
    C, H, W = image.shape
    # As np.pad does, in a fifth of its time where images are small.
    padded = np.zeros((C, H + 2 * pad, W + 2 * pad), image.dtype)
    padded[:, pad : pad + H, pad : pad + W] = image
    windows = sliding_window_view(padded, (HH, WW), axis=(1, 2))
    windows = windows[:, ::stride, ::stride]  # (C, H_out, W_out, HH, WW)
    H_out, W_out = windows.shape[1:3]
    return windows.transpose(0, 3, 4, 1, 2).reshape(C * HH * WW, H_out * W_out)


def col2im(columns, image_shape, HH, WW, stride, pad):
    """Add every column back to the pixels that its window covers.

    Args:
        columns: (C * HH * WW, H_out * W_out) as `im2col` makes it.
        image_shape: (C, H, W).
        HH, WW, stride, pad: as `im2col`.

    Returns:
        (C, H, W) image; a pixel that lies in several windows gets the sum.
    """
    C, H, W = image_shape
    H_out = (H + 2 * pad - HH) // stride + 1
    W_out = (W + 2 * pad - WW) // stride + 1
    windows = columns.reshape(C, HH, WW, H_out, W_out)
    padded = np.zeros((C, H + 2 * pad, W + 2 * pad), columns.dtype)
    # All windows at once, for one place in the window after the other: at one place,
    # no two windows meet the same pixel.
    for i in range(HH):
        for j in range(WW):
            below = slice(i, i + stride * H_out, stride)
            right = slice(j, j + stride * W_out, stride)
            padded[:, below, right] += windows[:, i, j]
    return padded[:, pad : pad + H, pad : pad + W]


def conv_forward_im2col(x, w, b, conv_param):
    """Convolve; arguments, results and errors as `ece662.layers.conv_forward_naive`."""
    x, w, b = as_floats(x), as_floats(w, "w"), as_floats(b, "b")
    H_out, W_out = conv_output_size(x, w, b, conv_param)
    stride, pad = conv_param["stride"], conv_param["pad"]
    F, C, HH, WW = w.shape
    filters = w.reshape(F, C * HH * WW)
    out = np.empty((len(x), F, H_out * W_out), np.result_type(x, w, b))
    for n, image in enumerate(x):
        columns = im2col(image, HH, WW, stride, pad)
        out[n] = filters @ columns + b[:, np.newaxis]
    cache = (x, w, b, conv_param)
    return out.reshape(len(x), F, H_out, W_out), cache


def conv_backward_im2col(dout, cache):
    """Take the gradient back; as `ece662.layers.conv_backward_naive`.

    The product `out = filters @ columns` has the gradients of any matrix product:
    `dfilters = dout @ columns.T` and `dcolumns = filters.T @ dout`.
    """
    x, w, b, conv_param = cache
    H_out, W_out = conv_output_size(x, w, b, conv_param)
    dout = check_dout(dout, (len(x), len(w), H_out, W_out))
    stride, pad = conv_param["stride"], conv_param["pad"]
    F, C, HH, WW = w.shape
    filters = w.reshape(F, C * HH * WW)
    dfilters = np.zeros(filters.shape, dout.dtype)
    dx = np.empty(x.shape, dout.dtype) if conv_param.get("needs_dx", True) else None
    for n, image in enumerate(x):
        # Made again: all the matrices of a batch would be too much to keep.
        columns = im2col(image, HH, WW, stride, pad)
        dout_n = dout[n].reshape(F, H_out * W_out)
        dfilters += dout_n @ columns.T
        if dx is not None:
            dx[n] = col2im(filters.T @ dout_n, image.shape, HH, WW, stride, pad)
    return dx, dfilters.reshape(w.shape), dout.sum(axis=(0, 2, 3))


def max_pool_forward_im2col(x, pool_param):
    """Pool; arguments, out and errors as `ece662.layers.max_pool_forward_naive`.

    Returns:
        out: (N, C, H_out, W_out).
        cache: (x's shape, which, pool_param), where which (N, C, H_out, W_out) tells
            the number of the largest pixel in its window, row by row.
    """
    x = as_floats(x)
    H_out, W_out = pool_output_size(x, pool_param)
    height, width, stride = _pool_sizes(pool_param)
    N, C = x.shape[:2]
    out = np.empty((N, C, H_out * W_out), x.dtype)
    which = np.empty(out.shape, np.intp)
    for n, image in enumerate(x):
        columns = im2col(image, height, width, stride, pad=0)
        # Each channel has a maximum of its own.
        columns = columns.reshape(C, height * width, H_out * W_out)
        which[n] = columns.argmax(axis=1)
        out[n] = np.take_along_axis(columns, which[n][:, np.newaxis], axis=1)[:, 0]
    shape = (N, C, H_out, W_out)
    cache = (x.shape, which.reshape(shape), pool_param)
    return out.reshape(shape), cache


def max_pool_backward_im2col(dout, cache):
    """Take the gradient back; as `ece662.layers.max_pool_backward_naive`."""
    x_shape, which, pool_param = cache
    dout = check_dout(dout, which.shape)
    height, width, stride = _pool_sizes(pool_param)
    N, C = x_shape[:2]
    L = which.shape[2] * which.shape[3]
    dx = np.empty(x_shape, dout.dtype)
    for n in range(N):
        dcolumns = np.zeros((C, height * width, L), dout.dtype)
        place = which[n].reshape(C, 1, L)
        np.put_along_axis(dcolumns, place, dout[n].reshape(C, 1, L), axis=1)
        dx[n] = col2im(
            dcolumns.reshape(C * height * width, L),
            x_shape[1:],
            height,
            width,
            stride,
            pad=0,
        )
    return dx


def _pool_sizes(pool_param):
    return tuple(pool_param[name] for name in ("pool_height", "pool_width", "stride"))
