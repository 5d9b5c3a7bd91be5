"""Windows that slide over an image: how many fit, and whether they fit at all.

Convolution and pooling count their outputs alike. A window of `size` pixels that moves
`stride` pixels at a time over `length` pixels stands at

    (length - size) // stride + 1

places; pixels that are left over at the far end belong to no window. The naive, the
im2col and the fast layers all count and complain through this module.
"""

import operator

import numpy as np

__all__ = ["conv_output_size", "pool_output_size"]


def conv_output_size(x, w, b, conv_param):
    """Return the height and width of a convolution's output.

    Args:
        x: (N, C, H, W) images.
        w: (F, C, HH, WW) filters.
        b: (F,) biases.
        conv_param: dict with "stride" (at least 1) and "pad" (at least 0).

    Returns:
        (H_out, W_out).

    Raises:
        ValueError: the shapes do not fit each other, a parameter is missing or out of
            range, or a filter is larger than the padded image.
    """
    x_shape, w_shape, b_shape = np.shape(x), np.shape(w), np.shape(b)
    _check_images(x_shape)
    if len(w_shape) != 4 or w_shape[1] != x_shape[1]:
        raise ValueError(
            f"w must be (F, {x_shape[1]}, HH, WW) for x of shape {x_shape}, "
            f"got {w_shape}"
        )
    if b_shape != w_shape[:1]:
        raise ValueError(f"b must be {w_shape[:1]} for w of {w_shape}, got {b_shape}")
    stride = _whole_number(conv_param, "conv_param", "stride", at_least=1)
    pad = _whole_number(conv_param, "conv_param", "pad", at_least=0)
    padded = (x_shape[2] + 2 * pad, x_shape[3] + 2 * pad)
    return _count_windows(padded, w_shape[2:], stride, "filters", "padded images")


def pool_output_size(x, pool_param):
    """Return the height and width of a pooling layer's output.

    Args:
        x: (N, C, H, W) images.
        pool_param: dict with "pool_height", "pool_width" and "stride" (each at least
            1).

    Returns:
        (H_out, W_out).

    Raises:
        ValueError: x is not four-dimensional, a parameter is missing or out of range,
            or a window is larger than the image.
    """
    _check_images(np.shape(x))
    height, width, stride = (
        _whole_number(pool_param, "pool_param", name, at_least=1)
        for name in ("pool_height", "pool_width", "stride")
    )
    return _count_windows(
        np.shape(x)[2:], (height, width), stride, "pooling windows", "images"
    )


def _check_images(shape):
    if len(shape) != 4:
        raise ValueError(f"x must be (N, C, H, W), got shape {shape}")


def _whole_number(param, owner, name, at_least):
    """Return param[name]; raise ValueError where it is no such number."""
    if name not in param:
        raise ValueError(f"{owner} must hold {name!r}, got only {sorted(param)}")
    try:
        value = operator.index(param[name])
    except TypeError:
        value = at_least - 1
    if value < at_least:
        raise ValueError(
            f"{owner}[{name!r}] must be a whole number of at least {at_least}, "
            f"got {param[name]!r}"
        )
    return value


def _count_windows(image, window, stride, windows, images):
    if min(window) < 1 or any(
        size > length for size, length in zip(window, image, strict=True)
    ):
        raise ValueError(
            f"{windows} must fit in the {images}: at most {image[0]} x {image[1]}, "
            f"got {window[0]} x {window[1]}"
        )
    return tuple(
        (length - size) // stride + 1
        for size, length in zip(window, image, strict=True)
    )
