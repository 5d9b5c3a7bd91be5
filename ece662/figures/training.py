"""Plots that the notebooks share: pictures by class, training curves, weights.

Each function draws one figure, shows it, and returns nothing, so that a notebook's cell
prints nothing beside it.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator

from ece662.figures.style import COLOURS, MARKERS, remove_frame
from ece662.figures.texts import describe
from ece662.vis_utils import visualize_grid

__all__ = [
    "compare_training",
    "show_classes",
    "show_confusion",
    "show_same_losses",
    "show_training",
    "show_weights",
    "show_worst_mistakes",
]


def show_classes(X, y, names: Sequence[str], per_class: int = 10) -> None:
    """Show the first pictures of each class, a row for each.

    Args:
        X: (N, 3, H, W) pictures with values from 0 to 255.
        y: (N,) their classes.
        names: the classes' names.
        per_class: pictures in a row.
    """
    H, W = X.shape[2:]
    gap = 2
    rows = []
    for label in range(len(names)):
        chosen = np.flatnonzero(np.asarray(y) == label)[:per_class]
        row = np.full((H + gap, per_class * (W + gap), 3), 255, dtype=np.uint8)
        for i, picture in enumerate(X[chosen]):
            left = i * (W + gap)
            row[:H, left : left + W] = picture.transpose(1, 2, 0).clip(0, 255)
        rows.append(row)
    _, ax = plt.subplots(figsize=(0.95 * per_class, 0.95 * len(names)))
    ax.imshow(np.concatenate(rows)[:-gap, :-gap])
    middles = (H + gap) * np.arange(len(names)) + H / 2
    ax.set_yticks(middles, labels=names)
    ax.set_xticks([])
    remove_frame(ax)
    describe(
        f"Pictures of {W} x {H} pixels, {per_class} in a row, a row for each class: "
        f"{', '.join(names)}."
    )
    plt.show()


def show_training(solver, target: float | None = None) -> None:
    """Show the loss of each iteration and the accuracies of each epoch of one run.

    Args:
        solver: a trained Solver.
        target: an accuracy to draw a line at, or None.
    """
    _, (left, right) = plt.subplots(1, 2, figsize=(11, 4))
    _draw_loss(left, solver.loss_history, COLOURS[0], "o")
    for name, history, colour, style in (
        ("training", solver.train_acc_history, COLOURS[1], "s--"),
        ("validation", solver.val_acc_history, COLOURS[0], "o-"),
    ):
        right.plot(np.multiply(history, 100), style, color=colour, label=name)
    if target is not None:
        right.axhline(100 * target, color="black", linestyle=":", label="asked for")
    right.set(title="Accuracy", xlabel="epoch", ylabel="right answers in %")
    right.xaxis.set_major_locator(MaxNLocator(integer=True))
    right.legend(loc="best")
    plt.show()


def compare_training(solvers: Mapping[str, object]) -> None:
    """Show loss, training and validation accuracy of several runs side by side.

    Args:
        solvers: trained Solvers under the names to show, or whatever has their
            histories. Training accuracies that nobody knows (nan) are left out.
    """
    histories = {"Validation": "val_acc_history"}
    if any(np.isfinite(s.train_acc_history).sum() > 1 for s in solvers.values()):
        histories = {"Training": "train_acc_history", **histories}
    columns = 1 + len(histories)
    _, axes = plt.subplots(1, columns, figsize=(14 * columns / 3, 4.2), squeeze=False)
    for (name, solver), colour, marker in zip(
        solvers.items(), COLOURS, MARKERS, strict=False
    ):
        _draw_loss(axes[0, 0], solver.loss_history, colour, marker, name)
        for ax, history in zip(axes[0, 1:], histories.values(), strict=True):
            accuracies = np.multiply(getattr(solver, history), 100)
            ax.plot(accuracies, f"{marker}-", color=colour, label=name)
    for ax, split in zip(axes[0, 1:], histories, strict=True):
        title = f"{split} accuracy"
        ax.set(title=title, xlabel="epoch", ylabel="right answers in %")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0, 0].legend()
    plt.show()


def _draw_loss(ax, history, colour, marker, name=None):
    """Draw each iteration's loss as a pale dot, and their running mean as a line."""
    history = np.asarray(history)
    iterations = np.arange(1, len(history) + 1)
    ax.plot(iterations, history, ".", color=colour, alpha=0.15, markersize=4)
    width = max(1, len(history) // 25)
    mean = np.convolve(history, np.ones(width) / width, mode="valid")
    middles = iterations[width - 1 :] - (width - 1) / 2
    ax.plot(
        middles,
        mean,
        color=colour,
        label=name,
        marker=marker,
        markevery=max(1, len(mean) // 6),
        markersize=6,
    )
    ax.set(title="Training loss", xlabel="iteration", ylabel="loss")


def show_weights(
    W, image_shape: tuple[int, int, int] = (3, 32, 32), count: int = 36
) -> None:
    """Show what units of the first layer look for, each as a picture.

    Args:
        W: (C * H * W, M) first-layer weights.
        image_shape: (C, H, W) of the images that they multiply.
        count: units to show: those with the largest weights, largest first.
    """
    largest = np.argsort(-np.linalg.norm(W, axis=0), kind="stable")[:count]
    pictures = W.T[largest].reshape(-1, *image_shape).transpose(0, 2, 3, 1)
    _, ax = plt.subplots(figsize=(5, 5))
    ax.imshow(visualize_grid(pictures, padding=2).astype(np.uint8))
    ax.set_title("What the first layer looks for, one square for a unit")
    ax.set_xticks([])
    ax.set_yticks([])
    remove_frame(ax)
    describe(
        f"{len(pictures)} squares of {image_shape[2]} x {image_shape[1]} coloured "
        "pixels, each stretched to the full range: one is speckled if its unit holds "
        "noise, and smooth patches of colour if it holds a template."
    )
    plt.show()


def show_confusion(y, predicted, names: Sequence[str]) -> None:
    """Show which class is taken for which, in per cent of the true class.

    Args:
        y: (N,) true classes.
        predicted: (N,) the classes that a network chose.
        names: the classes' names.
    """
    counts = np.zeros((len(names), len(names)))
    np.add.at(counts, (np.asarray(y), np.asarray(predicted)), 1)
    shares = 100 * counts / counts.sum(axis=1, keepdims=True)
    _, ax = plt.subplots(figsize=(6.5, 5.5))
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=100)
    for (row, column), share in np.ndenumerate(shares):
        shade = "white" if share > 50 else "black"
        ax.text(column, row, f"{share:.0f}", ha="center", va="center", color=shade)
    ticks = range(len(names))
    ax.set_xticks(ticks, labels=names, rotation=40, ha="right")
    ax.set_yticks(ticks, labels=names)
    ax.set(title="Answers in % of each true class", xlabel="answer", ylabel="truth")
    remove_frame(ax)
    right = ", ".join(
        f"{name} {share:.0f}"
        for name, share in zip(names, np.diag(shares), strict=True)
    )
    wrong = np.where(np.eye(len(names)), -1, np.nan_to_num(shares))
    row, column = np.unravel_index(wrong.argmax(), wrong.shape)
    describe(
        f"A table of shares. Right, in %: {right}. Most often mixed up: {names[row]}, "
        f"taken for {names[column]} in {shares[row, column]:.0f} %."
    )
    plt.show()


def show_worst_mistakes(
    X, y, probabilities, names: Sequence[str], count: int = 12
) -> None:
    """Show the pictures of which a network is most certain, and wrong.

    Args:
        X: (N, C, H, W) pictures, in whatever scale: each is stretched to the full one.
        y: (N,) true classes.
        probabilities: (N, C) what the network gives each class.
        names: the classes' names.
        count: pictures to show, the worst first: as many as there are mistakes at most.

    Raises:
        ValueError: there is no mistake to show.
    """
    y, probabilities = np.asarray(y), np.asarray(probabilities)
    answers, certainty = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(answers != y)
    worst = wrong[np.argsort(-certainty[wrong], kind="stable")][:count]
    if len(worst) == 0:
        raise ValueError(f"expected at least one mistake among {len(y)}, got none")
    columns = min(6, len(worst))
    rows = -(-len(worst) // columns)
    size = (2.0 * columns, 2.55 * rows)
    _, axes = plt.subplots(rows, columns, figsize=size, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for n, ax in zip(worst, axes.flat, strict=False):
        picture = visualize_grid(X[n : n + 1].transpose(0, 2, 3, 1))
        ax.imshow(picture.astype(np.uint8))
        answer = f"{names[answers[n]]}, {certainty[n]:.0%}"
        ax.set_title(f"{answer}\ntruth: {names[y[n]]}", fontsize=11)
    describe(
        f"{len(worst)} pictures, each under the wrong answer and how certain it was."
    )
    plt.show()


def show_same_losses(losses: Mapping[str, Sequence[float]]) -> None:
    """Show the losses of one network in several libraries, and how they differ.

    Args:
        losses: for each library the loss of each step; the others are compared with
            the first.
    """
    _, (left, right) = plt.subplots(1, 2, figsize=(12, 4.2))
    reference, expected = next(iter(losses.items()))
    steps = np.arange(1, len(expected) + 1)
    # The first line is broad and lies at the bottom, so that all can be seen.
    for i, (name, history) in enumerate(losses.items()):
        style = {"color": COLOURS[i], "label": name}
        width = {"linewidth": 7, "alpha": 0.35} if i == 0 else {}
        left.plot(
            steps, history, "-" if i == 0 else f"{MARKERS[i]}--", **style, **width
        )
        if i > 0:
            # No difference at all would have no place on a logarithmic axis.
            difference = np.maximum(np.abs(np.subtract(history, expected)), 1e-17)
            right.semilogy(steps, difference, f"{MARKERS[i]}-", **style)
    left.set(title="Training loss", xlabel="step", ylabel="loss")
    right.axhline(1e-4, color="black", linestyle=":", label="allowed")
    right.set(title=f"Difference from {reference}", xlabel="step", ylabel="difference")
    for ax in (left, right):
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    left.legend()
    right.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    plt.show()
