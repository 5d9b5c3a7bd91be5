"""Answers of a sandbox, made up: right ones with something in them changed."""

import functools
import json
import random
from collections.abc import Callable, Mapping

import numpy as np

from course.sandbox import wire
from ece662.check.problems import Problem
from ece662.check.recipes import RECIPES
from ece662.check.signatures import PATH, load
from ece662.check.terms import Cause, Stop
from ece662.exercises import EXERCISES, Exercise

__all__ = ["expected", "make"]

PROBLEM = Problem(Stop.ERROR, Cause.SAID, {"says": "It stopped."})._asdict()
DTYPES = ("?", "i1", "u1", "i2", "i4", "i8", "f2", "f4", "f8")
NUMBERS = (0, 1, -1, 1e300, -1e-300, np.nan, np.inf, -np.inf, 1e-9)
PRUNED = ("whole", "pruned", "shares asked for", "levels asked for", "whole 0",
          "pruned 0")  # fmt: skip
TRAINED = ("state W1", "state b1", "state W2", "state b2", "state gamma1",
           "state bn_params.0.running_mean", "validation accuracy", "scores",
           "training accuracy", "layers", "first losses", "last losses")  # fmt: skip


@functools.cache
def expected() -> Mapping[str, Mapping[str, np.ndarray]]:
    """Return right outputs, by exercise; of those that have none, some names."""
    known = {id: dict(sig.expected) for id, sig in load(PATH).items()}
    for exercise in EXERCISES:
        if exercise.is_checked and exercise.id not in known:
            pruning = exercise.notebook.startswith("Q6")
            case = RECIPES[exercise.recipe].cases[0]
            names = PRUNED if pruning else TRAINED
            known[exercise.id] = {f"{case}/{name}": np.ones((3, 4)) for name in names}
    return known


def make(
    rng: random.Random,
    exercise: Exercise,
    changed_bytes: Callable[[random.Random, bytes], bytes],
) -> bytes:
    """Return the bytes of an answer to an exercise."""
    outputs = dict(expected()[exercise.id])
    for _ in range(rng.choice((0, 1, 1, 3, 10))):
        key = rng.choice([*outputs, "x/y", "/", "state W1"])
        what = rng.randrange(5)
        if what == 0:
            outputs.pop(key, None)
        elif what == 1:
            outputs[key] = _any_array(rng)
        elif key in outputs:
            outputs[key] = _changed(rng, outputs[key])
    text = _problems(rng)
    outputs["problems"] = np.frombuffer(text, np.uint8)
    if rng.random() < 0.05:
        outputs["problems"] = _any_array(rng)
    data = wire.pack(outputs)
    return changed_bytes(rng, data) if rng.random() < 0.15 else data


def _any_array(rng: random.Random) -> np.ndarray:
    shape = [rng.choice((0, 1, 1, 2, 3, 7, 50)) for _ in range(rng.randrange(5))]
    if rng.random() < 0.05:
        shape = [0, 1 << 39]
    dtype = np.dtype(rng.choice(DTYPES))
    filler = rng.choice(NUMBERS)
    with np.errstate(all="ignore"):
        return np.full(shape, filler).astype(dtype) if 0 not in shape else np.empty(
            shape, dtype
        )  # fmt: skip


def _changed(rng: random.Random, array: np.ndarray) -> np.ndarray:
    """Change an array's numbers, or its form."""
    what = rng.randrange(6)
    with np.errstate(all="ignore"):
        if what == 0 and array.size:
            array = array.astype(float)
            array.flat[rng.randrange(array.size)] = rng.choice(NUMBERS)
            return array
        if what == 1:
            return array.astype(rng.choice(DTYPES))
        if what == 2:
            return array.reshape(-1)[: rng.randrange(array.size + 1)]
        if what == 3:
            return array.T if array.ndim else array.reshape(1)
        if what == 4:
            return np.repeat(array[None], rng.choice((0, 1, 3)), axis=0)
        # As an array: a Python number that the type cannot hold raises.
        return array * np.asarray(rng.choice(NUMBERS))


def _problems(rng: random.Random) -> bytes:
    """Return problems as a sandbox tells of them, or nearly so."""
    if rng.random() < 0.5:
        return b"[]"
    problems = []
    for _ in range(rng.choice((1, 1, 2, 60))):
        odd = ("", "x" * 5000, "\ud800", "\x1b", None, 1, [], "None", "affine_forward")
        problem = PROBLEM | {"kind": rng.choice([kind.value for kind in Stop])}
        problem["cause"] = rng.choice([cause.value for cause in Cause])
        if rng.random() < 0.5:
            key = rng.choice(("says", "error", "where", "{x}", "__class__"))
            problem["facts"] = rng.choice(({key: rng.choice(odd)}, {}, {"odd": odd}))
        if rng.random() < 0.7:
            problem[rng.choice([*problem, "more"])] = rng.choice(odd)
        problems.append(problem)
    text = json.dumps(rng.choice((problems, problems, problems[0], 7, [[]])))
    return rng.choice((text, text, text[:-1], "[" * 5000, "")).encode()
