"""An end for code that does not come to one: `while n < len(x)` and the like.

    with time_limit(30):
        forward(x)  # after 30 seconds: EndlessError, in the line that is running

In the main thread an interrupt is sent, as by Ctrl-C, which every system has; the
handler then raises in the line at which Python is. In another thread nobody may raise
anything from outside. There the thread looks at the clock itself, before each line of a
student's file, which only there is quick enough. Compiled code is not broken off: what
loops in there ends when it returns, and `ece662 status` ends the process around it.
"""

import contextlib
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
    "STEP_SECONDS",
    "EndlessError",
    "Limit",
    "patience",
    "time_limit",
]

LOAD_SECONDS = 30  # of a module: what stands at its top is run
STEP_SECONDS = 120  # of a training run: for a step, or for measuring accuracies
_OWN = (__file__, contextlib.__file__, threading.__file__)
AGAIN = 0.2  # seconds until the next interrupt, where code has caught the first


class EndlessError(BaseException):
    """Code has run for longer than it may. No `except Exception` keeps it."""

    def __init__(self, seconds: float):
        """Keep the limit."""
        super().__init__(f"stopped after {seconds:g} seconds")
        self.seconds = seconds


class Limit:
    """When code has to be done; `renew` gives it the whole time once more."""

    def __init__(self, seconds: float):
        """Begin to count."""
        self.seconds = seconds
        self.renew()

    def renew(self) -> None:
        """Count from now on."""
        self.end = time.monotonic() + self.seconds

    @property
    def left(self) -> float:
        """How many seconds are left."""
        return self.end - time.monotonic()


def patience() -> float:
    """By what limits are multiplied: ECE662_PATIENCE, for a slow machine."""
    try:
        return max(float(os.environ.get("ECE662_PATIENCE", "1")), 0.001)
    except ValueError:
        return 1.0


@contextmanager
def time_limit(seconds: float) -> Iterator[Limit]:
    """Raise an EndlessError in the block where it takes longer than some seconds.

    A user's own interrupt stays a KeyboardInterrupt.
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
            if self.limit.left <= 0:  # else it was renewed
                self.is_over = True
                _interrupt_main()

    def on_interrupt(self, number: int, frame: FrameType | None) -> None:
        """Be called in the main thread, between two steps of Python's."""
        # Not on the way in or out, where it would leave this handler behind.
        within = frame is not None and frame.f_code.co_filename not in _OWN
        if self.is_over and self.is_open and within:
            raise EndlessError(self.limit.seconds)
        # A user's interrupt, or that of a limit around this one.
        if not self.is_over and callable(self.former):
            self.former(number, frame)


def _interrupt_main() -> None:
    if hasattr(signal, "pthread_kill"):  # wakes up what sleeps or reads, too
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        import _thread

        _thread.interrupt_main()


@contextmanager
def _traced(limit: Limit) -> Iterator[None]:
    former = sys.gettrace()
    if former is not None:  # a debugger, or a measurement of coverage: it comes first
        yield
        return

    def on_line(frame: FrameType, event: str, argument: Any) -> Any:
        if limit.left <= 0:
            sys.settrace(None)
            raise EndlessError(limit.seconds)
        return on_line

    def on_call(frame: FrameType, event: str, argument: Any) -> Any:
        return on_line if is_theirs(frame.f_code.co_filename) else None

    # Here, as most limits are those of the main thread.
    from ece662.live.place import is_students

    known: dict[str, bool] = {}

    def is_theirs(file: str) -> bool:
        if file not in known:
            known[file] = is_students(file)
        return known[file]

    sys.settrace(on_call)
    try:
        yield
    finally:
        sys.settrace(former)
