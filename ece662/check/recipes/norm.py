"""Recipes of batch and layer normalisation, for rows and for images.

Where only one epsilon is wrong, 1e-5 hides it: some cases use a large one.
"""

from functools import partial

import numpy as np

from ece662.check.recipe import (
    WRITES_INTO_DOUT,
    Recipe,
    array_of,
    copies,
    noting_calls,
    stored,
    unchanged,
    unpack,
)
from ece662.check.recipes.pairs import PAIR_RULES, try_pair

__all__ = ["RECIPES"]

# Of each case: the shape of x, batches in mode "train", whether one in mode "test"
# follows, epsilon and momentum (None: they are not given, and so the defaults count).
BATCHNORM_CASES = {
    "one batch": ((6, 4), 1, False, None, None),
    "three batches, large eps": ((5, 3), 3, False, 0.4, 0.6),
    "test mode": ((4, 5), 0, True, 0.4, 0.9),
    "training, then test": ((3, 4), 2, True, 1e-5, 0.7),
    "one column": ((5, 1), 2, False, 0.2, 0.8),
    "one row in test mode": ((1, 3), 0, True, 0.1, 0.6),
}
SPATIAL_CASES = {
    "one batch": ((2, 4, 3, 5), 1, False, None, None),
    "three batches, large eps": ((3, 2, 4, 2), 3, False, 0.4, 0.6),
    "test mode": ((2, 3, 2, 4), 0, True, 0.4, 0.9),
    "training, then test": ((3, 5, 2, 1), 2, True, 1e-5, 0.7),
    "one image, one channel": ((1, 1, 3, 4), 2, False, 0.2, 0.8),
    "one image in test mode": ((1, 3, 2, 2), 0, True, 0.1, 0.6),
}

TEST_CASES = ("test mode", "training, then test")


def make_batchnorm_inputs(rng, case, cases=BATCHNORM_CASES):
    """Draw batches, gamma, beta and the parameters of a case."""
    shape, batches, test, eps, momentum = cases[case]
    C = shape[1]

    def draw():
        channels = (C,) + (1,) * (len(shape) - 2)
        scale = 0.5 + rng.random_sample(channels)
        return rng.standard_normal(shape) * scale + rng.standard_normal(channels)

    inputs = {
        "batches": np.array([draw() for _ in range(batches)]).reshape(-1, *shape),
        "gamma": 1 + rng.standard_normal(C),
        "beta": rng.standard_normal(C),
    }
    inputs |= given(eps=eps, momentum=momentum)
    if test:
        inputs["test_x"] = draw()
    if not batches:
        inputs["running_mean"] = rng.standard_normal(C)
        inputs["running_var"] = 0.5 + rng.random_sample(C)
    return inputs


def given(**settings) -> dict:
    """Return the settings that are given; those that are None have their defaults."""
    return {name: value for name, value in settings.items() if value is not None}


def run_batchnorm_forward(code, inputs, function="batchnorm_forward"):
    """Run a forward pass on some batches, then in mode "test" if the case says so."""
    forward = getattr(code, function)
    gamma, beta = copies(inputs, "gamma", "beta")
    bn_param = {"mode": "train"}
    bn_param |= {name: inputs[name] for name in ("eps", "momentum") if name in inputs}
    for name in ("running_mean", "running_var"):
        if name in inputs:
            [bn_param[name]] = copies(inputs, name)
    outputs, kept = {}, []

    def out_of(x):
        with noting_calls(outputs):
            result = forward(x, gamma, beta, bn_param)
        return unpack(result, function, "out", "cache")[0]

    for i, x in enumerate(inputs["batches"].copy(), start=1):
        out = out_of(x)
        kept.append(np.array_equal(inputs["batches"][i - 1], x))
        name = "out" if len(inputs["batches"]) == 1 else f"out of batch {i}"
        outputs[name] = array_of(out, "out")
    if "test_x" in inputs:
        [x] = copies(inputs, "test_x")
        bn_param["mode"] = "test"
        outputs["out in test mode"] = array_of(out_of(x), "out")
        kept.append(np.array_equal(inputs["test_x"], x))
    for name in ("running_mean", "running_var"):
        outputs[name] = stored(bn_param, name, "bn_param")
    outputs["x unchanged"] = np.array(all(kept))
    return outputs | unchanged(inputs, gamma=gamma, beta=beta)


