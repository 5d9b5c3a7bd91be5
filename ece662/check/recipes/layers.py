"""Recipes of the plain layers: affine and ReLU."""

from ece662.check.recipe import (
    WRITES_INTO_DOUT,
    Recipe,
    array_of,
    copies,
    own_slopes,
    unchanged,
    unpack,
)

__all__ = ["RECIPES"]

# N is never D or M, or a transposed result would pass unseen.
AFFINE_SHAPES = {
    "rows": (4, (5,), 3),
    "images": (3, (2, 4, 3), 5),
    "one input": (1, (3, 2), 4),
    "one output": (5, (4,), 1),
}
RELU_SHAPES = {"matrix": (4, 6), "images": (2, 3, 5, 4)}


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
    out, _ = unpack(code.affine_forward(x, w, b), "affine_forward", "out", "cache")
    return {"out": array_of(out, "out"), **unchanged(inputs, x=x, w=w, b=b)}


def run_affine_backward(code, inputs):
    """Try `affine_backward` after the student's own forward."""
    x, w, b, dout = copies(inputs, "x", "w", "b", "dout")
    out, cache = unpack(code.affine_forward(x, w, b), "affine_forward", "out", "cache")
    found = unpack(
        code.affine_backward(dout, cache), "affine_backward", "dx", "dw", "db"
    )
    names = ("x", "w", "b")
    gradients = {n: array_of(d, f"d{n}") for n, d in zip(names, found, strict=True)}
    arrays = {n: inputs[n] for n in names}
    slopes = own_slopes(
        lambda *now: code.affine_forward(*now)[0], arrays, inputs["dout"], gradients
    )
    return {
        "forward's out": array_of(out, "out"),
        **{f"d{name}": gradient for name, gradient in gradients.items()},
        **slopes,
        **unchanged(inputs, dout=dout),
    }


def make_relu_inputs(rng, case):
    """Draw x and dout; no entry of x is 0, where either slope is right."""
    shape = RELU_SHAPES[case]
    return {"x": rng.standard_normal(shape), "dout": rng.standard_normal(shape)}


def run_relu_forward(code, inputs):
    """Try `relu_forward`."""
    [x] = copies(inputs, "x")
    out, _ = unpack(code.relu_forward(x), "relu_forward", "out", "cache")
    return {"out": array_of(out, "out"), **unchanged(inputs, x=x)}


def run_relu_backward(code, inputs):
    """Try `relu_backward` after the student's own forward."""
    x, dout = copies(inputs, "x", "dout")
    out, cache = unpack(code.relu_forward(x), "relu_forward", "out", "cache")
    out = array_of(out, "out")  # a copy, before backward can write into it
    dx = array_of(code.relu_backward(dout, cache), "dx")
    slopes = own_slopes(
        lambda x: code.relu_forward(x)[0], {"x": inputs["x"]}, inputs["dout"], {"x": dx}
    )
    return {"forward's out": out, "dx": dx, **slopes, **unchanged(inputs, dout=dout)}


RECIPES = {
    "affine_forward": Recipe(
        run_affine_forward, make_affine_inputs, tuple(AFFINE_SHAPES)
    ),
    "affine_backward": Recipe(
        run_affine_backward,
        make_affine_inputs,
        tuple(AFFINE_SHAPES),
        {"dout unchanged": WRITES_INTO_DOUT},
        forward="affine_forward",
    ),
    "relu_forward": Recipe(run_relu_forward, make_relu_inputs, tuple(RELU_SHAPES)),
    "relu_backward": Recipe(
        run_relu_backward,
        make_relu_inputs,
        tuple(RELU_SHAPES),
        {"dout unchanged": WRITES_INTO_DOUT},
        forward="relu_forward",
    ),
}
