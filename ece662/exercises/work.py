"""A student's work: where it is, what stands in it, and how to change it safely.

The work is what stands between the marker lines and in the answer cells, in the files
that `ece662.exercises` lists. A file is written in one go, and the old one is kept in
the folder `backups` first: nothing that a student has written is lost.
"""

import difflib
import itertools
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import ece662
from ece662._files import ChangedError, write_file
from ece662.exercises import EXERCISES, Exercise
from ece662.exercises.findings import Fault, Finding, MarkerError
from ece662.exercises.reading import Piece, decode, fault_of, read_files
from ece662.exercises.regions import ANSWER, parse_file

__all__ = [
    "ANSWER",
    "Piece",
    "Target",
    "find_root",
    "find_target",
    "keep",
    "read_text",
    "read_work",
    "rewrite",
    "with_package_in",
]

BACKUPS = "backups"
TRIES = 20  # to write a file that an editor saves meanwhile
LONGEST_WAIT = 60  # seconds, for another of our own writers


class Target(NamedTuple):
    """Regions that a name stands for."""

    exercise: Exercise
    keys: tuple[tuple[str, int], ...]  # (owner, number), as in `regions`


def find_root(folder: Path | None = None) -> Path:
    """Return the course's folder around this one; else that of this package."""
    folder = Path.cwd() if folder is None else folder
    for candidate in (folder, *folder.parents):
        if (candidate / "ece662" / "exercises" / "exercises.toml").is_file():
            return candidate
    return Path(ece662.__file__).resolve().parents[1]


def with_package_in(root: Path) -> dict:
    """Return the arguments of subprocess.run that make a folder's package be found.

    Python looks in the current folder first. Not PYTHONPATH: what is there is found
    before the package can pass over a student's file that has the name of a module.
    """
    names = os.environ.keys() - {"PYTHONSAFEPATH"}
    return {"cwd": root, "env": {name: os.environ[name] for name in names}}


def read_text(path: Path, root: Path | None = None) -> str:
    """Read a file with its line ends as they are.

    Args:
        path: of the file.
        root: the course's folder, from where the file is named in messages.

    Raises:
        ValueError: it is not UTF-8; says which file, and what to do.
    """
    return _text_of(path.read_bytes(), path, root)


def _text_of(content: bytes, path: Path, root: Path | None) -> str:
    name = path.relative_to(root).as_posix() if root else str(path)
    text = decode(content, name)
    if isinstance(text, Finding):
        raise ValueError(str(text))
    return text


def read_work(root: Path, exercises: Iterable[Exercise] = EXERCISES) -> list[Piece]:
    """Read the work on each exercise; a damaged file is told, piece by piece."""
    exercises = tuple(exercises)
    names = dict.fromkeys(exercise.file for exercise in exercises)
    pieces = read_files({name: _read(root, name) for name in names}, exercises)
    return [pieces.piece_of(exercise) for exercise in exercises]


def _read(root: Path, file: str) -> bytes | Finding:
    try:
        return (root / file).read_bytes()
    except FileNotFoundError:
        return Finding(Fault.NO_FILE, file)
    except OSError as error:
        return Finding(Fault.CLOSED, file, text=error.strerror or str(error))


def find_target(
    name: str, number: int | None, root: Path, text: str | None = None
) -> Target:
    """Find the regions of an exercise ("TwoLayerNet"), or of one function of it.

    Args:
        name: an exercise's id, or an owner of regions ("TwoLayerNet.loss"); upper or
            lower case does not matter.
        number: which region of it, counted from 1; None for all.
        root: the course's folder.
        text: of the exercise's file; else what stands in it now.

    Raises:
        ValueError: there is none; names those that are near.
    """
    known = {}
    for exercise in EXERCISES:
        if exercise.regions and exercise.kind != "answer":
            for owner in exercise.regions:
                known[owner.lower()] = (exercise, (owner,))
            known[exercise.id.lower()] = (exercise, exercise.regions)
    wanted = name.strip().lower()
    if wanted not in known:
        raise ValueError(_unknown(name, wanted, known))
    exercise, owners = known[wanted]
    text = read_text(root / exercise.file, root) if text is None else text
    parsed = parse_file(text, exercise.file)
    mine = [key for key in parsed.places if key[0] in owners]
    for owner in owners:
        if fault := fault_of(parsed, owner, exercise):
            raise MarkerError(fault)
    if number is None:
        return Target(exercise, tuple(mine))
    if not 1 <= number <= len(mine):
        raise ValueError(f"{name} has regions 1 to {len(mine)}, got {number}")
    return Target(exercise, (mine[number - 1],))


def _unknown(name: str, wanted: str, known: dict) -> str:
    for exercise in EXERCISES:
        if exercise.id.lower() == wanted and exercise.extends:
            return f"{exercise.id} is written into the regions of {exercise.extends}"
    near = [key for key in known if wanted and wanted in key]
    near += difflib.get_close_matches(wanted, known, n=3, cutoff=0.5)
    names = [n for e, owners in known.values() for n in (e.id, *owners)]
    told = [next(n for n in names if n.lower() == key) for key in dict.fromkeys(near)]
    advice = f"; did you mean {' or '.join(told[:3])}?" if told else ""
    return f"there is no region {name!r}{advice}"


def rewrite(path: Path, root: Path, make: Callable[[str], str]) -> Path | None:
    """Change a file in one go, and keep it as it was in the folder of backups.

    One of our own writers waits for another. An editor waits for nobody: where it has
    saved meanwhile, the change is made anew, from what it has saved.

    Args:
        path: of the file.
        root: the course's folder.
        make: gives the new text for an old one; called again after such a save.

    Returns:
        The backup; None where nothing changes.

    Raises:
        OSError: it cannot be written, or something writes to it all the time.
        ValueError: what `make` raises, or the file is not UTF-8. Nothing is changed.
    """
    # Only when something is written: `import ece662` is quick.
    from filelock import FileLock, Timeout

    def changed(before: bytes) -> bytes:
        return make(_text_of(before, path, root)).encode("utf-8")

    before = path.read_bytes()
    if changed(before) == before:  # nothing to do, or an error: nothing is begun
        return None
    folder = root / BACKUPS
    folder.mkdir(exist_ok=True)
    busy = f"{path.name} is being written by another program; try again"
    try:
        with FileLock(folder / ".lock", timeout=LONGEST_WAIT):
            for _ in range(TRIES):
                before = path.read_bytes()
                after = changed(before)
                if before == after:
                    return None
                backup = keep(before, path, root)
                with suppress(ChangedError):  # the backup is a version that there was
                    write_file(path, after, instead_of=before)
                    return backup
    except Timeout:
        raise OSError(busy) from None
    raise OSError(busy)


def keep(content: bytes, path: Path, root: Path) -> Path:
    """Put what a file holds into the folder of backups, under a name of its own."""
    folder = root / BACKUPS
    folder.mkdir(exist_ok=True)
    stamp = time.strftime("%Y-%m-%d-%H%M%S")
    names = (f"{path.stem}.{stamp}-{i}{path.suffix}" for i in itertools.count(1))
    backup = next(folder / name for name in names if not (folder / name).exists())
    write_file(backup, content)
    return backup
