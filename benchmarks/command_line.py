"""The command line that the comparisons of speed share: threads, rounds, AVX2 only."""

import argparse
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from benchmarks.harness import print_report, split_at_block

__all__ = ["AVX2_ONLY", "measure_and_write"]

# What holds each library back to AVX2, on a processor that has more.
AVX2_ONLY = {
    "ECE662_SIMD": "avx2",
    "OPENBLAS_CORETYPE": "Haswell",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}

Report = Callable[[Sequence[int], int, float], str]


def measure_and_write(
    report: Report,
    block: str,
    rounds: int,
    seconds: float,
    arguments: Sequence[str] | None,
) -> int:
    """Print a report, and write it into a file if asked to.

    Args:
        report: called with threads, rounds and the seconds of a turn.
        block: of the Markdown file that `--write` names. What `--avx2` measures stands
            in a block of its own behind it, which is made where it is missing.
        rounds, seconds: what is taken where the command line does not say.
        arguments: those of the command line; None for the process's own.
    """
    parser = argparse.ArgumentParser(
        description=f"Compare ece662 and torch: {block}.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], metavar="N")
    parser.add_argument("--rounds", type=int, default=rounds, metavar="N")
    parser.add_argument("--seconds", type=float, default=seconds, help="of a turn")
    parser.add_argument("--avx2", action="store_true", help="limit all sides to AVX2")
    parser.add_argument("--write", type=Path, metavar="FILE", help="a Markdown file")
    options = parser.parse_args(arguments)
    if options.avx2:
        os.environ.update(AVX2_ONLY)  # the workers inherit them
        block = _block_behind(options.write, block) if options.write else block
    make = partial(report, options.threads, options.rounds, options.seconds)
    print_report(make, options.write, block)
    return 0


def _block_behind(path: Path, block: str) -> str:
    """Make sure of a block behind another one, and return its name."""
    split_at_block(path, block)
    name = f"{block}, AVX2"
    if f"<!-- benchmark: {name} -->" not in path.read_text(encoding="utf-8"):
        mark = f"<!-- end of benchmark: {block} -->"
        marks = f"<!-- benchmark: {name} -->\n<!-- end of benchmark: {name} -->"
        added = f"{mark}\n\nThe same with every library limited to AVX2:\n\n{marks}"
        content = path.read_text(encoding="utf-8").replace(mark, added)
        path.write_text(content, encoding="utf-8")
    return name
