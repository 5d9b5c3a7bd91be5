"""Small counts of pruning: how much is zero, and how much is to go when.

The masks themselves are exercises, in `ece662.pruning.by_hand`.
"""

from collections.abc import Mapping

import numpy as np

__all__ = ["cubic_share", "share_of_zeros"]


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
