"""A student's work: where it is, what it says, and how to change it safely.

The work is the text between the marker lines and in the answer cells of the files that
`ece662.exercises` lists. Before a file is replaced, in one atomic step, it is copied to
the folder `backups`: nothing that a student has written is lost.
"""

import difflib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import ece662
from ece662._files import ChangedError, dated_name, write_file
from ece662.exercises import EXERCISES, Exercise
from ece662.exercises.findings import Fault, Finding, MarkerError
from ece662.exercises.reading import Piece, decode, fault_of, read_files
from ece662.exercises.regions import ANSWER, parse_file

__all__ = [
    "ANSWER",
    "Piece",
    "Target",
    "alone",
    "find_root",
    "find_target",
    "keep",
    "read_text",
    "read_work",
    "rewrite",
    "with_package_in",
]

BACKUPS = "backups"
SETTLE = 0.3  # seconds; an editor that has asked whether it may save then saves
TRIES = 20  # to write a file that an editor keeps saving
LONGEST_WAIT = 60  # seconds, for another process of this package that writes
BUSY = "{} is being written by another program; try again"


class Target(NamedTuple):
    """The regions that a name, such as "TwoLayerNet.loss", stands for."""

    exercise: Exercise
    keys: tuple[tuple[str, int], ...]  # (owner, number), as in `regions`


def find_root(folder: Path | None = None) -> Path:
    """Return the course's folder that contains this one, or else this package's."""
    folder = Path.cwd() if folder is None else folder
    for candidate in (folder, *folder.parents):
        if (candidate / "ece662" / "exercises" / "exercises.toml").is_file():
            return candidate
    return Path(ece662.__file__).resolve().parents[1]


def with_package_in(root: Path) -> dict:
    """Return arguments of subprocess.run with which Python imports a folder's package.

    Python searches the current folder first. PYTHONPATH would not do: a student's file
    with the name of a standard module would be imported from there, before the package
    can prevent it.
    """
    names = os.environ.keys() - {"PYTHONSAFEPATH"}
    return {"cwd": root, "env": {name: os.environ[name] for name in names}}


def read_text(path: Path, root: Path | None = None) -> str:
    """Read a file with its line ends as they are.

    Args:
        path: of the file.
        root: the course's folder; messages name the file from there on.

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
    """Read the work on each exercise; damage is recorded in the pieces it affects."""
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
        text: of the exercise's file; None reads it from the disk.

    Raises:
        ValueError: there is none; suggests similar names.
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
    keys = [key for key in parsed.places if key[0] in owners]
    for owner in owners:
        if fault := fault_of(parsed, owner, exercise):
            raise MarkerError(fault)
    if number is None:
        return Target(exercise, tuple(keys))
    if not 1 <= number <= len(keys):
        raise ValueError(f"{name} has regions 1 to {len(keys)}, got {number}")
    return Target(exercise, (keys[number - 1],))


def _unknown(name: str, wanted: str, known: dict) -> str:
    for exercise in EXERCISES:
        if exercise.id.lower() == wanted and exercise.extends:
            return f"{exercise.id} is written into the regions of {exercise.extends}"
    near = [key for key in known if wanted and wanted in key]
    near += difflib.get_close_matches(wanted, known, n=3, cutoff=0.5)
    names = [n for e, owners in known.values() for n in (e.id, *owners)]
    similar = [next(n for n in names if n.lower() == k) for k in dict.fromkeys(near)]
    advice = f"; did you mean {' or '.join(similar[:3])}?" if similar else ""
    return f"there is no region {name!r}{advice}"


def rewrite(path: Path, root: Path, make: Callable[[str], str]) -> Path | None:
    """Change a file in one atomic step, after a copy of it to the folder of backups.

    Processes of this package wait for each other with a lock. An editor does not: where
    it has saved in between, or at the same moment, the change is made again, to the
    text that it has saved.

    Args:
        path: of the file.
        root: the course's folder.
        make: returns the new text for an old one; called again after such a save.

    Returns:
        The path of the backup; None where nothing changes.

    Raises:
        OSError: it cannot be written, or another program keeps writing to it.
        ValueError: raised by `make`, or the file is not UTF-8. Nothing is changed.
    """

    def changed(before: bytes) -> bytes:
        return make(_text_of(before, path, root)).encode("utf-8")

    before = path.read_bytes()
    if changed(before) == before:  # also raises before a folder or a lock is made
        return None
    with alone(root, path.name):
        for _ in range(TRIES):
            before = path.read_bytes()
            after = changed(before)
            if before == after:
                return None
            backup = keep(before, path, root)
            with suppress(ChangedError):  # the backup stays: it was a saved version
                write_file(path, after, instead_of=before)
            time.sleep(SETTLE)
            if path.read_bytes() == after:
                return backup
    raise OSError(BUSY.format(path.name))


@contextmanager
def alone(root: Path, name: str) -> Iterator[None]:
    """Let no other process of this package write a student's files in the block.

    Where the folder of backups cannot be written to, nobody waits for anybody.

    Args:
        root: the course's folder.
        name: of what is to be written, for the message.

    Raises:
        OSError: another process has been writing for too long.
    """
    # Imported here to keep `import ece662` quick.
    from filelock import FileLock, Timeout

    folder = root / BACKUPS
    lock = FileLock(folder / ".lock", timeout=LONGEST_WAIT)
    try:
        folder.mkdir(exist_ok=True)
        lock.acquire()
    except Timeout:
        raise OSError(BUSY.format(name)) from None
    except OSError:
        pass
    try:
        yield
    finally:
        lock.release()


def keep(content: bytes, path: Path, root: Path) -> Path:
    """Write a file's content to the folder of backups, under a new name."""
    folder = root / BACKUPS
    folder.mkdir(exist_ok=True)
    backup = dated_name(folder, path)
    write_file(backup, content)
    return backup
