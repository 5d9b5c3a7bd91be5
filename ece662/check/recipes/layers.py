"""Recipes of the plain layers: affine and ReLU."""

import numpy as np

from ece662.check.recipe import (
    WRITES_INTO_DOUT,
    Recipe,
    Rule,
    array_of,
    copies,
    unchanged,
    unpack,
)
from ece662.check.recipes.pairs import PAIR_RULES, try_pair
from ece662.check.terms import How

__all__ = ["RECIPES"]

KEEPS_SHAPE = "the cache keeps the shape of x"
FLAT = Rule(
    How.REMARK,
    says="Your cache holds x flattened: `affine_backward` cannot give dx the shape of "
    "x then. Flatten it under another name.",
)

# N is never D or M, or a transposed result would pass unseen.
AFFINE_SHAPES = {
    "rows": (4, (5,), 3),
    "images": (3, (2, 4, 3), 5),
    "one input": (1, (3, 2), 4),
    "one output": (5, (4,), 1),
    "one number": (1, (1,), 1),
    "two axes, one of them short": (2, (1, 5), 3),
}
RELU_SHAPES = {
    "matrix": (4, 6),
    "images": (2, 3, 5, 4),
    "vector": (7,),
    "three axes": (1, 5, 2),
}


def make_affine_inputs(rng, case):
    """Draw x, w, b and dout of odd shapes."""
    N, shape, M = AFFINE_SHAPES[case]
    x = rng.standard_normal((N, *shape)) + 0.5
    D = x[0].size
    w, b = rng.standard_normal((D, M)), rng.standard_normal(M)
    return {"x": x, "w": w, "b": b, "dout": rng.standard_normal((N, M))}


def run_affine_forward(code, inputs):
    """Try `affine_forward`."""
    x, w, b = copies(inputs, "x", "w", "b")
    out, cache = unpack(code.affine_forward(x, w, b), "affine_forward", "out", "cache")
    return {
        "out": array_of(out, "out"),
        **unchanged(inputs, x=x, w=w, b=b),
        KEEPS_SHAPE: np.array(not _holds_flat(cache, inputs)),
    }


def _holds_flat(cache, inputs) -> bool:
    """True where the cache is (x, w, b) with x flattened, and without x's shape."""
    x, w, b = (inputs[name] for name in ("x", "w", "b"))
    if not isinstance(cache, tuple | list) or len(cache) != 3 or x.ndim == 2:
        return False
    flat = (x.reshape(len(x), -1), w, b)
    try:
        return all(map(np.array_equal, cache, flat))
    except (TypeError, ValueError):  # something that is no array
        return False


def run_affine_backward(code, inputs):
    """Try `affine_backward` after the student's own forward."""
    return try_pair(
        ("affine_forward", "affine_backward"),
        lambda *arrays: code.affine_forward(*arrays),
        lambda dout, cache: code.affine_backward(dout, cache),
        {name: inputs[name] for name in ("x", "w", "b")},
        inputs["dout"],
    )


def make_relu_inputs(rng, case):
    """Draw x and dout; no entry of x is 0, where the slope is not defined."""
    shape = RELU_SHAPES[case]
    return {"x": rng.standard_normal(shape), "dout": rng.standard_normal(shape)}


def run_relu_forward(code, inputs):
    """Try `relu_forward`."""
    [x] = copies(inputs, "x")
    out, _ = unpack(code.relu_forward(x), "relu_forward", "out", "cache")
    return {"out": array_of(out, "out"), **unchanged(inputs, x=x)}


def run_relu_backward(code, inputs):
    """Try `relu_backward` after the student's own forward."""
    return try_pair(
        ("relu_forward", "relu_backward"),
        lambda x: code.relu_forward(x),
        lambda dout, cache: code.relu_backward(dout, cache),
        {"x": inputs["x"]},
        inputs["dout"],
    )


RECIPES = {
    "affine_forward": Recipe(
        run_affine_forward,
        make_affine_inputs,
        tuple(AFFINE_SHAPES),
        {KEEPS_SHAPE: FLAT},
    ),
    "affine_backward": Recipe(
        run_affine_backward,
        make_affine_inputs,
        tuple(AFFINE_SHAPES),
        {"dout unchanged": WRITES_INTO_DOUT, **PAIR_RULES},
        forward="affine_forward",
    ),
    "relu_forward": Recipe(run_relu_forward, make_relu_inputs, tuple(RELU_SHAPES)),
    "relu_backward": Recipe(
        run_relu_backward,
        make_relu_inputs,
        tuple(RELU_SHAPES),
        {"dout unchanged": WRITES_INTO_DOUT, **PAIR_RULES},
        forward="relu_forward",
    ),
}
