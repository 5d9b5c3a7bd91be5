"""The command ``ece662``: finds the subcommand, hands it its arguments.

The subcommands live in `ece662.commands`. Only the one that is asked for is imported,
so that a command whose requirements are broken leaves the others (`doctor` above all)
working.
"""

import argparse
import codecs
import importlib
import io
import os
import sys
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from types import ModuleType

from ece662 import __version__

__all__ = ["COMMANDS", "GROUPS", "main", "make_writable"]

# What --help lists, in this order.
GROUPS = {
    "To work": ("lab", "check", "status", "reset", "submit", "update", "data"),
    "When something is wrong": ("doctor",),
}
COMMANDS = tuple(name for names in GROUPS.values() for name in names)

DESCRIPTION = "The deep-learning workbook ece662: its notebooks, its data, its health."
EXAMPLES = """\
Examples:
  ece662 lab                            open the notebooks
  ece662 check Q1                       are the exercises of Q1 right?
  ece662 status                         how far am I?
  ece662 data prepare CINIC-10.tar.gz   use the real photographs of an archive
  ece662 doctor                         check everything; paste this into a question

'ece662 COMMAND --help' tells more about each command."""

# What stands for the signs of `status`, and for punctuation, where they are unknown.
OTHER_SIGNS = str.maketrans(
    {"✓": "+", "✗": "x", "·": ".", "\u00d7": "x", "\u2212": "-", "→": "->"}
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv``; return the exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    make_writable()
    try:
        try:
            if argv and argv[0] in COMMANDS:
                return _run(argv[0], argv[1:])
            # No command: this prints the help, the version or what is wrong, and exits.
            return _run(_front().parse_args(argv or ["--help"]).command, [])
        finally:
            sys.stdout.flush()  # here, where a reader that has left is expected
    except KeyboardInterrupt:
        return 130  # what a shell reports for a program stopped by Ctrl-C
    except BrokenPipeError:
        # The reader (`| head`) has left; nothing may be written on the way out.
        _swallow_output()
        return 141
    except OSError as error:  # a full disk below `> FILE`, a file that cannot be read
        with suppress(OSError):
            print(f"ece662: stopped: {error}", file=sys.stderr)
        if error.filename is None:  # it may be the output that cannot be written
            _swallow_output()
        return 1


def _swallow_output() -> None:
    """Write nothing more to standard output: on its way out Python would complain."""
    with suppress(OSError, ValueError):  # ValueError: it is closed, or of a test
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)


def make_writable() -> None:
    """Let everything be printed, whatever standard output and error are.

    What an encoding lacks (cp1252 on Windows, ASCII on old servers) is written with
    signs that it has. A stream that is closed becomes one that swallows everything:
    else the next file opened would take its number, and receive what is printed.
    """
    codecs.register_error("ece662", _in_other_signs)
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            nothing = os.open(os.devnull, os.O_WRONLY)
            if nothing != number:
                os.dup2(nothing, number)
                os.close(nothing)
            setattr(sys, name, os.fdopen(number, "w", encoding="utf-8", closefd=False))
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="ece662")


def _in_other_signs(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(map(_in_ascii, text)), error.end


def _in_ascii(sign: str) -> str:
    known = sign.translate(OTHER_SIGNS)
    letter = unicodedata.normalize("NFKD", known)  # é is e and an accent
    return letter.encode("ascii", "ignore").decode() or "?"


def _front() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ece662",
        usage="ece662 [-h] [--version] COMMAND ...",
        description=f"{DESCRIPTION}\n\n{_listing()}",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    version = f"ece662 {__version__}"
    parser.add_argument(
        "--version", action="version", version=version, help="show the version and exit"
    )
    parser.add_argument("command", choices=COMMANDS, help=argparse.SUPPRESS)
    return parser


def _run(name: str, argv: list[str]) -> int:
    try:
        command = _load(name)
    except ImportError as error:
        print(f"ece662 {name}: {error}. Try 'ece662 doctor'.", file=sys.stderr)
        return 1
    description = f"{command.HELP[0].upper()}{command.HELP[1:]}."
    parser = argparse.ArgumentParser(
        prog=f"ece662 {name}", description=description, allow_abbrev=False
    )
    command.configure(parser)
    args, args.others = parser.parse_known_args(argv)
    if args.others and not getattr(command, "OTHER_ARGUMENTS", False):
        parser.error(f"unrecognized arguments: {' '.join(args.others)}")
    return command.run(args)


def _load(name: str) -> ModuleType:
    return importlib.import_module(f"ece662.commands.{name}")


def _listing() -> str:
    groups = []
    for title, names in GROUPS.items():
        lines = [f"  {name:<10}{_help_of(name)}" for name in names]
        groups.append("\n".join([f"{title}:", *lines]))
    return "\n\n".join(groups)


def _help_of(name: str) -> str:
    try:
        return _load(name).HELP
    except ImportError as error:
        return f"not available: {error}"
