"""A student's progress: the state of every exercise, and the message of its check.

A check takes about a second, and longer for exercises that train. So verdicts are
cached, those of `check` among them; see `verdicts`.
"""

import sys
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from ece662.check import verdicts
from ece662.check.apart import TEXT, check_apart
from ece662.check.recipes import RECIPES
from ece662.check.terms import Status
from ece662.exercises import EXERCISES, Exercise
from ece662.exercises.reading import Piece
from ece662.exercises.work import read_work

__all__ = ["State", "progress"]

WORDS = {
    Status.PASSED: "passed",
    Status.FAILED: "not yet",
    Status.STOPPED: "not yet",
    Status.NOT_WRITTEN: "to do",
    Status.NEEDS: "to do",
    Status.ANSWER: "written",
    Status.DAMAGED: "damaged",
}


class State(NamedTuple):
    """The state of an exercise."""

    exercise: Exercise
    status: Status
    message: str = ""  # what the check says, or what is damaged
    digest: str = ""  # of what the student wrote
    notes: tuple[str, ...] = ()  # about the file; they change no state

    @property
    def finished(self) -> bool:
        """True where nothing is left for the student to do."""
        return self.status in (Status.PASSED, Status.ANSWER)

    @property
    def word(self) -> str:
        """The state as it is shown to a student."""
        return WORDS[self.status]


def progress(root: Path, exercises: Collection[Exercise] = EXERCISES) -> list[State]:
    """Return the state of each exercise; runs the checks whose verdict is not cached.

    Args:
        root: the course's folder.
        exercises: which ones.
    """
    pieces = {piece.exercise.id: piece for piece in read_work(root)}
    found = _verdicts(root, verdicts.fingerprints(root, exercises, pieces))
    states = [_state(pieces[e.id], found.get(e.id)) for e in exercises]
    return [s._replace(notes=pieces[s.exercise.id].remarks) for s in states]


def _state(piece: Piece, verdict: dict | None) -> State:
    exercise, digest = piece.exercise, piece.digest
    if piece.damage:
        return State(exercise, Status.DAMAGED, piece.damage)
    if piece.begun:
        return State(exercise, Status.FAILED, str(piece.begun), digest)
    if not piece.written:
        return State(exercise, Status.NOT_WRITTEN, "", digest)
    if exercise.recipe not in RECIPES:
        return State(exercise, Status.ANSWER, "", digest)
    if verdict is None:
        message = "its check did not finish"
        return State(exercise, Status.STOPPED, message, digest)
    status = Status(verdict["status"])
    message = "" if status is Status.PASSED else verdict["message"]
    return State(exercise, status, message, digest)


def _verdicts(root: Path, wanted: dict[str, str]) -> dict[str, dict]:
    """Return the verdicts by id: from the cache, or from checks that run now."""
    try:
        path = verdicts.place()
    except ValueError as error:  # ECE662_DATA names no folder
        print(error, file=sys.stderr)
        path = None
    kept = verdicts.load(path) if path else {}
    missing = [id for id, fingerprint in wanted.items() if fingerprint not in kept]
    if missing:
        hint = "(those that train take some seconds each)"
        many = f"{len(missing)} exercise{'' if len(missing) == 1 else 's'}"
        print(f"Checking {many} {hint} ...", file=sys.stderr)
        stopped = {}
        try:
            for number, verdict in enumerate(check_apart(root, missing), start=1):
                verdict.pop(TEXT, None)
                is_kept = verdicts.is_final(verdict)
                (kept if is_kept else stopped)[wanted[verdict["id"]]] = verdict
                word = WORDS[Status(verdict["status"])]
                done = f"{number} of {len(missing)}: {verdict['id']} {word}"
                print(done, file=sys.stderr, flush=True)
        finally:  # Ctrl-C loses none of them
            try:
                if path:
                    verdicts.save(path, kept)
            except OSError as error:
                hint = f"Not saved, so it will be checked again: {error}"
                print(hint, file=sys.stderr)
        kept = kept | stopped
    return {id: kept[mark] for id, mark in wanted.items() if mark in kept}
