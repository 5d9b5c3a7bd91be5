"""What a training run that fell short looks like, and what that says."""

from collections.abc import Mapping

import numpy as np

from ece662.check.diagnosis import Diagnosis
from ece662.check.terms import Kind

__all__ = ["FIRST_LOSSES", "describe_training"]

FIRST_LOSSES = "first losses"  # the output that only recipes of training give

MOVED = 0.02  # a loss that fell by less than this share has not moved
APART = 0.25  # so much better on what it has seen is learning by heart


def describe_training(outputs: Mapping[str, np.ndarray]) -> Diagnosis:
    """Name what went wrong with a training run, by its loss and its accuracies.

    Args:
        outputs: of a recipe in `ece662.check.recipes.training`.
    """
    known = {
        key.partition("/")[2]: float(v) for key, v in outputs.items() if not v.ndim
    }
    first, last = known.get(FIRST_LOSSES), known.get("last losses")
    training = known.get("training accuracy at the end", 0.0)
    validation = known.get("validation accuracy")
    if first is None or last is None or not np.isfinite(last) or last > 1.5 * first:
        return Diagnosis(Kind.DIVERGED)
    if last > (1 - MOVED) * first:
        return Diagnosis(Kind.NOT_LEARNING)
    if validation is not None and training > validation + APART:
        facts = {"training": training, "validation": validation}
        return Diagnosis(Kind.OVERFITTING, facts)
    return Diagnosis(Kind.NOT_FAR_ENOUGH)
