"""The command ``ece662-staff``: what teachers do with the course.

It works in the repository only, for `course/` is no part of the package: after `make`
or `pip install -e .`, and always as `python -m course`.
"""

import argparse
import importlib
from collections.abc import Sequence

from ece662.commands.cli import make_writable

__all__ = ["COMMANDS", "main"]

COMMANDS = ("release", "grade", "autograder")

DESCRIPTION = "The workbook ece662 for teachers: docs/teaching.md tells how it is used."


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv``; return the exit code."""
    make_writable()
    parser = argparse.ArgumentParser(prog="ece662-staff", description=DESCRIPTION)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        command = importlib.import_module(f"course.commands.{name}")
        described = f"{command.HELP[0].upper()}{command.HELP[1:]}."
        subparser = commands.add_parser(
            name, help=command.HELP, description=described, allow_abbrev=False
        )
        command.configure(subparser)
        subparser.set_defaults(run=command.run)
    args = parser.parse_args(argv)
    return args.run(args)
