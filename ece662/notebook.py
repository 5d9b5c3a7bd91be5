"""What every notebook uses: a set-up, and lines that compare a result with its aim.

A check says what came and what was expected on one line, so that nobody needs to know
by heart what a good gradient error looks like:

    dx error 3e-10, expected below 1e-8
"""

import os
from collections.abc import Mapping, Sequence

from numpy.typing import ArrayLike

from ece662.data_utils import find_data_set
from ece662.gradient_check import rel_error
from ece662.live import reload

__all__ = [
    "RELEASE",
    "REPOSITORY",
    "compare_losses",
    "full_size",
    "get_ready",
    "report_accuracy",
    "report_error",
    "report_value",
]

# Where the set-up cell fetches the course from when it is not there (Colab). The name
# stands in the notebooks too; `python scripts/notebooks.py check` compares.
REPOSITORY = "https://github.com/OWNER/ece662"
# What `ece662 update` fetches; a release names its branch or tag in place of HEAD.
RELEASE = "https://github.com/OWNER/ece662/archive/HEAD.zip"


def get_ready() -> None:
    """Turn live editing and the magics on; give plots the course's looks, and a text.

    An exercise that is not written yet then shows one line in place of a traceback, and
    so does a framework that is not installed.
    """
    from ece662.figures.style import use_style
    from ece662.frameworks.installed import explain_missing
    from ece662.live import magics, terminal, unfinished

    use_style()
    reload(auto=True)
    magics.register()
    terminal.register()
    unfinished.register(explain_missing)
    print("Ready. An edited file of the package counts from the next cell on.")


def full_size() -> bool:
    """True where experiments are to take their full time.

    They do on real images. On the synthetic default a shorter run shows the same, and
    a notebook takes a minute or so; the environment variable ECE662_FULL decides
    otherwise: 1 for full, 0 for short.
    """
    wanted = os.environ.get("ECE662_FULL")
    if wanted:
        return wanted != "0"
    return find_data_set().meta["source"]["kind"] != "synthetic"


def report_error(
    name: str, got: ArrayLike, expected: ArrayLike, below: float = 1e-8
) -> None:
    """Print the relative error between two arrays beside the bound it should keep."""
    error = float(rel_error(got, expected))
    verdict = "" if error < below else "  <- look again"
    print(f"{name} error {_short(error)}, expected below {_short(below)}{verdict}")


def report_value(name: str, got: float, expected: float, digits: int = 8) -> None:
    """Print a number beside the number it should be."""
    verdict = "" if abs(got - expected) < 10**-digits else "  <- look again"
    print(f"{name} {got:.{digits}f}, expected {expected:.{digits}f}{verdict}")


def report_accuracy(name: str, got: float, at_least: float) -> None:
    """Print an accuracy in per cent beside the least it should be."""
    verdict = "" if got >= at_least else "  <- look again"
    print(f"{name} accuracy {got:.1%}, expected at least {at_least:.0%}{verdict}")


def compare_losses(losses: Mapping[str, Sequence[float]], below: float = 1e-4) -> None:
    """Print the losses of some steps, and how far the others are from the first.

    Args:
        losses: for each library the loss of each step.
        below: what the relative error should keep under.
    """
    (reference, expected), *others = losses.items()
    steps = len(expected)
    print("step" + "".join(f"{name:>14}" for name in losses))
    for step in sorted({1, 2, steps // 4, steps // 2, steps} - {0}):
        values = (f"{history[step - 1]:14.6f}" for history in losses.values())
        print(f"{step:4}{''.join(values)}")
    for name, history in others:
        report_error(f"{name} against {reference}:", history, expected, below)


def _short(number: float) -> str:
    """Write an error as a reader wants it: 3e-10, 0.25, 0."""
    if number == 0 or number >= 0.01:
        return f"{number:.2g}"
    return f"{number:.0e}".replace("e-0", "e-")
