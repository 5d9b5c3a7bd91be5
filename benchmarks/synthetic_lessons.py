"""Does the synthetic set teach what real images teach? Train, measure, compare.

Each lesson of the course becomes a few rows: what was trained, its accuracy on training
and validation images, and what has to come out. The fully connected nets are the
package's own; the convolutional ones are torch's, as in the last notebooks (without
torch their rows are missing). The test images are never touched.

    python -m benchmarks.synthetic_lessons                      # some four minutes
    python -m benchmarks.synthetic_lessons --write docs/data.md

`--write` replaces the block "synthetic lessons" of a Markdown file by the table.
"""

import argparse
import importlib.util
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.harness import markdown_table, replace_block
from ece662.classifiers.fc_net import FullyConnectedNet, TwoLayerNet
from ece662.data.classes import CLASSES
from ece662.data_utils import get_CINIC10_data
from ece662.solver import Solver

__all__ = ["LESSONS", "Row", "main", "report"]

Data = dict[str, np.ndarray]
NUM_CLASSES = len(CLASSES)
THRESHOLD = 40.0  # per cent of validation accuracy that the course asks for


@dataclass(frozen=True)
class Row:
    """A measurement in per cent, and whether it is what the lesson needs.

    A row without an expectation is there for the next row to be compared with.
    """

    net: str
    train: float
    val: float
    expected: str = ""
    holds: bool = True

    def cells(self) -> list[str]:
        """Return the row as the table shows it."""
        verdict = ("yes" if self.holds else "NO") if self.expected else ""
        figures = [f"{self.train:.1f}", f"{self.val:.1f}"]
        return [self.net, *figures, self.expected, verdict]


# The fully connected nets of the package.


def fit(
    build: Callable,
    data: Data,
    num_train: int | None = None,
    seeds: int = 1,
    **settings,
) -> tuple[float, float]:
    """Train a net of the package and return its accuracies, the mean over the seeds.

    Args:
        build: makes the net.
        data: what `get_CINIC10_data` returns.
        num_train: how many training images to use; None for all.
        seeds: how many times to train.
        settings: the Solver's.

    Returns:
        Training and validation accuracy in per cent after the last epoch.
    """
    part = dict(data)
    for name in ("X_train", "y_train"):
        part[name] = data[name][:num_train]
    accuracies = []
    for seed in range(seeds):
        np.random.seed(seed)
        solver = Solver(
            build(), part, verbose=False, num_train_samples=None, **settings
        )
        solver.train()
        accuracies.append((solver.train_acc_history[-1], solver.val_acc_history[-1]))
    train, val = 100 * np.mean(accuracies, axis=0)
    return float(train), float(val)


def rule(name: str, learning_rate: float) -> dict:
    """Return the Solver's settings for an update rule with a learning rate."""
    return {"update_rule": name, "optim_config": {"learning_rate": learning_rate}}


def deep_net(hidden_dims: Sequence[int], **settings) -> Callable:
    """Return a function that makes a FullyConnectedNet for the six classes."""
    return lambda: FullyConnectedNet(hidden_dims, num_classes=NUM_CLASSES, **settings)


def two_layers(data: Data) -> Iterator[Row]:
    """Yield: the simplest net passes with a good learning rate, and overfits."""

    def build():
        return TwoLayerNet(num_classes=NUM_CLASSES, dtype=np.float32)

    common = {"num_epochs": 15, "lr_decay": 0.95}
    train, val = fit(build, data, **common, **rule("sgd", 1e-5))
    name = "two layers, 100 hidden, SGD, learning rate"
    yield Row(f"{name} 1e-5", train, val, "val < 40", val < THRESHOLD)
    train, val = fit(build, data, **common, **rule("sgd", 1e-3))
    holds = THRESHOLD < val < 70 and train > val + 15
    yield Row(f"{name} 1e-3", train, val, "val 40 to 70, train 15 more", holds)


def small_sets(data: Data) -> Iterator[Row]:
    """Yield: a net that learns at all can learn 50 images by heart."""
    for layers, scale, rate in ((3, 1e-2, 1e-2), (5, 1e-1, 1e-3)):
        build = deep_net([100] * (layers - 1), weight_scale=scale)
        settings = {"num_epochs": 20, "batch_size": 25, **rule("sgd", rate)}
        train, val = fit(build, data, 50, seeds=3, **settings)
        name = f"{layers} layers, 50 images, 20 epochs"
        yield Row(name, train, val, "train > 90", train > 90)


