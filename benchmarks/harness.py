"""Compare libraries at the same work, each in a process of its own.

Two libraries in one process spin against each other with their thread pools, and the
speed of a shared machine drifts by tens of percent within a minute. Hence:

- Every contestant lives in a worker process that stays alive and warm. Its number of
  threads is set in the environment, before the worker imports anything.
- Contestants take turns, round after round, and the order rotates. A ratio is formed
  within a round, between neighbours in time; reported are the median of these ratios
  and their quartiles.
- Before each turn there is a pause, so that the previous contestant's idle threads stop
  spinning, and a few untimed steps, so that the caches are its own again.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ece662._computer import cores

__all__ = [
    "FUSED",
    "OURS",
    "OURS_FUSED",
    "TORCH",
    "Comparison",
    "Contestant",
    "Spread",
    "Worker",
    "compare",
    "describe_machine",
    "markdown_table",
    "print_report",
    "replace_block",
    "split_at_block",
]

ROOT = Path(__file__).resolve().parents[1]
# The sides of a training step, as the tables call them. Fused: the update in one pass.
OURS, OURS_FUSED = "ece662", "ece662, fused"
TORCH, FUSED = "torch", "torch, fused"
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
)
# By these a user makes OpenBLAS take other kernels than it would choose.
KERNEL_VARIABLES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
# OpenBLAS and libgomp let idle threads spin for tens of milliseconds before they sleep.
PAUSE_SECONDS = 0.1
WARM_UP_SHARE = 0.1


@dataclass(frozen=True)
class Contestant:
    """One side of a comparison.

    Args:
        name: what the table calls it
        task: "package.module:function"; the function, called with `arguments`, returns
            the step to be timed, a callable without arguments
        arguments: anything that JSON can carry
    """

    name: str
    task: str
    arguments: dict[str, Any] = field(default_factory=dict)


class Worker:
    """A process that holds one contestant; a context manager that ends it."""

    def __init__(self, contestant: Contestant, threads: int) -> None:
        self.contestant = contestant
        self.threads = threads
        counts = dict.fromkeys(THREAD_VARIABLES, str(threads))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | counts,
        )

    def __enter__(self) -> "Worker":
        try:
            self.ask(
                "build",
                task=self.contestant.task,
                arguments=self.contestant.arguments,
                threads=self.threads,
            )
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def ask(self, request: str, **details: Any) -> Any:
        """Send one request of `benchmarks.worker.Bench` and return its answer.

        Raises:
            RuntimeError: the worker failed; the message holds its traceback
        """
        message = json.dumps({"request": request, "details": details})
        try:
            self.process.stdin.write(message + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        reply = json.loads(line) if line else {"error": "its process has ended"}
        if "error" in reply:
            raise RuntimeError(
                f"{self.contestant.name} failed at {request!r}:\n{reply['error']}"
            )
        return reply["answer"]

    def close(self) -> None:
        """Close the pipes, which ends the worker, and wait for it."""
        self.process.communicate()


@dataclass(frozen=True)
class Spread:
    """A median with the quartiles around it."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Summarise `values`; a single one is its own quartiles."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(low, median, high)

    def __format__(self, spec: str) -> str:
        low, median, high = (
            format(v, spec) for v in (self.low, self.median, self.high)
        )
        return f"{median} ({low} to {high})"


@dataclass(frozen=True)
class Comparison:
    """What was measured: for each contestant the seconds a step took, one a round."""

    seconds: dict[str, list[float]]
    descriptions: dict[str, dict[str, Any]]

    def rate(self, name: str) -> Spread:
        """Return how many steps a second `name` makes."""
        return Spread.of([1 / seconds for seconds in self.seconds[name]])

    def speedup(self, name: str, over: str) -> Spread:
        """Return how many times as fast as `over` `name` is, round by round."""
        pairs = zip(self.seconds[name], self.seconds[over], strict=True)
        return Spread.of([theirs / ours for ours, theirs in pairs])


def compare(
    contestants: Sequence[Contestant],
    threads: int,
    rounds: int = 9,
    seconds_per_turn: float = 0.4,
) -> Comparison:
    """Let the contestants take turns and return their times.

    Args:
        contestants: who is compared, under different names
        threads: how many threads each library may use
        rounds: how many turns each contestant gets
        seconds_per_turn: how long a turn lasts, about
    """
    if rounds < 1 or threads < 1:
        raise ValueError(
            f"expected rounds and threads >= 1, got {rounds} and {threads}"
        )
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(c, threads)) for c in contestants]
        descriptions = {w.contestant.name: w.ask("describe") for w in workers}
        check_threads(descriptions, threads)
        steps = {worker: calibrate(worker, seconds_per_turn) for worker in workers}
        seconds = {worker: [] for worker in workers}
        for turn in range(rounds):
            first = turn % len(workers)
            for worker in workers[first:] + workers[:first]:
                seconds[worker].append(take_turn(worker, steps[worker]))
        return Comparison(
            seconds={w.contestant.name: seconds[w] for w in workers},
            descriptions=descriptions,
        )


