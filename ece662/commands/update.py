"""``ece662 update``: a corrected release, with all of your work carried over."""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ece662.commands.updating import Plan

__all__ = ["HELP", "configure", "run"]

HELP = "put a corrected release in place, with your work in it"

DESCRIPTION = """\
Put a corrected release of the course in the place of the one that you have. What you
wrote is carried over: exercises, answers, cells and files of your own. Where you have
changed what is given, your version is kept beside and named. Everything is kept in the
folder backups first, and `ece662 update --undo` takes the update back.
"""
UNSAVED = """\
What you have not saved in an editor is there alone: copy it before you reload the file,
and do not save the old text over the new."""
BACKUP = "update"
TRIES = 5  # to replace files that an editor keeps saving


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "release",
        nargs="?",
        help="a zip, a folder, OWNER/NAME on GitHub, or the address of a zip (the one "
        "that this copy came from where not given)",
    )
    parser.add_argument(
        "--notebook",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a notebook of yours that lies elsewhere, as on Colab's Drive: what is in "
        "it is carried over into a new file beside it",
    )
    parser.add_argument("--undo", action="store_true", help="take the last update back")


def run(args: argparse.Namespace) -> int:
    """Update, or take an update back; return 1 where it fails, and change nothing."""
    from ece662.commands.packing import BROKEN
    from ece662.commands.releases import published, read_release
    from ece662.commands.replacing import roll_back
    from ece662.exercises.work import alone, find_root

    root = find_root()
    try:
        if (root / "course").is_dir():
            raise ValueError(f"{root} is the teachers' repository: update it with git")
        with alone(root, "the course"):
            if roll_back(root):
                print("An update had not come to its end: what was before it is back.")
            if args.undo:
                return _undo(root)
        new = read_release(args.release or published())
        with alone(root, "the course"):
            made, backup, beside = _put_new(root, new, args.notebook)
    except (OSError, ValueError, *BROKEN) as error:
        print(f"ece662 update: nothing was changed: {error}", file=sys.stderr)
        return 1
    _tell(root, made, backup)
    for one in beside:
        print(f"Your notebook in the new release: {one.path}")
        for line in one.notes:
            print(f"Note: {line}.")
    return 0


def _put_new(
    root: Path, new: Mapping[str, bytes], notebooks: Iterable[Path]
) -> tuple["Plan", Path | None, list["_Beside"]]:
    """Put the files of a release in, with the student's work in them.

    Args:
        root: the course's folder.
        new: the release's files.
        notebooks: that lie elsewhere.

    Returns:
        What was done, the zip with what was before (None where nothing was done), and
        the notebooks that were written beside those elsewhere.
    """
    from ece662._files import ChangedError, write_file
    from ece662.commands.replacing import put_in
    from ece662.commands.updating import plan
    from ece662.exercises.work import BUSY

    for _ in range(TRIES):
        old = read_course(root, new)
        try:
            found = [_updated(path, old, new) for path in notebooks]
            made = plan(old, new)
        except ValueError:
            if read_course(root, new) != old:
                continue  # an editor was writing, and the file was half there
            raise
        beside = [one for one in found if one]
        for one in beside:
            made.files |= one.kept
        backup = None
        with suppress(ChangedError):  # an editor has saved: what it has is carried over
            if made.files or made.removed:
                backup = put_in(root, made.files, made.removed, old, BACKUP)
            break
    else:
        raise OSError(BUSY.format("the course"))
    for one in beside:
        write_file(one.path, one.text)
    return made, backup, beside


def _tell(root: Path, made: "Plan", backup: Path | None) -> None:
    """Print what was done."""
    if backup is None:
        print("This release is the one that you have: nothing was changed.")
        return
    print(f"Carried over: {made.carried} exercises' regions and answers.")
    for line in made.notes:
        print(f"Note: {line}.")
    print(f"{len(made.files)} files are new. What was before: {_shown(backup, root)}")
    print("'ece662 update --undo' takes it back. Now open the notebooks anew, and")
    print("restart their kernel (Colab: the session).")
    _warn_of_tabs(root, [*made.files, *made.removed])


