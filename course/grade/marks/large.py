"""Inputs too large for a gradient that is measured instead of derived.

A difference quotient takes two forward passes for each number of the input. For the
small inputs of a check that is fast, and its error of about 1e-9 passes. These inputs
have tens of thousands of numbers: a backward pass takes milliseconds for them, even
with naive loops, and difference quotients take minutes.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ece662.check.recipes import nets
from ece662.exercises import Exercise

__all__ = ["LARGE", "SECONDS", "large_inputs"]

LARGE = "large"  # the case's name
SECONDS = 4  # of CPU time, a hundred times what a right solution takes
ROWS = (300, 200)
IMAGES = (6, 8, 30, 30)
GROUPS = 4
HIDDEN = {
    "TwoLayerNet": {"hidden_dim": 4000},
    "FullyConnectedNet": {"hidden_dims": [250, 300]},
    "ThreeLayerConvNet": {
        "input_dim": [2, 32, 32],
        "num_filters": 4,
        "filter_size": 3,
        "hidden_dim": 40,
    },
}


def large_inputs(exercise: Exercise, seed: Any) -> dict[str, Any] | None:
    """Draw the large inputs of an exercise; None where it has no gradient to derive.

    Args:
        exercise: which one.
        seed: as `RandomState` takes one.
    """
    make = MAKERS.get(exercise.recipe)
    return make(np.random.RandomState(seed)) if make else None


def _affine(rng) -> dict[str, Any]:
    N, D, M = 8, 500, 400
    shapes = {"x": (N, D), "w": (D, M), "b": (M,), "dout": (N, M)}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def _relu(rng) -> dict[str, Any]:
    return {name: rng.standard_normal(ROWS) for name in ("x", "dout")}


def _normalisation(rng, shape=ROWS, groups=None) -> dict[str, Any]:
    C = shape[1]
    parameters = (1, C, 1, 1) if groups else (C,)
    inputs = {
        "x": rng.standard_normal(shape),
        "gamma": 1 + rng.standard_normal(parameters),
        "beta": rng.standard_normal(parameters),
        "dout": rng.standard_normal(shape),
        "eps": 1e-5,
    }
    return inputs | ({"groups": groups} if groups else {})


def _images(rng) -> dict[str, Any]:
    return _normalisation(rng, IMAGES)


def _groups(rng) -> dict[str, Any]:
    return _normalisation(rng, IMAGES, GROUPS)


def _convolution(rng) -> dict[str, Any]:
    """Draw many pixels but few windows, so that naive loops stay fast."""
    return {
        "x": rng.standard_normal((1, 6, 99, 99)),
        "w": rng.standard_normal((2, 6, 3, 3)),
        "b": rng.standard_normal(2),
        "dout": rng.standard_normal((1, 2, 8, 8)),
        "stride": 14,
        "pad": 1,
    }


def _pool(rng) -> dict[str, Any]:
    return {
        "x": rng.permutation(2 * 240 * 240).reshape(1, 2, 240, 240) / 4,
        "dout": rng.standard_normal((1, 2, 12, 12)),
        "pool_height": 20,
        "pool_width": 20,
        "stride": 20,
        "tied": False,
    }


def _network(rng, name, **settings) -> dict[str, Any]:
    made_with = {"input_dim": 12, "num_classes": 10, **HIDDEN[name], **settings}
    kind = "dropout" if "dropout" in settings else name
    inputs: dict[str, Any] = {"made_with": made_with}
    for parameter, shape in nets.shapes_of(kind, made_with).items():
        size = np.sqrt(2 / shape[0]) if parameter[0] == "W" else 0.5
        if kind == "dropout" and parameter[0] == "b":
            size = 0.0  # so that scores grow in proportion to each layer's weights
        drawn = size * rng.standard_normal(shape) + parameter.startswith("gamma")
        inputs[parameter] = drawn
    dim = made_with["input_dim"]
    shape = nets.IMAGE if isinstance(dim, int) else tuple(dim)
    N = 5 if kind != "dropout" else 1  # for one picture, loss and scores correspond
    inputs["X"] = rng.standard_normal((N, *shape))
    return inputs | {"y": rng.randint(made_with["num_classes"], size=N)}


def _deep(**settings) -> Callable:
    return lambda rng: _network(rng, "FullyConnectedNet", **settings)


# By recipe.
MAKERS: dict[str | None, Callable] = {
    "affine_backward": _affine,
    "relu_backward": _relu,
    "batchnorm_backward": _normalisation,
    "batchnorm_backward_alt": _normalisation,
    "layernorm_backward": _normalisation,
    "spatial_batchnorm_backward": _images,
    "spatial_groupnorm_backward": _groups,
    "conv_backward_naive": _convolution,
    "max_pool_backward_naive": _pool,
    "TwoLayerNet": lambda rng: _network(rng, "TwoLayerNet"),
    "FullyConnectedNet": _deep(),
    "FullyConnectedNet-batchnorm": _deep(normalization="batchnorm"),
    "FullyConnectedNet-layernorm": _deep(normalization="layernorm"),
    "FullyConnectedNet-dropout": _deep(dropout=0.6, seed=123, num_classes=2),
    "ThreeLayerConvNet": lambda rng: _network(rng, "ThreeLayerConvNet"),
}
