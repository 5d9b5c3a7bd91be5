"""What a training run that fell short looks like, and what that says."""

from collections.abc import Mapping

import numpy as np

from ece662.check.general import Diagnosis

__all__ = ["FIRST_LOSSES", "describe_training"]

FIRST_LOSSES = "first losses"  # the output that only recipes of training give

MOVED = 0.02  # a loss that fell by less than this share has not moved


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
        return Diagnosis(
            "diverged",
            "The loss grew instead of falling: the steps are too large for it.",
            "What happens if the learning rate is three times smaller?",
        )
    if last > (1 - MOVED) * first:
        return Diagnosis(
            "not-learning",
            "The loss has hardly moved from that of a guess.",
            "Does anything reach the last layer with these first weights, and how far "
            "does one step move them?",
        )
    if validation is not None and training > validation + 0.25:
        return Diagnosis(
            "overfitting",
            f"It knows {training:.0%} of the training pictures and {validation:.0%} of "
            "those it has not seen.",
            "What would keep it from learning single pictures by heart?",
        )
    return Diagnosis(
        "not-far-enough",
        "It learns, but has not come far enough.",
        "Was the loss still falling when it ended? Change one setting at a time, by a "
        "factor of three.",
    )
