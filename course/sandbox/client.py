"""The grader's end of a sandbox: send arrays in, get arrays or a reason back."""

import contextlib
import enum
import io
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from course.sandbox import isolation as walls
from course.sandbox import wire
from course.sandbox.isolation import Isolation
from course.sandbox.waiting import Watched, can_watch, slowness, waited_at_most

__all__ = ["Ending", "Limits", "Outcome", "Sandbox", "SandboxError"]

LINE = [str, int, str, str]  # file, number, function, text
GRACE = 10.0  # seconds that the server itself may take beyond a process's time
BETWEEN_LOOKS = 0.2  # seconds


class SandboxError(RuntimeError):
    """The sandbox itself does not work; says what was tried and what came of it."""


class Limits(NamedTuple):
    """What one call may use.

    CPU time and waiting (see `waiting`) decide: they do not depend on how busy the
    machine is. Wall time is for what neither of them ends.
    """

    cpu: int = 10  # seconds
    waiting: float = 20.0  # seconds, of neither computing nor being ready to
    wall: float = 600.0  # seconds
    memory: int = 2 << 30  # bytes of address space
    answer: int = 64 << 20  # bytes
    threads: int = 0  # beside the first; TensorFlow cannot do without


class Ending(enum.StrEnum):
    """How a call ended. The values stand in records of grading."""

    ANSWERED = "answered"
    RAISED = "raised"  # an exception in the student's code
    TIME = "time"  # a limit was reached, as in the next two
    MEMORY = "memory"
    SIZE = "size"  # of the answer
    DIED = "died"  # without an answer
    INVALID = "invalid"  # it answered something else than arrays


class Outcome(NamedTuple):
    """What came of a call."""

    ending: Ending
    outputs: dict[str, np.ndarray]
    message: str = ""
    lines: tuple[tuple[str, int, str, str], ...] = ()  # file, line, function, text
    printed: str = ""
    cpu: float = 0.0
    waited: float = 0.0  # seconds, short waits not counted


class _Answer(NamedTuple):
    """What a server sent back on a call, and what its clock has seen."""

    report: dict[str, Any]
    sent: bytearray  # by the process that ran the call
    waited: float
    rang: bool  # that process was ended, because it waited for too long


class Sandbox:
    """A server behind walls that runs functions of one folder of Python code.

    Use it as a context manager. Each call has a process of its own, so that no call
    can change what another one gives.
    """

    def __init__(
        self,
        isolation: Isolation,
        runtime: Path,
        code: Path,
        limits: Limits | None = None,
        preload: Sequence[str] = (),
    ):
        """Remember where things are; the server starts with the first call.

        Args:
            isolation: the kind of walls.
            runtime: a folder that `runtime.lay_out` has filled.
            code: the folder that `import` finds the code in. The sandbox's user must
                be able to read it.
            limits: for calls that give none of their own.
            preload: modules in the code folder that the server imports once, for all
                processes. They and all that they import must be trusted code.
        """
        self.isolation, self.runtime, self.code = isolation, runtime, code
        self.limits, self.preload = limits or Limits(), preload
        self._server: subprocess.Popen | None = None

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def call(
        self,
        function: str,
        inputs: Mapping[str, np.ndarray],
        arguments: Mapping[str, Any] | None = None,
        limits: Limits | None = None,
    ) -> Outcome:
        """Run `function(inputs, **arguments)` inside and return what came of it.

        Args:
            function: `module:function`; it returns a mapping of names to arrays.
            inputs: arrays by name; the function gets fresh copies.
            arguments: further arguments, as JSON has them.
            limits: of this call.

        Raises:
            SandboxError: the server cannot be started, or fails twice on this call.
        """
        limits = _in_wall_time(limits or self.limits)
        request = wire.pack(
            inputs,
            call=function,
            arguments=dict(arguments or {}),
            limits=limits._asdict(),
            confined=self.isolation is not Isolation.NONE,
            code=walls.server_paths(self.isolation, self.runtime, self.code).code,
        )
        # A server that was killed from outside (the machine ran out of memory, say)
        # must not cost a student anything: a fresh one gets the same question.
        for _ in range(2):
            try:
                answer = self._exchange(request, limits)
            except (EOFError, OSError, wire.WireError) as error:
                failure = self._stop(error)
            else:
                return _outcome(answer, limits.cpu)
        raise SandboxError(f"the sandbox's server fails on {function}: {failure}")

    def close(self) -> None:
        """End the server and all that runs in it."""
        if self._server is not None:
            # Left alone it ends by itself, and its time is counted where it is due.
            watchdog = threading.Timer(1.0, _kill, [self._server])
            watchdog.start()
            with contextlib.suppress(BrokenPipeError):
                self._server.stdin.close()
            self._server.stdout.read()
            watchdog.cancel()
            self._stop(None)

    def _exchange(self, request: bytes, limits: Limits) -> "_Answer":
        server = self._server or self._start()
        with _Clock(server, limits) as clock:
            server.stdin.write(request)
            server.stdin.flush()
            report, sent = wire.read_frame(server.stdout, limits.answer)
        return _Answer(report, sent, clock.waited, clock.rang)

    def _start(self) -> subprocess.Popen:
        self._server = subprocess.Popen(
            walls.command(self.isolation, self.runtime, self.code, self.preload),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=walls.environment(self.isolation, self.runtime),
            cwd="/",
            start_new_session=True,
            **walls.own_user(self.isolation),
        )
        return self._server

    def _stop(self, error: Exception | None) -> str:
        """Kill the server; return why it failed, as far as it said."""
        server, self._server = self._server, None
        if server is None:
            return str(error)
        _kill(server)
        said = server.stderr.read().decode(errors="replace").strip()
        for stream in (server.stdin, server.stdout, server.stderr):
            # What was still to be written has no reader any more.
            with contextlib.suppress(BrokenPipeError):
                stream.close()
        code = server.wait()
        return said[-2000:] or f"{type(error).__name__}: {error} (exit status {code})"


