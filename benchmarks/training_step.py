"""How many samples a second a training step takes, against torch on the same CPU.

A step is what `Solver.train` repeats: pick a minibatch, forward, backward, update. Both
sides run it on the same nets in float32, with the same number of threads; see `harness`
for how. Run it on a machine that has nothing else to do:

    python -m benchmarks.training_step
    python -m benchmarks.training_step --threads 1 --rounds 15
    python -m benchmarks.training_step --write docs/speed.md
    python -m benchmarks.training_step --avx2    # every library limited to AVX2

`--write` replaces the block "training step" of a Markdown file by the table.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.command_line import measure_and_write
from benchmarks.harness import (
    FUSED,
    OURS,
    OURS_FUSED,
    TORCH,
    Comparison,
    Contestant,
    compare,
    describe_machine,
    markdown_table,
)

__all__ = [
    "NETS",
    "STEP_HEADINGS",
    "Net",
    "contestants",
    "main",
    "report",
    "step_contestants",
    "step_row",
]

BLOCK = "training step"  # of the Markdown file that `--write` names
SIDES = (OURS, OURS_FUSED, TORCH, FUSED)
RATIOS = ((OURS, TORCH), (OURS_FUSED, TORCH), (OURS_FUSED, FUSED))
STEP_HEADINGS = [
    "training step, float32",
    "threads",
    *(f"{name}, samples/s" for name in SIDES),
    *(f"{name} / {other}" for name, other in RATIOS),
]


@dataclass(frozen=True)
class Net:
    """A row of the table: a net, and the arguments both sides' steps take."""

    title: str
    arguments: dict[str, Any]


DEEP = {"hidden_dims": [1024, 512, 256, 128], "update_rule": "adam", "batch_size": 64}

NETS = [
    Net(
        "two layers, 100 hidden, SGD, batch 100",
        {"hidden_dims": [100], "update_rule": "sgd", "batch_size": 100},
    ),
    Net("1024-512-256-128, Adam, batch 64", DEEP),
    Net("... with batchnorm", DEEP | {"normalization": "batchnorm"}),
    Net("... with dropout", DEEP | {"dropout": 0.75}),
    Net("... with both", DEEP | {"normalization": "batchnorm", "dropout": 0.75}),
]


def contestants(net: Net, **changes: Any) -> list[Contestant]:
    """Return the sides of a net; `changes` are arguments beside the net's own."""
    return step_contestants(
        "benchmarks.ece662_nets:training_step",
        "benchmarks.torch_nets:training_step",
        net.arguments | changes,
    )


def step_contestants(
    ours: str, theirs: str, arguments: dict[str, Any]
) -> list[Contestant]:
    """Return both libraries, each with its plain update and with its fused one."""
    fused = arguments | {"fused": True}
    return [
        Contestant(OURS, ours, arguments),
        Contestant(OURS_FUSED, ours, fused),
        Contestant(TORCH, theirs, arguments),
        Contestant(FUSED, theirs, fused),
    ]


def step_row(
    title: str, batch_size: int, threads: int, result: Comparison
) -> list[str]:
    """Return one row: samples per second of each side, then ours over theirs."""
    rates = [result.rate(name).median * batch_size for name in SIDES]
    ratios = [result.speedup(name, over=other) for name, other in RATIOS]
    return [
        title,
        str(threads),
        *(f"{rate:,.0f}" for rate in rates),
        *(f"{ratio:.2f}" for ratio in ratios),
    ]


def report(
    nets: Sequence[Net], threads: Sequence[int], rounds: int, seconds_per_turn: float
) -> str:
    """Measure and return the header, the table and how to read it, as Markdown."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    rows = []
    for count in threads:
        for net in nets:
            print(f"{net.title}, {count} thread(s)", file=sys.stderr)
            result = compare(contestants(net), count, rounds, seconds_per_turn)
            rows.append(step_row(net.title, net.arguments["batch_size"], count, result))
    reading = (
        f"Medians of {rounds} alternating rounds; ratios were taken round by round, "
        "with their quartiles in brackets. More than 1 means that ece662 is faster. "
        f"The load before the start was {load:.1f}."
    )
    machine = describe_machine(result.descriptions)
    return "\n\n".join([machine, markdown_table(STEP_HEADINGS, rows), reading])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, and write it into a file if asked to."""
    return measure_and_write(partial(report, NETS), BLOCK, 9, 0.4, arguments)


if __name__ == "__main__":
    sys.exit(main())
