"""Diagnose a training run whose accuracy is too low."""

from collections.abc import Mapping

import numpy as np

from ece662.check.diagnosis import Diagnosis
from ece662.check.terms import Kind

__all__ = ["FIRST_LOSSES", "describe_training"]

FIRST_LOSSES = "first losses"  # an output of all recipes that train, and of no others

MOVED = 0.02  # a loss that fell by less than this share has not fallen
APART = 0.25  # a larger gap between training and validation accuracy is overfitting


def describe_training(outputs: Mapping[str, np.ndarray]) -> Diagnosis:
    """Say what went wrong with a training run, by its loss and its accuracies.

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
