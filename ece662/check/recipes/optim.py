"""Recipes of the update rules: several steps each, and an epsilon that can be seen.

A rule may change w in place and hand it back, or return a new array; it gets copies.
"""

from functools import partial

import numpy as np

from ece662.check.recipe import Misfit, Recipe, array_of, unchanged, unpack

__all__ = ["RECIPES"]

SHAPE = (3, 4)
STEPS = 4

# By rule: the settings, what it remembers, and whether that is a square (not negative).
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
CASES = ("from the start", "from a given state", "defaults")


def make_inputs(rng, case, rule):
    """Draw w, the gradients of some steps, and the settings of a case."""
    settings, memory = RULES[rule]
    inputs = {
        "w": rng.standard_normal(SHAPE),
        "gradients": rng.standard_normal((STEPS, *SHAPE)),
    }
    if case == "defaults":
        return inputs
    inputs |= settings
    if case == "from a given state":
        for name, is_square in memory.items():
            state = rng.standard_normal(SHAPE)
            inputs[name] = state**2 if is_square else state
        if rule == "adam":
            inputs["t"] = 5
    return inputs


def run_rule(code, inputs, rule):
    """Take some steps with a rule."""
    config = {
        name: np.array(value) if isinstance(value, np.ndarray) else value
        for name, value in inputs.items()
        if name not in ("w", "gradients")
    }
    config = config or None
    w, gradients = np.array(inputs["w"]), np.array(inputs["gradients"])
    outputs = {}
    for step, dw in enumerate(gradients, start=1):
        result = getattr(code, rule)(w.copy(), dw, config)
        w, config = unpack(result, rule, "next_w", "config")
        w = outputs[f"w after step {step}"] = array_of(w, "next_w")
        if not isinstance(config, dict):
            raise Misfit(f"{rule} should return its config, a dict, beside next_w")
    for name in RULES[rule][1]:
        outputs[name] = array_of(config.get(name), f"config[{name!r}]")
    return outputs | unchanged(inputs, gradients=gradients)


RECIPES = {
    rule: Recipe(partial(run_rule, rule=rule), partial(make_inputs, rule=rule), CASES)
    for rule in RULES
}
