"""Recipes of pruning by hand: masks, a step that keeps them, and a filter taken out.

The shares leave whole numbers of weights, and no two weights are equal: how to round,
and which of two equal ones goes, is nobody's mistake.
"""

import numpy as np

from ece662.check.recipe import (
    Misfit,
    Recipe,
    Rule,
    array_of,
    noting_calls,
    unchanged,
    unpack,
)
from ece662.check.terms import Role, read_output

__all__ = ["RECIPES"]

# Of each case: the shapes and sizes of the layers, and the share.
MASK_CASES = {
    "half": ({"conv": ((3, 2, 3, 3), 0.5), "fc": ((5, 6), 2.0)}, 0.5),
    "a quarter": ({"conv": ((3, 2, 3, 3), 0.5), "fc": ((5, 6), 2.0)}, 0.25),
    "three quarters": ({"fc": ((6, 5), 2.0), "conv": ((3, 2, 3, 3), 0.5)}, 0.75),
    "one layer": ({"fc": ((4, 5), 1.0)}, 0.3),
}
LARGE = {"conv": ((10, 8, 5, 5), 0.5), "fc": ((40, 50), 2.0)}
LOT_CASES = {"half": 0.5, "a fifth": 0.2}
SEEDS = (3, 4)
STEPS = 3
STEP_CASES = {"a matrix": (4, 5), "filters": (2, 3, 3, 2), "a vector": (7,)}
SENSITIVITY_CASES = {
    "three layers": {
        "conv1": ((4, 2, 3, 3), 0.5),
        "conv2": ((2, 4, 3, 1), 1.0),
        "fc": ((4, 6), 2.0),
    },
    "one layer": {"fc": ((4, 6), 1.0)},
}
PART = [0.25, 0.5, 0.75]
# Of each case: the shape of w1, filters and window of w2, and which filter goes.
FILTER_CASES = {
    "one in the middle": ((5, 3, 3, 3), (4, 3, 3), 2),
    "the first": ((4, 2, 1, 3), (6, 3, 1), 0),
    "the last": ((3, 1, 5, 5), (2, 1, 1), 2),
    "one of two": ((2, 3, 3, 3), (3, 3, 3), 1),
}
NORM = ("gamma", "beta", "running_mean", "running_var")


def draw(rng, layers):
    """Draw the weights of some layers, by name."""
    return {
        name: size * rng.standard_normal(shape)
        for name, (shape, size) in layers.items()
    }


def masks_of(result, weights, function):
    """Return masks as arrays of 0 and 1, by "mask of NAME".

    Raises:
        Misfit: it is no dict of masks, or one lacks, or has another shape.
    """
    if not isinstance(result, dict):
        kind = type(result).__name__
        raise Misfit(f"{function} should return a dict of masks, not {kind}")
    if set(result) != set(weights):
        raise Misfit(
            f"{function} should return a mask for each of {sorted(weights)}; it "
            f"returned {sorted(map(str, result))}"
        )
    found = {}
    for name, w in weights.items():
        mask = array_of(result[name], f"the mask of {name}")
        if mask.shape != w.shape:
            raise Misfit(
                f"the mask of {name} should have the shape of its weights, {w.shape}, "
                f"not {mask.shape}"
            )
        if not np.isin(mask, (0, 1)).all():
            other = mask[~np.isin(mask, (0, 1))].flat[0]
            raise Misfit(
                f"the mask of {name} should hold 0 and 1 (or False and True), and "
                f"nothing else; it holds {other:.4g}, as weights do"
            )
        found[f"mask of {name}"] = (mask != 0).astype(float)
    return found


def make_weights(rng, case):
    """Draw the weights of a small network, and the share."""
    layers, share = MASK_CASES[case]
    return {**draw(rng, layers), "share": share}


def run_magnitude(code, inputs):
    """Ask for the masks of a small network."""
    weights = {n: np.array(w) for n, w in inputs.items() if n != "share"}
    result = code.magnitude_masks(weights, inputs["share"])
    found = masks_of(result, weights, "magnitude_masks")
    return found | unchanged(inputs, **weights)


def make_lots(rng, case):
    """Draw the weights of a network that is large enough to count in."""
    return {**draw(rng, LARGE), "share": LOT_CASES[case]}


def run_random(code, inputs):
    """Ask for masks of two seeds, of one of them twice."""
    weights = {n: np.array(w) for n, w in inputs.items() if n != "share"}
    outputs = {}
    for seed, name in ((SEEDS[0], ""), (SEEDS[0], " again"), (SEEDS[1], " other")):
        with noting_calls(outputs):
            result = code.random_masks(weights, inputs["share"], seed)
        masks = masks_of(result, weights, "random_masks")
        outputs[f"masks{name}"] = np.concatenate([m.ravel() for m in masks.values()])
    return outputs | unchanged(inputs, **weights)


