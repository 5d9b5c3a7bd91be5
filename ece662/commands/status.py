"""``ece662 status``: how far you are, notebook by notebook."""

import argparse
import os
import sys
from itertools import groupby

__all__ = ["HELP", "configure", "notes_of", "run"]

HELP = "show how far you are, in all notebooks"

DESCRIPTION = """\
Show every exercise of every notebook and what its check says. Verdicts are remembered,
and only what you have changed since is checked again. (Cells that train are run for
that, which takes some seconds each.) The line below says how many self-tests are right
and how many predictions were made, as the saved notebook has them.
"""

GREEN, RED, GREY = 32, 31, 90


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="Q1, Q2, ...")


def run(args: argparse.Namespace) -> int:
    """Print the table; the exit code is 0 whatever it says."""
    from ece662.check.answered import questions_of
    from ece662.check.progress import progress
    from ece662.exercises import EXERCISES, exercises_of
    from ece662.exercises.work import find_root

    try:
        chosen = [e for name in args.notebooks for e in exercises_of(name)]
    except ValueError as error:
        print(f"ece662 status: {error}", file=sys.stderr)
        return 2
    root = find_root()
    states = progress(root, chosen or EXERCISES)
    for notebook, group in groupby(states, lambda state: state.exercise.notebook):
        asked = questions_of(root / "notebooks" / f"{notebook}.ipynb")
        print(_table(notebook, list(group), str(asked)))
    for note in notes_of(states):
        print(f"Note: {note}.")
    finished = [state for state in states if state.finished]
    points = sum(state.exercise.points for state in finished)
    total = sum(state.exercise.points for state in states)
    print(
        f"{len(finished)} of {len(states)} done: {points} of {total} points, "
        "as far as a check can tell"
    )
    return 0


def notes_of(states: list) -> list[str]:
    """Return the notes on some exercises, each once."""
    return list(dict.fromkeys(note for state in states for note in state.notes))


def _table(notebook: str, states: list, asked: str) -> str:
    from ece662.check.terms import Status

    shown = {
        Status.PASSED: ("✓", GREEN),
        Status.ANSWER: ("✓", GREEN),
        Status.NOT_WRITTEN: ("·", GREY),
        Status.NEEDS: ("·", GREY),
        Status.FAILED: ("✗", RED),
        Status.STOPPED: ("✗", RED),
        Status.DAMAGED: ("!", RED),
    }
    done = sum(state.finished for state in states)
    lines = [f"{notebook}   {done} of {len(states)}"]
    width = max(len(state.exercise.id) for state in states)
    for state in states:
        first_line = state.message.partition("\n")[0]
        sign, colour = shown[state.status]
        line = f"  {sign} {state.exercise.id:<{width}}  {state.word:<8}"
        lines.append(_coloured(f"{line}{first_line}".rstrip(), colour))
    lines += [f"  {asked}"] if asked else []
    return "\n".join([*lines, ""])


def _coloured(line: str, colour: int) -> str:
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return line
    return f"\033[{colour}m{line}\033[0m"
