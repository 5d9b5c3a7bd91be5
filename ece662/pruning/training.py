"""What training shares between the frameworks: the plan, batches, learning rate.

Both frameworks see the same pictures in the same order, mirrored and shifted alike,
at the same learning rates. So differences between them are differences of theirs.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ece662.pruning.architecture import Architecture, residual

__all__ = ["SCALE", "TrainingPlan", "batches", "course_network", "progress"]

SCALE = 64.0  # about the pixels' standard deviation; the networks divide by it
SHIFT = 4  # pixels at most, in each direction


@dataclass(frozen=True)
class TrainingPlan:
    """How to train.

    Args:
        epochs: passes through the training pictures.
        learning_rate: the peak, reached after `warm_up` of the steps; then it falls to
            zero along half a cosine.
        batch_size: pictures a step.
        weight_decay: of convolutions and head.
        label_smoothing: share of the target that is spread over all classes.
        augment: mirror and shift the pictures at random.
        warm_up: share of the steps during which the learning rate rises.
        seed: of the initial weights, the order and the shifts.
    """

    epochs: int
    learning_rate: float = 0.1
    batch_size: int = 128
    weight_decay: float = 5e-4
    label_smoothing: float = 0.05
    augment: bool = True
    warm_up: float = 0.2
    seed: int = 231

    def steps(self, num_train: int) -> int:
        """Return how many batches there are in all epochs together."""
        return self.epochs * (num_train // self.batch_size)

    def rate(self, step: int, steps: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        at = (step + 1) / steps
        if at < self.warm_up:
            return self.learning_rate * at / self.warm_up
        left = (1 - at) / (1 - self.warm_up)
        return self.learning_rate * (1 - math.cos(math.pi * left)) / 2


def course_network(mode: str, full: bool) -> tuple[Architecture, TrainingPlan]:
    """Return the network that notebook Q6 prunes, and how it is trained.

    Args:
        mode: "torch" or "tensorflow".
        full: for photographs; False for a ninth of the weights and fewer epochs,
            enough for the synthetic pictures.
    """
    if not full:
        return residual(8), TrainingPlan(epochs=4)
    return residual(24), TrainingPlan(epochs=14 if mode == "torch" else 8)


def batches(X, y, plan: TrainingPlan) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """Yield the batches of all epochs: pictures, labels and the learning rate.

    Args:
        X: (N, C, H, W) pictures.
        y: (N,) labels.
        plan: the sizes, the seed, and whether to mirror and shift.
    """
    rng = np.random.default_rng(plan.seed)
    steps, step = plan.steps(len(y)), 0
    for _ in range(plan.epochs):
        order = rng.permutation(len(y))
        for start in range(0, len(y) - plan.batch_size + 1, plan.batch_size):
            rows = order[start : start + plan.batch_size]
            images = _augment(X[rows], rng) if plan.augment else X[rows]
            yield images, y[rows], plan.rate(step, steps)
            step += 1


def _augment(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the pictures mirrored, half of them, and each shifted by some pixels."""
    N, C, H, W = images.shape
    padded = np.pad(images, ((0, 0), (0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)))
    top, left = rng.integers(0, 2 * SHIFT + 1, (2, N, 1))
    rows, columns = top + np.arange(H), left + np.arange(W)  # (N, H), (N, W)
    mirrored = rng.random(N) < 0.5
    columns[mirrored] = columns[mirrored, ::-1]
    i, c = np.arange(N)[:, None, None, None], np.arange(C)[:, None, None]
    return padded[i, c, rows[:, None, :, None], columns[:, None, None, :]]


def progress(items, total: int, what: str):
    """Return `items` behind a progress bar; a bar of widgets in a notebook."""
    from tqdm.auto import tqdm
    from tqdm.notebook import tqdm_notebook

    hide = False if issubclass(tqdm, tqdm_notebook) else None  # None: no terminal
    return tqdm(items, total=total, desc=what, unit="it", leave=False, disable=hide)
