"""Unstructured pruning: which weights go, and how to keep them gone.

A mask has the shape of its weights and is True where they stay. The functions work on
arrays by name, whatever framework they come from; "the weights" are those of the
convolutions and of the last layer. Biases, gammas and betas are few, and stay.
"""

from collections.abc import Mapping

import numpy as np

__all__ = ["cubic_share", "magnitude_masks", "share_of_zeros"]


def magnitude_masks(
    weights: Mapping[str, np.ndarray], share: float
) -> dict[str, np.ndarray]:
    """Choose the smallest weights of all arrays together.

    One limit holds for the whole network, so a layer of small weights loses more than
    its share.

    Args:
        weights: arrays by name.
        share: how much of all weights goes, from 0 to 1.

    Returns:
        masks: for each array, True where a weight stays.

    Raises:
        ValueError: a share outside 0 to 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must be from 0 to 1, got {share}")
    sizes = np.concatenate([np.abs(w).ravel() for w in weights.values()])
    # By rank and not by a limit: exactly this many go, whatever is equal or zero.
    stays = np.ones(len(sizes), bool)
    stays[np.argsort(sizes, kind="stable")[: round(share * len(sizes))]] = False
    ends = np.cumsum([w.size for w in weights.values()])[:-1]
    parts = zip(weights.items(), np.split(stays, ends), strict=True)
    return {name: part.reshape(w.shape) for (name, w), part in parts}


def share_of_zeros(weights: Mapping[str, np.ndarray]) -> float:
    """Return which share of all the weights is zero."""
    total = sum(w.size for w in weights.values())
    return 1 - sum(np.count_nonzero(w) for w in weights.values()) / total


def cubic_share(final: float, done: float) -> float:
    """Return how much to have pruned when a part of gradual pruning is done.

    Fast at first, where pruning is harmless, and slow towards the end:
    final * (1 - (1 - done)^3). (Zhu and Gupta, "To prune, or not to prune", 2017,
    arXiv 1710.01878.)
    """
    return final * (1 - (1 - done) ** 3)
