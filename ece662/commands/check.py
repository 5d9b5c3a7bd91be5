"""``ece662 check``: the checks of the notebooks, in a terminal or for a program."""

import argparse
import faulthandler
import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path

import ece662
from ece662.exercises.work import find_root, with_package_in
from ece662.live.place import frames_of

__all__ = ["HELP", "configure", "run"]

HELP = "check your exercises and say what went wrong"

DESCRIPTION = """\
Check exercises: all of them, or those that are named: an exercise (affine_forward), or
all of a notebook (Q2). The code is that of the folder where you are. Cells that train
are run, which takes some seconds each.

Code that takes longer than 30 seconds (15 minutes where it trains) is stopped, and the
rest goes on; ECE662_PATIENCE=4 makes that four times as long.

The exit code is 0 where everything passed, 1 where something did not.
"""

LAST_SECONDS = 5  # for a thread that code has started, when everything else is done
TRACED = '  File "{}", line {} in {}\n'  # as faulthandler writes
PACKAGE = Path(ece662.__file__).resolve().parent


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("ids", nargs="*", metavar="ID", help="exercises or notebooks")
    parser.add_argument(
        "--json",
        action="store_true",
        help="print a list of objects: id, status, passed, diagnosis, message, seconds",
    )
    # For processes of their own, in which the code is run: `ece662.check.apart`.
    for name, action in (("--lines", "store_true"), ("--colour", "store_true"),
                         ("--trace", "store"), ("--stopped", "append")):  # fmt: skip
        parser.add_argument(name, action=action, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Check and print; return 0 where all passed, 2 where an id is unknown."""
    root = find_root()
    if (root / "ece662").resolve() != PACKAGE:
        return _run_there(root, args)
    from ece662.check import verdicts
    from ece662.check.apart import TEXT, check_apart
    from ece662.check.front import chosen

    try:
        named = [e for id in args.ids or [None] for e in chosen(id)]
    except ValueError as error:
        print(f"ece662 check: {error}", file=sys.stderr)
        return 2
    ids = list(dict.fromkeys(exercise.id for exercise in named))
    if args.lines:
        return _answer(root, ids, args)
    marks, found = verdicts.fingerprints(root, named), []
    try:
        for verdict in check_apart(root, ids, _in_colour(), is_shown=True):
            text = verdict.pop(TEXT)
            found.append(verdict)
            if not args.json:
                print(text, flush=True)
    finally:  # Ctrl-C loses none of them
        verdicts.remember(root, marks, found)
    passed = sum(verdict["passed"] for verdict in found)
    if args.json:
        print(json.dumps(found, indent=1))
    else:
        print(f"{passed} of {len(found)} passed")
    return int(passed < len(found))


def _answer(root: Path, ids: Sequence[str], args: argparse.Namespace) -> int:
    """Run the checks in this process; write a line of JSON about each."""
    from ece662.check.apart import TEXT
    from ece662.check.cells import Cells
    from ece662.check.containing import contained
    from ece662.check.front import check_exercise, verdict_of, with_notes
    from ece662.exercises import find_exercise

    lines = _Lines()
    if args.trace:
        with suppress(OSError):
            number = os.open(args.trace, os.O_WRONLY | os.O_CREAT)
            faulthandler.enable(number, all_threads=False)
    known = set(threading.enumerate())
    cells, stopped = Cells(root), {*(args.stopped or ())}
    for exercise in map(find_exercise, ids):
        with _noting_interrupts(args.trace), contained(), _shown_as_errors():
            result = check_exercise(exercise, cells.names_after, stopped)
        [result] = with_notes([result], [exercise], root)
        lines.write({**verdict_of(result), TEXT: result.text(args.colour)})
    _outlive([t for t in threading.enumerate() if t not in known])
    return 0


class _Lines:
    """The pipe to the process that has asked; a student's code cannot find it."""

    def __init__(self):
        """Take standard output, which from now on is standard error."""
        self.pipe = os.dup(1)
        os.dup2(2, 1)

    def write(self, value: dict) -> None:
        """Write a line, without what the code may have replaced or closed."""
        left = f"{json.dumps(value)}\n".encode("ascii")
        while left:
            left = left[os.write(self.pipe, left) :]


@contextmanager
def _shown_as_errors() -> Iterator[None]:
    """Let the code print to standard error, by a stream that it cannot close."""
    stream = _Open(io.FileIO(os.dup(2), "w"), encoding="utf-8", errors="replace")
    with redirect_stdout(stream), redirect_stderr(stream):
        yield
    with suppress(OSError):
        stream.flush()


class _Open(io.TextIOWrapper):
    """A stream that stays open, as a notebook's does."""

    def close(self) -> None:
        """Write what is left."""
        with suppress(OSError, ValueError):
            self.flush()


@contextmanager
def _noting_interrupts(trace: str | None) -> Iterator[None]:
    """Note where an interrupt was raised, which the code itself may have done."""
    try:
        yield
    except KeyboardInterrupt as error:
        frames = list(frames_of(error.__traceback__)) if trace else []
        with (
            suppress(OSError),
            open(trace or os.devnull, "a", encoding="utf-8") as file,
        ):
            for code, line in reversed(frames):
                file.write(TRACED.format(code.co_filename, line, code.co_name))
        raise


def _outlive(started: list[threading.Thread]) -> None:
    """Let this process end where a student's threads do not: Python waits for those.

    Args:
        started: threads that the checks have left behind.
    """
    left = [thread for thread in started if not thread.daemon]

    def end() -> None:
        threading.main_thread().join()  # until Python is about to wait for the others
        limit = time.monotonic() + LAST_SECONDS
        for thread in left:
            thread.join(max(limit - time.monotonic(), 0))
        if any(thread.is_alive() for thread in left):
            with suppress(OSError, ValueError):
                message = "A thread that your code has started does not end."
                print(message, file=sys.stderr, flush=True)
            os._exit(0)

    if left:
        threading.Thread(target=end, name="ece662 end", daemon=True).start()


def _run_there(root: Path, args: argparse.Namespace) -> int:
    """Start again with the package of that folder: it is another one than this."""
    options = ["--json"] * args.json
    command = [sys.executable, "-m", "ece662", "check", *options, "--", *args.ids]
    from ece662.check.apart import NAMES_SHOWN

    place = with_package_in(root)
    place["env"][NAMES_SHOWN] = "1"  # by this process
    done = subprocess.run(command, **place, check=False)
    return done.returncode


def _in_colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")
