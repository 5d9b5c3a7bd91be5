"""Dropout: the mask, the scaling, and the average of many sub-networks.

All masks come from the student's `dropout_forward`, the layers from `ece662.layers`.
"""

from typing import NamedTuple

import numpy as np

from ece662 import layers
from ece662.figures.style import COLOURS, MARKERS
from ece662.widgets._base import Dashboard, Drawing, panel, slider
from ece662.widgets._errors import finished

__all__ = ["Network", "drop", "dropout_masks", "make_network", "run_network"]

UNITS, SCORES = 60, 3
MOST = 300  # sub-networks


class Network(NamedTuple):
    """Random weights: one matrix for each layer, the last one giving the scores."""

    x: np.ndarray  # (1, UNITS), the input
    weights: list[np.ndarray]


def make_network(hidden_layers: int) -> Network:
    """Draw a network whose activations keep their size."""
    weights = [
        np.random.randn(UNITS, UNITS) * np.sqrt(2 / UNITS) for _ in range(hidden_layers)
    ]
    weights.append(np.random.randn(UNITS, SCORES) / np.sqrt(UNITS))
    return Network(np.random.randn(1, UNITS), weights)


def run_network(network: Network, p: float, mode: str, count: int = 1) -> np.ndarray:
    """Run the network `count` times at once, each time with masks of its own.

    Args:
        network: from `make_network`.
        p: the probability of keeping a unit.
        mode: "train" or "test".
        count: rows, each a sub-network.

    Returns:
        scores: (count, SCORES).
    """
    out = np.repeat(network.x, count, axis=0)
    for w in network.weights[:-1]:
        out, _ = finished(
            "affine_forward", layers.affine_forward(out, w, np.zeros(UNITS))
        )
        out, _ = finished("relu_forward", layers.relu_forward(out))
        out = drop(out, p, mode)
    last = network.weights[-1]
    result = layers.affine_forward(out, last, np.zeros(SCORES))
    return finished("affine_forward", result)[0]


def drop(x: np.ndarray, p: float, mode: str = "train") -> np.ndarray:
    """Return what the student's dropout makes of x."""
    result = layers.dropout_forward(x, {"p": p, "mode": mode})
    return finished("dropout_forward", result)[0]


def dropout_masks(**start) -> Dashboard:
    """Show what dropout drops, how it makes up for it, and what it averages.

    Args:
        **start: the dials' first values: `p` (keep), `networks`, `layers`, `draw`.
    """
    dials = {
        "p": slider("keep p", 0.05, 1.0, 0.5, step=0.05),
        "networks": slider("sub-networks", 1, MOST, 100),
        "layers": slider("hidden layers", 1, 4, 1),
        "draw": slider("another draw", 1, 20, 1),
    }
    return Dashboard("Dropout: many networks in one", dials, draw_dropout, start)


def draw_dropout(p, networks, layers, draw) -> Drawing:
    """Draw a mask, its scaling, and the average of sub-networks, score by score."""
    np.random.seed(draw)
    network = make_network(layers)
    kept = drop(np.ones((7, 8)), p)
    tested = run_network(network, p, "test")[0]
    scores = run_network(network, p, "train", networks)
    averages = np.cumsum(scores, axis=0) / np.arange(1, networks + 1)[:, np.newaxis]
    gap = np.abs(averages[-1] - tested).max()
    text = (
        f"kept {np.mean(kept != 0):.0%} of the ones, each now {kept.max():.2f}; their "
        f"mean is {kept.mean():.2f} (it was 1). After {networks} sub-networks the "
        f"average score is within {gap:.2f} of the test-time network's."
    )
    panels = (
        _draw_mask(kept, p),
        _draw_averages(averages, tested, networks),
        _draw_spread(scores, tested),
    )
    return Drawing(panels, text)


def _draw_mask(kept, p):
    title = f"dropout of ones, keep p = {p:g}"
    figure, ax = panel(title, 4.2, 3.9, xlabel="unit", ylabel="input")
    ax.imshow(kept, cmap="Blues", vmin=0, vmax=max(1.3 / p, kept.max()), aspect="auto")
    for (row, column), value in np.ndenumerate(kept):
        look = {"color": "white", "weight": "bold"} if value else {"color": "0.4"}
        place = {"ha": "center", "va": "center", "fontsize": 10}
        ax.text(column, row, f"{value:.2g}", **place, **look)
    ax.grid(False)
    return figure


def _draw_averages(averages, tested, networks):
    labels = {"xlabel": "sub-networks averaged", "ylabel": "score"}
    figure, ax = panel("The average of sub-networks", 4.6, 3.9, **labels)
    counts = np.arange(1, networks + 1)
    for j, (colour, marker) in enumerate(zip(COLOURS, MARKERS, strict=False)):
        if j == SCORES:
            break
        every = max(1, networks // 6)
        look = {"color": colour, "marker": marker, "markevery": every, "markersize": 5}
        ax.plot(counts, averages[:, j], label=f"score {j}", **look)
        ax.axhline(tested[j], color=colour, linestyle=":", linewidth=1.6)
    ax.plot([], [], ":", color="black", label="test-time net")
    ax.set_xlim(0, max(networks, 10))
    low, high = tested.min() - 1.5, tested.max() + 1.5
    ax.set_ylim(low, high)
    ax.legend(loc="upper right", fontsize=10, ncols=2)
    return figure


def _draw_spread(scores, tested):
    title = "Each sub-network's scores"
    figure, ax = panel(title, 4.0, 3.9, xlabel="score", ylabel="value")
    for j in range(SCORES):
        aside = np.linspace(-0.28, 0.28, len(scores))
        look = {"color": COLOURS[j], "markersize": 4, "alpha": 0.6}
        ax.plot(j + aside, scores[:, j], MARKERS[j], **look)
        ax.plot([j - 0.4, j + 0.4], [tested[j]] * 2, color="black", linewidth=3)
    ax.plot([], [], color="black", linewidth=3, label="test-time net")
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.15 * (high - low))  # room for the legend
    ax.set_xticks(range(SCORES))
    ax.legend(loc="upper right", fontsize=10)
    return figure
