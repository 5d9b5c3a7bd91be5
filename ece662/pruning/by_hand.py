"""Pruning by hand: which weights go, what keeps them gone, and how a filter leaves.

Q6 sets these as exercises. They are arithmetic on arrays, so they serve whatever
library has trained them. A mask has the shape of its weights and is True where they
stay. Weights come by name, in a dict; "the weights" are those of the convolutions and
of the last layer. Biases, gammas and betas are few, and stay.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

__all__ = [
    "magnitude_masks",
    "masked_step",
    "random_masks",
    "sensitivity",
    "take_out_filter",
]


def magnitude_masks(
    weights: Mapping[str, np.ndarray], share: float
) -> dict[str, np.ndarray]:
    """Choose the smallest weights of all arrays together.

    One limit holds for the whole network, so a layer of small weights loses more than
    its share.

    Args:
        weights: arrays by name; they stay as they are.
        share: how much of all weights goes, from 0 to 1.

    Returns:
        masks: for each array, True where a weight stays.

    Raises:
        ValueError: a share outside 0 to 1.
    """
    _check_share(share)
    masks = None
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    sizes = np.abs(np.concatenate([w.ravel() for w in weights.values()]))
    # By rank and not by a limit: exactly this many go, whatever is equal or zero.
    stays = np.ones(len(sizes), bool)
    stays[np.argsort(sizes, kind="stable")[: round(share * len(sizes))]] = False
    ends = np.cumsum([w.size for w in weights.values()])[:-1]
    parts = zip(weights.items(), np.split(stays, ends), strict=True)
    masks = {name: part.reshape(w.shape) for (name, w), part in parts}
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return masks


def random_masks(
    weights: Mapping[str, np.ndarray], share: float, seed: int
) -> dict[str, np.ndarray]:
    """Choose weights by lot, whatever their size: what magnitude has to beat.

    Args:
        weights: arrays by name; only their shapes count.
        share: how much of all weights goes, from 0 to 1: exactly, but for rounding.
        seed: the same seed gives the same masks, another seed others.

    Returns:
        masks: for each array, True where a weight stays.

    Raises:
        ValueError: a share outside 0 to 1.
    """
    _check_share(share)
    masks = None
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    lottery = np.random.default_rng(seed)
    lots = {name: lottery.random(w.shape) for name, w in weights.items()}
    masks = magnitude_masks(lots, share)  # the smallest lots go
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return masks


def masked_step(
    rule: Callable, w: np.ndarray, dw: np.ndarray, mask: np.ndarray, config: dict
) -> tuple[np.ndarray, dict]:
    """Take a step of training that leaves a zero where the mask has one.

    Args:
        rule: one of `ece662.optim`, called as `rule(w, dw, config)`.
        w: parameter.
        dw: its gradient, which is not zero where the mask is.
        mask: of the shape of w, True where a weight stays.
        config: of the rule, with what it remembers.

    Returns:
        next_w, config.
    """
    next_w = None
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    moved, config = rule(w, dw, config)
    # Last of all: with momentum, a gradient of zero does not yet mean a step of zero.
    next_w = moved * mask
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return next_w, config


def sensitivity(
    weights: Mapping[str, np.ndarray],
    shares: Sequence[float],
    accuracy_of: Callable[[Mapping[str, np.ndarray]], float],
) -> np.ndarray:
    """Measure how much a network minds that one layer is pruned, and no other.

    Args:
        weights: L arrays by name; they stay as they are.
        shares: S shares of a layer's own weights, the smallest of which go.
        accuracy_of: gives the accuracy of the network with all weights, by name.

    Returns:
        table: (L, S) accuracies, the layers in the order of `weights`.
    """
    table = None
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    table = np.zeros((len(weights), len(shares)))
    for i, (name, w) in enumerate(weights.items()):
        for j, share in enumerate(shares):
            mask = magnitude_masks({name: w}, share)[name]
            table[i, j] = accuracy_of({**weights, name: w * mask})
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return table


def take_out_filter(
    w1: np.ndarray, norm: Mapping[str, np.ndarray], w2: np.ndarray, k: int
) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """Take the k-th filter out of convolution - batch norm - ReLU - convolution.

    All arrays are new, and smaller: nothing is multiplied by zero afterwards.

    Args:
        w1: (F, C, HH, WW) filters of the first convolution, which has no biases.
        norm: batch norm's (F,) arrays by name, whatever names it uses: gamma, beta and
            the running statistics.
        w2: (F2, F, HH2, WW2) filters of the second convolution.
        k: the filter that goes, from 0 to F - 1.

    Returns:
        w1, norm, w2: with F - 1 in the place of F.

    Raises:
        ValueError: no such filter.
    """
    if not 0 <= k < len(w1):
        raise ValueError(f"k must be from 0 to {len(w1) - 1}, got {k}")
    smaller_w1 = smaller_norm = smaller_w2 = None
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    smaller_w1 = np.delete(w1, k, axis=0)
    smaller_norm = {name: np.delete(array, k) for name, array in norm.items()}
    smaller_w2 = np.delete(w2, k, axis=1)  # the channel that nobody writes any more
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return smaller_w1, smaller_norm, smaller_w2


def _check_share(share: float) -> None:
    if not 0 <= share <= 1:
        raise ValueError(f"share must be from 0 to 1, got {share}")
