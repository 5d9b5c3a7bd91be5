"""A limit of time for code that may never end: `while n < len(x)` and the like.

    with time_limit(30):
        forward(x)  # after 30 seconds: EndlessError, in the line that is running

In the main thread an interrupt is sent, as by Ctrl-C, which works on every system; its
handler raises the error in the line that is running. In other threads Python runs no
signal handlers. There a trace function compares the time before each line of a
student's file; tracing library code, too, would be slow. Compiled code is not
interrupted: the error is raised when it returns, and `ece662 status` ends the process
around it.
"""

import contextlib
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = [
    "LOAD_SECONDS",
    "PROTECTED",
    "STEP_SECONDS",
    "EndlessError",
    "Limit",
    "LimitError",
    "patience",
    "time_limit",
]

LOAD_SECONDS = 30  # for a module, whose top-level code runs when it is loaded
STEP_SECONDS = 120  # of a training run: for a step, or for measuring accuracies
# Files in whose lines the error is not raised: what they restore would stay as it is.
PROTECTED = {__file__, contextlib.__file__, threading.__file__}
MOST_PATIENCE = 10_000.0
AGAIN = 0.2  # seconds until the next interrupt, where code has caught the first


class LimitError(BaseException):
    """A limit was met; what reports whatever code raises lets this through."""


class EndlessError(LimitError):
    """Code ran longer than its limit. An `except Exception` does not catch it."""

    def __init__(self, seconds: float):
        """Keep the limit."""
        super().__init__(f"stopped after {seconds:g} seconds")
        self.seconds = seconds


class Limit:
    """The time by which code has to end; `renew` starts it again."""

    def __init__(self, seconds: float):
        """Start the time."""
        self.seconds = seconds
        self.renew()

    def renew(self) -> None:
        """Start the time again."""
        self.end = time.monotonic() + self.seconds

    @property
    def left(self) -> float:
        """How many seconds are left."""
        return self.end - time.monotonic()


def patience() -> float:
    """Return the factor for all limits, from ECE662_PATIENCE; for slow machines."""
    try:
        factor = float(os.environ.get("ECE662_PATIENCE", "1"))
    except ValueError:
        return 1.0
    # A thread waits for some centuries at most, and not for ever ("inf").
    return 1.0 if math.isnan(factor) else min(max(factor, 0.001), MOST_PATIENCE)


@contextmanager
def time_limit(seconds: float) -> Iterator[Limit]:
    """Raise an EndlessError in the block if it takes longer than some seconds.

    An interrupt by the user is still a KeyboardInterrupt.
    """
    limit = Limit(seconds)
    in_main = threading.current_thread() is threading.main_thread()
    with _interrupted(limit) if in_main else _traced(limit):
        yield limit


@contextmanager
def _interrupted(limit: Limit) -> Iterator[None]:
    former = signal.getsignal(signal.SIGINT)
    watch = _Watch(limit, former)
    signal.signal(signal.SIGINT, watch.on_interrupt)
    watch.start()
    try:
        yield
    finally:
        watch.is_open = False
        watch.done.set()
        watch.join()
        restored = signal.default_int_handler if former is None else former
        signal.signal(signal.SIGINT, restored)


class _Watch(threading.Thread):
    """Sends interrupts to the main thread once the time is over."""

    def __init__(self, limit: Limit, former: Any):
        super().__init__(name="ece662 time limit", daemon=True)
        self.limit, self.former, self.done = limit, former, threading.Event()
        self.is_open, self.is_over = True, False

    def run(self) -> None:
        while not self.done.wait(AGAIN if self.is_over else max(self.limit.left, 0)):
            if self.limit.left <= 0:  # otherwise it was renewed
                self.is_over = True
                _interrupt_main()

    def on_interrupt(self, number: int, frame: FrameType | None) -> None:
        """Raise the error; Python calls this in the main thread."""
        # Not in this module or contextlib, where it would leave this handler installed.
        within = frame is not None and frame.f_code.co_filename not in PROTECTED
        if self.is_over and self.is_open and within:
            raise EndlessError(self.limit.seconds)
        # A user's interrupt, or that of a limit around this one.
        if not self.is_over and callable(self.former):
            self.former(number, frame)


def _interrupt_main() -> None:
    if hasattr(signal, "pthread_kill"):  # interrupts sleep() and read(), too
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        import _thread

        _thread.interrupt_main()


@contextmanager
def _traced(limit: Limit) -> Iterator[None]:
    former = sys.gettrace()
    if former is not None:  # a debugger or coverage is tracing: leave that alone
        yield
        return

    def on_line(frame: FrameType, event: str, argument: Any) -> Any:
        if limit.left <= 0:
            sys.settrace(None)
            raise EndlessError(limit.seconds)
        return on_line

    def on_call(frame: FrameType, event: str, argument: Any) -> Any:
        return on_line if is_known_students(frame.f_code.co_filename) else None

    # Imported here because most limits are in the main thread.
    from ece662.live.place import is_students

    known: dict[str, bool] = {}

    def is_known_students(file: str) -> bool:
        if file not in known:
            known[file] = is_students(file)
        return known[file]

    sys.settrace(on_call)
    try:
        yield
    finally:
        sys.settrace(former)
