"""Checks in processes of their own: whatever a student's code does, there is a verdict.

Code may crash in compiled code, send itself a signal, use up the memory, or stay where
no limit of time reaches it. The process that asks reads a line of JSON for each
exercise, written by `ece662 check --lines`. Where a process ends before that, the
exercise was stopped: `faulthandler` has noted the line, exercises that build on it are
not run, and a new process goes on with the rest.
"""

import contextlib
import json
import linecache
import queue
import re
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ece662.check.diagnosing import diagnose
from ece662.check.front import limit_of, verdict_of, with_notes
from ece662.check.judging import Verdict
from ece662.check.problems import Problem
from ece662.check.rendering import Result
from ece662.check.terms import Cause, Stop
from ece662.exercises import EXERCISES, find_exercise
from ece662.exercises.work import with_package_in
from ece662.live.limit import patience

__all__ = ["NAMES_SHOWN", "TEXT", "check_apart"]

GRACE = 120  # seconds beyond a check's limit, to start Python and import a framework
LAST_SECONDS = 10  # for a process to end when it has answered
TEXT = "text"  # the key under which a verdict's text is sent along

# How Windows reports what are signals elsewhere, as exit codes.
CRASHES = {
    0xC0000005: "SIGSEGV",
    0xC00000FD: "SIGSEGV",
    0xC000001D: "SIGILL",
    0xC0000409: "SIGABRT",
}
SIGNALS = dict.fromkeys(("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT"),
                        Cause.CRASHED) | {"SIGKILL": Cause.KILLED}  # fmt: skip
NAMES_SHOWN = "ECE662_NAMES_SHOWN"  # set where the files that hide a module were named
_LINE = re.compile(r'^  File "(.*)", line (\d+) in (.*)$', re.MULTILINE)
_LIBRARIES = tuple(
    {sysconfig.get_path(n) for n in ("purelib", "platlib", "stdlib", "platstdlib")}
)


class _End(NamedTuple):
    """How a process ended that has not answered."""

    cause: Cause
    facts: dict[str, str]
    file: str = ""  # the file at whose top level that was


def check_apart(
    root: Path, ids: Sequence[str], colour: bool = False, is_shown: bool = False
) -> Iterator[dict]:
    """Check exercises with the code in a folder; yield their verdicts one by one.

    Args:
        root: the course's folder.
        ids: of the exercises.
        colour: of the texts.
        is_shown: True where what the code prints is shown, and its end waited for.

    Yields:
        What `verdict_of` returns, and the text of the verdict as TEXT.
    """
    done, stopped = 0, []
    while done < len(ids):
        process = _Process(root, ids[done:], stopped, colour, is_shown)
        with process:
            for verdict in process.answers():
                done += 1
                yield verdict
        if done < len(ids):
            end = process.end()
            stopped.append(end.file or ids[done])
            yield _stopped(root, ids[done], end, colour)
            done += 1


def _stopped(root: Path, id: str, end: _End, colour: bool) -> dict:
    exercise = find_exercise(id)
    problem = Problem(Stop.ENDLESS, end.cause, end.facts)
    verdict = Verdict(id, False, problems=(problem,))
    result = Result(verdict, diagnose(exercise, {}, {}, verdict))
    [result] = with_notes([result], [exercise], root)
    return {**verdict_of(result), TEXT: result.text(colour)}


class _Process:
    """One process that checks exercises; leaving the block ends it."""

    def __init__(self, root, ids, stopped, colour, is_shown):
        self.root, self.ids, self.is_shown = root, ids, is_shown
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.trace = Path(self.folder.name) / "trace"
        options = ["--lines", "--trace", str(self.trace)] + ["--colour"] * colour
        options += [option for id in stopped for option in ("--stopped", id)]
        self.command = [sys.executable, "-m", "ece662", "check", *options, "--", *ids]
        self.exceeded: float | None = None  # the limit that was met, in seconds
        self.code: int | None = None  # with which it ended by itself
        self.noted = ""

    def __enter__(self):
        hidden = None if self.is_shown else subprocess.DEVNULL
        place = with_package_in(self.root)
        place["env"][NAMES_SHOWN] = "1"  # by this process
        self.process = subprocess.Popen(
            self.command, **place, stdin=hidden, stdout=subprocess.PIPE, stderr=hidden
        )
        self.lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        # A process that the code has forked may keep the pipe open, and this thread.
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def __exit__(self, *error):
        self.code = self.process.poll()
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(OSError, UnicodeDecodeError):
            self.noted = self.trace.read_text("utf-8")
        self.folder.cleanup()

    def _read(self) -> None:
        """Put the process's lines into the queue, and an empty one at their end."""
        with self.process.stdout as lines, contextlib.suppress(OSError, ValueError):
            for line in lines:
                self.lines.put(line)
        self.lines.put(b"")

    def answers(self) -> Iterator[dict]:
        """Yield the verdicts in order, until the process ends or exceeds a limit."""
        for id in self.ids:
            limit = limit_of(find_exercise(id)) + GRACE * patience()
            try:
                verdict = self._next(id, limit)
            except queue.Empty:
                self.exceeded = limit
                return
            if verdict is None:
                break
            yield verdict
        else:
            if not self.is_shown:
                return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(LAST_SECONDS)

    def _next(self, id: str, limit: float) -> dict | None:
        """Return the verdict on an exercise; None where there will be none."""
        end = time.monotonic() + limit
        while line := self.lines.get(timeout=max(end - time.monotonic(), 0)):
            with contextlib.suppress(ValueError):
                found = json.loads(line)
                if isinstance(found, dict) and found.get("id") == id:
                    return found
        return None

    def end(self) -> _End:
        """Return how it ended, with the line that was running where it is known."""
        line, file = self._line()
        facts = {"where": line}
        if self.exceeded is not None:
            facts |= {"seconds": f"{self.exceeded:g}"}
            return _End(Cause.NO_ANSWER, facts, file)
        code = self.code or 0
        name = CRASHES.get(code, "")
        if code < 0:
            with contextlib.suppress(ValueError):
                name = signal.Signals(-code).name
            name = name or f"number {-code}"
        facts |= {"signal": name, "code": str(code)}
        cause = Cause.EXITED
        if name:
            cause = SIGNALS.get(name, Cause.SIGNAL)
        return _End(cause, facts, file)

    def _line(self) -> tuple[str, str]:
        """Return " in FILE, line N (`text`)", and the file if that is its top level."""
        package = self.root / "ece662"
        written = {self.root / exercise.file for exercise in EXERCISES}
        for file, line, function in _LINE.findall(self.noted):
            path = Path(file)
            is_cell = file.startswith("<q")
            is_given = path.is_relative_to(package) and path not in written
            if not is_cell and (file[:1] == "<" or is_given or _is_library(file)):
                continue
            inside = path.is_relative_to(self.root)
            name = path.relative_to(self.root).as_posix() if inside else path.name
            name = f"the cell {file.strip('<>')}" if is_cell else name
            text = linecache.getline(file, int(line)).strip()
            where = f" in {name}, line {line}" + (f" (`{text}`)" if text else "")
            return where, name * (function == "<module>" and path.suffix == ".py")
        return "", ""


def _is_library(file: str) -> bool:
    return file.startswith(_LIBRARIES)
