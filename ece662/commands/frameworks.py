"""What ``ece662 lab`` asks first: shall PyTorch and TensorFlow be installed?

Asked once, of a person at a terminal, and never where there is none (CI, a server).
"""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from ece662.exercises import notebooks_with
from ece662.frameworks.installed import FRAMEWORKS, has_build

__all__ = ["command", "missing", "offer"]

ASKED = Path(sys.prefix, "ece662-asked-for-frameworks")  # goes with the environment
NAMES = {"torch": "PyTorch", "tensorflow": "TensorFlow"}


def missing() -> list[str]:
    """List the frameworks that could be installed here and are not."""
    return [n for n in FRAMEWORKS if has_build(n) and find_spec(n) is None]


def command(names: list[str], root: Path) -> list[str]:
    """Return the command that installs frameworks, in the versions that were tested.

    Args:
        names: of torch and tensorflow.
        root: the course's folder.
    """
    words = [sys.executable, "-m", "pip", "install", f"ece662[{','.join(names)}]"]
    constraints = root / "constraints.txt"
    if constraints.is_file():
        words += ["-c", str(constraints)]
    index = os.environ.get("TORCH_INDEX")
    return [*words, "--extra-index-url", index] if index else words


def offer(
    root: Path, ask: Callable[[str], str] = input, marker: Path = ASKED
) -> str | None:
    """Ask whether to install what is missing, and do it.

    Args:
        root: the course's folder.
        ask: puts a question and returns the answer.
        marker: the file that remembers that it was asked.

    Returns:
        What to say, or None where nothing was asked.
    """
    names = missing()
    at_terminal = sys.stdin is not None and sys.stdin.isatty()
    if not names or not at_terminal or os.environ.get("CI") or marker.exists():
        return None
    said = " and ".join(NAMES[name] for name in names)
    notebooks = sorted({stem for name in names for stem in notebooks_with(name)})
    try:
        answer = ask(
            f"{said}: not installed. {', '.join(notebooks)} need them, nothing before "
            "does. Install now? It may be some GB. [y/N] "
        )
    except EOFError:
        return None
    words = command(names, root)
    with suppress(OSError):  # where nothing can be remembered, it is asked again
        marker.touch()
    if answer.strip().lower() not in ("y", "yes"):
        return f"Later, then: {' '.join(words)}"
    done = subprocess.run(words, check=False).returncode
    return (
        "Installed." if done == 0 else f"pip could not; try it again: {' '.join(words)}"
    )
