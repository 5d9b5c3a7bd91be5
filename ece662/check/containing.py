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

__all__ = ["PASSED_ON", "contained", "replaced_in"]

# What a student's code may raise, and a check does not report: a limit of time, and the
# user's interrupt. Everything else is an answer.
PASSED_ON = (KeyboardInterrupt, LimitError)
PROTECTED.add(__file__)
RESTORED = (builtins, np)  # modules whose names are put back
REPLACED = "replaced meanwhile: "  # begins the note on an exception


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
    except Exception as error:
        if replaced := [f"`{name}`" for pair in names for name in _replaced(*pair)]:
            error.add_note(f"{REPLACED}{', '.join(replaced)}")
        raise
    finally:
        if os.getpid() != here:
            leave(0)
        for module, before in names:
            for name in _replaced(module, before):
                vars(module)[name] = before[name]
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


def _replaced(module: ModuleType, before: dict[str, Any]) -> list[str]:
    """Return the names of a module that have other values now, or none."""
    now, nothing = vars(module), object()
    return [name for name in before if now.get(name, nothing) is not before[name]]


def replaced_in(error: BaseException) -> str:
    """Return which names of Python or NumPy were replaced when this was raised."""
    notes = getattr(error, "__notes__", ())
    said = next((note for note in notes if note.startswith(REPLACED)), REPLACED)
    return said.removeprefix(REPLACED)
