"""A pytest plugin: a run of the tests ends, whatever one of them does.

`tests/conftest.py` and `scripts/notebooks.py test` load it. All limits of a test run
stand here. They are far above what anything takes, since a limit is there to end what
never would: only a fault should meet one, not a slow or a busy machine. Where even that
is too short, `ECE662_PATIENCE=4 make test` multiplies every limit by four.

- A test that takes longer than `TEST` for its set-up, its call or its tear-down loses
  its process. It may loop in C, hold Python's lock and ignore signals, so the clock is
  faulthandler's, a thread that needs no Python: it writes where every thread was, and
  exits. A file that never ends while it is imported ends in the same way.
- pytest-xdist then names the test, starts another worker and goes on. Its own
  scheduling by file gives the new worker the same test again, or waits for ever
  (pytest-xdist's issues 784, 1323 and 1327, its pull request 1371; seen with 3.8.0), so
  there is one here that does neither.
- What a lost worker had started, such as kernels, ends with it.
- Where several processes share the files of tests, the longest files come first: one of
  minutes that begins last would be waited for by all others.

Tests wait for a thing itself with `wait_until`, or hand `WAIT` to what takes a limit of
its own: a number of seconds that seems enough here fails on a busy machine.
"""

import collections
import contextlib
import faulthandler
import os
import sys
import time
from collections.abc import Callable, Iterator

import pytest

__all__ = [
    "CELL",
    "INTERRUPTED",
    "PATIENCE",
    "RUN",
    "START",
    "TEST",
    "WAIT",
    "end_processes",
    "wait_until",
]


def _read_patience() -> float:
    written = os.environ.get("ECE662_PATIENCE", "1")
    try:
        patience = float(written)
    except ValueError:
        patience = 0
    if not 0 < patience < 1000:
        raise SystemExit(
            f"expected ECE662_PATIENCE to be a number such as 4, got {written!r}"
        )
    return patience


PATIENCE = _read_patience()
# Seconds. The longest test takes a minute on two cores, the longest cell half of one.
TEST = 900 * PATIENCE
CELL = 600 * PATIENCE
WAIT = 300 * PATIENCE  # for one thing in a test: below TEST, so that it is named
START = 180 * PATIENCE  # for a notebook's kernel to answer
INTERRUPTED = 10 * PATIENCE  # for an interrupted cell to show where it was
RUN = 3 * 3600 * max(1, PATIENCE)  # for all together: what no other limit caught

# About as many seconds, to put files in order: a test marked `slow`, a notebook's cell,
# any other test.
SLOW_TEST, NOTEBOOK_CELL, OTHER_TEST = 15, 1, 0.1

_stderr = pytest.StashKey[int]()
_collected = pytest.StashKey[set]()


def pytest_configure(config):
    """Keep the real stderr for the last words: pytest puts files in its place."""
    config.addinivalue_line(
        "markers", "limit(seconds): how long this test may take, if not as all others"
    )
    config.stash[_stderr] = os.dup(sys.__stderr__.fileno())
    config.stash[_collected] = set()


