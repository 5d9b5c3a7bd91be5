"""Keep what a student's code does to Python from outliving its check.

A function may exit, fork, replace `print`, close the output or change the folder. In a
notebook, and where several exercises are checked one after another, the next one has to
find everything as it was.
"""

import builtins
import contextlib
import gc
import os
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

from ece662.live.exits import no_silent_exit
from ece662.live.limit import PROTECTED, LimitError

__all__ = ["PASSED_ON", "contained"]

# What a student's code may raise, and a check does not report: a limit of time, and the
# user's interrupt. Everything else is an answer.
PASSED_ON = (KeyboardInterrupt, LimitError)
PROTECTED.add(__file__)
RESTORED = (builtins, np)  # modules whose names are put back


@contextlib.contextmanager
def contained() -> Iterator[None]:
    """Restore afterwards what belongs to everybody; let nothing end this process.

    A process that the code has forked ends here: it would report everything twice.
    """
    streams = sys.stdin, sys.stdout, sys.stderr
    names = [(module, dict(vars(module))) for module in RESTORED]
    folder, depth, collects = _folder(), sys.getrecursionlimit(), gc.isenabled()
    leave, here = os._exit, os.getpid()
    try:
        with np.printoptions(), no_silent_exit():
            yield
    finally:
        if os.getpid() != here:
            leave(0)
        for module, before in names:
            _put_back(module, before)
        sys.stdin, sys.stdout, sys.stderr = streams
        sys.setrecursionlimit(depth)
        if collects:
            gc.enable()
        if folder and _folder() != folder:
            with contextlib.suppress(OSError):
                os.chdir(folder)


def _folder() -> str:
    """Return the current folder; "" where it was removed."""
    try:
        return os.getcwd()
    except OSError:
        return ""


def _put_back(module: ModuleType, before: dict[str, Any]) -> None:
    """Give a module's names their values again; new names stay."""
    now = vars(module)
    nothing = object()
    for name, value in before.items():
        if now.get(name, nothing) is not value:
            now[name] = value
