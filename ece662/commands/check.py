"""``ece662 check``: the checks of the notebooks, in a terminal or for a program."""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import ece662
from ece662.exercises.work import find_root, with_package_in

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
    # For `ece662 status`, which has to know when one of them does not come to an end.
    parser.add_argument("--lines", action="store_true", help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Check and print; return 0 where all passed, 2 where an id is unknown."""
    root = find_root()
    if (root / "ece662").resolve() != PACKAGE:
        return _run_there(root, args)
    from ece662.check import verdicts
    from ece662.check.cells import Cells
    from ece662.check.front import check_exercise, chosen, verdict_of, with_notes

    try:
        named = [e for id in args.ids or [None] for e in chosen(id)]
    except ValueError as error:
        print(f"ece662 check: {error}", file=sys.stderr)
        return 2
    known = set(threading.enumerate())
    cells, results, endless = Cells(root), [], set()
    # What asks for lines keeps them itself.
    marks = {} if args.lines else verdicts.fingerprints(root, named)
    for exercise in dict.fromkeys(named):
        # What a student's code prints must not get into the answer.
        with contextlib.redirect_stdout(sys.stderr):
            result = check_exercise(exercise, cells.names_after, endless)
        results += with_notes([result], [exercise], root)
        if args.lines:
            print(json.dumps(verdict_of(results[-1])), flush=True)
        elif not args.json:
            print(results[-1].text(colour=_in_colour()), flush=True)
    verdicts.remember(root, marks, map(verdict_of, results))
    passed = sum(result.verdict.passed for result in results)
    if args.lines:
        pass
    elif args.json:
        print(json.dumps([verdict_of(result) for result in results], indent=1))
    else:
        print(f"{passed} of {len(results)} passed")
    code = int(passed < len(results))
    _outlive([t for t in threading.enumerate() if t not in known], code)
    return code


def _outlive(started: list[threading.Thread], code: int) -> None:
    """Let this process end where a student's threads do not: Python waits for those.

    Args:
        started: threads that the checks have left behind.
        code: the exit code.
    """
    left = [thread for thread in started if not thread.daemon]

    def end() -> None:
        threading.main_thread().join()  # until Python is about to wait for the others
        limit = time.monotonic() + LAST_SECONDS
        for thread in left:
            thread.join(max(limit - time.monotonic(), 0))
        if any(thread.is_alive() for thread in left):
            with contextlib.suppress(OSError, ValueError):
                message = "A thread that your code has started does not end."
                print(message, file=sys.stderr, flush=True)
            os._exit(code)

    if left:
        threading.Thread(target=end, name="ece662 end", daemon=True).start()


def _run_there(root: Path, args: argparse.Namespace) -> int:
    """Start again with the package of that folder: it is another one than this."""
    options = ["--json"] * args.json + ["--lines"] * args.lines
    command = [sys.executable, "-m", "ece662", "check", *options, "--", *args.ids]
    done = subprocess.run(command, **with_package_in(root), check=False)
    return done.returncode


def _in_colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")
