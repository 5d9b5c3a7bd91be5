"""Verdicts that are kept: what was judged on the same bytes is not judged again.

A verdict is cached under a fingerprint of everything that it depends on: the student's
own text, that of the exercises it builds on, and the files of the package. `check` in a
notebook, `ece662 check`, status and submit share the cache.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from ece662 import live
from ece662._files import write_file
from ece662.check.code import MODULES
from ece662.check.recipes import RECIPES
from ece662.check.terms import Status
from ece662.data.cache import cache_root
from ece662.exercises import EXERCISES, Exercise, find_exercise
from ece662.exercises.reading import Piece
from ece662.exercises.regions import parse_file
from ece662.exercises.work import read_text, read_work

__all__ = ["fingerprints", "is_final", "load", "place", "remember", "save"]

KEPT = 2000  # verdicts in the cache; the oldest are dropped


def place() -> Path:
    """Return where verdicts are kept.

    Raises:
        ValueError: ECE662_DATA names no folder.
    """
    return cache_root() / "verdicts.json"


def fingerprints(
    root: Path,
    exercises: Iterable[Exercise],
    pieces: Mapping[str, Piece] | None = None,
) -> dict[str, str]:
    """Return the fingerprints of exercises that are written, by id.

    Args:
        root: the course's folder.
        exercises: which ones.
        pieces: the work on them and on those they build on, by id; None reads it.
    """
    built_on = {e.id: _built_on(e) for e in exercises if e.recipe in RECIPES}
    if pieces is None:
        needed = {id for ids in built_on.values() for id in ids}
        needed = map(find_exercise, sorted(needed))
        pieces = {piece.exercise.id: piece for piece in read_work(root, needed)}
    given = _given(root)
    return {
        id: _fingerprint(id, ids, pieces, given)
        for id, ids in built_on.items()
        if pieces[id].written
    }


def _built_on(exercise: Exercise) -> list[str]:
    """Return the ids of an exercise and of all that it builds on."""
    ids, todo = [], [exercise.id]
    while todo:
        id = todo.pop()
        if id not in ids:
            ids.append(id)
            todo += find_exercise(id).needs
    return sorted(ids)


def _fingerprint(
    id: str, ids: Iterable[str], pieces: Mapping[str, Piece], given: str
) -> str:
    parts = [given, id, *(f"{other} {pieces[other].digest}" for other in ids)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _given(root: Path) -> str:
    """Return a fingerprint of the package without what students write in it."""
    marks = []
    written = {exercise.file for exercise in EXERCISES}
    folder = root / "ece662"
    for path in sorted(folder.rglob("*")):
        file = path.relative_to(root).as_posix()
        if path.suffix not in (".py", ".toml", ".npz", ".so", ".pyd"):
            continue
        content = path.read_bytes()
        if file in written:
            content = _emptied(content, file)
        marks.append(file.encode() + hashlib.sha256(content).digest())
    return hashlib.sha256(b"".join(marks)).hexdigest()


@lru_cache(maxsize=64)
def _emptied(content: bytes, file: str) -> bytes:
    """Return a file without what students write in it; damaged, it is left as it is."""
    try:
        parsed = parse_file(content.decode("utf-8"), file)
    except ValueError:
        return content
    whole = (key for key in parsed.places if key[0] not in parsed.faults)
    return parsed.fill(dict.fromkeys(whole, "")).encode("utf-8")


def is_final(verdict: Mapping[str, Any]) -> bool:
    """Tell whether a verdict may be kept: where a limit was met, it may pass later."""
    return verdict["status"] != Status.STOPPED


def load(path: Path) -> dict[str, dict]:
    """Return what is kept, by fingerprint; nothing where it cannot be read."""
    try:
        kept = json.loads(read_text(path))
        return {k: v for k, v in kept.items() if v["status"] in list(Status)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def save(path: Path, kept: Mapping[str, dict]) -> None:
    """Keep verdicts, the newest of them.

    Raises:
        OSError: the folder cannot be written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, json.dumps(dict(list(kept.items())[-KEPT:])))


def remember(
    root: Path, marks: Mapping[str, str], verdicts: Iterable[Mapping[str, Any]]
) -> None:
    """Keep verdicts of a check in this process, where they are on what the files say.

    That is not so where a file was saved meanwhile, or where a notebook has put a
    function of its own into a module.

    Args:
        root: the course's folder.
        marks: the fingerprints from before the check, by id.
        verdicts: with id, status and message.
    """
    found = {v["id"]: dict(v) for v in verdicts if v["id"] in marks and is_final(v)}
    # Where nothing can be kept, the next check judges again: no reason to stop here.
    with suppress(OSError, ValueError):
        if found and live.is_as_loaded(MODULES):
            still = fingerprints(root, map(find_exercise, found))
            same = {id for id, mark in still.items() if mark == marks[id]}
            found = {marks[id]: verdict for id, verdict in found.items() if id in same}
            if found:
                save(place(), load(place()) | found)
