"""The records of a run, with the points that a person gave merged in."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from course.grade.run import RECORDS
from course.grade.text import file_name
from ece662.check.terms import Status
from ece662.exercises import EXERCISES

__all__ = ["Given", "Records", "digest_of_answer", "record_name"]

QUESTIONS = {exercise.id for exercise in EXERCISES if not exercise.is_checked}


class Given(NamedTuple):
    """What a person gave for an answer, or for an exercise in place of its check."""

    points: float | None  # None for a comment alone
    comment: str
    answer: str = ""  # digest of the answer that was read
    was: Sequence[Mapping[str, Any]] = ()  # what was given before, the oldest first
    rubric: Sequence[str] = ()  # the items that it was marked by; see `rubric`


class Records:
    """Iterate over them in the order of their students' names, as often as needed."""

    def __init__(self, out: Path):
        """Look which records there are.

        Args:
            out: the folder of the run.
        """
        # Points for answers, by the name of the record and the question.
        self.given: Mapping[tuple[str, str], Given] = {}
        paths = (out / RECORDS).glob("[!.]*.json")
        self._paths = sorted((_student(path), path) for path in paths)
        self.students = [student for student, _ in self._paths]

    def __len__(self) -> int:
        return len(self._paths)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for _, path in self._paths:
            yield self._merged(json.loads(path.read_text("utf-8")))

    def _merged(self, record: dict[str, Any]) -> dict[str, Any]:
        name = record_name(record["student"])
        for mark in record["marks"]:
            given = self.given.get((name, mark["exercise"]))
            if given is None:
                continue
            if mark["exercise"] in QUESTIONS:
                digest = digest_of_answer(record["answers"].get(mark["exercise"], ""))
                _give_for_answer(mark, given, digest)
            else:
                _give_by_hand(mark, given)
        return record


def _give_for_answer(mark: dict[str, Any], given: Given, digest: str) -> None:
    """Merge in what was given for an answer, also where it could not be read again."""
    mark["message"] = given.comment
    if given.points is not None:
        mark |= {"status": Status.READ, "points": given.points}
        if digest != given.answer:
            mark["changed since"] = True


def _give_by_hand(mark: dict[str, Any], given: Given) -> None:
    """Merge in a mark that stands in the place of the check's."""
    mark["by hand"] = {"was": mark["points"], "reason": given.comment}
    if given.points is not None:
        mark["points"] = given.points
        if mark["status"] == Status.NOT_RUN:
            mark["status"] = Status.READ


def digest_of_answer(text: str) -> str:
    """Return a short text that changes with an answer."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _student(path: Path) -> str:
    return json.loads(path.read_text("utf-8"))["student"]


def record_name(student: str) -> str:
    """Return what a table calls a student's record by: unlike a name, it is unique.

    Two names may look the same, or become so in a spreadsheet.
    """
    return f"{file_name(student)}.json"
