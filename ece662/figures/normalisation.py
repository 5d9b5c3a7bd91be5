"""Figures that explain normalisation and dropout (Q2, Q3).

The first two compute what they show by themselves; the others draw what a notebook has
computed. As in `ece662.figures.training`, each draws one figure, shows it, and returns
nothing.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from ece662.figures.style import COLOURS, MARKERS, remove_frame
from ece662.figures.texts import describe

__all__ = [
    "show_batch_and_layer",
    "show_batch_sizes",
    "show_batchnorm_graph",
    "show_layer_sizes",
    "show_pictures",
    "show_weight_scales",
]

BLUE, ORANGE = COLOURS[:2]


class Edge(NamedTuple):
    """An arrow of the graph: forward from `start` to `end`, and what comes back."""

    start: str
    end: str
    gradient: str
    label: tuple[float, float]  # where the gradient is written


NODES = {
    "x": (0.0, 1.0, "$x$"),
    "mu": (1.7, 0.0, r"$\mu = \mathrm{mean}(x)$"),
    "c": (3.6, 1.0, r"$c = x - \mu$"),
    "v": (5.2, 0.0, r"$v = \mathrm{mean}(c^2)$"),
    "s": (7.8, 0.0, r"$s = 1/\sqrt{v + \epsilon}$"),
    "x_hat": (9.6, 1.0, r"$\hat{x} = c \, s$"),
    "out": (12.6, 1.0, r"$\mathrm{out} = \gamma \, \hat{x} + \beta$"),
    "gamma": (11.4, 0.0, r"$\gamma$"),
    "beta": (13.8, 0.0, r"$\beta$"),
}

EDGES = (
    Edge("x", "c", r"$dc$", (1.7, 1.16)),
    Edge("x", "mu", "③ $d\\mu \\, / \\, N$", (0.2, 0.38)),
    Edge("mu", "c", r"$d\mu = -\Sigma \, dc$", (3.42, 0.42)),
    Edge("c", "x_hat", "① $d\\hat{x} \\; s$", (6.6, 1.16)),
    Edge("c", "v", "② $2\\, c \\; dv \\, / \\, N$", (5.4, 0.58)),
    Edge("v", "s", r"$dv = - s^3 ds \, / \, 2$", (6.5, -0.32)),
    Edge("s", "x_hat", r"$ds = \Sigma \, d\hat{x} \; c$", (9.75, 0.42)),
    Edge("x_hat", "out", r"$d\hat{x} = dout \; \gamma$", (11.0, 1.16)),
    Edge("gamma", "out", r"$d\gamma = \Sigma \, dout \; \hat{x}$", (11.2, -0.32)),
    Edge("beta", "out", r"$d\beta = \Sigma \, dout$", (13.9, -0.32)),
)


def show_batchnorm_graph() -> None:
    """Show how batch normalisation computes a column, and how the gradient returns.

    The gradients of its three paths to x are numbered.
    """
    _, ax = plt.subplots(figsize=(14, 4.4))
    ax.set(xlim=(-0.4, 15.1), ylim=(-0.5, 1.5))
    ax.axis("off")
    frame = {"boxstyle": "round,pad=0.45", "facecolor": "white", "edgecolor": BLUE}
    places = {"fontsize": 17, "ha": "center", "va": "center", "bbox": frame}
    boxes = {name: ax.text(*node, **places) for name, node in NODES.items()}
    for edge in EDGES:
        _arrow(ax, boxes[edge.start], boxes[edge.end], BLUE, "-")
        _arrow(ax, boxes[edge.end], boxes[edge.start], ORANGE, "--")
        ax.text(*edge.label, edge.gradient, color=ORANGE, fontsize=15, ha="center")
    dout = ax.text(15.0, 1.0, "$dout$", color=ORANGE, fontsize=15, ha="center")
    dout.set(va="center", bbox={"facecolor": "white", "edgecolor": "none"})
    _arrow(ax, dout, boxes["out"], ORANGE, "--")
    ax.plot([], [], color=BLUE, label="forward: values")
    ax.plot([], [], "--", color=ORANGE, label="backward: gradients")
    ax.legend(loc="upper left", ncol=2, bbox_to_anchor=(0, 1.08), fontsize=14)
    describe(
        "A graph of batch normalisation. Forward: x gives its mean mu; both give c, x "
        "minus mu; c gives the variance v, v gives s, one over the root of v plus "
        "epsilon; c times s is x-hat; gamma, x-hat and beta give out. Backward, every "
        "arrow is gone through the other way; c gets two gradients, from x-hat (path "
        "1) and from v (path 2), and x gets two, from c and from mu (path 3)."
    )
    plt.show()


def _arrow(ax, start, end, colour, style):
    """Draw an arrow from box to box, a little to its left: one may come back beside."""
    places = np.array([start.get_position(), end.get_position()])
    to_inches = np.array([0.87, 2.0])
    x, y = (places[1] - places[0]) * to_inches
    aside = 0.05 * np.array([-y, x]) / np.hypot(x, y) / to_inches
    arrow = {
        "arrowstyle": "-|>,head_width=0.3,head_length=0.6",
        "color": colour,
        "linestyle": style,
        "linewidth": 1.8,
        "patchA": start.get_bbox_patch(),
        "patchB": end.get_bbox_patch(),
        "shrinkA": 1,
        "shrinkB": 2,
    }
    ax.annotate("", places[1] + aside, places[0] + aside, arrowprops=arrow)


def show_batch_and_layer() -> None:
    """Show what batch and layer normalisation make of the same few numbers.

    A frame surrounds the numbers that share a mean and a variance.
    """
    x = np.array([[1, 2, 3, 6], [2, 5, 6, 7], [10, 20, 40, 50]])
    axes = plt.subplots(1, 3, figsize=(14, 3.7))[1]
    _write_table(axes[0], x, "{:.0f}", "Greys", (0, 120))
    axes[0].set_title("x: a row for each image")
    for ax, axis, name in ((axes[1], 0, "batch"), (axes[2], 1, "layer")):
        x_hat = (x - x.mean(axis, keepdims=True)) / x.std(axis, keepdims=True)
        _write_table(ax, x_hat, "{:+.1f}", "PuOr_r", (-4, 4))
        which = ("column", "row")[axis]
        ax.set_title(f"{name} norm: a mean and a std\nfor each {which}")
        for i in range(x.shape[1 - axis]):
            corner = (i - 0.44, -0.44) if axis == 0 else (-0.44, i - 0.44)
            long = x.shape[axis] - 0.12
            size = (0.88, long) if axis == 0 else (long, 0.88)
            ax.add_patch(Rectangle(corner, *size, fill=False, ec=BLUE, lw=3))
    describe(
        f"Three tables of three images by four features. x: {x.tolist()}. Batch norm "
        "makes all columns alike, and the last image stays the largest in each. Layer "
        "norm makes all rows alike, and the last image no longer stands out."
    )
    plt.show()


def _write_table(ax, values, form, colours, limits):
    ax.imshow(values, cmap=colours, vmin=limits[0], vmax=limits[1], aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        text = form.format(value).replace("-", "\N{MINUS SIGN}")
        ax.text(column, row, text, ha="center", va="center", fontsize=16)
    ax.set_xticks(range(values.shape[1]))
    ax.set_yticks(range(values.shape[0]))
    ax.set(xlabel="feature", ylabel="image")
    remove_frame(ax)


def show_weight_scales(
    weight_scales,
    best_val: Mapping[str, Sequence[float]],
    best_train: Mapping[str, Sequence[float]],
    final_loss: Mapping[str, Sequence[float]],
) -> None:
    """Show how training ends, by the scale of the initial weights.

    Args:
        weight_scales: the S scales.
        best_val, best_train: for each kind of network its S best accuracies.
        final_loss: for each kind its S losses at the end of training.
    """
    axes = plt.subplots(1, 3, figsize=(14, 4.6))[1]
    ceiling = 3.0  # whatever lies above is drawn at the edge, as a hollow triangle
    said = []
    for (name, loss), colour, marker in zip(
        final_loss.items(), COLOURS, MARKERS, strict=False
    ):
        style = {"marker": marker, "color": colour, "label": name}
        axes[0].semilogx(weight_scales, np.multiply(best_val[name], 100), **style)
        axes[1].semilogx(weight_scales, np.multiply(best_train[name], 100), **style)
        beyond = np.greater(loss, ceiling)
        axes[2].semilogx(weight_scales, np.where(beyond, np.nan, loss), **style)
        edge = np.full(beyond.sum(), ceiling - 0.06)
        hollow = {"marker": "^", "ms": 11, "mfc": "none", "mec": colour, "ls": "none"}
        axes[2].semilogx(np.compress(beyond, weight_scales), edge, **hollow)
        said.append(f"Loss above 3 at {beyond.sum()} of {len(beyond)} scales: {name}.")
    axes[0].set(title="Best validation accuracy", ylabel="right answers in %")
    axes[1].set(title="Best training accuracy", ylabel="right answers in %")
    axes[2].set(title="Final training loss (△: above 3)", ylabel="loss", ylim=(0.7, 3))
    for ax in axes[:2]:
        ax.axhline(100 / 6, color="black", linestyle=":")
        ax.set_ylim(0, 90)
    axes[0].text(1e-4, 13, "guessing", va="top")
    axes[0].legend(loc="upper left")
    for ax in axes:
        ax.set_xlabel("scale of the initial weights")
    describe(" ".join(said))
    plt.show()


def show_layer_sizes(
    sizes: Mapping[str, Mapping[float, Sequence[float]]], title: str, marked: float
) -> None:
    """Show a size for every layer, as it depends on the scale of the weights.

    Args:
        sizes: for each kind of network, for each weight scale, one number a layer.
        title: what the numbers are the sizes of.
        marked: a size to draw a line at.
    """
    axes = plt.subplots(1, len(sizes), figsize=(12, 4.2), sharey=True)[1]
    for ax, (name, by_scale) in zip(axes, sizes.items(), strict=True):
        for (scale, values), colour, marker in zip(
            by_scale.items(), COLOURS, MARKERS, strict=False
        ):
            layers = np.arange(1, len(values) + 1)
            ax.semilogy(layers, values, f"{marker}-", color=colour, label=f"{scale:g}")
        ax.axhline(marked, color="black", linestyle=":")
        ax.set(title=name, xlabel="layer")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0].set(ylabel=title)
    axes[-1].legend(title="weight scale", loc="center left", bbox_to_anchor=(1, 0.5))
    plt.show()


def show_batch_sizes(solvers: Mapping[int, object], baseline, name: str) -> None:
    """Show the accuracies of runs with different batch sizes, epoch by epoch.

    Args:
        solvers: trained Solvers by batch size.
        baseline: a trained Solver without normalisation.
        name: of the normalisation.
    """
    axes = plt.subplots(1, 2, figsize=(12, 4.4))[1]
    histories = {"Training": "train_acc_history", "Validation": "val_acc_history"}
    for ax, (part, history) in zip(axes, histories.items(), strict=True):
        for (batch_size, solver), colour, marker in zip(
            solvers.items(), COLOURS, MARKERS, strict=False
        ):
            curve = np.multiply(getattr(solver, history), 100)
            label = f"{name}, {batch_size}"
            ax.plot(curve, f"{marker}-", color=colour, label=label)
        curve = np.multiply(getattr(baseline, history), 100)
        ax.plot(curve, "kx--", label=f"no norm, {baseline.batch_size}")
        ax.set(title=f"{part} accuracy", xlabel="epoch", ylabel="right answers in %")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[1].legend(title="batch size", loc="center left", bbox_to_anchor=(1, 0.5))
    plt.show()


def show_pictures(pictures: Mapping[str, np.ndarray]) -> None:
    """Show pictures side by side.

    Args:
        pictures: (3, H, W) values from 0 to 255 under their titles; what lies outside
            is cut off.
    """
    width = 2.8 * len(pictures)
    axes = plt.subplots(1, len(pictures), figsize=(width, 3.3))[1]
    for ax, (title, picture) in zip(axes, pictures.items(), strict=True):
        ax.imshow(picture.transpose(1, 2, 0).clip(0, 255).astype(np.uint8))
        ax.set_title(title, loc="center")
        ax.set_xticks([])
        ax.set_yticks([])
        remove_frame(ax)
    first, *others = pictures.values()
    likeness = [f"No. {i}: {_likeness(p, first)}." for i, p in enumerate(others, 2)]
    describe(
        f"{len(pictures)} forms of one picture side by side. No. 1: the picture, "
        f"{_brightness(first)}. {' '.join(likeness)}"
    )
    plt.show()


def _likeness(picture, first) -> str:
    """Say how a picture came out of the first."""
    if np.array_equal(picture, first):
        return "the same"
    if np.array_equal(picture, first.swapaxes(1, 2)):
        return "its rows turned into columns"
    return _brightness(picture)


def _brightness(picture) -> str:
    return f"mean {picture.mean():.0f}, zeros {np.mean(picture == 0):.0%}"
