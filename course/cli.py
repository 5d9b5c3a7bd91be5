"""The command ``ece662-staff``: what teachers do with the course.

It works in the repository only, for `course/` is no part of the package: after `make`
or `pip install -e .`, and always as `python -m course`.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from types import ModuleType

from ece662.commands.cli import make_writable

__all__ = ["COMMANDS", "main"]

COMMANDS = ("release", "grade", "autograder")
POSIX_ONLY = ("fcntl", "pwd", "resource")  # modules that Windows lacks

DESCRIPTION = "The workbook ece662 for teachers: docs/teaching.md tells how it is used."


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv``; return the exit code."""
    make_writable()
    parser = argparse.ArgumentParser(prog="ece662-staff", description=DESCRIPTION)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        command = _load(name)
        described = f"{command.HELP[0].upper()}{command.HELP[1:]}."
        subparser = commands.add_parser(
            name, help=command.HELP, description=described, allow_abbrev=False
        )
        command.configure(subparser)
        subparser.set_defaults(run=command.run)
    args = parser.parse_args(argv)
    return args.run(args)


def _load(name: str) -> ModuleType:
    """Import a command; where the system lacks what it needs, one that says so."""
    try:
        return importlib.import_module(f"course.commands.{name}")
    except ModuleNotFoundError as error:
        if error.name not in POSIX_ONLY:
            raise
    message = f"ece662-staff {name} needs Linux: it runs submissions in a sandbox."
    command = ModuleType(name)
    command.HELP = "needs Linux"
    command.configure = lambda parser: parser.add_argument("others", nargs="*")
    command.run = lambda args: print(message, file=sys.stderr) or 1
    return command
