"""What the notebooks reach on real images: runs them and writes docs/results.md.

Each notebook is run from top to bottom with its own settings, on the real images that
`ece662 data prepare` has put in place; nothing is set here. After a cell named below,
its figure is read from the notebook's variables, and its running time is the cell's.

    python -m benchmarks.results                    all notebooks
    python -m benchmarks.results Q1-FCNetworks      one; the others' figures stay
    python -m benchmarks.results --threads 1
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import (
    THREAD_VARIABLES,
    describe_machine,
    markdown_table,
    replace_block,
)
from benchmarks.worker import Bench

__all__ = ["FIGURES", "Figure", "main", "measure"]

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "results.md"


@dataclass(frozen=True)
class Figure:
    """One row: what it is, and the cell and the expression that it comes from."""

    title: str
    cell: str
    expression: str
    unit: str = "%"


FIGURES = {
    "Q1-FCNetworks": [
        Figure("TwoLayerNet, validation", "q1-solver-train", "solver.best_val_acc"),
        Figure("best net, validation", "q1-best-train", "solver.best_val_acc"),
        Figure("best net, training", "q1-best-train", "max(solver.train_acc_history)"),
        Figure("best net, test", "q1-test-accuracy", "test_accuracy"),
    ],
    "Q2-BatchNorm": [
        Figure(
            "weight scales (of 20) with over 30 % validation, no normalisation",
            "q2-scales-picture",
            "plain_count",
            unit="",
        ),
        Figure("... with batch norm", "q2-scales-picture", "bn_count", unit=""),
        Figure(
            "batch norm's lead in validation, mean of all scales",
            "q2-scales-picture",
            "gain",
            unit="points",
        ),
        Figure(
            "best scale, no normalisation, validation",
            "q2-scales-picture",
            "max(baseline_best_by_scale)",
        ),
        Figure("... batch norm", "q2-scales-picture", "max(bn_best_by_scale)"),
    ],
    "Q3-Dropout": [
        Figure(
            "500 images, keep 1, last training",
            "q3-regularisation-train",
            "solvers[1].train_acc_history[-1]",
        ),
        Figure(
            "500 images, keep 1, best validation",
            "q3-regularisation-train",
            "solvers[1].best_val_acc",
        ),
        Figure(
            "500 images, keep 0.25, last training",
            "q3-regularisation-train",
            "solvers[0.25].train_acc_history[-1]",
        ),
        Figure(
            "500 images, keep 0.25, best validation",
            "q3-regularisation-train",
            "solvers[0.25].best_val_acc",
        ),
        Figure(
            "10,000 images, keep 1, best validation",
            "q3-keep-train",
            "dropout_solvers[1].best_val_acc",
        ),
        Figure("best keep probability", "q3-keep-picture", "best_keep", unit=""),
        Figure("... its gain in validation", "q3-keep-picture", "gain", unit="points"),
    ],
    "Q4-CNNs": [
        Figure(
            "ThreeLayerConvNet after one epoch, validation",
            "q4-one-epoch-train",
            "three_layer_solver.best_val_acc",
        ),
        Figure(
            "deep NumPy ConvNet, validation",
            "q4-deep-train",
            "deep_solver.best_val_acc",
        ),
        Figure("ThreeLayerConvNet, test", "q4-test-accuracy", "three_layer_test_acc"),
        Figure("deep NumPy ConvNet, test", "q4-test-accuracy", "deep_test_acc"),
    ],
    "Q5-Pytorch": [
        Figure(
            "two layers, bare tensors, one epoch, validation",
            "q5-torch-barebones-two-layer-train",
            "two_layer_acc",
        ),
        Figure(
            "ConvNet, bare tensors, one epoch, validation",
            "q5-torch-barebones-convnet-train",
            "barebones_acc",
        ),
        Figure(
            "ConvNet, module, one epoch, validation",
            "q5-torch-module-convnet-train",
            "module_acc",
        ),
        Figure(
            "ConvNet, Nesterov momentum, one epoch, validation",
            "q5-torch-sequential-convnet-train",
            "sequential_acc",
        ),
        Figure(
            "challenge, last epoch, training",
            "q5-torch-challenge-train",
            "challenge_log.train_acc_history[-1]",
        ),
        Figure(
            "challenge, last epoch, validation",
            "q5-torch-challenge-train",
            "challenge_log.val_acc_history[-1]",
        ),
        Figure(
            "challenge, both views, validation",
            "q5-torch-challenge-predict",
            "challenge_acc",
        ),
        Figure("challenge, both views, test", "q5-torch-test-accuracy", "test_acc"),
    ],
    "Q5-Tensorflow": [
        Figure(
            "two layers, barebones, one epoch, validation",
            "q5-tf-two-layer-train",
            "log.best_val_acc",
        ),
        Figure(
            "ConvNet, barebones, one epoch, validation",
            "q5-tf-convnet-train",
            "convnet_log.best_val_acc",
        ),
        Figure(
            "ConvNet, Nesterov momentum, one epoch, validation",
            "q5-tf-nesterov-train",
            "nesterov_log.best_val_acc",
        ),
        Figure(
            "challenge, last epoch, validation",
            "q5-tf-challenge-train",
            "challenge_log.val_acc_history[-1]",
        ),
        Figure(
            "challenge, last epoch, training",
            "q5-tf-challenge-train",
            "challenge_log.train_acc_history[-1]",
        ),
        Figure(
            "challenge, with mirror images, validation",
            "q5-tf-mistakes-confusion",
            "final_val_acc",
        ),
        Figure(
            "challenge, with mirror images, test",
            "q5-tf-test-accuracy",
            "test_accuracy",
        ),
    ],
    "Q6-Pruning": [
        Figure("PyTorch, nothing pruned, validation", "q6-torch-load", "whole"),
        Figure(
            "... 80 % of all weights zero, not tuned",
            "q6-unstructured-test",
            "accuracies['PyTorch'][0.8]",
        ),
        Figure("... tuned: lost", "q6-mask-check", "lost", unit="points"),
        Figure(
            "... gradually: lost",
            "q6-schedules-check",
            "100 * (whole - reached['gradual'])",
            unit="points",
        ),
        Figure(
            "... as a lottery ticket: lost",
            "q6-schedules-check",
            "100 * (whole - reached['lottery ticket'])",
            unit="points",
        ),
        Figure("half the MACs, tuned: lost", "q6-shrink-check", "half_lost", "points"),
        Figure("... speed-up, 64 images a batch", "q6-shrink-time", "speed_up", "x"),
        Figure("TensorFlow, nothing pruned", "q6-tensorflow-load", "tf_whole"),
        Figure(
            "... 80 % of all weights zero, tuned: lost",
            "q6-mask-tensorflow-train",
            "tf_lost",
            unit="points",
        ),
        Figure("PyTorch, nothing pruned, test", "q6-test-accuracy", "final['whole']"),
        Figure(
            "... 80 % zeros, tuned, test",
            "q6-test-accuracy",
            "final['80 % zeros, one-shot']",
        ),
        Figure("... half the MACs, test", "q6-test-accuracy", "final['half the MACs']"),
    ],
}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the notebooks named, all by default, and write their blocks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--write", type=Path, default=RESULTS, metavar="FILE")
    options = parser.parse_args(argv)
    unknown = set(options.notebooks) - FIGURES.keys()
    if unknown:
        parser.error(f"expected some of {', '.join(FIGURES)}, got {sorted(unknown)}")
    for name in options.notebooks or FIGURES:
        text = report(name, options.threads)
        print(f"\n{name}\n\n{text}", flush=True)
        replace_block(options.write, name, text)
    return 0


def report(name: str, threads: int) -> str:
    """Return a notebook's table, under the data and the machine it was made with."""
    start = time.perf_counter()
    measured = measure(name, threads)
    minutes = (time.perf_counter() - start) / 60
    rows = [
        [
            figure.title,
            f"{100 * value:.1f} %"
            if figure.unit == "%"
            else f"{value:.3g} {figure.unit}",
            f"{seconds:.0f}" if seconds >= 1 else "",
        ]
        for figure, (value, seconds) in zip(FIGURES[name], measured, strict=True)
    ]
    table = markdown_table(["figure", "value", "seconds of its cell"], rows)
    machine = describe_machine({"ece662": Bench().describe()})
    return (
        f"{describe_data()}\n{machine}\n- {threads} thread(s), {minutes:.1f} minutes "
        f"for the whole notebook\n\n{table}"
    )


