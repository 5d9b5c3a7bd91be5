"""Exercises in PyTorch and TensorFlow: a second sandbox, with these installed.

Exercises in NumPy run in the first one. PyTorch computes in one thread. TensorFlow
needs several; only bubblewrap can limit their number for each sandbox, so without it
its exercises are not run.
"""

import importlib.util
from pathlib import Path

import numpy as np

from course.sandbox.check import leaks
from course.sandbox.client import Ending, Limits, Sandbox, SandboxError
from course.sandbox.isolation import Isolation
from course.sandbox.runtime import distributions_of, lay_out

__all__ = ["LIMITS", "missing", "open_sandbox", "prepare"]

LIMITS = {
    "torch": Limits(cpu=600, wall=3600.0, memory=4 << 30),
    "tensorflow": Limits(cpu=600, wall=3600.0, memory=6 << 30, threads=32),
}


def prepare(folder: Path, isolation: Isolation, code: Path) -> dict[str, str]:
    """Copy the installed frameworks into a folder for the sandbox, and test them.

    Args:
        folder: an empty one.
        isolation: the kind of sandbox that works here.
        code: a tree of `Pristine`.

    Returns:
        For each framework why its exercises cannot be run, or "".
    """
    installed = [name for name in LIMITS if importlib.util.find_spec(name)]
    why = {name: missing(name) for name in LIMITS if name not in installed}
    if isolation is not Isolation.NONE and installed:
        modules = [*installed, "IPython"]  # to read cells with magics
        lay_out(folder, sorted({"numpy", *distributions_of(modules)}))
    return why | {name: _fault(name, folder, isolation, code) for name in installed}


def missing(name: str) -> str:
    """Say that a framework is not installed."""
    return (
        f"This needs {name}, which is not installed where it was graded: "
        f'pip install "ece662[{name}]".'
    )


def _fault(name: str, folder: Path, isolation: Isolation, code: Path) -> str:
    """Say what is wrong with a framework's sandbox; "" if nothing is."""
    if name == "tensorflow" and isolation is Isolation.LANDLOCK:
        return (
            "TensorFlow needs threads, which are counted behind bubblewrap only, and "
            "there was none where it was graded: apt install bubblewrap."
        )
    limits = LIMITS[name]
    try:
        found = [] if isolation is Isolation.NONE else leaks(isolation, folder, limits)
        if found:
            return f"In the sandbox for {name} one can {', '.join(found)}."
        with open_sandbox(name, isolation, folder, code) as sandbox:
            x = {"x": np.ones(3, np.float32)}
            outcome = sandbox.call(f"{_preload_of(name)}:try_it", x)
    except SandboxError as error:
        return f"The sandbox for {name} does not work: {error}."
    if outcome.ending is not Ending.ANSWERED or outcome.outputs["x"].any():
        return f"In the sandbox {name} does not compute: {outcome.message}."
    return ""


def open_sandbox(
    name: str, isolation: Isolation, folder: Path, code: Path, *preload: str
) -> Sandbox:
    """Return a framework's sandbox on a folder of code.

    Args:
        name: of the framework.
        isolation: the kind of sandbox.
        folder: the one that `prepare` has filled.
        code: the folder of code.
        *preload: further modules to import before the sandbox is closed.
    """
    preload = (*preload, _preload_of(name))
    return Sandbox(isolation, folder, code, LIMITS[name], preload)


def _preload_of(name: str) -> str:
    return f"ece662.check._with_{name}"
