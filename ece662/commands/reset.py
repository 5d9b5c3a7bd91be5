"""``ece662 reset``: empty what stands in an exercise, and keep a copy."""

import argparse
import sys

__all__ = ["HELP", "configure", "run"]

HELP = "empty an exercise to begin again; what was there is kept"

DESCRIPTION = """\
Empty an exercise: what you wrote between the marker lines is taken out, and the file
as it was is kept in the folder backups. The name is that of an exercise (TwoLayerNet)
or of one function (TwoLayerNet.loss); where that has several regions, a number takes
one of them.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("id", metavar="ID", help="an exercise, or a function of it")
    parser.add_argument(
        "number", nargs="?", type=int, help="which of its regions, counted from 1"
    )


def run(args: argparse.Namespace) -> int:
    """Empty the regions; return 1, and change nothing, where that cannot be done."""
    from ece662.exercises.regions import parse_file, stub
    from ece662.exercises.work import find_root, find_target, rewrite
    from ece662.live import open_tabs

    root = find_root()

    def emptied(text: str) -> str:
        exercise, keys = find_target(args.id, args.number, root, text)
        in_module = exercise.file.endswith(".py")
        notebook = f"notebooks/{exercise.notebook}.ipynb" if in_module else None
        empty = stub(exercise.id, notebook)
        return parse_file(text, exercise.file).fill(dict.fromkeys(keys, empty))

    try:
        exercise, _ = find_target(args.id, args.number, root)
        backup = rewrite(root / exercise.file, root, emptied)
    except (OSError, ValueError) as error:
        print(f"ece662 reset: {error}", file=sys.stderr)
        return 1
    if backup is None:
        print(f"{args.id} is empty already")
        return 0
    print(f"{args.id} is empty again in {exercise.file}")
    print(f"The file as it was: {backup.relative_to(root).as_posix()}")
    if warning := open_tabs.warning(root, [exercise.file]):
        print(warning)
    elif exercise.file.endswith(".ipynb"):
        print("If the notebook is open, reload it from disk before you go on.")
    return 0
