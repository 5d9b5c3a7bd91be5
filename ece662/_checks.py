"""What the layers demand of their arguments, and how they complain.

A shape that NumPy would broadcast into nonsense is caught here, with a sentence that
says what was expected and what came. Lists become arrays, and integers floats.

Convolution and pooling also count their outputs here, the naive, the im2col and the
fast layers alike. A window of `size` pixels that moves `stride` pixels at a time over
`length` pixels stands at

    (length - size) // stride + 1

places; pixels that are left over at the far end belong to no window.
"""

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

__all__ = [
    "Array",
    "Cache",
    "InputGradient",
    "as_floats",
    "check_batch",
    "check_channels",
    "check_columns",
    "check_dout",
    "check_groups",
    "check_labels",
    "check_mode",
    "check_train_cache",
    "conv_output_size",
    "float_dtype",
    "keep_probability",
    "pool_output_size",
]

# For signatures: docstrings tell the shapes, which no checker of types knows.
Array = np.ndarray
Cache = Any  # what a forward pass keeps for its backward pass, in a form of its own
InputGradient = np.ndarray | Any  # dx; None where the caller said needs_dx=False


def as_floats(x: ArrayLike, name: str = "x") -> Array:
    """Return an array to compute with: of floats, of at least 32 bits.

    Integers would round what is between them (a dropout mask of 1.25 becomes 1) and
    bytes wrap around (3 - 5 is 254), so both become float64, exactly. float16 overflows
    in the square of 256: it becomes float32. Other floats stay as they are, uncopied.

    Raises:
        ValueError: x does not hold real numbers.
    """
    x = np.asarray(x)
    if x.dtype.kind in "biu":
        return x.astype(np.float64)
    if x.dtype == np.float16:
        return x.astype(np.float32)
    if x.dtype.kind != "f":
        raise ValueError(f"{name} must hold numbers, got an array of {x.dtype}")
    return x


def float_dtype(dtype: DTypeLike) -> np.dtype:
    """Return a network's dtype; raise ValueError where it is no float."""
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
        raise ValueError(f"dtype must be a float such as np.float32, got {dtype}")
    return dtype


def check_dout(dout: ArrayLike, shape: Sequence[int]) -> Array:
    """Return dout as floats; raise ValueError where it does not have this shape."""
    dout = as_floats(dout, "dout")
    if np.shape(dout) != tuple(shape):
        raise ValueError(
            f"dout must have the shape of the forward's output, {tuple(shape)}, "
            f"got {np.shape(dout)}"
        )
    return dout


def check_columns(
    x: ArrayLike, gamma: ArrayLike, beta: ArrayLike
) -> tuple[Array, Array, Array]:
    """Return all as floats; raise ValueError unless x is (N, D), the others (D,)."""
    x, gamma, beta = as_floats(x), as_floats(gamma, "gamma"), as_floats(beta, "beta")
    if np.ndim(x) != 2:
        raise ValueError(f"x must be (N, D), got shape {np.shape(x)}")
    for name, value in (("gamma", gamma), ("beta", beta)):
        if np.shape(value) != x.shape[1:]:
            raise ValueError(
                f"{name} must be {x.shape[1:]} for x of shape {x.shape}, "
                f"got {np.shape(value)}"
            )
    return x, gamma, beta


def check_channels(
    x: ArrayLike, gamma: ArrayLike, beta: ArrayLike, shape: Sequence[int | str] = ("C",)
) -> tuple[Array, Array, Array]:
    """Return all as floats; raise ValueError unless x is (N, C, H, W).

    gamma and beta must have the shape, where "C" stands for the channels of x.
    """
    x, gamma, beta = as_floats(x), as_floats(gamma, "gamma"), as_floats(beta, "beta")
    if np.ndim(x) != 4:
        raise ValueError(f"x must be (N, C, H, W), got shape {np.shape(x)}")
    shape = tuple(x.shape[1] if size == "C" else size for size in shape)
    for name, value in (("gamma", gamma), ("beta", beta)):
        if np.shape(value) != shape:
            raise ValueError(
                f"{name} must be {shape} for x of shape {x.shape}, "
                f"got {np.shape(value)}"
            )
    return x, gamma, beta


