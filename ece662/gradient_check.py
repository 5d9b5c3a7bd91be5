"""Numerical gradients: slow, simple, and right, to judge the fast ones by.

The centred difference `(f(x + h) - f(x - h)) / 2h` misses the derivative by a term of
order h^2, and loses digits to rounding as h shrinks. In float64 h = 1e-5 is a good
middle and leaves errors of about 1e-10 in a smooth function; in float32 rounding
alone is larger than the gradient, so float64 is required.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["eval_numerical_gradient", "eval_numerical_gradient_array", "rel_error"]


def rel_error(x: ArrayLike, y: ArrayLike) -> float:
    """Return the largest relative difference between two arrays.

    `max(|x - y| / max(1e-8, |x| + |y|))`: 0 for equal arrays, 1 where one is zero or
    has the wrong sign. Good gradients agree to 1e-7 or better.

    Raises:
        ValueError: the shapes differ. Broadcasting would hide a wrong shape.
    """
    x, y = np.asarray(x), np.asarray(y)
    if x.shape != y.shape:
        raise ValueError(f"arrays to compare differ in shape: {x.shape} and {y.shape}")
    return np.max(np.abs(x - y) / np.maximum(1e-8, np.abs(x) + np.abs(y)), initial=0.0)


def eval_numerical_gradient(
    f: Callable[[np.ndarray], float],
    x: np.ndarray,
    verbose: bool = True,
    h: float = 1e-5,
) -> np.ndarray:
    """Compute the gradient of a number-valued function by centred differences.

    Args:
        f: function of one array that returns a number. It is called with x, whose
            entries are moved one at a time; a function that ignores its argument
            and reads the same array elsewhere (a model's parameter) works too.
        x: float64 array at which to take the gradient; unchanged on return.
        verbose: print each entry's index and derivative.
        h: half the step.

    Returns:
        grad: the shape of x.

    Raises:
        ValueError: x is not a float64 array.
    """
    grad = np.zeros_like(_check_float64(x))
    for index in np.ndindex(x.shape):
        above, below = _both_sides(f, x, index, h)
        grad[index] = (above - below) / (2 * h)
        if verbose:
            print(index, grad[index])
    return grad


def eval_numerical_gradient_array(
    f: Callable[[np.ndarray], ArrayLike], x: np.ndarray, df: ArrayLike, h: float = 1e-5
) -> np.ndarray:
    """Compute the gradient of `sum(f(x) * df)` by centred differences.

    This is what a backward pass returns for `dout = df`.

    Args:
        f: function of one array that returns an array.
        x: float64 array at which to take the gradient; unchanged on return.
        df: gradient of the loss with respect to the output of f, of its shape.
        h: half the step.

    Returns:
        grad: the shape of x.

    Raises:
        ValueError: x is not a float64 array, or df does not fit the output of f.
    """
    grad = np.zeros_like(_check_float64(x))
    for index in np.ndindex(x.shape):
        above, below = _both_sides(f, x, index, h)
        if np.shape(df) != above.shape:
            raise ValueError(
                f"df must have the shape of f(x), {above.shape}, got {np.shape(df)}"
            )
        grad[index] = np.sum((above - below) * df) / (2 * h)
    return grad


def _both_sides(
    f: Callable[[np.ndarray], ArrayLike],
    x: np.ndarray,
    index: tuple[int, ...],
    h: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Return f with one entry of x raised by h, and lowered by h; x is restored."""
    middle = x[index]
    try:
        x[index] = middle + h
        above = np.array(f(x))  # a copy: f may hand out an array that it reuses
        x[index] = middle - h
        below = np.array(f(x))
    finally:
        x[index] = middle
    return above, below


def _check_float64(x: object) -> np.ndarray:
    if not isinstance(x, np.ndarray) or x.dtype != np.float64:
        got = x.dtype if isinstance(x, np.ndarray) else type(x).__name__
        raise ValueError(f"a numerical gradient needs a float64 array, got {got}")
    return x
