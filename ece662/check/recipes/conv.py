"""Recipes of convolution and max pooling, in loops."""

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

# Of each case: the shape of x, of w, stride and pad. The windows always end at the edge
# of the padded image, as the exercise does not say what to do otherwise. N, F, C and
# the sides all differ, or a swapped axis would pass.
CONV_CASES = {
    "square": ((2, 3, 4, 4), (5, 3, 3, 3), 1, 1),
    "wide, stride 2": ((2, 2, 4, 7), (3, 2, 2, 3), 2, 1),
    "no padding": ((1, 2, 5, 3), (3, 2, 3, 3), 2, 0),
    "gaps between windows": ((2, 1, 8, 5), (2, 1, 2, 2), 3, 0),
    "much padding": ((1, 2, 3, 4), (2, 2, 3, 2), 1, 2),
    "one of everything": ((1, 1, 3, 1), (1, 1, 2, 1), 1, 0),
}
# The shape of x, height and width of the window, stride.
POOL_CASES = {
    "two by two": ((2, 3, 4, 6), 2, 2, 2),
    "overlapping windows": ((2, 2, 5, 4), 3, 2, 1),
    "gaps between windows": ((1, 3, 8, 5), 2, 2, 3),
    "wide windows": ((3, 1, 5, 7), 1, 3, 2),
    "one image, one channel, one window": ((1, 1, 2, 3), 2, 3, 1),
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
    return try_pair(
        ("conv_forward_naive", "conv_backward_naive"),
        lambda *arrays: code.conv_forward_naive(*arrays, conv_param(inputs)),
        lambda dout, cache: code.conv_backward_naive(dout, cache),
        {name: inputs[name] for name in ("x", "w", "b")},
        inputs["dout"],
    )


def make_pool_inputs(rng, case):
    """Draw x and dout; the numbers in a window differ, except in cases with ties."""
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
    return try_pair(
        ("max_pool_forward_naive", "max_pool_backward_naive"),
        lambda x: code.max_pool_forward_naive(x, pool_param(inputs)),
        lambda dout, cache: code.max_pool_backward_naive(dout, cache),
        {"x": inputs["x"]},
        inputs["dout"],
        has_slopes=not inputs["tied"],  # none where two are largest
    )


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
        {"dout unchanged": WRITES_INTO_DOUT, **PAIR_RULES},
        forward="conv_forward_naive",
    ),
    "max_pool_forward_naive": Recipe(
        run_pool_forward, make_pool_inputs, tuple(EVERY_POOL_CASE)
    ),
    "max_pool_backward_naive": Recipe(
        run_pool_backward,
        make_pool_inputs,
        (*POOL_CASES, NEGATIVE, AGAIN, TIES),
        {f"{TIES}/dx": TIED, "dout unchanged": WRITES_INTO_DOUT, **PAIR_RULES},
        forward="max_pool_forward_naive",
    ),
}
