"""Parts of sentences: which entries are wrong, and what a case consists of."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ece662.check.patterns import Where, pattern_of

__all__ = ["describe_case", "describe_map", "listed"]

# Names of inputs in recipes, in the words of the notebooks.
THEIRS = {
    "test_x": "x in test mode",
    "batches": "batches of x, one after the other:",
    "gradients": "steps with dw:",
    "groups": "G",
}
OF_THE_RECIPE = ("tied", "dout")


def listed(words: Iterable) -> str:
    """Return words as a list in a sentence: "a, b and c"."""
    *first, last = map(str, words)
    return f"{', '.join(first)} and {last}" if first else last


def describe_map(wrong: np.ndarray) -> str:
    """Describe the pattern of the wrong entries; "" where there is none."""
    pattern = pattern_of(wrong) if np.sum(wrong) > 1 else None
    if pattern is None:
        return ""
    places = ", ".join(map(str, pattern.places[:6]))
    more = ", ..." if len(pattern.places) > 6 else ""
    along = f"index {places}{more} of axis {pattern.axis}"
    return {
        Where.BORDER: "all of them at the border",
        Where.INSIDE: "none of them at the border",
        Where.EVERY_OTHER: f"all of them at every other {along}",
        Where.ONLY: f"everything at {along}",
        Where.NOWHERE_ELSE: f"all of them at {along}",
    }[pattern.where]


def describe_case(inputs: Mapping[str, Any]) -> str:
    """Describe a case by the shapes of its arrays and by its settings."""
    said = []
    for name, value in inputs.items():
        if name in OF_THE_RECIPE or (name == "batches" and not np.size(value)):
            continue
        if name == "made_with":
            said += [f"{key} {_value(setting)}" for key, setting in value.items()]
        else:
            said.append(f"{THEIRS.get(name, name)} {_value(value)}")
    return ", ".join(said)


def _value(value) -> str:
    if isinstance(value, np.ndarray):
        return str(value.shape)
    return f"{value:g}" if isinstance(value, float) else str(value)