def check_threads(descriptions: dict[str, dict[str, Any]], threads: int) -> None:
    """Refuse a comparison in which a library does not run on `threads` threads."""
    for name, description in descriptions.items():
        counts = {pool["num_threads"] for pool in description["pools"]}
        if counts - {threads}:
            raise RuntimeError(
                f"{name} was asked to run on {threads} threads and runs on "
                f"{sorted(counts)}: this machine has {cores()} cores"
            )


def calibrate(worker: Worker, seconds_per_turn: float) -> int:
    """Warm the worker up and return how many steps fill a turn."""
    steps = 1
    while (seconds := worker.ask("run", steps=steps)) < seconds_per_turn / 2:
        steps *= 2
    return max(1, round(steps * seconds_per_turn / seconds))


def take_turn(worker: Worker, steps: int) -> float:
    """Return the seconds a step takes, averaged over `steps` of them."""
    time.sleep(PAUSE_SECONDS)
    worker.ask("run", steps=max(1, round(WARM_UP_SHARE * steps)))
    return worker.ask("run", steps=steps) / steps


def describe_machine(descriptions: dict[str, dict[str, Any]]) -> str:
    """Return the header of a table as a list: machine, versions and kernels."""
    python = next(iter(descriptions.values()))["python"]
    lines = [
        f"{cpu_model()}, {cores()} cores",
        f"Python {python}, {platform.system()} {platform.machine()}",
    ]
    users: dict[str, list[str]] = {}
    for name, description in descriptions.items():
        users.setdefault(libraries(description), []).append(name)
    lines += [f"{' and '.join(names)}: {seen}" for seen, names in users.items()]
    settings = [
        f"`{name}={value}`"
        for name, value in sorted(os.environ.items())
        if name in KERNEL_VARIABLES
    ]
    if settings:
        choice = "overrides the kernels that NumPy's BLAS would choose for this CPU"
        lines.append(f"the environment {choice}: {', '.join(settings)}")
    return "\n".join(f"- {line}" for line in lines)


def libraries(description: dict[str, Any]) -> str:
    """Return the version and the kernels of what a worker computes with."""
    versions = description["versions"]
    if "torch" in versions:
        return f"torch {versions['torch']}, {description['torch_kernels']} kernels"
    blas = [
        f"{pool['internal_api']} {pool['version']}, {pool['architecture']} kernels"
        for pool in description["pools"]
        if pool["architecture"]
    ]
    return ", ".join([f"numpy {versions['numpy']}", *blas])


def cpu_model() -> str:
    """Return the processor's name as the system gives it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; all columns but the first are aligned right."""
    rule = ["---"] + ["---:"] * (len(headings) - 1)
    lines = [headings, rule, *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def replace_block(path: Path, name: str, text: str) -> None:
    """Put `text` between the lines that mark the block `name` in a Markdown file."""
    before, after = split_at_block(path, name)
    path.write_text(f"{before}\n{text}\n{after}", encoding="utf-8")


def print_report(
    make: Callable[[], str], path: Path | None = None, name: str = ""
) -> None:
    """Measure and print a report; write it into a block of a Markdown file, if given.

    Args:
        make: measures, and returns the report.
        path: of the Markdown file.
        name: of the block.

    Raises:
        ValueError: as `split_at_block`, before anything is measured
    """
    if path:
        split_at_block(path, name)
    text = make()
    print(text)
    if path:
        replace_block(path, name, text)


def split_at_block(path: Path, name: str) -> tuple[str, str]:
    """Return what stands before and after a block's content, its marks included.

    The marks are `<!-- benchmark: NAME -->` and `<!-- end of benchmark: NAME -->`.

    Raises:
        ValueError: the file does not hold each mark exactly once, in this order
    """
    start, end = f"<!-- benchmark: {name} -->", f"<!-- end of benchmark: {name} -->"
    content = path.read_text(encoding="utf-8")
    found = content.count(start), content.count(end)
    if found != (1, 1) or content.index(start) > content.index(end):
        raise ValueError(
            f"expected {start!r} and, after it, {end!r} once each in {path}, "
            f"found them {found[0]} and {found[1]} times"
        )
    return content.split(start)[0] + start, end + content.split(end)[1]
