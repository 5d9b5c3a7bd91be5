"""How fast Q4's deep ConvNet trains, against torch in its better layout, and where.

Two tables: a training step, in milliseconds, and our step by its parts. Adam is the
one-pass version on both sides. torch's convolutions are faster with the channels of a
pixel side by side (`channels_last`) on some processors and slower on others; the better
of both is what we compare with.

    python -m benchmarks.deep                           # five minutes
    python -m benchmarks.deep --threads 1 --rounds 3
    python -m benchmarks.deep --write docs/speed.md
    python -m benchmarks.deep --avx2              # every library limited to AVX2

`--write` replaces the block "deep network" of a Markdown file by the tables.
"""

import os
import sys
from collections.abc import Sequence

from benchmarks.command_line import measure_and_write
from benchmarks.harness import (
    OURS,
    TORCH,
    Comparison,
    Contestant,
    Worker,
    compare,
    describe_machine,
    markdown_table,
)

__all__ = [
    "PARTS",
    "contestants",
    "main",
    "parts_table",
    "report",
    "seconds_by_part",
    "step_row",
]

BLOCK = "deep network"  # of the Markdown file that `--write` names
BATCH_SIZE = 64
OWN, CHANNELS_LAST = "ece662, own layers", "torch, channels_last"

# The parts of a step, and the functions whose time each is. What is in none of them
# (picking the minibatch, zeros for the biases, bookkeeping) is the rest.
PARTS = {
    "convolution, forward": ["conv_forward_fast"],
    "convolution, backward": ["conv_backward_fast"],
    "batch norm and ReLU, forward": ["spatial_batchnorm_relu_forward_fast"],
    "batch norm and ReLU, backward": ["spatial_batchnorm_relu_backward_fast"],
    "max pooling": ["max_pool_forward_fast", "max_pool_backward_fast"],
    "affine and softmax": ["affine_forward", "affine_backward", "softmax_loss"],
    "Adam": ["adam_fast"],
}


def contestants(**changes: object) -> list[Contestant]:
    """Return ours, with the fast layers and a student's, and torch's two layouts."""
    arguments = {"batch_size": BATCH_SIZE} | changes
    ours = "benchmarks.ece662_layers:deep_net_step"
    theirs = "benchmarks.torch_layers:deep_net_step"
    return [
        Contestant(OURS, ours, arguments),
        Contestant(OWN, ours, arguments | {"own_layers": True}),
        Contestant(TORCH, theirs, arguments),
        Contestant(CHANNELS_LAST, theirs, arguments | {"channels_last": True}),
    ]


def step_row(threads: int, result: Comparison) -> list[str]:
    """Return a row: milliseconds of each side, then ours over the better torch."""
    names = (OURS, OWN, TORCH, CHANNELS_LAST)
    milliseconds = [1e3 / result.rate(name).median for name in names]
    better = min((TORCH, CHANNELS_LAST), key=lambda n: 1 / result.rate(n).median)
    return [
        str(threads),
        *(f"{time:,.1f}" for time in milliseconds),
        better,
        *(f"{result.speedup(name, over=better):.2f}" for name in (OURS, OWN)),
    ]


def seconds_by_part(threads: int, steps: int, **changes: object) -> dict[str, float]:
    """Measure our step under a profiler; return the seconds of all steps, by part."""
    with Worker(contestants(**changes)[0], threads) as worker:
        worker.ask("run", steps=2)  # to warm up
        found = worker.ask("profile", steps=steps)
    spent = {
        part: sum(found["functions"].get(name, 0.0) for name in names)
        for part, names in PARTS.items()
    }
    return spent | {"the rest": found["seconds"] - sum(spent.values())}


def parts_table(threads: Sequence[int], steps: int, **changes: object) -> str:
    """Measure our step by its parts and return their table."""
    columns = []
    for count in threads:
        spent = seconds_by_part(count, steps, **changes)
        whole = sum(spent.values())
        columns.append(
            [f"{1e3 * s / steps:,.1f} ({s / whole:.0%})" for s in spent.values()]
        )
    headings = ["part of a step", *(f"{n} thread(s), ms" for n in threads)]
    rows = [list(row) for row in zip([*PARTS, "the rest"], *columns, strict=True)]
    return markdown_table(headings, rows)


def report(threads: Sequence[int], rounds: int, seconds_per_turn: float) -> str:
    """Measure and return the header, both tables and how to read them, as Markdown."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    rows = []
    for count in threads:
        print(f"deep ConvNet, {count} thread(s)", file=sys.stderr)
        result = compare(contestants(), count, rounds, seconds_per_turn)
        rows.append(step_row(count, result))
    headings = ["threads"]
    headings += [f"{name}, ms" for name in (OURS, OWN, TORCH, CHANNELS_LAST)]
    headings += ["the better torch", *(f"{name} / torch" for name in (OURS, OWN))]
    reading = (
        f"A step of batch {BATCH_SIZE} in float32. Medians of {rounds} alternating "
        "rounds; ratios were taken round by round, with their quartiles in brackets. "
        "More than 1 means that ece662 is faster. The load before the start was "
        f"{load:.1f}."
    )
    machine = describe_machine(result.descriptions)
    return "\n\n".join(
        [machine, markdown_table(headings, rows), reading, parts_table(threads, 10)]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables, and write them into a file if asked to."""
    return measure_and_write(report, BLOCK, 7, 1.0, arguments)


if __name__ == "__main__":
    sys.exit(main())
