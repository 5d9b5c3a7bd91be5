"""Hold a keyboard interrupt back until the current training step is done."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

__all__ = ["hold_interrupts"]


@contextlib.contextmanager
def hold_interrupts(note: Callable[[], None]) -> Iterator[None]:
    """Call `note` at a keyboard interrupt instead of raising KeyboardInterrupt.

    The block then ends where weights and histories agree. A second interrupt does what
    it would do without this function.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # interrupts only ever reach the main thread
        return
    usual = signal.getsignal(signal.SIGINT)
    if not callable(usual):
        yield
        return
    interrupted = False

    def wait_for_the_step(signum: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        if interrupted:
            usual(signum, frame)
        interrupted = True
        note()

    signal.signal(signal.SIGINT, wait_for_the_step)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
