"""A few Python threads that share a batch.

The kernels release the GIL, so Python threads compute at the same time, and a handful
of them is all it takes. OpenMP would be the usual choice, but its idle threads spin:
beside the threads of NumPy's BLAS they fight for the same cores, and a net can train
slower with two of them than with none. And a forked child inherits an OpenMP pool
without its threads, and hangs. Here idle threads sleep, and a forked child starts anew.

The thread that calls `share` takes the first slice itself and then whichever slices
nobody has begun. So it never waits for a thread that is busy elsewhere, or was never
started: with several callers at a time the pool is shared, not fought for.
"""

import functools
import operator
import os
import threading
from contextlib import suppress
from itertools import pairwise
from queue import SimpleQueue

from ece662._computer import cores

__all__ = ["default_threads", "share", "thread_count"]


def share(task, items, threads):
    """Call `task(first, last)` on slices that make up range(items), one a thread.

    Returns when all slices are done; an exception in one of them is raised then.
    """
    threads = min(threads, items)
    if threads <= 1:
        task(0, items)
        return
    edges = [items * i // threads for i in range(threads + 1)]
    own, *others = (_Slice(task, *ends) for ends in pairwise(edges))
    _pool.add(others)
    for piece in (own, *others):
        piece.run()
    for piece in others:
        piece.wait()
    for piece in (own, *others):
        if piece.error is not None:
            raise piece.error


def thread_count(requested=None):
    """Return how many threads may work: the argument, the environment's, or a default.

    Raises:
        ValueError: the number is not a whole number of at least 1.
    """
    if requested is not None:
        return _at_least_one(requested, "num_threads")
    for name in ("ECE662_NUM_THREADS", "OMP_NUM_THREADS"):
        if os.environ.get(name):
            return _at_least_one(os.environ[name], name)
    return default_threads()


@functools.cache
def default_threads():
    """Return the number of cores that this process may use."""
    return cores()


def _at_least_one(value, name):
    try:
        count = int(value) if isinstance(value, str) else operator.index(value)
    except (TypeError, ValueError):
        count = 0
    if count < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
    return count


class _Slice:
    """One piece of work: whoever claims it first does it."""

    def __init__(self, task, first, last):
        self.task, self.first, self.last = task, first, last
        self.error = None
        self._claim, self._done = threading.Lock(), threading.Lock()
        self._done.acquire()

    def run(self):
        if not self._claim.acquire(blocking=False):
            return
        try:
            self.task(self.first, self.last)
        except BaseException as error:
            self.error = error
        finally:
            self._done.release()

    def wait(self):
        self._done.acquire()


class _Pool:
    """Threads that sleep until there are slices; as many as were wanted at once."""

    def __init__(self):
        self._queue = SimpleQueue()
        self._size = 0
        self._lock = threading.Lock()

    def add(self, slices):
        # Where no thread can be started (while Python shuts down), the caller does all.
        with self._lock, suppress(RuntimeError):
            while self._size < len(slices):
                threading.Thread(target=self._work, daemon=True).start()
                self._size += 1
        for piece in slices[: self._size]:
            self._queue.put(piece)

    def _work(self):
        while True:
            self._queue.get().run()


_pool = _Pool()


def _start_anew():
    """Forget the pool: a forked child has inherited it without its threads."""
    global _pool
    _pool = _Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)
