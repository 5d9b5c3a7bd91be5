"""How long convolution and max pooling take: naive, im2col, fast, and torch's.

Two tables: one pass of a layer, in milliseconds, and a training step of the course's
three-layer ConvNet, in samples a second. See `harness` for how both are measured. The
naive loops have one thread, and get a part of the batch, from which their time for the
whole batch is computed. Run it on a machine that has nothing else to do:

    python -m benchmarks.conv                           # a quarter of an hour
    python -m benchmarks.conv --threads 1 --rounds 3
    python -m benchmarks.conv --write docs/speed.md
    python -m benchmarks.conv --avx2              # every library limited to AVX2

`--write` replaces the block "convolution" of a Markdown file by the tables.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.command_line import measure_and_write
from benchmarks.harness import (
    TORCH,
    Contestant,
    compare,
    describe_machine,
    markdown_table,
)
from benchmarks.training_step import STEP_HEADINGS, step_contestants, step_row

__all__ = ["LAYERS", "Layer", "contestants", "main", "naive_contestant", "report"]

BLOCK = "convolution"  # of the Markdown file that `--write` names
FAST, IM2COL, NAIVE = "ece662 fast", "ece662 im2col", "ece662 naive"
NAIVE_IMAGES = 2
BATCH_SIZE = 50  # of the training step


@dataclass(frozen=True)
class Layer:
    """A layer to be timed: which function of both sides, and its arguments."""

    title: str
    function: str
    arguments: dict[str, Any]


def _conv(name: str, x_shape: list, w_shape: list, stride: int, pad: int) -> Layer:
    title = (
        f"{name}: x {tuple(x_shape)}, w {tuple(w_shape)}, stride {stride}, pad {pad}"
    )
    sizes = {"x_shape": x_shape, "w_shape": w_shape, "stride": stride, "pad": pad}
    return Layer(title, "conv", sizes)


LAYERS = [
    _conv("A", [100, 3, 31, 31], [25, 3, 3, 3], stride=2, pad=1),
    _conv("B", [50, 3, 32, 32], [32, 3, 7, 7], stride=1, pad=3),
    _conv("C", [64, 64, 16, 16], [128, 64, 3, 3], stride=1, pad=1),
    Layer(
        "max pool 2 x 2: x (100, 32, 32, 32)",
        "max_pool",
        {"x_shape": [100, 32, 32, 32], "size": 2},
    ),
]


def contestants(layer: Layer, **changes: Any) -> list[Contestant]:
    """Return ece662's fast layer and its im2col, and torch's layer."""
    arguments = layer.arguments | changes
    ours = f"benchmarks.ece662_layers:{layer.function}"
    theirs = f"benchmarks.torch_layers:{layer.function}"
    return [
        Contestant(FAST, ours, arguments | {"way": "fast"}),
        Contestant(IM2COL, ours, arguments | {"way": "im2col"}),
        Contestant(TORCH, theirs, arguments),
    ]


def naive_contestant(layer: Layer, **changes: Any) -> Contestant:
    """Return the naive loops, on the first images of the batch."""
    arguments = layer.arguments | changes | {"way": "naive"}
    arguments["x_shape"] = [NAIVE_IMAGES, *layer.arguments["x_shape"][1:]]
    return Contestant(NAIVE, f"benchmarks.ece662_layers:{layer.function}", arguments)


def layer_rows(
    layers: Sequence[Layer],
    dtypes: Sequence[str],
    threads: Sequence[int],
    rounds: int,
    seconds_per_turn: float,
) -> Iterator[list[str]]:
    """Measure and yield the rows of the table of layers."""
    for layer in layers:
        for dtype in dtypes:
            for backward in (False, True):
                case = {"dtype": dtype, "backward": backward}
                naive = compare([naive_contestant(layer, **case)], 1, 1, 0.0)
                parts = layer.arguments["x_shape"][0] / NAIVE_IMAGES
                naive_seconds = parts * naive.seconds[NAIVE][0]
                for count in threads:
                    direction = "backward" if backward else "forward"
                    what = [layer.title, dtype, direction, str(count)]
                    print(*what, sep=", ", file=sys.stderr)
                    result = compare(
                        contestants(layer, **case), count, rounds, seconds_per_turn
                    )
                    yield what + row_end(result, naive_seconds)


def row_end(result, naive_seconds: float) -> list[str]:
    """Return the cells of a row that hold what was measured."""
    fast, im2col, torch = (
        1 / result.rate(name).median for name in (FAST, IM2COL, TORCH)
    )
    cells = [f"{1e3 * seconds:,.3f}" for seconds in (fast, im2col, torch)]
    return [
        *cells,
        f"{1e3 * naive_seconds:,.0f}",
        f"{result.speedup(FAST, over=TORCH):.2f}",
        f"{naive_seconds / fast:,.0f}",
    ]


def conv_net_contestants(**changes: Any) -> list[Contestant]:
    """Return the training steps of both libraries, with and without fused Adam."""
    return step_contestants(
        "benchmarks.ece662_layers:conv_net_step",
        "benchmarks.torch_layers:conv_net_step",
        {"batch_size": BATCH_SIZE} | changes,
    )


def conv_net_table(threads: Sequence[int], rounds: int, seconds_per_turn: float) -> str:
    """Measure training steps and return their table."""
    title, rows = f"ThreeLayerConvNet, batch {BATCH_SIZE}, Adam", []
    for count in threads:
        print(f"three-layer ConvNet, {count} thread(s)", file=sys.stderr)
        result = compare(conv_net_contestants(), count, rounds, seconds_per_turn)
        rows.append(step_row(title, BATCH_SIZE, count, result))
    return markdown_table(STEP_HEADINGS, rows)


def report(threads: Sequence[int], rounds: int, seconds_per_turn: float) -> str:
    """Measure and return the header, both tables and how to read them, as Markdown."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    settings = (threads, rounds, seconds_per_turn)
    rows = list(layer_rows(LAYERS, ["float32", "float64"], *settings))
    headings = ["layer", "type", "pass", "threads"]
    headings += [f"{name}, ms" for name in (FAST, IM2COL, TORCH, NAIVE)]
    headings += [f"fast over {TORCH}", "fast over naive"]
    layer_table = markdown_table(headings, rows)
    net_table = conv_net_table(*settings)
    one_thread = compare(contestants(LAYERS[0], dtype="float32", backward=False), 1, 1)
    reading = (
        f"Medians of {rounds} alternating rounds; ratios to torch were taken round by "
        "round, with their quartiles in brackets. More than 1 means that ece662 is "
        f"faster. The load before the start was {load:.1f}."
    )
    machine = describe_machine(one_thread.descriptions)
    return "\n\n".join([machine, layer_table, net_table, reading])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables, and write them into a file if asked to."""
    return measure_and_write(report, BLOCK, 9, 0.2, arguments)


if __name__ == "__main__":
    sys.exit(main())
