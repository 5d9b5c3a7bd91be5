"""Code that does not come to an end is left, in the line that it is in."""

import signal
import threading
import time

import pytest

from ece662.live.limit import EndlessError, patience, time_limit
from ece662.live.place import students_line_of
from tests.limits import WAIT


@pytest.fixture(autouse=True)
def _interrupts():
    """Take interrupts as Python does; a run in a shell's background ignores them."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


def endless():
    n = 0
    while n < 1:
        n = 0


def stubborn():
    n = 0
    while n < 1:
        try:
            n = min(n, 0)
        except Exception:
            n = 0


def sleeping():
    time.sleep(10 * WAIT)


def seen(function, seconds=0.2):
    """Return what ends a function, and the line in which it does."""
    try:
        with time_limit(seconds):
            function()
    except BaseException as error:
        return error, students_line_of(error)
    return None, None


def in_a_thread(function):
    """Return what a function returns when it is called in another thread."""
    found = []
    thread = threading.Thread(target=lambda: found.append(function()), daemon=True)
    thread.start()
    thread.join(WAIT)
    return found[0]


@pytest.mark.parametrize("function", [endless, stubborn, sleeping])
def test_time_limit_ends_what_does_not_end_and_knows_the_line(function):
    error, place = seen(function)
    assert isinstance(error, EndlessError)
    assert str(error) == "stopped after 0.2 seconds"
    assert place.file == "tests/live/test_limit.py"
    assert place.function == function.__name__
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("function", [endless, stubborn])
def test_time_limit_in_another_thread_ends_a_loop(function):
    error, place = in_a_thread(lambda: seen(function))
    assert isinstance(error, EndlessError)
    assert place.function == function.__name__


def test_time_limit_where_signals_are_those_of_windows(monkeypatch):
    monkeypatch.delattr(signal, "pthread_kill")
    error, place = seen(endless)
    assert isinstance(error, EndlessError)
    assert place.function == "endless"


def test_time_limit_lets_pass_what_ends():
    with time_limit(WAIT) as limit:
        assert 0 < limit.left <= WAIT
    assert seen(lambda: None) == (None, None)
    assert in_a_thread(lambda: seen(lambda: None)) == (None, None)


def test_time_limit_leaves_no_interrupt_behind():
    for _ in range(50):
        seen(lambda: time.sleep(0.01), seconds=0.01)
    for _ in range(10_000):  # where a late one would come up
        pass


def test_renew_gives_the_whole_time_again():
    with time_limit(1.0) as limit:
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            limit.renew()


def test_users_interrupt_stays_one():
    def interrupted():
        signal.raise_signal(signal.SIGINT)

    error, _ = seen(interrupted, seconds=WAIT)
    assert type(error) is KeyboardInterrupt


def test_limit_around_another_counts_too():
    def inner():
        with time_limit(WAIT):
            endless()

    error, place = seen(inner)
    assert isinstance(error, EndlessError)
    assert error.seconds == 0.2
    assert place.function == "endless"
    with time_limit(WAIT):
        error, _ = seen(endless)
    assert isinstance(error, EndlessError)


@pytest.mark.parametrize(
    ("text", "factor"),
    [("4", 4), ("inf", 10_000), ("1e300", 10_000), ("-inf", 0.001), ("nan", 1)],
)
def test_patience_is_a_time_that_a_thread_can_wait(monkeypatch, text, factor):
    monkeypatch.setenv("ECE662_PATIENCE", text)
    assert patience() == factor
    assert 0 < 900 * patience() < threading.TIMEOUT_MAX
