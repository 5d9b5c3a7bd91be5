"""What the layers demand of their arguments, and how they complain.

A shape that NumPy would broadcast into nonsense is caught here, with a sentence that
says what was expected and what came.
"""

import numpy as np

__all__ = [
    "check_channels",
    "check_columns",
    "check_dout",
    "check_groups",
    "check_labels",
    "check_mode",
    "check_train_cache",
]


def check_dout(dout, shape):
    """Raise ValueError where dout does not have this shape."""
    if np.shape(dout) != tuple(shape):
        raise ValueError(
            f"dout must have the shape of the forward's output, {tuple(shape)}, "
            f"got {np.shape(dout)}"
        )


def check_columns(x, gamma, beta):
    """Raise ValueError where x is not (N, D), or gamma or beta not (D,)."""
    if np.ndim(x) != 2:
        raise ValueError(f"x must be (N, D), got shape {np.shape(x)}")
    for name, value in (("gamma", gamma), ("beta", beta)):
        if np.shape(value) != x.shape[1:]:
            raise ValueError(
                f"{name} must be {x.shape[1:]} for x of shape {x.shape}, "
                f"got {np.shape(value)}"
            )


def check_channels(x, gamma, beta, shape):
    """Raise ValueError where x is not (N, C, H, W), or gamma or beta not `shape`."""
    if np.ndim(x) != 4:
        raise ValueError(f"x must be (N, C, H, W), got shape {np.shape(x)}")
    for name, value in (("gamma", gamma), ("beta", beta)):
        if np.shape(value) != shape:
            raise ValueError(
                f"{name} must be {shape} for x of shape {x.shape}, "
                f"got {np.shape(value)}"
            )


def check_groups(x, gamma, beta, G):
    """Raise ValueError where G groups do not divide the channels of images."""
    C = np.shape(x)[1] if np.ndim(x) == 4 else None
    check_channels(x, gamma, beta, (1, C, 1, 1))
    if G < 1 or C % G:
        raise ValueError(f"the number of groups must divide the {C} channels, got {G}")


def check_mode(param, name):
    """Return the mode; raise ValueError where it is not "train" or "test"."""
    mode = param.get("mode")
    if mode not in ("train", "test"):
        raise ValueError(f"{name}['mode'] must be 'train' or 'test', got {mode!r}")
    return mode


def check_train_cache(cache, layer):
    """Raise ValueError where the cache is that of a test-time forward pass."""
    if cache is None:
        raise ValueError(
            f"{layer}_backward needs the cache of a forward pass in mode 'train', "
            "got None: a forward pass in mode 'test' keeps nothing"
        )


def check_labels(x, y):
    """Return y as an array; raise ValueError where it cannot label the rows of x."""
    y = np.asarray(y)
    if np.ndim(x) != 2 or y.shape != (len(x),):
        raise ValueError(
            f"scores must be (N, C) and labels (N,), got {np.shape(x)} and {y.shape}"
        )
    if not np.issubdtype(y.dtype, np.integer):
        raise ValueError(f"labels must be integers, got {y.dtype}")
    C = x.shape[1]
    if len(y) and not 0 <= y.min() <= y.max() < C:
        raise ValueError(
            f"labels must lie between 0 and {C - 1} for {C} scores, "
            f"got {y.min()} to {y.max()}"
        )
    return y
