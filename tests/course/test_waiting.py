"""What counts as waiting, and that neither quiet nor busy machines change it."""

import os
import subprocess
import sys

import numpy as np
import pytest

from course.sandbox import waiting
from course.sandbox.client import Limits, Sandbox
from course.sandbox.waiting import Watched, can_watch, slowness, waited_at_most

CODE = """
import threading, time
import numpy as np
def compute(inputs, seconds, pause=0.0):
    while time.process_time() < seconds: pass
    time.sleep(pause)
    return {"done": np.array(True)}
def sleep(inputs):
    time.sleep(1e6)
def nap(inputs):
    while True:
        time.sleep(0.02)
        sum(range(1000))
def wait_for_another(inputs):
    threading.Event().wait()
"""
SECONDS = 1.0


@pytest.fixture(scope="module")
def code(public_folder):
    folder = public_folder / "waiting"
    folder.mkdir(exist_ok=True)
    (folder / "work.py").write_text(CODE)
    return folder


@pytest.fixture
def busy():
    """Leave what is started here one processor, on which others compute as well."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    loop = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(loop, start_new_session=True) for _ in range(3)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()
        os.sched_setaffinity(0, allowed)


@pytest.fixture
def sandbox(isolation, runtime, code):
    if not can_watch():
        pytest.skip("this system does not show how long a process waits")
    with Sandbox(isolation, runtime, code, Limits(waiting=SECONDS)) as opened:
        yield opened


def test_busy_machine_ends_no_computing_and_prolongs_no_sleep(busy, sandbox):
    # It is looked at while it pauses, after so long a time of computing and queueing.
    work = {"seconds": 2 * SECONDS, "pause": SECONDS / 2}
    outcome = sandbox.call("work:compute", {}, work)
    assert outcome.ending == "answered"
    assert outcome.waited < SECONDS < outcome.cpu
    outcome = sandbox.call("work:sleep", {})
    assert outcome.ending == "time"
    assert outcome.waited > SECONDS > outcome.cpu


@pytest.mark.parametrize("way", ["nap", "sleep", "wait_for_another"])
def test_all_waits_of_a_call_count_together(way, sandbox):
    outcome = sandbox.call(f"work:{way}", {})
    assert outcome.ending == "time"
    assert outcome.waited > SECONDS
    after = sandbox.call("work:compute", {}, {"seconds": 0.0})
    assert after.ending == "answered"
    assert after.waited < SECONDS


def test_watched_is_the_process_of_the_call(sandbox):
    sandbox.call("work:compute", {}, {"seconds": 0.0})
    assert Watched.below(sandbox._server.pid) is None  # the server is idle


def test_where_nothing_is_shown_wall_time_ends_a_sleep(
    walls, runtime, code, tmp_path, monkeypatch
):
    monkeypatch.setattr(waiting, "PROC", tmp_path)
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    can_watch.cache_clear()
    try:
        with Sandbox(walls, runtime, code, Limits(cpu=1, waiting=SECONDS)) as sandbox:
            outcome = sandbox.call("work:sleep", {})
    finally:
        can_watch.cache_clear()
    assert outcome.ending == "time"
    assert outcome.waited > SECONDS


def test_load_explains_wall_time_by_computing_alone(monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (1e6, 0.0, 0.0))
    assert slowness() == waiting.MOST_SLOWNESS
    assert waited_at_most(wall=37.0, cpu=0.0) == 37.0
    assert waited_at_most(wall=37.0, cpu=2.0) == 0.0
    np.testing.assert_allclose(waited_at_most(wall=37.0, cpu=1.0), 17.0)