def batchnorm(data: Data) -> Iterator[Row]:
    """Yield: batch normalisation trains faster, and at weight scales that stall."""
    settings = {"num_epochs": 10, "batch_size": 50, **rule("adam", 1e-3)}
    for depth, width, scale, gain in ((6, 100, 2e-2, 10), (8, 50, 1e-3, 20)):
        name = f"{depth} layers, 1,000 images, weight scale {scale:.0e}"
        build = deep_net([width] * (depth - 1), weight_scale=scale)
        plain, val = fit(build, data, 1000, **settings)
        yield Row(name, plain, val)
        build = deep_net(
            [width] * (depth - 1), weight_scale=scale, normalization="batchnorm"
        )
        train, val = fit(build, data, 1000, **settings)
        expected = f"train {gain} above the row before"
        yield Row("... with batchnorm", train, val, expected, train > plain + gain)


def dropout(data: Data) -> Iterator[Row]:
    """Yield: dropout narrows the gap between training and validation."""
    settings = {"num_epochs": 25, **rule("adam", 5e-4)}
    plain = None
    for keep in (1, 0.25):
        build = deep_net([500], dropout=keep)
        train, val = fit(build, data, 500, seeds=3, **settings)
        name = f"two layers, 500 hidden, 500 images, keep {keep}"
        if plain is None:
            plain = val
            yield Row(name, train, val)
        else:
            yield Row(name, train, val, "val above the row before", val > plain + 1)


def convolution(data: Data) -> Iterator[Row]:
    """Yield: a single convolution beats the best that can be had without one."""
    build = deep_net(
        [1024, 512], normalization="batchnorm", dropout=0.6, weight_scale=2e-2
    )
    settings = {"num_epochs": 15, "lr_decay": 0.9, **rule("adam", 3e-4)}
    train, best = fit(build, data, **settings)
    name = "1024-512, batchnorm, keep 0.6, Adam, 15 epochs"
    yield Row(name, train, best, "val 40 to 70", THRESHOLD < best < 70)
    if not has_torch():
        return
    from benchmarks.synthetic_convnets import course_net, epochs

    settings = {"batch_size": 50, "learning_rate": 1e-3, "decay": 0.9, "reg": 1e-3}
    for epoch, (train, val) in enumerate(epochs(course_net(), data, 6, **settings), 1):
        name = f"conv 7x7x32 - pool - 100, Adam, epoch {epoch}"
        if epoch == 1:
            yield Row(name, train, val, "train > 35", train > 35)
    yield Row(name, train, val, "val above every row before", val > best)


def depth(data: Data) -> Iterator[Row]:
    """Yield: a deeper ConvNet nears the top; half of its weights can go."""
    if not has_torch():
        return
    from benchmarks.synthetic_convnets import accuracy, deep_net, epochs, prune

    net = deep_net()
    settings = {"batch_size": 64, "learning_rate": 2e-3, "decay": 0.75}
    *_, (train, val) = epochs(net, data, 10, **settings)
    name = "3 x (conv 3x3 - batchnorm - pool) - 64, epoch 10"
    yield Row(name, train, val, "val 75 to 97", 75 < val < 97)
    for share, expected in ((0.5, "val at most 1 below"), (0.8, "val falls")):
        pruned = prune(net, share)
        train = accuracy(pruned, data, "train")
        after = accuracy(pruned, data, "val")
        holds = after >= val - 1 if share == 0.5 else after < val - 1
        name = f"... without {share:.0%} of its weights"
        yield Row(name, train, after, expected, holds)


def has_torch() -> bool:
    """Say whether torch is installed."""
    return importlib.util.find_spec("torch") is not None


LESSONS = (two_layers, small_sets, batchnorm, dropout, convolution, depth)


def report(rows: Sequence[Row]) -> str:
    """Return the table, in Markdown."""
    headings = ["net", "train, %", "val, %", "expected", "holds"]
    return markdown_table(headings, [row.cells() for row in rows])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write as asked; return 1 where a lesson cannot be had."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=Path, metavar="FILE", help="a Markdown file")
    options = parser.parse_args(arguments)
    data = get_CINIC10_data(source="synthetic")
    rows = []
    for lesson in LESSONS:
        start = time.perf_counter()
        rows += lesson(data)
        seconds = time.perf_counter() - start
        print(f"{lesson.__name__}: {seconds:.0f} s", file=sys.stderr)
    table = report(rows)
    print(table)
    if options.write:
        replace_block(options.write, "synthetic lessons", table)
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