def derive_random(inputs, outputs):
    """Turn masks into facts that are true of every right lot."""
    sizes = np.concatenate(
        [np.abs(w).ravel() for name, w in inputs.items() if name != "share"]
    )
    first, again, other = (outputs[f"masks{n}"] for n in ("", " again", " other"))
    # Among the smaller half of the weights as many go as among the larger one.
    small = sizes < np.median(sizes)
    lean = abs(first[small].mean() - first[~small].mean())
    aside = (Role.UNCHANGED, Role.CALLED)
    kept = [name for name in outputs if read_output(name).role in aside]
    found = {name: outputs[name] for name in kept}
    return found | {
        "share that is gone": np.array([1 - first.mean(), 1 - other.mean()]),
        "small weights go as often as large ones": np.array(bool(lean < 0.1)),
        "the same seed gives the same masks": np.array(bool(np.all(first == again))),
        "another seed gives others": np.array(bool(np.any(first != other))),
    }


def make_steps(rng, case):
    """Draw w, its mask, what the rule remembers, and the gradients of some steps."""
    shape = STEP_CASES[case]
    mask = rng.permutation(np.arange(np.prod(shape)) % 2).reshape(shape)
    return {
        "w": rng.standard_normal(shape),
        "mask": mask.astype(float),
        "velocity": rng.standard_normal(shape),
        "gradients": rng.standard_normal((STEPS, *shape)),
    }


def a_rule(w, dw, config):
    """Step with momentum: what is remembered moves w even where dw is zero."""
    velocity = 0.8 * config["velocity"] - 0.1 * dw
    return w + velocity, {**config, "velocity": velocity}


def run_steps(code, inputs):
    """Take some steps with a rule that remembers."""
    w, mask = np.array(inputs["w"]), inputs["mask"] > 0
    config = {"velocity": np.array(inputs["velocity"])}
    outputs = {}
    for step, dw in enumerate(inputs["gradients"], start=1):
        result = code.masked_step(a_rule, w, dw.copy(), mask.copy(), config)
        w, config = unpack(result, "masked_step", "next_w", "config")
        w = outputs[f"w after step {step}"] = array_of(w, "next_w")
        if not isinstance(config, dict):
            raise Misfit("masked_step should return the config, a dict, beside next_w")
        config.setdefault("velocity", np.zeros_like(w))
    return outputs


def make_layers(rng, case):
    """Draw the weights of some layers, and what their accuracy is made of."""
    weights = draw(rng, SENSITIVITY_CASES[case])
    probes = {f"probe of {n}": rng.standard_normal(w.shape) for n, w in weights.items()}
    return {**weights, **probes, "shares": list(PART)}


def run_sensitivity(code, inputs):
    """Ask for the table of a made-up accuracy, to which all layers contribute."""
    probes = {n: w for n, w in inputs.items() if n.startswith("probe of ")}
    names = [n for n in inputs if f"probe of {n}" in probes]
    weights = {name: np.array(inputs[name]) for name in names}

    def accuracy_of(given):
        lacking = [name for name in names if name not in given]
        if lacking:
            raise Misfit(
                f"accuracy_of wants the weights of all layers; no {lacking[0]}"
            )
        total = sum(np.sum(given[n] * probes[f"probe of {n}"]) for n in names)
        return float(1 / (1 + np.exp(-total / 10)))

    outputs = {}
    with noting_calls(outputs):
        result = code.sensitivity(weights, list(inputs["shares"]), accuracy_of)
    outputs["table"] = array_of(result, "table")
    return outputs | unchanged(inputs, **weights)


def make_filters(rng, case):
    """Draw two convolutions and the batch norm between them."""
    shape, (filters, height, width), k = FILTER_CASES[case]
    norm = {name: 1 + rng.random_sample(shape[0]) for name in NORM}
    w2 = rng.standard_normal((filters, shape[0], height, width))
    return {"w1": rng.standard_normal(shape), **norm, "w2": w2, "k": k}


def run_filter(code, inputs):
    """Take a filter out."""
    w1, w2 = np.array(inputs["w1"]), np.array(inputs["w2"])
    norm = {name: np.array(inputs[name]) for name in NORM}
    result = code.take_out_filter(w1, dict(norm), w2, inputs["k"])
    first, between, second = unpack(result, "take_out_filter", "w1", "norm", "w2")
    if not isinstance(between, dict) or set(between) != set(NORM):
        raise Misfit(f"norm should be a dict with the names it came with, {list(NORM)}")
    outputs = {"new w1": array_of(first, "w1"), "new w2": array_of(second, "w2")}
    outputs |= {f"new {name}": array_of(between[name], name) for name in NORM}
    return outputs | unchanged(inputs, w1=w1, w2=w2, **norm)


RECIPES = {
    "magnitude_masks": Recipe(run_magnitude, make_weights, tuple(MASK_CASES)),
    "random_masks": Recipe(
        run_random,
        make_lots,
        tuple(LOT_CASES),
        {"share that is gone": Rule(tolerance=1e-3)},
        derive_random,
    ),
    "masked_step": Recipe(run_steps, make_steps, tuple(STEP_CASES)),
    "sensitivity": Recipe(run_sensitivity, make_layers, tuple(SENSITIVITY_CASES)),
    "take_out_filter": Recipe(run_filter, make_filters, tuple(FILTER_CASES)),
}
