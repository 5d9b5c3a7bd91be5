"""Recipes of dropout, which is random: judged by what is true of every right mask.

Random numbers are never compared. A recipe returns the output for a large x. From both
are derived the share of x that was kept, its scale, and whether the backward used the
same mask.
"""

import math
from functools import partial

import numpy as np

from ece662.check.diagnosis import Diagnosis
from ece662.check.recipe import (
    WRITES_INTO_DOUT,
    Misfit,
    Recipe,
    Rule,
    array_of,
    copies,
    in_forward,
    unchanged,
    unpack,
)
from ece662.check.terms import Kind

__all__ = ["RECIPES", "share_as_meant"]

# Of each case: the shape of x, and p.
CASES = {
    "keep 0.3": ((60, 80), 0.3),
    "keep 0.8": ((60, 80), 0.8),
    "images, keep 0.6": ((12, 8, 7, 9), 0.6),
}
OWN_CHANCE, NEW_MASK = "each number has its own chance", "another mask each time"
SIGMAS = 6  # how far a share may be off by chance: once in five hundred million


def make_inputs(rng, case):
    """Draw x and dout without zeros, so that a zero afterwards means "dropped"."""

    shape, p = CASES[case]

    def draw():
        return (0.5 + rng.random_sample(shape)) * rng.choice((-1.0, 1.0), shape)

    return {"x": draw(), "dout": draw(), "p": p}


def run_forward(code, inputs):
    """Try `dropout_forward` in both modes."""
    outputs, kept = {}, []
    for mode, name in (
        ("train", "out"),
        ("train", "again"),
        ("test", "out in test mode"),
    ):
        [x] = copies(inputs, "x")
        param = {"mode": mode, "p": inputs["p"]}
        result = code.dropout_forward(x, param)
        out, _ = unpack(result, "dropout_forward", "out", "cache")
        outputs[name] = _shaped(out, "out", inputs)
        kept.append(np.array_equal(inputs["x"], x))
    return outputs | {"x unchanged": np.array(all(kept))}


def _shaped(value, name, inputs):
    """Return a result as an array; raise Misfit where it has not the shape of x."""
    array, shape = array_of(value, name), inputs["x"].shape
    if array.shape != shape:
        raise Misfit(f"{name} should have the shape of x, {shape}, not {array.shape}")
    return array


def derive_forward(inputs, outputs):
    """Turn the outputs into facts that do not depend on the mask."""
    x, p, out = inputs["x"], inputs["p"], outputs["out"]
    found = {"x unchanged": outputs["x unchanged"]}
    if out.shape != x.shape:
        return found
    kept = out != 0
    ratios = (out / x)[kept]
    means = (kept.mean(axis) for axis in range(kept.ndim))
    uneven = max(mean.std() for mean in means)
    return found | {
        "share of what is kept": np.array(share_as_meant(kept, p)),
        "scale of what is kept": _range(ratios),
        OWN_CHANCE: np.array(bool(uneven < 0.25)),
        NEW_MASK: np.array(not np.array_equal(out, outputs["again"])),
        "out over x in test mode": _range((outputs["out in test mode"] / x).ravel()),
    }


def share_as_meant(kept, p) -> float:
    """Return the share that is kept: p or 1 - p if it is near, or else as counted.

    A counted share is rounded to one digit, as further ones are random.
    """
    share = kept.mean()
    for meant in (p, 1 - p):
        if abs(share - meant) < SIGMAS * np.sqrt(p * (1 - p) / kept.size):
            return meant
    rounded = float(np.round(share, 1))
    return float(share) if np.isclose(rounded, (p, 1 - p)).any() else rounded


def _range(ratios) -> np.ndarray:
    """Return the smallest and largest of some numbers; nan where there are none."""
    return np.array([ratios.min(), ratios.max()] if ratios.size else [np.nan, np.nan])


def describe(failed, inputs) -> list[Diagnosis]:
    """Diagnose how much is kept, how it is scaled, and what test mode does."""
    found: dict[str, Diagnosis] = {}
    shares = [c.got for c in failed if c.name == "share of what is kept"]
    if any(share in (0, 1) for share in shares):  # then no two masks differ
        failed = [c for c in failed if c.name != NEW_MASK]
    for comparison in failed:
        diagnose = FACTS.get(comparison.name)
        if diagnose and comparison.name not in found:
            same = [other for other in failed if other.name == comparison.name]
            found[comparison.name] = diagnose(same, inputs)
    left = {c.name for c in failed} - found.keys()
    if left == {"x unchanged"}:
        left = set()
        found["x unchanged"] = Diagnosis(
            Kind.INPUT_CHANGED, {"name": "x", "alone": len(found) == 0}
        )
    return [] if left else list(found.values())


