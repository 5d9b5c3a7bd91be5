"""Recipes of convolution and max pooling, in loops."""

import numpy as np

from ece662.check.recipe import (
    WRITES_INTO_DOUT,
    Recipe,
    Rule,
    array_of,
    copies,
    own_slopes,
    unchanged,
    unpack,
)
from ece662.check.terms import How

__all__ = ["RECIPES"]

# Of each case: the shape of x, of w, stride and pad. The windows always end at the edge
# of the padded image: what to do where they do not is nobody's mistake. N, F, C and
# the sides all differ, or a swapped axis would pass.
CONV_CASES = {
    "square": ((2, 3, 4, 4), (5, 3, 3, 3), 1, 1),
    "wide, stride 2": ((2, 2, 4, 7), (3, 2, 2, 3), 2, 1),
    "no padding": ((1, 2, 5, 3), (3, 2, 3, 3), 2, 0),
    "gaps between windows": ((2, 1, 8, 5), (2, 1, 2, 2), 3, 0),
    "much padding": ((1, 2, 3, 4), (2, 2, 3, 2), 1, 2),
}
# The shape of x, height and width of the window, stride.
POOL_CASES = {
    "two by two": ((2, 3, 4, 6), 2, 2, 2),
    "overlapping windows": ((2, 2, 5, 4), 3, 2, 1),
    "gaps between windows": ((1, 3, 8, 5), 2, 2, 3),
    "wide windows": ((3, 1, 4, 7), 1, 3, 2),
}
NEGATIVE = "all numbers negative"
AGAIN = "equal numbers in different windows"
TIES = "ties"
EVERY_POOL_CASE = {
    **POOL_CASES,
    NEGATIVE: ((1, 2, 4, 4), 2, 2, 2),
    AGAIN: ((2, 1, 4, 6), 2, 2, 2),
    TIES: ((1, 2, 4, 6), 2, 3, 1),
}


def make_conv_inputs(rng, case):
    """Draw x, w, b and dout."""
    x_shape, w_shape, stride, pad = CONV_CASES[case]
    sizes = [
        1 + (side + 2 * pad - window) // stride
        for side, window in zip(x_shape[2:], w_shape[2:], strict=True)
    ]
    return {
        "x": rng.standard_normal(x_shape),
        "w": rng.standard_normal(w_shape),
        "b": rng.standard_normal(w_shape[0]),
        "dout": rng.standard_normal((x_shape[0], w_shape[0], *sizes)),
        "stride": stride,
        "pad": pad,
    }


def conv_param(inputs):
    """Return the parameters, made afresh."""
    return {"stride": inputs["stride"], "pad": inputs["pad"]}


def run_conv_forward(code, inputs):
    """Try `conv_forward_naive`."""
    x, w, b = copies(inputs, "x", "w", "b")
    result = code.conv_forward_naive(x, w, b, conv_param(inputs))
    out, _ = unpack(result, "conv_forward_naive", "out", "cache")
    return {"out": array_of(out, "out"), **unchanged(inputs, x=x, w=w, b=b)}


def run_conv_backward(code, inputs):
    """Try `conv_backward_naive` after the student's own forward."""
    names = ("x", "w", "b")

    def forward(*arrays):
        return code.conv_forward_naive(*arrays, conv_param(inputs))

    result = forward(*copies(inputs, *names))
    out, cache = unpack(result, "conv_forward_naive", "out", "cache")
    out = array_of(out, "forward's out")
    [dout] = copies(inputs, "dout")
    back = code.conv_backward_naive(dout, cache)
    found = unpack(back, "conv_backward_naive", "dx", "dw", "db")
    gradients = {n: array_of(d, f"d{n}") for n, d in zip(names, found, strict=True)}
    slopes = own_slopes(
        lambda *now: forward(*now)[0],
        {name: inputs[name] for name in names},
        inputs["dout"],
        gradients,
    )
    return {
        "forward's out": out,
        **{f"d{name}": gradient for name, gradient in gradients.items()},
        **slopes,
        **unchanged(inputs, dout=dout),
    }


def make_pool_inputs(rng, case):
    """Draw x and dout; the numbers of a window differ, but for the ties."""
    shape, height, width, stride = EVERY_POOL_CASE[case]
    if case == TIES:
        x = rng.randint(2, size=shape).astype(float)
    elif case == AGAIN:
        N, C, H, W = shape
        places = rng.random_sample((N, C, H // 2, W // 2, 4)).argsort()
        x = places.reshape(N, C, H // 2, W // 2, 2, 2).transpose(0, 1, 2, 4, 3, 5)
        x = x.reshape(shape).astype(float)
    else:
        x = rng.permutation(int(np.prod(shape))).reshape(shape) / 4 - 5.1
    if case == NEGATIVE:
        x -= x.max() + 1
    H_out, W_out = (
        1 + (side - window) // stride
        for side, window in zip(shape[2:], (height, width), strict=True)
    )
    return {
        "x": x,
        "dout": rng.standard_normal((*shape[:2], H_out, W_out)),
        "pool_height": height,
        "pool_width": width,
        "stride": stride,
        "tied": case == TIES,
    }


def pool_param(inputs):
    """Return the parameters, made afresh."""
    return {name: inputs[name] for name in ("pool_height", "pool_width", "stride")}


def run_pool_forward(code, inputs):
    """Try `max_pool_forward_naive`."""
    [x] = copies(inputs, "x")
    result = code.max_pool_forward_naive(x, pool_param(inputs))
    out, _ = unpack(result, "max_pool_forward_naive", "out", "cache")
    return {"out": array_of(out, "out"), **unchanged(inputs, x=x)}


def run_pool_backward(code, inputs):
    """Try `max_pool_backward_naive` after the student's own forward."""

    def forward(x):
        return code.max_pool_forward_naive(x, pool_param(inputs))

    x, dout = copies(inputs, "x", "dout")
    out, cache = unpack(forward(x), "max_pool_forward_naive", "out", "cache")
    out = array_of(out, "forward's out")
    dx = array_of(code.max_pool_backward_naive(dout, cache), "dx")
    outputs = {"forward's out": out, "dx": dx, **unchanged(inputs, dout=dout)}
    if inputs["tied"]:  # there is no slope where two are largest
        return outputs
    x = {"x": inputs["x"]}
    slopes = own_slopes(lambda x: forward(x)[0], x, inputs["dout"], {"x": dx})
    return outputs | slopes


TIED = Rule(
    How.REMARK,
    says="Where a window holds its maximum twice, you share the gradient out otherwise "
    "than PyTorch, which gives all of it to the first. Both are right.",
)

RECIPES = {
    "conv_forward_naive": Recipe(run_conv_forward, make_conv_inputs, tuple(CONV_CASES)),
    "conv_backward_naive": Recipe(
        run_conv_backward,
        make_conv_inputs,
        tuple(CONV_CASES),
        {"dout unchanged": WRITES_INTO_DOUT},
        forward="conv_forward_naive",
    ),
    "max_pool_forward_naive": Recipe(
        run_pool_forward, make_pool_inputs, tuple(EVERY_POOL_CASE)
    ),
    "max_pool_backward_naive": Recipe(
        run_pool_backward,
        make_pool_inputs,
        (*POOL_CASES, NEGATIVE, AGAIN, TIES),
        {f"{TIES}/dx": TIED, "dout unchanged": WRITES_INTO_DOUT},
        forward="max_pool_forward_naive",
    ),
}
