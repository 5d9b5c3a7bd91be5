"""Replace many files of a course, all of them or none, where editors may save as well.

What is there is packed into a zip first. Each file is compared with what the new one
was made from right before it is replaced, and all are looked at once more when a save
that was under way has arrived. Where an editor has saved, everything is as it was, with
the text that it has saved.
"""

import json
import time
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from ece662._files import ChangedError, put_in_place, write_file
from ece662.commands.carrying import hash_of
from ece662.commands.packing import write_zip
from ece662.exercises.work import BACKUPS

__all__ = ["TAKEN_BACK", "put_in", "read_files", "roll_back", "was_before"]

UNFINISHED = "update-unfinished"
ADDED = "update.json"  # in a zip of what was before: what was not there
TAKEN_BACK = "taken-back-"  # begins the name of a zip that is used up
SETTLE = 1.0  # seconds; an editor that has asked whether it may save then saves

Files = Mapping[str, bytes]


def read_files(root: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Read those files of a course that are there."""
    return {n: (root / n).read_bytes() for n in sorted(names) if (root / n).is_file()}


def put_in(
    root: Path, files: Files, removed: Iterable[str], old: Files, kind: str
) -> Path:
    """Write files and remove others; all of it, or nothing.

    Args:
        root: the course's folder.
        files: to be written, by path.
        removed: files to be removed.
        old: what the files held when these were made; others were not there.
        kind: how the zip with what was before is called.

    Returns:
        That zip.

    Raises:
        ChangedError: another program has saved one of the files meanwhile. What it has
            saved is there, and everything else as it was.
        OSError: it cannot be written; everything is as it was.
    """
    removed = [*removed]
    backup = _pack(root, [*files, *removed], old, kind)
    unfinished = backup.parent / UNFINISHED
    written = [f"{hash_of(data)} {name}" for name, data in files.items()]
    write_file(unfinished, "\n".join([backup.name, *written]))
    try:
        for name, data in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            _require(root, name, old)
            write_file(root / name, data, instead_of=old.get(name))  # compares again
        for name in removed:
            _require(root, name, old)
            (root / name).unlink(missing_ok=True)
        time.sleep(SETTLE)
        for name in files:
            _require(root, name, files)
    except BaseException:
        roll_back(root)
        raise
    unfinished.unlink()
    return backup


def _require(root: Path, name: str, files: Files) -> None:
    """Raise ChangedError where a file is not what it is here."""
    if read_files(root, [name]).get(name) != files.get(name):
        raise ChangedError(f"{name} was saved by another program")


def _pack(root: Path, names: Iterable[str], old: Files, kind: str) -> Path:
    """Pack files as they are, and say which are not there."""
    there = {name: old[name] for name in names if name in old}
    added = [name for name in names if name not in old]
    folder = root / BACKUPS
    folder.mkdir(exist_ok=True)
    stamp, number = time.strftime("%Y-%m-%d-%H%M%S"), 1
    while (path := folder / f"{kind}.{stamp}-{number}.zip").exists():
        number += 1
    write_zip(path, {ADDED: json.dumps(added).encode(), **there})
    return path


def was_before(backup: Path) -> tuple[dict[str, bytes], list[str]]:
    """Return the files that a zip holds, and the names of those that were not there."""
    with zipfile.ZipFile(backup) as packed:
        held = {name: packed.read(name) for name in packed.namelist()}
    added = json.loads(held.pop(ADDED))
    return held, added


def roll_back(root: Path) -> bool:
    """Take back what was interrupted, but for files that were saved since.

    Returns:
        Whether there was something.
    """
    unfinished = root / BACKUPS / UNFINISHED
    if not unfinished.is_file():
        return False
    name, *lines = unfinished.read_text("utf-8").splitlines()
    written = {file: digest for digest, file in (line.split(" ", 1) for line in lines)}
    backup = unfinished.with_name(name.strip())
    held, added = was_before(backup)
    for name in [*held, *added]:
        now = read_files(root, [name]).get(name)
        is_ours = now is None or not lines or hash_of(now) == written.get(name)
        if name in held and is_ours:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            write_file(root / name, held[name])
        elif is_ours:
            (root / name).unlink(missing_ok=True)
    unfinished.unlink()
    put_in_place(backup, backup.with_name(f"{TAKEN_BACK}{backup.name}"))
    return True
