"""Recipes of batch and layer normalisation, for rows and for images.

Where only one epsilon is wrong, 1e-5 hides it: some cases use a large one.
"""

from functools import partial

import numpy as np

from ece662.check.recipe import (
    Recipe,
    array_of,
    copies,
    unchanged,
    unpack,
)

__all__ = ["RECIPES"]

# Of each case: the shape of x, batches in mode "train", whether one in mode "test"
# follows, epsilon and momentum.
BATCHNORM_CASES = {
    "one batch": ((6, 4), 1, False, 1e-5, 0.9),
    "three batches, large eps": ((5, 3), 3, False, 0.4, 0.6),
    "test mode": ((4, 5), 0, True, 0.4, 0.9),
    "training, then test": ((3, 4), 2, True, 1e-5, 0.7),
}
SPATIAL_CASES = {
    "one batch": ((2, 4, 3, 5), 1, False, 1e-5, 0.9),
    "three batches, large eps": ((3, 2, 4, 2), 3, False, 0.4, 0.6),
    "test mode": ((2, 3, 2, 4), 0, True, 0.4, 0.9),
    "training, then test": ((3, 5, 2, 1), 2, True, 1e-5, 0.7),
}


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
        "eps": eps,
        "momentum": momentum,
    }
    if test:
        inputs["test_x"] = draw()
    if not batches:
        inputs["running_mean"] = rng.standard_normal(C)
        inputs["running_var"] = 0.5 + rng.random_sample(C)
    return inputs


def run_batchnorm_forward(code, inputs, function="batchnorm_forward"):
    """Try a forward pass on some batches, then in mode "test" where a case has that."""
    forward = getattr(code, function)
    gamma, beta = copies(inputs, "gamma", "beta")
    bn_param = {"mode": "train", "eps": inputs["eps"], "momentum": inputs["momentum"]}
    for name in ("running_mean", "running_var"):
        if name in inputs:
            [bn_param[name]] = copies(inputs, name)
    batches = inputs["batches"].copy()
    outputs = {}
    for i, x in enumerate(batches, start=1):
        out, _ = unpack(forward(x, gamma, beta, bn_param), function, "out", "cache")
        name = "out" if len(batches) == 1 else f"out of batch {i}"
        outputs[name] = array_of(out, "out")
    if "test_x" in inputs:
        [x] = copies(inputs, "test_x")
        bn_param["mode"] = "test"
        out, _ = unpack(forward(x, gamma, beta, bn_param), function, "out", "cache")
        outputs["out in test mode"] = array_of(out, "out")
        outputs |= unchanged(inputs, test_x=x)
    for name in ("running_mean", "running_var"):
        outputs[name] = array_of(bn_param.get(name), f"bn_param[{name!r}]")
    return outputs | unchanged(inputs, batches=batches, gamma=gamma, beta=beta)


RECIPES = {
    "batchnorm_forward": Recipe(
        run_batchnorm_forward, make_batchnorm_inputs, tuple(BATCHNORM_CASES)
    ),
    "spatial_batchnorm_forward": Recipe(
        partial(run_batchnorm_forward, function="spatial_batchnorm_forward"),
        partial(make_batchnorm_inputs, cases=SPATIAL_CASES),
        tuple(SPATIAL_CASES),
    ),
}
