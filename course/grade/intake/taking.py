"""Take out of a submission what is graded, and nothing else.

It is done in a child (see `contained`), which hands on the text between the marker
lines and the answers: so a submission is small from here on, whatever was handed in.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from course.grade.intake.submissions import Submission, open_parts, student_of
from ece662.exercises import EXERCISES
from ece662.exercises.findings import Fault, Finding, Note
from ece662.exercises.reading import Pieces, read_files

__all__ = [
    "WANTED",
    "as_plain",
    "digest_of",
    "from_plain",
    "take_here",
    "take_parts",
]

WANTED = frozenset(exercise.file for exercise in EXERCISES)
KINDS = {kind.__name__: kind for kind in (Fault, Note)}


def take_here(path: str | Path) -> Submission:
    """Open a submission in this process, and keep of its files what is graded."""
    path = Path(path)
    return take_parts([(path, path.name)], student_of(path))


def take_parts(
    parts: Sequence[tuple[Path, str]],
    student: str,
    about: dict[str, str | bool] | None = None,
    notes: Iterable[str] = (),
) -> Submission:
    """Open what a student handed in, and keep of the files what is graded.

    Args:
        parts: files and folders, with their names as the student had them.
        student: the name that it goes by.
        about: what a learning platform says of it.
        notes: on what was handed in, known before.
    """
    submission = open_parts(parts, WANTED, student)
    submission.about = about or {}
    submission.notes = [*notes, *submission.notes]
    submission.digest = digest_of(submission)
    submission.pieces = read_files({**submission.files, **submission.unread})
    submission.files, submission.unread = {}, {}
    return submission


def digest_of(submission: Submission) -> str:
    """Return a digest of all that is graded: equal digests, equal records."""
    if submission.digest:
        return submission.digest
    about = [submission.about] if submission.about else []
    text = json.dumps([submission.files, submission.notes, *about], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


def as_plain(submission: Submission) -> dict[str, Any]:
    """Return a submission that was taken, as JSON has it."""
    pieces = submission.pieces
    return {
        "name": submission.name,
        "notes": submission.notes,
        "about": submission.about,
        "digest": submission.digest,
        "bodies": [[*place, body] for place, body in pieces.bodies.items()],
        "answers": pieces.answers,
        "faults": [[*key, _plain(found)] for key, found in pieces.faults.items()],
        "missing": {file: _plain(found) for file, found in pieces.missing.items()},
        "findings": [_plain(found) for found in pieces.findings],
    }


def from_plain(plain: dict[str, Any]) -> Submission:
    """Return the submission that `as_plain` was given."""
    faults = plain["faults"]
    pieces = Pieces(
        bodies={(file, owner, n): body for file, owner, n, body in plain["bodies"]},
        answers=plain["answers"],
        faults={(file, owner): _finding(found) for file, owner, found in faults},
        missing={file: _finding(found) for file, found in plain["missing"].items()},
        findings=[_finding(found) for found in plain["findings"]],
    )
    submission = Submission(plain["name"], notes=plain["notes"], about=plain["about"])
    submission.digest, submission.pieces = plain["digest"], pieces
    return submission


def _plain(finding: Finding) -> list:
    what, *rest = finding
    return [type(what).__name__, what.name, *rest]


def _finding(plain: list) -> Finding:
    kind, name, *rest = plain
    return Finding(KINDS[kind][name], *rest)
