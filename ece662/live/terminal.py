"""The magic `%ece662`: what is typed in a terminal elsewhere, in a cell.

    %ece662 status Q1
    %ece662 update

Colab has no terminal for everybody, and there the course's folder is not the current
one, so that `!python -m ece662` would not find it. The command runs in a process of its
own: what an update puts in place of this very package does no harm to the notebook.
"""

import os
import shlex
import subprocess
import sys

from ece662 import live
from ece662.exercises.work import find_root

__all__ = ["register", "run"]

# Runs with the course's folder first; the current folder stays, for the paths of files.
START = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    "from ece662.commands.cli import main; sys.exit(main())"
)
NOT_HERE = ("lab",)  # it opens what is open already
READS_NOTEBOOKS = ("check", "status", "submit")
ELSEWHERE = (
    "Note: Colab keeps your notebook elsewhere, and what stands in {root} is not what "
    "you have written in it. Download yours (menu File), and put it there first."
)


def register() -> None:
    """Register `%ece662` in the running notebook, if there is one."""
    shell = live.running_shell()
    if shell is not None:
        shell.register_magic_function(_magic, "line", "ece662")


def _magic(line: str) -> None:
    """Run `%ece662` for IPython."""
    run(line)


def run(line: str) -> int:
    """Run a command, and print what it prints as it comes.

    Args:
        line: what would follow `ece662` in a terminal.

    Returns:
        The command's exit code; 2 where it is not run.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        print(f"%ece662: {error}")
        return 2
    if words[:1] and words[0] in NOT_HERE:
        print(f"%ece662: you are in a notebook already; {words[0]} is for a terminal")
        return 2
    root = find_root()
    if "google.colab" in sys.modules and words[:1] and words[0] in READS_NOTEBOOKS:
        print(ELSEWHERE.format(root=root / "notebooks"))
    process = subprocess.Popen(
        [sys.executable, "-c", START, str(root), *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"},
        encoding="utf-8",
        errors="replace",
    )
    try:
        with process.stdout as lines:
            for printed in lines:
                print(printed, end="", flush=True)
        return process.wait()
    finally:  # the cell was interrupted
        process.kill()
        process.wait()
