"""Exits that nothing can catch: reported where the code runs, and left to others."""

import contextlib
import os
import threading

import pytest

from ece662.live.exits import no_silent_exit
from tests.limits import WAIT


def test_exit_is_an_exception_here_and_an_exit_in_another_thread(monkeypatch):
    left = []
    leave = left.append  # which comes back, unlike the real one
    monkeypatch.setattr(os, "_exit", leave)

    def leaving():
        with contextlib.suppress(SystemExit):
            os._exit(3)

    with no_silent_exit():
        thread = threading.Thread(target=leaving)
        thread.start()
        thread.join(WAIT)
        with pytest.raises(SystemExit) as caught:
            os._exit(4)
    assert (left, caught.value.code) == ([3], 4)
    assert os._exit is leave
