"""How much memory training takes at its peak, against torch on the same CPU.

Each library trains the net in a process of its own; counted is by how much that
process grew, at its highest, since the library was imported: minibatches, parameters,
what the update rule remembers, activations, gradients, temporaries. Linux only.

    python -m benchmarks.memory
    python -m benchmarks.memory --write docs/speed.md
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import deep
from benchmarks.conv import BATCH_SIZE, conv_net_contestants
from benchmarks.harness import (
    OURS,
    OURS_FUSED,
    TORCH,
    Contestant,
    Worker,
    markdown_table,
    print_report,
)
from benchmarks.training_step import NETS, contestants
from benchmarks.worker import LINUX_STATUS

__all__ = ["grown_bytes", "main", "report"]

BLOCK = "memory"  # of the Markdown file that `--write` names
STEPS = 20
NUM_TRAIN = 200  # a few minibatches: the training set is not what is compared


def grown_bytes(sides: Sequence[Contestant], threads: int = 1) -> dict[str, int]:
    """Return by how many bytes each contestant's process grew while training."""
    grown = {}
    for contestant in sides:
        with Worker(contestant, threads) as worker:
            worker.ask("run", steps=STEPS)
            grown[contestant.name] = worker.ask("memory")
    return grown


def report(
    steps: Mapping[str, Sequence[Contestant]],
    ours: Sequence[str] = (OURS, OURS_FUSED),
) -> str:
    """Measure the sides of each training step and return a Markdown table.

    Its last columns are those of `ours` over torch.
    """
    rows = []
    for title, sides in steps.items():
        grown = grown_bytes(sides)
        sizes = [f"{size / 2**20:.0f}" for size in grown.values()]
        ratios = [grown[name] / grown[TORCH] for name in ours]
        rows.append([title, *sizes, *(f"{ratio:.2f}" for ratio in ratios)])
    headings = ["peak of training, float32"] + [f"{name}, MiB" for name in grown]
    headings += [f"{name} / {TORCH}" for name in ours]
    return markdown_table(headings, rows)


def all_steps() -> dict[str, list[Contestant]]:
    """Return the sides of every training step that the benchmarks know."""
    steps = {net.title: contestants(net, num_train=NUM_TRAIN) for net in NETS}
    steps[f"ThreeLayerConvNet, batch {BATCH_SIZE}, Adam"] = conv_net_contestants(
        num_train=NUM_TRAIN
    )
    return steps


def both_tables() -> str:
    """Measure every training step, and Q4's deep network in a table of its own."""
    title = f"Q4's deep ConvNet, batch {deep.BATCH_SIZE}, Adam in one pass"
    sides = deep.contestants(num_train=NUM_TRAIN)
    return "\n\n".join([report(all_steps()), report({title: sides}, (OURS, deep.OWN))])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, and write it into a file if asked to."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.memory",
        description="Compare the memory that training takes in ece662 and in torch.",
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="a Markdown file")
    options = parser.parse_args(arguments)
    if not LINUX_STATUS.exists():
        parser.error(f"this needs Linux, there is no {LINUX_STATUS} here")
    print_report(both_tables, options.write, BLOCK)
    return 0


if __name__ == "__main__":
    sys.exit(main())