@contextlib.contextmanager
def _exit_after(seconds: float, config: pytest.Config) -> Iterator[None]:
    """End this process, and say where it was, unless the block ends in time."""
    faulthandler.dump_traceback_later(seconds, exit=True, file=config.stash[_stderr])
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def _limit_of(item: pytest.Item) -> float:
    marker = item.get_closest_marker("limit")
    return marker.args[0] if marker else TEST


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """Limit the import of a file of tests."""
    with _exit_after(TEST, collector.config):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    """Limit the fixtures of a test. Each phase has its own limit: a failure before
    makes pytest call off the clock."""
    with _exit_after(_limit_of(item), item.config):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Limit a test."""
    with _exit_after(_limit_of(item), item.config):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item):
    """Limit what is done after a test."""
    with _exit_after(_limit_of(item), item.config):
        return (yield)


def pytest_unconfigure(config):
    """Limit the exit: a thread that a test left may never end."""
    if hasattr(config, "workerinput"):
        return  # a worker waits for the others, and then is ended by pytest-xdist
    faulthandler.dump_traceback_later(WAIT, exit=True, file=config.stash[_stderr])


def pytest_collection_modifyitems(config, items):
    """In a worker, put the files first that take longest; all workers do it alike."""
    if not hasattr(config, "workerinput"):
        return
    seconds = collections.Counter()
    for item in items:
        seconds[item.path] += _seconds_of(item)
    items.sort(key=lambda item: -seconds[item.path])  # stable: a file stays together


def _seconds_of(item: pytest.Item) -> float:
    if item.get_closest_marker("slow"):
        return SLOW_TEST
    return NOTEBOOK_CELL if item.path.suffix == ".ipynb" else OTHER_TEST


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Take the scheduling by file that outlives the loss of a worker."""
    if config.getvalue("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False  # it would begin with the most tests
    from xdist.scheduler import LoadFileScheduling

    return _make_scheduling(LoadFileScheduling)(config, log)


def _make_scheduling(base: type) -> type:
    """Derive the scheduling from pytest-xdist's, which not every run has."""

    class Scheduling(base):
        """Tests of one file go to one worker, each test once."""

        def remove_node(self, node):
            """Give what a lost worker had left to others, but for what it died of."""
            units = self.assigned_work.pop(node)
            left = {
                scope: {name: False for name, done in tests.items() if not done}
                for scope, tests in units.items()
            }
            left = {scope: tests for scope, tests in left.items() if tests}
            if not left:
                return None
            scope, tests = next(iter(left.items()))
            culprit = next(iter(tests))
            del tests[culprit]
            if not tests:
                del left[scope]
            self.workqueue.update(left)
            for other in self.nodes:
                self._reschedule(other)
            return culprit

        def _reschedule(self, node):
            """Give a worker what it needs to go on.

            A worker begins a test when it knows the next one, or that there is none:
            one test alone would wait for ever.
            """
            if node not in self.registered_collections:
                return  # a new worker, which has yet to find the tests
            super()._reschedule(node)
            few = self._pending_of(self.assigned_work[node]) < 2
            if few and not node.shutting_down:
                self._reschedule(node)

    return Scheduling


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node):
    """Note that a worker has found the tests."""
    node.config.stash[_collected].add(node.gateway.id)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    """End what a lost worker had started; and all, if it was lost before any test."""
    if not error:
        return
    end_processes(
        PYTEST_XDIST_TESTRUNUID=node.workerinput["testrunuid"],
        PYTEST_XDIST_WORKER=node.gateway.id,
    )
    if node.gateway.id not in node.config.stash[_collected]:
        pytest.exit(
            f"{node.gateway.id} died while it imported the tests: its last words are "
            "above, and other workers would die as well",
            returncode=1,
        )


@pytest.hookimpl(optionalhook=True)
def pytest_handlecrashitem(report):
    """Say where to read on: the worker could tell nobody but its stderr."""
    report.longrepr += (
        "\n\nIt crashed, or did not end within its limit (tests/limits.py). What it "
        "was doing stands above, before `node down`."
    )


def end_processes(grace: float = 0, **environment: str) -> list[str]:
    """End the processes that were started in an environment, and their children.

    The children of a process that died are nobody's children. But they have kept the
    environment that it gave them.

    Args:
        grace: seconds in which they may end by themselves.
        environment: variables by which the processes are known.

    Returns:
        The command lines of those that had to be ended.
    """
    import psutil

    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if environment.items() <= process.environ().items():
                found += [process, *process.children(recursive=True)]
    ended = []
    for process in psutil.wait_procs(set(found), timeout=grace)[1]:
        with contextlib.suppress(psutil.Error, OSError):
            ended.append(" ".join(process.cmdline()))
            process.kill()
    return ended


def wait_until(condition: Callable[[], object], what: str = "it") -> object:
    """Wait until a condition is true; return its value."""
    end = time.monotonic() + WAIT
    while not (value := condition()):
        assert time.monotonic() < end, f"{what} did not come within {WAIT:g} s"
        time.sleep(0.01)
    return value
