"""``ece662 submit``: check everything, and pack what is handed in."""

import argparse
import sys
from pathlib import Path

__all__ = ["HELP", "configure", "run"]

TRIES = 5  # to check files that an editor keeps saving

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
    out = args.out.resolve()
    try:
        states, work = _checked(root, tuple(dict.fromkeys(chosen)) or EXERCISES)
        if any(state.status is Status.DAMAGED for state in states):
            _print_damages(states)
            return 1
        student = student_in(out) if args.student is None else args.student
        files = contents(work, states, student)
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


def _checked(root: Path, exercises: tuple) -> tuple[list, dict[str, bytes]]:
    """Return how exercises stand, and the very files that this is true of.

    An editor may save while they are checked; then what is new is checked as well.
    """
    from ece662.check.progress import progress
    from ece662.commands.replacing import read_files
    from ece662.exercises.work import BUSY

    names = {exercise.file for exercise in exercises}
    before = read_files(root, names)
    for _ in range(TRIES):
        states, after = progress(root, exercises), read_files(root, names)
        if after == before:
            return states, after
        changed = sorted(n for n in names if after.get(n) != before.get(n))
        print(f"{', '.join(changed)}: saved while it was checked", file=sys.stderr)
        before = after
    raise OSError(BUSY.format(", ".join(changed)))


def _print_damages(states: list) -> None:
    """Print what has to be mended, each once."""
    from ece662.check.terms import Status

    print("Nothing was packed. Mend this first; nothing was changed:")
    for damage in dict.fromkeys(
        s.message for s in states if s.status is Status.DAMAGED
    ):
        print(f"  {damage}")
    print("The file's earlier versions may be in the folder backups.")


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