def describe_data() -> str:
    """Say which images these are, so that nobody takes them for others.

    Raises:
        FileNotFoundError: no real images were prepared.
    """
    from ece662.data_utils import describe, find_data_set

    data_set = find_data_set("cinic10")
    digest = data_set.meta["content_sha256"]
    return f"- {describe(data_set)} SHA-256 of the pixels and labels: {digest[:16]}..."


def measure(name: str, threads: int) -> list[tuple[float, float]]:
    """Run a notebook on the real images.

    Returns:
        for each of its figures, the value and the seconds that its cell took.
    """
    import nbformat
    from nbclient import NotebookClient

    describe_data()  # complains before the long run, not after it
    environment = os.environ | dict.fromkeys(THREAD_VARIABLES, str(threads))
    path = ROOT / "notebooks" / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=3600,
        resources={"metadata": {"path": str(path.parent)}},
    )
    found = {}
    with client.setup_kernel(env=environment | {"ECE662_FULL": "1"}):
        for index, cell in enumerate(list(notebook.cells)):
            start = time.perf_counter()
            client.execute_cell(cell, index)
            seconds = time.perf_counter() - start
            for figure in FIGURES[name]:
                if figure.cell == cell.id:
                    found[figure] = _evaluate(client, figure.expression), seconds
    missing = [figure.cell for figure in FIGURES[name] if figure not in found]
    if missing:
        raise ValueError(f"expected the cells {missing} in {path.name}, found none")
    return [found[figure] for figure in FIGURES[name]]


def _evaluate(client, expression: str) -> float:
    """Ask the notebook's kernel for a number."""
    from nbformat.v4 import new_code_cell

    cell = new_code_cell(f"print(float({expression}))")
    client.nb.cells.append(cell)
    client.execute_cell(cell, len(client.nb.cells) - 1, store_history=False)
    client.nb.cells.pop()
    return float(cell.outputs[-1].text.split()[-1])


if __name__ == "__main__":
    sys.exit(main())