class _Clock(threading.Thread):
    """Ends a call that waits for too long, and a server that does not answer."""

    def __init__(self, server: subprocess.Popen, limits: Limits):
        """Remember both; the clock runs from here to the end of the context."""
        super().__init__(daemon=True)
        self._server, self._limits = server, limits
        self._end = time.monotonic() + limits.wall + GRACE
        self._is_over = threading.Event()
        self.waited, self.rang = 0.0, False

    def __enter__(self) -> "_Clock":
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._is_over.set()
        self.join()

    def run(self) -> None:
        """Look from time to time, until the call is over."""
        watched = None
        while not self._is_over.wait(BETWEEN_LOOKS):
            if time.monotonic() > self._end:
                _kill(self._server)
                break
            if can_watch():
                watched = watched or Watched.below(self._server.pid)
            if watched is not None:
                watched.look()
                self.waited = watched.waited
                if self.waited > self._limits.waiting:
                    self.rang = True
                    watched.kill()
        if watched is not None:
            watched.close()


def _kill(server: subprocess.Popen) -> None:
    """Kill the server with all that it has started, whether or not it still runs.

    Until it is waited for, which happens after this, nobody else can have its number.
    """
    if server.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)


def _in_wall_time(limits: Limits) -> Limits:
    """Limit wall time as far as is needed, where waiting cannot be watched."""
    if can_watch():
        return limits
    enough = limits.waiting + limits.cpu * slowness()
    return limits._replace(wall=min(limits.wall, enough))


def _outcome(answer: _Answer, cpu_limit: int) -> Outcome:
    """Judge what a process wrote; only here it is looked at for the first time."""
    report, waited = answer.report, answer.waited
    if not can_watch():
        waited = waited_at_most(report["wall"], report["cpu"])
    ending, killed_by = report["ending"], report["signal"]
    rest = {"printed": report["printed"], "cpu": report["cpu"], "waited": waited}
    if ending in (Ending.TIME, Ending.SIZE):
        why = f"the limit on {ending} was reached"
        return Outcome(Ending(ending), {}, why, **rest)
    # A process that ignores the signal is killed a second later.
    is_spent = answer.rang or report["cpu"] >= cpu_limit
    if killed_by == signal.SIGXCPU or (killed_by == signal.SIGKILL and is_spent):
        return Outcome(Ending.TIME, {}, "the limit on time was reached", **rest)
    if not answer.sent:
        how = f"by signal {_signal_name(killed_by)}" if killed_by else "by itself"
        why = f"the process ended {how}, without answer"
        return Outcome(Ending.DIED, {}, why, **rest)
    try:
        header, body = _read_whole(answer.sent)
        if "raised" in header:
            kind, text, lines = _check_raised(header["raised"])
            ending = Ending.MEMORY if kind == "MemoryError" else Ending.RAISED
            return Outcome(ending, {}, f"{kind}: {text}", lines, **rest)
        return Outcome(Ending.ANSWERED, wire.unpack(header, body), **rest)
    except (wire.WireError, EOFError) as error:
        return Outcome(Ending.INVALID, {}, f"not an answer: {error}", **rest)


def _read_whole(answer: bytearray) -> tuple[dict[str, Any], bytearray]:
    stream = io.BytesIO(answer)
    header, body = wire.read_frame(stream, len(answer))
    if stream.read(1):
        raise wire.WireError("there is more than one answer")
    return header, body


def _check_raised(raised: Any) -> tuple[str, str, tuple]:
    """Return an exception's type, text and lines, if they are what they should be."""
    if not isinstance(raised, dict) or set(raised) != {"type", "text", "lines"}:
        raise wire.WireError("an exception has a type, a text and lines")
    kind, text, lines = raised["type"], raised["text"], raised["lines"]
    if not (
        isinstance(kind, str) and isinstance(text, str) and isinstance(lines, list)
    ):
        raise wire.WireError("an exception's type and text are text")
    for line in lines[:8]:
        if not (isinstance(line, list) and [type(x) for x in line] == LINE):
            raise wire.WireError("a line is a file, a number, a function and a text")
    return kind[:100], text[:2000], tuple(tuple(line) for line in lines[:8])


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
