"""Sharing a batch among threads: complete, whoever comes, whatever goes wrong."""

import os
import subprocess
import sys
import threading
import time

import pytest

from ece662.fast._kernels import threads
from ece662.fast._kernels.threads import share, thread_count
from tests.limits import WAIT


@pytest.mark.parametrize("items", [0, 1, 2, 7, 100])
@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_share_covers_every_item_once(items, count):
    slices = []
    share(lambda first, last: slices.append((first, last)), items, count)
    seen = [i for first, last in slices for i in range(first, last)]
    assert sorted(seen) == list(range(items))
    assert len(slices) <= max(1, count)


def test_share_computes_at_the_same_time():
    both_here = threading.Barrier(2, timeout=WAIT)
    share(lambda first, last: both_here.wait(), 2, 2)  # alone it would time out


def test_share_returns_when_the_slowest_is_done():
    begun, done = threading.Barrier(2, timeout=WAIT), []

    def task(first, last):
        begun.wait()
        if first == 1:
            time.sleep(0.05)
        done.append(first)

    share(task, 2, 2)
    assert done == [0, 1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_share_has_threads_in_a_forked_child():
    code = """
import os, threading, warnings
from ece662.fast._kernels.threads import share

warnings.simplefilter("ignore", DeprecationWarning)  # fork beside threads, 3.12

def at_the_same_time():
    both_here = threading.Barrier(2, timeout=600)
    share(lambda first, last: both_here.wait(), 2, 2)

at_the_same_time()
child = os.fork()
at_the_same_time()
if child == 0:
    os._exit(0)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_share_raises_what_a_slice_raises_once_all_are_done(failing):
    done = []

    def task(first, last):
        if first == failing:
            raise ArithmeticError(f"slice {first}")
        done.append(first)

    with pytest.raises(ArithmeticError, match=f"slice {failing}"):
        share(task, 3, 3)
    assert sorted(done) == [i for i in range(3) if i != failing]
    share(lambda first, last: None, 3, 3)  # the pool has survived


def test_share_waits_for_no_busy_thread(monkeypatch):
    monkeypatch.setattr(threads, "_pool", threads._Pool())
    release, busy = threading.Event(), threading.Event()

    def block(first, last):
        if threading.current_thread() is not blocked_caller:
            busy.set()
        release.wait(WAIT)

    blocked_caller = threading.Thread(target=share, args=(block, 2, 2))
    blocked_caller.start()
    assert busy.wait(WAIT)  # the pool's only thread is now stuck
    slices = []
    share(lambda first, last: slices.append(first), 2, 2)
    assert sorted(slices) == [0, 1]
    release.set()
    blocked_caller.join(WAIT)


def test_share_does_without_threads_that_cannot_be_started(monkeypatch):
    def no_more(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threads, "_pool", threads._Pool())
    monkeypatch.setattr(threading.Thread, "start", no_more)
    slices = []
    share(lambda first, last: slices.append(first), 4, 4)
    assert sorted(slices) == [0, 1, 2, 3]


def test_thread_count_prefers_the_argument(monkeypatch):
    monkeypatch.setenv("ECE662_NUM_THREADS", "3")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert thread_count(5) == 5
    assert thread_count() == 3
    monkeypatch.delenv("ECE662_NUM_THREADS")
    assert thread_count() == 2
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert thread_count() == threads.default_threads() >= 1


@pytest.mark.parametrize("value", ["0", "-2", "1.5", "many"])
def test_thread_count_refuses_other_values_of_the_environment(monkeypatch, value):
    monkeypatch.setenv("ECE662_NUM_THREADS", value)
    with pytest.raises(ValueError, match=f"ECE662_NUM_THREADS must be .*{value}"):
        thread_count()
