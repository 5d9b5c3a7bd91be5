"""Run a forward and its backward together, for any layer.

A backward is only called with the cache of the student's own forward. If the output of
that forward has the wrong shape, the backward is called twice: with a dout of the
expected shape, and with one of the shape of that output.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ece662.check.recipe import (
    Rule,
    array_of,
    in_forward,
    noting_calls,
    own_slopes,
    slopes_agree,
    unchanged,
    unpack,
    without_prints,
)

__all__ = ["KEEPS_TO_ITS_CACHE", "PAIR_RULES", "try_pair"]

KEEPS_TO_ITS_CACHE = "backward needs its cache alone"
PAIR_RULES = {
    KEEPS_TO_ITS_CACHE: Rule(
        says="After another forward pass your backward gives other gradients for the "
        "same cache: something is kept outside it (in a global name or an attribute), "
        "and a network runs all its forward passes before the first backward."
    )
}


def try_pair(
    names: Sequence[str],
    forward: Callable,
    backward: Callable,
    arrays: Mapping[str, np.ndarray],
    dout: np.ndarray,
    has_slopes: bool = True,
) -> dict:
    """Run a backward after the student's own forward.

    Args:
        names: of the forward and of the backward.
        forward: called with a copy of each of the arrays; returns (out, cache).
        backward: called with (dout, cache); returns a gradient for each array.
        arrays: the arrays to differentiate with respect to, by name.
        dout: the gradient of the loss with respect to the expected output.
        has_slopes: False where the forward has no slope at these arrays.

    Returns:
        The outputs of a recipe.
    """
    outputs: dict[str, np.ndarray] = {}
    pair = _Pair(names, forward, backward, arrays)
    out, cache = pair.go(outputs)
    outputs["forward's out"] = out
    gradients, problem = {}, None
    given = dout.copy()
    try:
        gradients = pair.back(given, cache, outputs)
    except Exception as error:
        if out.shape == dout.shape:
            raise
        problem = error  # perhaps because of the shape: try one that fits its forward
    outputs |= {f"d{name}": gradient for name, gradient in gradients.items()}
    outputs |= unchanged({"dout": dout}, dout=given)
    if out.shape == dout.shape:
        if has_slopes:
            outputs |= own_slopes(pair.out_of, arrays, dout, gradients)
    elif has_slopes:
        outputs |= pair.slopes_of_another_shape(out.shape, problem)
    elif problem:
        raise problem
    if gradients:
        kept = pair.keeps_to_its_cache(dout, gradients)
        outputs[KEEPS_TO_ITS_CACHE] = np.array(kept)
    return outputs


class _Pair:
    """A forward and its backward, on some arrays."""

    def __init__(self, names, forward, backward, arrays):
        self.names, self.forward, self.backward = names, forward, backward
        self.arrays = arrays

    def go(self, outputs, arrays=None):
        """Run the forward pass; return out, and the cache."""
        arrays = arrays or self.arrays
        with in_forward(self.names[0]), noting_calls(outputs):
            result = self.forward(*(array.copy() for array in arrays.values()))
        with in_forward(self.names[0]):
            out, cache = unpack(result, self.names[0], "out", "cache")
            return array_of(out, "out"), cache

    def back(self, dout, cache, outputs):
        """Run the backward pass; return the gradients by the names of the arrays."""
        with noting_calls(outputs):
            found = self.backward(dout, cache)
        wanted = [f"d{name}" for name in self.arrays]
        parts = [found]
        if len(wanted) > 1:
            parts = unpack(found, self.names[1], *wanted)
        return {
            name: array_of(part, f"d{name}")
            for name, part in zip(self.arrays, parts, strict=True)
        }

    def out_of(self, *arrays):
        return self.forward(*arrays)[0]

    def slopes_of_another_shape(self, shape, problem):
        """Compare the backward with its own forward, whose output has another shape.

        Raises:
            Exception: `problem`, where the backward does not fit that forward either.
        """
        dout = np.random.RandomState(shape).standard_normal(shape)
        try:
            with without_prints():
                gradients = self.back(dout.copy(), self.go({})[1], {})
            slopes = own_slopes(self.out_of, self.arrays, dout, gradients)
        except Exception:
            slopes = {}
        fits = bool(slopes) and all(slopes_agree(*pair) for pair in slopes.values())
        if problem and not fits:
            raise problem
        return slopes

    def keeps_to_its_cache(self, dout, gradients):
        """True where another forward pass in between does not change the gradients."""
        others = {
            name: np.roll(array.ravel(), 1).reshape(array.shape)
            for name, array in self.arrays.items()
        }
        try:
            with without_prints():
                cache = self.go({})[1]
                self.go({}, others)
                again = self.back(dout.copy(), cache, {})
        except Exception:
            return False
        return all(
            again[name].shape == gradient.shape
            and np.allclose(again[name], gradient, equal_nan=True)
            for name, gradient in gradients.items()
        )
