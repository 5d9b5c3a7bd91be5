"""``ece662 submit``: check everything, and pack what is handed in."""

import argparse
import sys
from pathlib import Path

__all__ = ["HELP", "configure", "run"]

HELP = "check everything and pack a zip to hand in"

DESCRIPTION = """\
Check every exercise, say what is unfinished, and pack the files in which you write
(the notebooks and some modules; no data, no models, no backups) into a zip to hand in.
Unfinished work can be handed in, too. A damaged marker line has to be mended first; the
message names its file and line. What cannot be read cannot be graded.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "notebooks",
        nargs="*",
        metavar="NOTEBOOK",
        help="hand in Q1, Q2, ... alone (all of them where none is given)",
    )
    parser.add_argument(
        "--student",
        metavar="ID",
        help="your name or number, if asked for (else that of the earlier zip)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("submission.zip"),
        metavar="FILE",
        help="the zip to write (submission.zip where not given)",
    )


def run(args: argparse.Namespace) -> int:
    """Pack the work; return 1, and pack nothing, where it cannot be read."""
    from ece662.check.progress import progress
    from ece662.check.terms import Status
    from ece662.commands.packing import contents, replace_zip, student_in
    from ece662.exercises import EXERCISES, exercises_of
    from ece662.exercises.work import find_root

    root = find_root()
    try:
        chosen = [e for name in args.notebooks for e in exercises_of(name)]
    except ValueError as error:
        print(f"ece662 submit: {error}", file=sys.stderr)
        return 2
    states = progress(root, dict.fromkeys(chosen) or EXERCISES)
    if damages := dict.fromkeys(
        state.message for state in states if state.status is Status.DAMAGED
    ):
        print("Nothing was packed. Mend this first; nothing was changed:")
        for damage in damages:
            print(f"  {damage}")
        print("The file's earlier versions may be in the folder backups.")
        return 1
    out = args.out.resolve()
    try:
        student = student_in(out) if args.student is None else args.student
        files = contents(root, states, student)
        kept = replace_zip(out, files, root)
    except (OSError, ValueError) as error:
        print(f"ece662 submit: nothing was packed: {error}.", file=sys.stderr)
        print("'--out FILE' writes the zip to another folder.", file=sys.stderr)
        return 1
    _print_states(states)
    print(f"Packed{f' for {student}' if student else ''}: {', '.join(files)}")
    if chosen:
        names = dict.fromkeys(exercise.notebook for exercise in chosen)
        print(f"Only {', '.join(names)}: the other notebooks are not in this zip.")
    if kept:
        print(f"The earlier zip: {kept.relative_to(root).as_posix()}")
    print(f"Hand in {out}")
    return 0


def _print_states(states: list) -> None:
    """Print what is unfinished, the notes, and how many exercises are finished."""
    from ece662.check.terms import Status
    from ece662.commands.status import notes_of

    open_ones = (Status.NOT_WRITTEN, Status.NEEDS)
    unfinished = [state for state in states if not state.finished]
    to_do = [s.exercise.id for s in unfinished if s.status in open_ones]
    begun = [state for state in unfinished if state.status not in open_ones]
    if begun:
        print("Unfinished:")
        for state in begun:
            print(f"  {state.exercise.id}: {state.word}")
    if to_do:
        print(f"To do, {len(to_do)}: {', '.join(to_do)}")
    for note in notes_of(states):
        print(f"Note: {note}.")
    print(f"{len(states) - len(unfinished)} of {len(states)} exercises are finished.")