def _of_share(same, inputs) -> Diagnosis:
    shares = [(float(c.got), inputs[c.case]["p"]) for c in same]
    share, p = shares[0]
    facts = {"share": share, "p": p}
    if all(np.isclose(share, 1 - p) for share, p in shares):
        return Diagnosis(Kind.SHARE_REVERSED, facts)
    below = [(1 + math.erf(p / math.sqrt(2))) / 2 for _, p in shares]
    if all(
        abs(share - of_normal) < 0.06
        for (share, _), of_normal in zip(shares, below, strict=True)
    ):
        return Diagnosis(Kind.SHARE_OF_NORMAL, facts)
    return Diagnosis(Kind.SHARE, facts)


def _of_scale(same, inputs, kind=Kind.SCALE) -> Diagnosis:
    first = same[0]
    low, high = map(float, first.got)
    return Diagnosis(kind, {"low": low, "high": high, "p": inputs[first.case]["p"]})


def _of_a_fact(same, inputs) -> Diagnosis:
    return Diagnosis(Kind.NOT_SO, says=RULES[same[0].name].says)


RULES = {
    OWN_CHANCE: Rule(
        says="Numbers that stand in one row or column fall together: each number of x "
        "has a chance of its own."
    ),
    NEW_MASK: Rule(
        says="Two calls drop the same numbers: every call draws a mask of its own, and "
        "only `dropout_param['seed']` may set the seed."
    ),
}
FACTS = {
    "share of what is kept": _of_share,
    "scale of what is kept": _of_scale,
    "out over x in test mode": partial(_of_scale, kind=Kind.TEST_SCALE),
    OWN_CHANCE: _of_a_fact,
    NEW_MASK: _of_a_fact,
}


def _slopes(*arrays) -> np.ndarray:
    """Project each array on a few fixed directions: equal ones have equal slopes."""
    shape = arrays[0].shape
    directions = np.random.RandomState(shape).standard_normal((3, *shape))
    return np.array([[np.sum(array * v) for v in directions] for array in arrays])


def run_backward(code, inputs):
    """Try `dropout_backward` after the student's own forward."""
    x, dout = copies(inputs, "x", "dout")
    with in_forward("dropout_forward"):
        result = code.dropout_forward(x, {"mode": "train", "p": inputs["p"]})
        out, cache = unpack(result, "dropout_forward", "out", "cache")
        out = _shaped(out, "out", inputs)
    dx = _shaped(code.dropout_backward(dout, cache), "dx", inputs)
    return {"out": out, "dx": dx, **unchanged(inputs, dout=dout)}


def derive_backward(inputs, outputs):
    """Compare the mask of the backward with that of the student's forward."""
    x, dout, out, dx = inputs["x"], inputs["dout"], outputs["out"], outputs["dx"]
    found = {"dout unchanged": outputs["dout unchanged"]}
    if dx.shape != x.shape or out.shape != x.shape:
        return found
    kept = out != 0
    passed, scale = dx / dout, out / x
    return found | {
        "forward's share kept": np.array(share_as_meant(kept, inputs["p"])),
        "forward's scale": _range(scale[kept]),
        "scale of dx where x was kept": _range(passed[kept]),
        "dx where x was dropped": _range(passed[~kept]),
        "own dx": _slopes(passed, scale),
    }


def describe_backward(failed, inputs) -> list[Diagnosis]:
    """Diagnose what comes back where x was kept, and where it was dropped."""
    found: dict[str, Diagnosis] = {}
    for c in failed:
        if c.name not in BACK:
            return []
        low, high = map(float, c.got)
        facts = {"low": low, "high": high, "want": float(c.want[0])}
        facts["p"] = inputs[c.case]["p"]
        found.setdefault(c.name, Diagnosis(BACK[c.name], facts))
    return list(found.values())


BACK = {
    "scale of dx where x was kept": Kind.BACK_KEPT,
    "dx where x was dropped": Kind.BACK_DROPPED,
}

RECIPES = {
    "dropout_forward": Recipe(
        run_forward,
        make_inputs,
        tuple(CASES),
        RULES,
        derive=derive_forward,
        describe=describe,
    ),
    "dropout_backward": Recipe(
        run_backward,
        make_inputs,
        tuple(CASES),
        {"dout unchanged": WRITES_INTO_DOUT},
        derive_backward,
        "dropout_forward",
        about={
            "scale of dx where x was kept": "dx",
            "dx where x was dropped": "dx",
        },
        describe=describe_backward,
    ),
}
