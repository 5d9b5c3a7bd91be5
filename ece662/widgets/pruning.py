"""Pruning: how many weights can go, which ones, and what is gained.

The dashboard prunes a copy of a trained torch network from `ece662.pruning_helper`:
the smallest weights or random ones, of the whole network together or of each layer by
itself. torch is imported when the dashboard is made.
"""

import copy
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ece662.figures.style import COLOURS
from ece662.pruning.by_hand import magnitude_masks
from ece662.pruning.sparse import sparse_bytes
from ece662.training.accuracy import accuracy
from ece662.widgets._base import Dashboard, Drawing, choice, panel, slider

__all__ = ["Pruned", "choose_masks", "pruning_dashboard"]

SCOPES = {"the whole network": "global", "each layer by itself": "layer"}
CHOICES = {"the smallest": "magnitude", "random ones": "random"}


class Pruned(NamedTuple):
    """What is left of a network, and what it can."""

    accuracy: float  # from 0 to 1
    weights: int  # that are not zero
    macs: int  # with a weight that is not zero
    bytes: int  # on disk


def choose_masks(
    weights: Mapping[str, np.ndarray], share: float, scope: str, which: str
) -> dict[str, np.ndarray]:
    """Choose the weights that go.

    Args:
        weights: arrays by name.
        share: how much of them goes, from 0 to 1.
        scope: "global" for one limit for all arrays, "layer" for the same share of
            each.
        which: "magnitude" for the smallest, "random" for any.

    Returns:
        masks: for each array, True where a weight stays.
    """
    if which == "random":  # the smallest of random numbers
        weights = {name: np.random.rand(*w.shape) for name, w in weights.items()}
    if scope == "global":
        return magnitude_masks(weights, share)
    masks = {}
    for name, w in weights.items():
        masks |= magnitude_masks({name: w}, share)
    return masks


def pruning_dashboard(model, test_data, **start) -> Dashboard:
    """Prune a copy of a network, and see what is left.

    Args:
        model: a torch network from `load_model`; it stays as it is.
        test_data: [X, y], (N, 3, 32, 32) pictures and (N,) labels; the first 300 are
            used, so that the accuracy follows the dial.
        **start: the dials' first values: `share` (in %), `scope` ("global" or
            "layer"), `which` ("magnitude" or "random"), `layer` (a name).

    Raises:
        TypeError: the network is not one of `load_model`'s for PyTorch.
    """
    _require_torch_net(model)
    from ece662.pruning.torch_net import get_weights, predict, prunable

    X, y = (part[:300] for part in test_data)
    original, net = prunable(model), copy.deepcopy(model)
    original = {name: w.copy() for name, w in original.items()}
    whole = accuracy(predict(net, X), y)
    sizes = {f"{conv.name}.": conv.size**2 for conv in model.architecture.convs()}
    seen: dict[tuple[str, str], dict[int, float]] = {}  # accuracies, for the curves

    def prune(share, scope, which):
        masks = choose_masks(original, share / 100, scope, which)
        macs = 0
        for name, place in prunable(net).items():
            place[...] = original[name] * masks[name]
            used = next((n for start, n in sizes.items() if name.startswith(start)), 1)
            macs += int(masks[name].sum()) * used
        right = accuracy(predict(net, X), y)
        seen.setdefault((which, scope), {})[share] = right
        left = sum(int(mask.sum()) for mask in masks.values())
        return masks, Pruned(right, left, macs, sparse_bytes(get_weights(net)))

    def draw(share, scope, which, layer):
        masks, pruned = prune(share, scope, which)
        panels = (
            _draw_histogram(original, masks, layer),
            _draw_mask(original[layer], masks[layer], layer),
            _draw_accuracies(seen, share, pruned.accuracy, whole),
        )
        return Drawing(panels, describe(pruned, original, model.architecture.macs()))

    dials = {
        "share": slider("pruned, in %", 0, 99, 50),
        "scope": choice("limit for", SCOPES),
        "which": choice("prune", CHOICES),
        "layer": choice("look at", list(original)),
    }
    return Dashboard("Pruning", dials, draw, start)


