"""``ece662 update``: a corrected release, with all of your work carried over."""

import argparse
import io
import json
import re
import sys
import time
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

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
MOST = 300 << 20  # bytes of a release
BACKUP, UNFINISHED = "update", "update-unfinished"
LISTED = "update.json"  # in a backup: what was not there before


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "release",
        nargs="?",
        help="a zip, a folder, OWNER/NAME on GitHub, or the address of a zip",
    )
    parser.add_argument("--undo", action="store_true", help="take the last update back")


def run(args: argparse.Namespace) -> int:
    """Update, or take an update back; return 1 where it fails, and change nothing."""
    from ece662.commands.updating import plan
    from ece662.exercises.work import find_root

    root = find_root()
    try:
        if (root / "course").is_dir():
            raise ValueError(f"{root} is the teachers' repository: update it with git")
        if roll_back(root):
            print("An update had not come to its end: what was before it is back.")
        if args.undo:
            return _undo(root)
        if not args.release:
            raise ValueError("which release? A zip, a folder, or OWNER/NAME on GitHub")
        new = read_release(args.release)
        made = plan(read_course(root, new), new)
        if not made.files and not made.removed:
            print("This release is the one that you have: nothing was changed.")
            return 0
        backup = put_in(root, made)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        print(f"ece662 update: nothing was changed: {error}", file=sys.stderr)
        return 1
    print(f"Carried over: {made.carried} exercises' regions and answers.")
    for line in made.notes:
        print(f"Note: {line}.")
    print(f"{len(made.files)} files are new. What was before: {_shown(backup, root)}")
    print("'ece662 update --undo' takes it back. Close the notebooks, restart Jupyter.")
    return 0


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def read_release(place: str) -> dict[str, bytes]:
    """Read the files of a release by path.

    Raises:
        ValueError: there is none; says what was expected.
        OSError: it cannot be read.
    """
    from ece662.commands.updating import LIST

    if re.fullmatch(r"[\w.-]+/[\w.-]+", place) and not Path(place).exists():
        place = f"https://github.com/{place}/archive/HEAD.zip"
    if place.startswith("https://"):
        files = _unzipped(io.BytesIO(_fetched(place)))
    elif Path(place).is_dir():
        files = _in_folder(Path(place))
    elif Path(place).is_file():
        with open(place, "rb") as file:
            files = _unzipped(file)
    else:
        raise ValueError(f"there is no {place}")
    tops = [name[: -len(LIST)] for name in files if name.endswith(LIST)]
    tops = [top for top in tops if top in ("", f"{top.partition('/')[0]}/")]
    if not tops:
        raise ValueError(f"{place} is no release of this course: it has no {LIST}")
    top = min(tops, key=len)
    return {name[len(top) :]: data for name, data in files.items()
            if name.startswith(top)}  # fmt: skip


def _fetched(address: str) -> bytes:
    from urllib.request import urlopen

    with urlopen(address, timeout=60) as answer:
        data = answer.read(MOST + 1)
    if len(data) > MOST:
        raise ValueError(f"{address} is larger than {MOST >> 20} MB")
    return data


def _unzipped(file) -> dict[str, bytes]:
    files, left = {}, MOST
    with zipfile.ZipFile(file) as packed:
        for entry in packed.infolist():
            name = entry.filename.replace("\\", "/")
            path = PurePosixPath(name)
            if entry.is_dir() or "__MACOSX" in path.parts:
                continue
            if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
                raise ValueError(f"the zip has a file that leads out of it: {name}")
            with packed.open(entry) as stream:
                files[name] = stream.read(left + 1)
            left -= len(files[name])
            if left < 0:
                raise ValueError(f"the zip holds more than {MOST >> 20} MB")
    return files


def _in_folder(folder: Path) -> dict[str, bytes]:
    skipped = {".git", ".venv", "__pycache__", "backups", ".ipynb_checkpoints"}
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and not skipped & {*name.parts}:
            found[name.as_posix()] = path.read_bytes()
    return found


def read_course(root: Path, new: Mapping[str, bytes]) -> dict[str, bytes]:
    """Read the files of a course that an update may change."""
    from ece662.commands.updating import LIST, MANIFEST
    from ece662.exercises import EXERCISES

    names = {*new, LIST, MANIFEST, *(exercise.file for exercise in EXERCISES)}
    # An earlier release may not say what it is made of.
    with suppress(OSError, ValueError, KeyError, TypeError):
        names |= {*json.loads((root / MANIFEST).read_bytes())["files"]}
    return {n: (root / n).read_bytes() for n in sorted(names) if (root / n).is_file()}


def put_in(root: Path, made: "Plan") -> Path:
    """Write what was planned; all of it, or nothing.

    Returns:
        The zip with what was before.

    Raises:
        OSError: it cannot be written; everything is as it was.
    """
    from ece662._files import write_file

    backup = _back_up(root, [*made.files, *made.removed], BACKUP)
    unfinished = backup.parent / UNFINISHED
    write_file(unfinished, backup.name)
    try:
        for name, data in made.files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            write_file(root / name, data)
        for name in made.removed:
            (root / name).unlink(missing_ok=True)
    except BaseException:
        roll_back(root)
        raise
    unfinished.unlink()
    return backup


def _back_up(root: Path, names: list[str], kind: str) -> Path:
    """Pack files as they are, and say which are not there."""
    from ece662.commands.packing import write_zip
    from ece662.exercises.work import BACKUPS

    there = {n: (root / n).read_bytes() for n in names if (root / n).is_file()}
    added = [name for name in names if name not in there]
    folder = root / BACKUPS
    folder.mkdir(exist_ok=True)
    stamp, number = time.strftime("%Y-%m-%d-%H%M%S"), 1
    while (path := folder / f"{kind}.{stamp}-{number}.zip").exists():
        number += 1
    write_zip(path, {LISTED: json.dumps(added).encode(), **there})
    return path


def _restore(root: Path, backup: Path) -> None:
    from ece662._files import write_file

    with zipfile.ZipFile(backup) as packed:
        for name in packed.namelist():
            if name != LISTED:
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                write_file(root / name, packed.read(name))
        for name in json.loads(packed.read(LISTED)):
            (root / name).unlink(missing_ok=True)


def roll_back(root: Path) -> bool:
    """Take back an update that was interrupted; tell whether there was one."""
    from ece662.exercises.work import BACKUPS

    unfinished = root / BACKUPS / UNFINISHED
    if not unfinished.is_file():
        return False
    _restore(root, unfinished.with_name(unfinished.read_text("utf-8").strip()))
    unfinished.unlink()
    return True


def _undo(root: Path) -> int:
    """Take the last update back; what was written since is kept as well."""
    from ece662._files import put_in_place
    from ece662.exercises.work import BACKUPS

    found = sorted((root / BACKUPS).glob(f"{BACKUP}.*.zip"), key=_age)
    if not found:
        raise ValueError("there is no update to take back")
    backup = found[-1]
    with zipfile.ZipFile(backup) as packed:
        names = [name for name in packed.namelist() if name != LISTED]
        names += json.loads(packed.read(LISTED))
    since = _back_up(root, names, "undone")
    _restore(root, backup)
    put_in_place(backup, backup.with_name(f"taken-back-{backup.name}"))
    print(f"The update is taken back. What was there until now: {_shown(since, root)}")
    return 0


def _age(path: Path) -> tuple[str, int]:
    stamp, _, number = path.stem.rpartition("-")
    return stamp, int(number)