# Of each case of a pair without modes: the shape of x, epsilon, and for groups their
# number. Two rows of normalised numbers are +1 and -1 whatever x is, so N is not 2.
ROWS = {
    "more rows": ((7, 4), 1e-5),
    "more columns": ((3, 6), None),
    "large eps": ((5, 3), 0.4),
}
BATCHES = {**ROWS, "one column": ((4, 1), 0.1)}
SINGLE = {**ROWS, "one row": ((1, 5), 0.1)}
IMAGES = {
    "images": ((2, 4, 3, 5), None),
    "one image": ((1, 3, 4, 2), 1e-5),
    "large eps": ((3, 2, 2, 3), 0.4),
    "one channel": ((2, 1, 3, 1), 0.1),
}
GROUPS = {
    "two groups": ((2, 6, 3, 4), None, 2),
    "one group": ((3, 4, 2, 3), 0.2, 1),
    "a group a channel": ((2, 3, 4, 5), 1e-5, 3),
    "large eps": ((1, 6, 2, 3), 0.4, 3),
    "one channel": ((2, 1, 3, 1), 0.1, 1),
}


def make_inputs(rng, case, cases=ROWS):
    """Draw x, gamma, beta and dout; every row and column has its own mean and size."""
    shape, eps, *groups = cases[case]
    C = shape[1]
    rest = (1,) * (len(shape) - 2)
    own = 0.5 + rng.random_sample((shape[0], C, *rest))
    x = rng.standard_normal(shape) * own + rng.standard_normal((shape[0], C, *rest))
    shape_of_gamma = (1, C, 1, 1) if groups else (C,)
    inputs = {
        "x": x,
        "gamma": 1 + rng.standard_normal(shape_of_gamma),
        "beta": rng.standard_normal(shape_of_gamma),
        "dout": rng.standard_normal(shape),
    }
    inputs |= given(eps=eps)
    return inputs | ({"groups": groups[0]} if groups else {})


def settings(inputs) -> list:
    """Return what a normalisation takes after x, gamma and beta, made afresh."""
    eps = {"eps": inputs["eps"]} if "eps" in inputs else {}
    return [inputs["groups"], eps] if "groups" in inputs else [{"mode": "train", **eps}]


def run_forward(code, inputs, function):
    """Try a normalisation that has no modes."""
    arrays, called = copies(inputs, "x", "gamma", "beta"), {}
    with noting_calls(called):
        result = getattr(code, function)(*arrays, *settings(inputs))
    out, _ = unpack(result, function, "out", "cache")
    named = dict(zip(("x", "gamma", "beta"), arrays, strict=True))
    return {"out": array_of(out, "out"), **unchanged(inputs, **named), **called}


def run_backward(code, inputs, forward, backward):
    """Try a backward pass after the student's own forward."""
    go, back = getattr(code, forward), getattr(code, backward)
    return try_pair(
        (forward, backward),
        lambda *arrays: go(*arrays, *settings(inputs)),
        back,
        {name: inputs[name] for name in ("x", "gamma", "beta")},
        inputs["dout"],
    )


def forward_recipe(function, cases):
    """Return the recipe of a forward without modes."""
    run = partial(run_forward, function=function)
    return Recipe(run, partial(make_inputs, cases=cases), tuple(cases))


def backward_recipe(forward, backward, cases):
    """Return the recipe of a backward."""
    run = partial(run_backward, forward=forward, backward=backward)
    make = partial(make_inputs, cases=cases)
    rules = {"dout unchanged": WRITES_INTO_DOUT, **PAIR_RULES}
    return Recipe(run, make, tuple(cases), rules, forward=forward)


RECIPES = {
    "batchnorm_forward": Recipe(
        run_batchnorm_forward,
        make_batchnorm_inputs,
        tuple(BATCHNORM_CASES),
        test_cases=(*TEST_CASES, "one row in test mode"),
    ),
    "batchnorm_backward": backward_recipe(
        "batchnorm_forward", "batchnorm_backward", BATCHES
    ),
    "batchnorm_backward_alt": backward_recipe(
        "batchnorm_forward", "batchnorm_backward_alt", BATCHES
    ),
    "layernorm_forward": forward_recipe("layernorm_forward", SINGLE),
    "layernorm_backward": backward_recipe(
        "layernorm_forward", "layernorm_backward", SINGLE
    ),
    "spatial_batchnorm_forward": Recipe(
        partial(run_batchnorm_forward, function="spatial_batchnorm_forward"),
        partial(make_batchnorm_inputs, cases=SPATIAL_CASES),
        tuple(SPATIAL_CASES),
        test_cases=(*TEST_CASES, "one image in test mode"),
    ),
    "spatial_batchnorm_backward": backward_recipe(
        "spatial_batchnorm_forward", "spatial_batchnorm_backward", IMAGES
    ),
    "spatial_groupnorm_forward": forward_recipe("spatial_groupnorm_forward", GROUPS),
    "spatial_groupnorm_backward": backward_recipe(
        "spatial_groupnorm_forward", "spatial_groupnorm_backward", GROUPS
    ),
}