def _require_torch_net(model) -> None:
    if not hasattr(model, "architecture") or not hasattr(model, "parameters"):
        raise TypeError(
            'expected a network from load_model(path, mode="torch"), which knows its '
            f"architecture; got {type(model).__name__}"
        )


def describe(pruned: Pruned, original: Mapping[str, np.ndarray], macs: int) -> str:
    """Say what is left, and what a dense computation gains by it: nothing."""
    total = sum(w.size for w in original.values())
    return (
        f"accuracy {pruned.accuracy:.1%}; {pruned.weights:,} of {total:,} weights "
        f"left, {pruned.bytes / 1024:.1f} KiB on disk. {pruned.macs / 1e6:.1f} of "
        f"{macs / 1e6:.1f} million multiplications are with a weight that is not "
        "zero; a dense computation does them all."
    )


def _draw_histogram(original, masks, layer):
    """Draw the weights of a layer, those that go in another colour."""
    labels = {"xlabel": "weight", "ylabel": "how many"}
    figure, ax = panel("Weights of this layer", 4.4, 3.9, **labels)
    w, stays = original[layer].ravel(), masks[layer].ravel()
    limit = np.abs(w).max()
    parts = {"go": (w[~stays], COLOURS[1]), "stay": (w[stays], COLOURS[0])}
    edges = np.linspace(-limit, limit, 51)
    middles, below = (edges[1:] + edges[:-1]) / 2, np.zeros(50)
    for name, (values, colour) in parts.items():
        counts = np.histogram(values, edges)[0]
        share = len(values) / len(w)
        label = f"{share:.0%} {name}"
        look = {"step": "mid", "color": colour, "alpha": 0.8, "linewidth": 0}
        ax.fill_between(middles, below, below + counts, label=label, **look)
        below = below + counts
    ax.set_ylim(0, 1.25 * below.max())  # room for the legend
    ax.legend(loc="upper right", fontsize=10)
    return figure


def _draw_mask(w, mask, layer):
    """Draw a layer's weights as rows, one for each filter; what is gone is white."""
    rows, gone = w.reshape(len(w), -1), ~mask.reshape(len(w), -1)
    figure, ax = panel(
        layer, 4.2, 3.9, xlabel="weight of the filter (white: gone)", ylabel="filter"
    )
    shown = np.ma.masked_array(np.abs(rows), gone)
    look = {"cmap": "cividis_r", "vmin": 0, "vmax": np.abs(rows).max()}
    image = ax.imshow(shown, aspect="auto", interpolation="nearest", **look)
    figure.colorbar(image, ax=ax).ax.set_title("size", fontsize=10)
    ax.grid(False)
    return figure


def _draw_accuracies(seen, share, accuracy, whole):
    labels = {"xlabel": "pruned, in %", "ylabel": "right answers in %"}
    figure, ax = panel("Accuracy where you have been", 4.2, 3.9, **labels)
    look = {
        ("magnitude", "global"): (COLOURS[0], "o-"),
        ("magnitude", "layer"): (COLOURS[2], "s--"),
        ("random", "global"): (COLOURS[1], "D-."),
        ("random", "layer"): (COLOURS[3], "^:"),
    }
    for kind, results in seen.items():
        colour, style = look[kind]
        shares = sorted(results)
        accuracies = [100 * results[s] for s in shares]
        label = f"{kind[0]}, {kind[1]}"
        ax.plot(shares, accuracies, style, color=colour, markersize=5, label=label)
    ax.plot(share, 100 * accuracy, "o", ms=13, mfc="none", mec="black")
    ax.axhline(100 * whole, color="black", linestyle=":", label="the whole network")
    ax.set(xlim=(-2, 101), ylim=(0, 100))
    ax.legend(loc="best", fontsize=10)
    return figure