def check_groups(
    x: ArrayLike, gamma: ArrayLike, beta: ArrayLike, G: int
) -> tuple[Array, Array, Array]:
    """Return all as floats; raise ValueError where G does not divide the channels."""
    x, gamma, beta = check_channels(x, gamma, beta, (1, "C", 1, 1))
    C = x.shape[1]
    try:
        divides = operator.index(G) >= 1 and C % G == 0
    except TypeError:
        divides = False
    if not divides:
        raise ValueError(f"the number of groups must divide the {C} channels, got {G}")
    return x, gamma, beta


def check_mode(param: dict, name: str) -> str:
    """Return the mode; raise ValueError where it is not "train" or "test"."""
    mode = param.get("mode")
    if mode not in ("train", "test"):
        raise ValueError(f"{name}['mode'] must be 'train' or 'test', got {mode!r}")
    return mode


def check_batch(x: Array, mode: str) -> None:
    """Raise ValueError where there is nothing to take statistics of."""
    if mode == "train" and np.size(x) == 0:
        raise ValueError(
            f"x must hold at least one input in mode 'train', got shape {np.shape(x)}: "
            "nothing has no mean"
        )


def keep_probability(dropout_param: dict) -> float:
    """Return dropout's p as a float; raise ValueError where it is no probability."""
    try:
        p = float(dropout_param["p"])
    except (KeyError, TypeError, ValueError):
        p = 0.0
    if not 0 < p <= 1:
        raise ValueError(
            "p is the probability to keep: 0 < p <= 1, got "
            f"{dropout_param.get('p', 'no p at all')!r}"
        )
    return p


def check_train_cache(cache: Cache, layer: str) -> None:
    """Raise ValueError where the cache is that of a test-time forward pass."""
    if cache is None:
        raise ValueError(
            f"{layer}_backward needs the cache of a forward pass in mode 'train', "
            "got None: a forward pass in mode 'test' keeps nothing"
        )


def check_labels(x: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    """Return x as floats, and y; raise ValueError where y cannot label x's rows."""
    x, y = as_floats(x), np.asarray(y)
    if np.ndim(x) != 2 or len(x) == 0 or y.shape != (len(x),):
        raise ValueError(
            "scores must be (N, C) and labels (N,) with N of at least 1, "
            f"got {np.shape(x)} and {y.shape}"
        )
    if not np.issubdtype(y.dtype, np.integer):
        raise ValueError(f"labels must be integers, got {y.dtype}")
    C = x.shape[1]
    if not 0 <= y.min() <= y.max() < C:
        raise ValueError(
            f"labels must lie between 0 and {C - 1} for {C} scores, "
            f"got {y.min()} to {y.max()}"
        )
    return x, y


def conv_output_size(
    x: ArrayLike, w: ArrayLike, b: ArrayLike, conv_param: dict
) -> tuple[int, int]:
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


def pool_output_size(x: ArrayLike, pool_param: dict) -> tuple[int, int]:
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


def _check_images(shape: tuple[int, ...]) -> None:
    if len(shape) != 4:
        raise ValueError(f"x must be (N, C, H, W), got shape {shape}")


def _whole_number(param: dict, owner: str, name: str, at_least: int) -> int:
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


def _count_windows(
    image: Sequence[int], window: Sequence[int], stride: int, windows: str, images: str
) -> tuple[int, int]:
    if min(window) < 1 or any(
        size > length for size, length in zip(window, image, strict=True)
    ):
        raise ValueError(
            f"{windows} must fit in the {images}: at most {image[0]} x {image[1]}, "
            f"got {window[0]} x {window[1]}"
        )
    height, width = (
        (length - size) // stride + 1
        for size, length in zip(window, image, strict=True)
    )
    return height, width
