"""The class as a whole: how each exercise came out, what went wrong most often."""

from collections import Counter
from dataclasses import dataclass, field

from course.grade.reports.class_list import ClassList
from course.grade.reports.records import Records
from course.grade.similar import Likeness, likenesses
from ece662.check.terms import Kind, Status
from ece662.exercises import EXERCISES

__all__ = ["Survey", "survey"]

TENTHS = 10
# What is wrong is another exercise, which is counted there.
ECHOES = (
    Kind.FORWARD_AT_FAULT,
    Kind.FORWARD_STOPS,
    Kind.NEEDS_MENDING,
    Kind.BOTH_AT_FAULT,
)
MAX_LIKENESSES = 200  # pairs an exercise; more is not a list to look through


@dataclass
class Survey:
    """What a teacher wants to know before the next lesson."""

    students: int = 0
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)  # by exercise
    mistakes: Counter[tuple[str, str]] = field(default_factory=Counter)
    tenths: list[int] = field(default_factory=lambda: [0] * TENTHS)  # of the points
    noted: list[tuple[str, str]] = field(default_factory=list)  # student and note
    odd: list[tuple[str, str, str]] = field(default_factory=list)  # and exercise
    alike: list[Likeness] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)  # what was not graded, in words
    by_hand: list[tuple[str, ...]] = field(default_factory=list)
    reread: list[tuple[str, str]] = field(default_factory=list)  # student and question
    left_out: list[tuple[str, str]] = field(default_factory=list)  # name, and why


def survey(records: Records, students: ClassList) -> Survey:
    """Go through the records and count."""
    found = Survey(outcomes={exercise.id: Counter() for exercise in EXERCISES})
    for record in records:
        found.students += 1
        standing = students.standing(record)
        share = standing.points / standing.of if standing.of else 0
        found.tenths[min(TENTHS - 1, int(TENTHS * share))] += 1
        found.noted += [(record["student"], note) for note in record["notes"]]
        for mark in record["marks"]:
            found.odd += [
                (record["student"], mark["exercise"], text)
                for text in mark.get("noticed", ())
            ]
            found.outcomes[mark["exercise"]][mark["status"]] += 1
            if change := mark.get("by hand"):
                found.by_hand.append((record["student"], mark["exercise"],
                                      f"{change['was']:g}", f"{mark['points']:g}",
                                      change["reason"]))  # fmt: skip
            if mark.get("changed since"):
                found.reread.append((record["student"], mark["exercise"]))
            diagnosis = mark["diagnosis"]
            wrong = mark["status"] in (Status.FAILED, Status.STOPPED)
            if wrong and diagnosis and diagnosis not in ECHOES:
                key = (mark["exercise"], diagnosis)
                found.mistakes[key] += 1
    found.alike = _alike(records)
    return found


def _alike(records: Records) -> list[Likeness]:
    """Compare the code of all students, one exercise at a time."""
    found = []
    for exercise in EXERCISES:
        if exercise.is_checked:
            kept = {
                r["student"]: r["fingerprints"].get(exercise.id, ()) for r in records
            }
            found += likenesses(exercise.id, kept)[:MAX_LIKENESSES]
    return found
