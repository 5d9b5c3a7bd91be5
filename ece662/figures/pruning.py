"""Figures about pruning (Q6): what is left, what it costs, what it reaches.

As in `ece662.figures.training`, each draws one figure, shows it, and returns nothing.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap

from ece662.figures.style import COLOURS, MARKERS
from ece662.figures.texts import describe
from ece662.pruning.measure import Cost

__all__ = [
    "show_accuracies",
    "show_costs",
    "show_masks",
    "show_sensitivity",
    "show_weight_sizes",
    "show_widths",
]

BLUE, ORANGE, GREEN = COLOURS[:3]


def show_weight_sizes(weights: Mapping[str, np.ndarray], shares: Sequence[float]):
    """Show how the sizes of all weights are spread, and where limits would lie.

    Args:
        weights: arrays by name.
        shares: of the weights that lie left of the limits to draw.
    """
    sizes = np.concatenate([np.abs(w).ravel() for w in weights.values()])
    _, ax = plt.subplots(figsize=(10, 3.6))
    ax.hist(sizes, bins=120, range=(0, np.quantile(sizes, 0.995)), color=BLUE)
    top = ax.get_ylim()[1]
    for share in shares:
        limit = np.quantile(sizes, share)
        ax.axvline(limit, color="black", linestyle=":")
        ax.text(limit, 1.02 * top, f"{100 * share:.0f}", ha="center", fontsize=10)
    ax.set(xlabel="size of a weight, whatever its sign", ylabel="weights")
    ax.set_title("Sizes of the weights (above a line: the % that are smaller)", pad=22)
    limits = ", ".join(
        f"{100 * share:.0f} % below {np.quantile(sizes, share):.2g}" for share in shares
    )
    describe(
        f"A histogram that is highest near 0 and falls off to the right: {limits}."
    )
    plt.show()


def show_accuracies(curves: Mapping[str, Mapping[float, float]], xlabel: str) -> None:
    """Show accuracies over the share that was pruned, a line for each curve.

    Args:
        curves: by name, accuracies (0 to 1) by share (0 to 1).
        xlabel: what the shares are shares of.
    """
    _, ax = plt.subplots(figsize=(8, 4))
    for (name, curve), colour, marker in zip(
        curves.items(), COLOURS, MARKERS, strict=False
    ):
        shares, accuracies = 100 * np.array(list(curve.items())).T
        ax.plot(shares, accuracies, f"{marker}-", color=colour, label=name)
    ax.axhline(100 / 6, color="black", linestyle=":", label="guessing")
    ax.set(xlabel=xlabel, ylabel="right answers in %", title="Accuracy after pruning")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    plt.show()


def show_masks(masks: Mapping[str, np.ndarray], title: str, shape=(12, 32)) -> None:
    """Show which weights stay: a corner of each layer, and how many in all.

    Args:
        masks: for each layer True where a weight stays, filters along the first axis.
        title: of the whole figure.
        shape: rows (filters) and columns (weights of a filter) to show.
    """
    colours = ListedColormap(["#DDDDDD", BLUE])
    figure, axes = plt.subplots(2, -(-len(masks) // 2), figsize=(14, 4.4))
    for ax, (name, mask) in zip(axes.flat, masks.items(), strict=False):
        corner = mask.reshape(len(mask), -1)[: shape[0], : shape[1]]
        ax.imshow(corner, cmap=colours, vmin=0, vmax=1, aspect="auto")
        short = name.removesuffix(".weight").removesuffix(".conv")
        ax.set_title(f"{short}\n{mask.mean():.0%} stay", fontsize=11)
    for ax in axes.flat:
        ax.set_xticks([])
        ax.set_yticks([])
        ax.grid(False)
    for ax in axes.flat[len(masks) :]:
        ax.set_visible(False)
    figure.suptitle(f"{title} (blue stays; a row is a filter)", fontsize=14)
    plt.show()


def show_sensitivity(curves: Mapping[str, Mapping[float, float]], whole: float) -> None:
    """Show how the accuracy falls when one layer alone is pruned.

    Args:
        curves: by layer, accuracies (0 to 1) by share of the layer's weights.
        whole: the accuracy of the network that nothing was taken from.
    """
    shares = list(next(iter(curves.values())))
    losses = [[100 * (whole - curve[s]) for s in shares] for curve in curves.values()]
    _, ax = plt.subplots(figsize=(7.5, 0.42 * len(curves) + 1.4))
    image = ax.imshow(losses, cmap="OrRd", vmin=0, vmax=40, aspect="auto")
    for (row, column), loss in np.ndenumerate(losses):
        shade = "white" if loss > 25 else "black"
        text = f"{loss:.0f}" if round(loss) != 0 else "0"
        ax.text(column, row, text, ha="center", va="center", color=shade)
    ax.set_yticks(range(len(curves)), labels=list(curves))
    ax.set_xticks(range(len(shares)), labels=[f"{share:.0%}" for share in shares])
    ax.set(xlabel="share of this layer's weights that went", title="Points lost")
    ax.grid(False)
    plt.colorbar(image, ax=ax, label="points")
    worst = np.argmax(losses, axis=0)
    names = list(curves)
    most = ", ".join(
        f"at {share:.0%} {names[row]} ({losses[row][column]:.0f} points)"
        for column, (share, row) in enumerate(zip(shares, worst, strict=True))
    )
    describe(f"A table of {len(names)} layers. The layer that costs most: {most}.")
    plt.show()


def show_widths(widths: Mapping[str, Sequence[int]], groups: Sequence[str]) -> None:
    """Show how many filters each group has in several networks.

    Args:
        widths: by network, the number of filters in each group.
        groups: the groups' names.
    """
    _, ax = plt.subplots(figsize=(10, 3.6))
    places, wide = np.arange(len(groups)), 0.8 / len(widths)
    for i, ((name, counts), colour) in enumerate(
        zip(widths.items(), COLOURS, strict=False)
    ):
        ax.bar(places + i * wide, counts, wide, color=colour, label=name)
    ax.set_xticks(places + 0.4 - wide / 2, labels=groups, rotation=25, ha="right")
    ax.set(ylabel="filters", title="Filters in each group of layers")
    ax.legend()
    plt.show()


def show_costs(costs: Mapping[str, Cost]) -> None:
    """Show accuracy against bytes on disk and against multiply-accumulates.

    Args:
        costs: by the network's name.
    """
    _, (left, right) = plt.subplots(1, 2, figsize=(12.5, 4.2), sharey=True)
    for (name, c), colour, marker in zip(costs.items(), COLOURS, MARKERS, strict=False):
        style = {"marker": marker, "color": colour, "ls": "none", "ms": 11}
        left.plot(c.bytes / 1024, 100 * c.accuracy, label=name, **style)
        right.plot(c.macs / 1e6, 100 * c.accuracy, label=name, **style)
    left.set(xlabel="KiB on disk", ylabel="right answers in %", xlim=(0, None))
    right.set(xlabel="million multiply-accumulates a picture", xlim=(0, None))
    left.set_title("Accuracy against size")
    right.set_title("Accuracy against arithmetic")
    right.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    plt.show()
