"""How long the process of a call waits: it neither computes nor is ready to.

CPU time has a limit, and on a busy machine the same CPU time takes more wall time. Code
that sleeps takes wall time alone. So that a busy machine neither ends an honest
submission nor prolongs a sleep, what counts is the wall time that is left without the
time on a processor and the time in the queue for one. Linux counts both.

Code behind the walls cannot change these counts, and the server cannot see them: they
are read here, outside.
"""

import contextlib
import functools
import os
import signal
import time
from pathlib import Path

from ece662._computer import cores

__all__ = ["Watched", "can_watch", "slowness", "waited_at_most"]

PROC = Path("/proc")
MOST_SLOWNESS = 20.0
# Seconds that count of those between two looks. More pass where the machine was asleep,
# or this process was stopped.
MOST_AT_ONCE = 5.0
# What is raised where a process has ended, or where there is no such file.
GONE = (OSError, ValueError, IndexError)
BEFORE_SERVER = "bwrap"  # processes of this name stand between the grader and it


def slowness() -> float:
    """Return how many times longer things take on this machine because it is busy.

    Limits of wall time are multiplied by it, so that no student loses points because
    of other processes.
    """
    try:
        load = os.getloadavg()[0]
    except (AttributeError, OSError):  # Windows; a system that does not say
        return 1.0
    return min(MOST_SLOWNESS, max(1.0, load / cores()))


def waited_at_most(wall: float, cpu: float) -> float:
    """Return how long a process may have waited, where nobody could watch it."""
    return max(0.0, wall - cpu * slowness())


@functools.cache
def can_watch() -> bool:
    """Tell whether this system counts what is needed, and shows it."""
    try:
        _children(os.getpid())
        return _seconds_of(os.getpid()) > 0
    except GONE:
        return False


class Watched:
    """The process of one call, and how long it has waited."""

    def __init__(self, process: int, handle: int):
        """Remember a process, with a file descriptor that stands for it."""
        self._process, self._handle = process, handle
        self._seen = time.monotonic()
        self._wall = min(_age_of(process), MOST_AT_ONCE)
        self.waited = 0.0

    @classmethod
    def below(cls, server: int) -> "Watched | None":
        """Return the process of the call that a server runs, None where there is none.

        Args:
            server: the process that was started; bubblewrap may come before the server.
        """
        with contextlib.suppress(*GONE), contextlib.ExitStack() as until_kept:
            if (process := _call_of(server)) is not None:
                handle = os.pidfd_open(process)
                until_kept.callback(os.close, handle)
                if _call_of(server) == process:  # else the number is another's by now
                    watched = cls(process, handle)
                    until_kept.pop_all()
                    return watched
        return None

    def look(self) -> None:
        """Bring `waited` up to date."""
        now = time.monotonic()
        self._wall += min(now - self._seen, MOST_AT_ONCE)
        self._seen = now
        with contextlib.suppress(*GONE):
            # What a thread spends in the queue is counted when it gets its turn.
            if not _is_ready(self._process):
                self.waited = max(0.0, self._wall - _seconds_of(self._process))

    def kill(self) -> None:
        """End the process; the server reports what came of it."""
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def close(self) -> None:
        """Forget the process."""
        os.close(self._handle)


def _call_of(process: int) -> int | None:
    """Return the process of the call that a server runs, None where it is idle."""
    while (PROC / f"{process}/comm").read_text().strip() == BEFORE_SERVER:
        [process] = _children(process)
    handlers = _children(process)  # one, where a call is under way
    return next((call for handler in handlers for call in _children(handler)), None)


def _children(process: int) -> list[int]:
    text = (PROC / f"{process}/task/{process}/children").read_text()
    return [int(word) for word in text.split()]


def _threads(process: int) -> list[Path]:
    return list((PROC / f"{process}/task").iterdir())


def _fields(path: Path) -> list[str]:
    """Return what stands in a `stat` behind the name, which may hold anything."""
    return (path / "stat").read_text().rpartition(")")[2].split()


def _seconds_of(process: int) -> float:
    """Return the time that a process was on a processor or in the queue for one."""
    fields = _fields(PROC / str(process))
    ticks = int(fields[11]) + int(fields[12])  # in user mode, in the kernel
    queued = (int((t / "schedstat").read_text().split()[1]) for t in _threads(process))
    return ticks / os.sysconf("SC_CLK_TCK") + sum(queued) / 1e9


def _age_of(process: int) -> float:
    """Return the seconds since a process started."""
    began = int(_fields(PROC / str(process))[19]) / os.sysconf("SC_CLK_TCK")
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - began)


def _is_ready(process: int) -> bool:
    """Tell whether one of a process's threads computes, or could."""
    return any(_fields(thread)[0] == "R" for thread in _threads(process))
