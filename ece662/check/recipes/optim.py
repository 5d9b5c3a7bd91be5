"""Recipes of the update rules: several steps each, and an epsilon that can be seen.

A rule may change w in place and hand it back, or return a new array; it gets copies.
Another parameter takes its own steps in between, as in a network: what a rule remembers
belongs into config and nowhere else.
"""

from functools import partial

import numpy as np

from ece662.check.recipe import (
    Misfit,
    Recipe,
    Rule,
    array_of,
    stored,
    unpack,
    without_prints,
)
from ece662.check.terms import How

__all__ = ["RECIPES"]

MATRIX = (3, 4)
SHAPES = {"a vector": (5,), "filters": (2, 1, 3, 2), "one number": (1,)}
STEPS = 4

# By rule: the settings, what it keeps in config, and whether that cannot be negative.
RULES = {
    "sgd_momentum": (
        {"learning_rate": 0.05, "momentum": 0.7},
        {"velocity": False},
    ),
    "rmsprop": (
        {"learning_rate": 0.05, "decay_rate": 0.8, "epsilon": 0.3},
        {"cache": True},
    ),
    "adam": (
        {"learning_rate": 0.05, "beta1": 0.8, "beta2": 0.9, "epsilon": 0.3},
        {"m": False, "v": True},
    ),
}
DEFAULTS, GIVEN = "defaults", "from a given state"
CASES = ("from the start", GIVEN, DEFAULTS, *SHAPES)


def make_inputs(rng, case, rule):
    """Draw w, the gradients of some steps, and the settings of a case."""
    settings, memory = RULES[rule]
    shape = SHAPES.get(case, MATRIX)
    inputs = {
        "w": rng.standard_normal(shape),
        "gradients": rng.standard_normal((STEPS, *shape)),
    }
    if case == DEFAULTS:
        return inputs
    inputs |= settings
    if case == GIVEN:
        for name, is_square in memory.items():
            state = rng.standard_normal(shape)
            inputs[name] = state**2 if is_square else state
        if rule == "adam":
            inputs["t"] = 5
    return inputs


def run_rule(code, inputs, rule):
    """Take some steps with a rule."""
    config, other = config_of(inputs), config_of(inputs)
    w, gradients = np.array(inputs["w"]), np.array(inputs["gradients"])
    outputs = {}
    for step, dw in enumerate(gradients, start=1):
        result = getattr(code, rule)(w.copy(), dw, config)
        w, config = unpack(result, rule, "next_w", "config")
        w = outputs[f"w after step {step}"] = array_of(w, "next_w")
        if not isinstance(config, dict):
            raise Misfit(f"{rule} should return its config, a dict, beside next_w")
        with without_prints():
            result = getattr(code, rule)(1 - w, -3 * inputs["gradients"][-step], other)
        _, other = unpack(result, rule, "next_w", "config")
    for name in RULES[rule][1]:
        outputs[name] = stored(config, name, "config")
    unchanged = np.array_equal(gradients, inputs["gradients"])
    return outputs | {"dw unchanged": np.array(unchanged)}


def config_of(inputs):
    """Return the config that a case begins with, made afresh; None for the defaults."""
    config = {
        name: np.array(value) if isinstance(value, np.ndarray) else value
        for name, value in inputs.items()
        if name not in ("w", "gradients")
    }
    return config or None


WRITES_INTO_DW = Rule(
    How.REMARK,
    says="Your rule writes into `dw`. That does no harm here, but a caller may still "
    "need the array: working on a copy is safer.",
)

RECIPES = {
    rule: Recipe(
        partial(run_rule, rule=rule),
        partial(make_inputs, rule=rule),
        CASES,
        {"dw unchanged": WRITES_INTO_DW},
    )
    for rule in RULES
}
