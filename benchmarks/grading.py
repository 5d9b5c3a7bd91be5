"""How long a class takes to grade, and how much memory the grader needs for it.

    python -m benchmarks.grading DIR [--students 1000] [--write docs/images/grading.svg]

makes a class of pretend submissions in DIR, right, mistaken, hostile and broken ones by
turns, grades it without the cells that train, and prints time and memory at each tenth.
"""

import argparse
import resource
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from course.grade.classroom import write_class
from course.grade.reports import write_reports
from course.grade.run import PACE, grade_class

__all__ = ["main", "tenths"]

SECRET = 32 * "6"


def tenths(times: Sequence[float]) -> list[tuple[int, float]]:
    """Return how many submissions were graded by when, at each tenth of them."""
    steps = [round(len(times) * k / 10) for k in range(1, 11)]
    return [(step, times[step - 1]) for step in steps if step]


def main(argv: Sequence[str] | None = None) -> int:
    """Make the class, grade it, and say how it went."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.grading")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--students", type=int, default=1000)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--write", type=Path, metavar="SVG")
    args = parser.parse_args(argv)
    submissions, out = args.folder / "submissions", args.folder / "out"
    write_class(submissions, args.students)
    memory = _Memory()
    with memory:
        started = time.monotonic()
        count = grade_class(
            submissions,
            out,
            secret=SECRET,
            training=False,
            workers=args.workers,
            quiet=True,
        )
        graded = time.monotonic()
        write_reports(out)
    times = [float(line) for line in (out / PACE).read_text().split()]
    print("submissions    seconds    grader's memory")
    for done, seconds in tenths(times):
        print(f"{done:>11}{seconds:>11.1f}{memory.at(started + seconds):>15.0f} MB")
    hourly = count / (graded - started) * 3600
    print(f"{count} submissions, {hourly:.0f} an hour")
    print(f"reports: {time.monotonic() - graded:.1f} s, {memory.peak():.0f} MB at most")
    if args.write:
        _plot(times, args.write)
    return 0


class _Memory:
    """The resident memory of this process, looked at every second."""

    def __init__(self):
        self._seen: list[tuple[float, float]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._over.set()
        self._thread.join()

    def _look(self):
        while not self._over.wait(1.0):
            pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
            megabytes = pages * resource.getpagesize() / 1e6
            self._seen.append((time.monotonic(), megabytes))

    def at(self, moment: float) -> float:
        return next((mb for when, mb in self._seen if when >= moment), self.peak())

    def peak(self) -> float:
        return max((mb for _, mb in self._seen), default=0.0)


def _plot(times: Sequence[float], path: Path) -> None:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    axes.plot(range(1, len(times) + 1), [seconds / 60 for seconds in times])
    axes.set(xlabel="submissions graded", ylabel="minutes", xlim=(0, None))
    axes.set_ylim(0, None)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    sys.exit(main())