def _warn_of_tabs(root: Path, names: Iterable[str]) -> None:
    """Say what to do with files that were replaced, and are open in an editor."""
    from ece662.live import open_tabs

    print(open_tabs.warning(root, names) or UNSAVED)


class _Beside(NamedTuple):
    """A notebook that lies elsewhere, in the new release."""

    path: Path  # a new name beside it
    text: bytes
    notes: list[str]
    kept: dict[str, bytes]  # texts without a place in the release, by file


def _updated(
    path: Path, old: Mapping[str, bytes], new: Mapping[str, bytes]
) -> _Beside | None:
    """Carry a notebook that lies elsewhere over; None where nothing is new in it.

    Raises:
        ValueError: it is none of this course's notebooks, or cannot be read.
    """
    from ece662.commands.updating import KEPT, LIST, MANIFEST, plan

    data, name = path.read_bytes(), _name_in(new, path)
    given = {n: old[n] for n in (LIST, MANIFEST) if n in old}
    made = plan({**given, name: data}, new)
    if name not in made.files:
        return None
    kept = {n: d for n, d in made.files.items() if n.startswith(f"{KEPT}/")}
    stem, number = path.with_suffix(""), 1
    while (beside := Path(f"{stem}-updated-{number}.ipynb")).exists():
        number += 1
    return _Beside(beside, made.files[name], made.notes, kept)


def _name_in(new: Mapping[str, bytes], path: Path) -> str:
    """Return which notebook of a release a file is: by its name, else by its cells."""
    from ece662.exercises.notebooks import cells_of
    from ece662.exercises.work import read_text

    names = [name for name in new if name.endswith(".ipynb")]
    for name in names:
        if PurePosixPath(name).stem in path.name:  # Copy of Q1-FCNetworks (1).ipynb
            return name
    own = {cell.id for cell in cells_of(read_text(path), path.name)} - {""}
    shared = {
        name: len(own & {cell.id for cell in cells_of(new[name].decode(), name)})
        for name in names
    }
    best = max(shared, key=lambda name: shared[name], default="")
    if not shared.get(best):
        raise ValueError(f"{path} is none of the course's notebooks")
    return best


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def read_course(root: Path, new: Mapping[str, bytes]) -> dict[str, bytes]:
    """Read the files of a course that an update may change."""
    from ece662.commands.replacing import read_files
    from ece662.commands.updating import LIST, MANIFEST
    from ece662.exercises import EXERCISES

    names = {*new, LIST, MANIFEST, *(exercise.file for exercise in EXERCISES)}
    # An earlier release may not say what it is made of.
    with suppress(OSError, ValueError, KeyError, TypeError):
        names |= {*json.loads((root / MANIFEST).read_bytes())["files"]}
    return read_files(root, names)


def _undo(root: Path) -> int:
    """Take the last update back; what was written since is kept as well."""
    from ece662._files import ChangedError, put_in_place
    from ece662.commands.replacing import TAKEN_BACK, put_in, read_files, was_before
    from ece662.exercises.work import BACKUPS, BUSY

    found = sorted((root / BACKUPS).glob(f"{BACKUP}.*.zip"), key=_age)
    if not found:
        raise ValueError("there is no update to take back")
    backup = found[-1]
    held, added = was_before(backup)
    for _ in range(TRIES):
        now = read_files(root, [*held, *added])
        with suppress(ChangedError):
            since = put_in(root, held, added, now, "undone")
            break
    else:
        raise OSError(BUSY.format("the course"))
    put_in_place(backup, backup.with_name(f"{TAKEN_BACK}{backup.name}"))
    print(f"The update is taken back. What was there until now: {_shown(since, root)}")
    _warn_of_tabs(root, [*held, *added])
    return 0


def _age(path: Path) -> tuple[str, int]:
    stamp, _, number = path.stem.rpartition("-")
    return stamp, int(number)
