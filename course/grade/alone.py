"""One grading at a time in a folder: two would write over each other's files."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from course.grade.errors import GradingError

__all__ = ["alone_in"]


@contextlib.contextmanager
def alone_in(out: Path, new: bool = False) -> Iterator[None]:
    """Keep other gradings out of a folder; they are refused.

    The lock is the folder's own, so nothing is left where a process is killed.

    Args:
        out: the folder. One that is not there is for others to complain about.
        new: make it, if it is not there.

    Raises:
        GradingError: another grading is in it.
    """
    with contextlib.ExitStack() as until_the_end:
        if new and not out.exists():
            out.mkdir(parents=True, exist_ok=True)
        if out.is_dir():
            handle = os.open(out, os.O_RDONLY)
            until_the_end.callback(os.close, handle)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                why = f"another grading writes into {out}: wait until it has ended"
                raise GradingError(why) from None
            except OSError:  # some network file systems have no locks
                pass
        yield
