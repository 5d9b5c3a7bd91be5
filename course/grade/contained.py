"""A child process, with limits, for our code that works on submissions.

Archives are opened, files read and outputs judged by our own code, but its input is
untrusted: it may need any time or memory, or crash a library. So this runs in a child.
One child serves many submissions, one after the other. If it dies, takes too long,
answers too much or raises, it is replaced, and only its current question is lost.

A question is a frame (see `course.sandbox.wire`) with a JSON text. The child answers
with frames that say what it is doing, and with one that holds the answer.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from course.grade.text import printable
from course.sandbox import wire
from course.sandbox.waiting import slowness

__all__ = ["AbandonedError", "Child", "EndedError", "borrowed", "end_all"]

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "course.grade.workers.child"
MAX_ANSWER = 64 << 20  # bytes
START = 120.0  # further seconds for the first answer of a process


class EndedError(RuntimeError):
    """A child gave no answer; the message says why.

    Attributes:
        at: what it was doing, as it last reported; "" if it reported nothing.
        process: its process id.
        slow: whether it took too long.
    """

    def __init__(self, why: str, at: str = "", process: int = 0, slow: bool = False):
        """Keep what the child was doing."""
        super().__init__(why)
        self.at, self.process, self.slow = at, process, slow


class AbandonedError(RuntimeError):
    """Grading is ending: no further questions are asked."""


class Child:
    """A process that answers questions; it starts with the first one."""

    def __init__(self, program: str = PROGRAM):
        """Remember the program, a module that `python -m` runs."""
        self._program = program
        self._process: subprocess.Popen | None = None
        self._is_abandoned = False

    @property
    def lives(self) -> bool:
        """True where a process waits for the next question."""
        return self._process is not None and self._process.poll() is None

    def ask(self, question: str, about: Any, seconds: float) -> Any:
        """Return the answer to a question.

        Args:
            question: which function of the program is called.
            about: its argument, as JSON has it.
            seconds: until it must be answered. The child may set itself a shorter time
                for a part of the work.

        Raises:
            EndedError: there is no answer; the process has been ended.
            AbandonedError: `abandon` was called.
        """
        if self._is_abandoned:
            raise AbandonedError
        if not self.lives:
            self._start()
            seconds += START * slowness()
        if self._is_abandoned:  # while it started
            self.close()
            raise AbandonedError
        asked = _Asked(self._process, seconds)
        try:
            answer = asked.answer(question, about)
            if asked.is_last:
                self.close()
            return answer
        except (EOFError, OSError, ValueError, RecursionError) as error:
            # A WireError and what JSON raises are ValueErrors.
            if self._is_abandoned:
                raise AbandonedError from None
            number, why = self._process.pid, self._end(asked, error)
            raise EndedError(why, asked.at, number, asked.rang) from None
        finally:
            asked.stop_the_clock()
            if self._is_abandoned:
                self.close()

    def abandon(self) -> None:
        """End the process; a waiting `ask`, and every later one, raises."""
        self._is_abandoned = True
        if (process := self._process) is not None:
            _kill(process)

    def close(self) -> None:
        """End the process, and what it has started."""
        process, self._process = self._process, None
        if process is not None:
            _kill(process)
            process.wait()
            for stream in (process.stdin, process.stdout, self._said):
                with contextlib.suppress(OSError):
                    stream.close()

    def _start(self) -> None:
        self.close()
        self._said = tempfile.TemporaryFile("a+b")  # noqa: SIM115, closed by `close`
        self._process = subprocess.Popen(
            [sys.executable, "-m", self._program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            cwd=ROOT,
            start_new_session=True,
        )

    def _end(self, asked: "_Asked", error: Exception) -> str:
        """End the process; say why that was necessary."""
        _kill(self._process)
        status = self._process.wait()
        self._said.seek(0)
        words = self._said.read()[-300:].decode(errors="replace").split()
        self.close()
        if asked.raised:
            return asked.raised
        if asked.rang:
            return "it took too long"
        if isinstance(error, EOFError | OSError):
            how = f"exit status {status}" if status >= 0 else f"signal {-status}"
            return printable(f"the process ended ({how}) {' '.join(words)}".strip())
        return f"it gave no answer ({type(error).__name__})"


class _Asked:
    """One question, and the clock that runs meanwhile."""

    def __init__(self, process: subprocess.Popen, seconds: float):
        """Start the clock."""
        self._process, self._end = process, time.monotonic() + seconds
        self._timer: threading.Timer | None = None
        self.at = self.raised = ""
        self.rang = self.is_last = False
        self._set(seconds)

    def answer(self, question: str, about: Any) -> Any:
        """Ask, and wait for the answer."""
        text = json.dumps(about).encode()
        self._process.stdin.write(wire.pack_frame({"question": question}, text))
        self._process.stdin.flush()
        while True:
            header, body = wire.read_frame(self._process.stdout, MAX_ANSWER)
            if "answer" in header:
                self.is_last = bool(header.get("last"))
                return json.loads(body)
            if "raised" in header:
                self.raised = printable(str(header["raised"]), 500)
                raise ValueError(self.raised)
            self.at = str(header["at"])
            left = self._end - time.monotonic()
            self._set(min(left, float(header.get("within", left))))

    def stop_the_clock(self) -> None:
        """Stop the timer that would end the process."""
        self._timer.cancel()

    def _set(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(max(0.0, seconds), self._ring)
        self._timer.daemon = True
        self._timer.start()

    def _ring(self) -> None:
        self.rang = True
        _kill(self._process)


def _kill(process: subprocess.Popen) -> None:
    """Kill a process with those of its session, unless it has been waited for."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


_idle: list[Child] = []
_lent: list[Child] = []
_lock = threading.Lock()


@contextlib.contextmanager
def borrowed() -> Iterator[Child]:
    """Lend a child to this thread: an idle one, or a new one."""
    with _lock:
        child = _idle.pop() if _idle else Child()
        _lent.append(child)
    try:
        yield child
    finally:
        with _lock:
            if child in _lent:
                _lent.remove(child)
                _idle.append(child)


def end_all() -> None:
    """End every child, also those that are working."""
    with _lock:
        waiting, busy = list(_idle), list(_lent)
        _idle.clear()
        _lent.clear()
    for child in busy:
        child.abandon()
    for child in waiting:
        child.close()
