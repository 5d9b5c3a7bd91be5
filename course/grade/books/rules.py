"""What a course has settled: who takes part, until when, and what counts how much.

roster = "students.csv"            # of any platform, from the folder of this file
deadline = 2026-11-20T23:59:00
timezone = "Europe/Berlin"         # of the deadline, and of times without one

[late]
percent_per_day = 10               # of the points that were earned
grace_minutes = 15
free_days = 2                      # that cost nobody anything
at_most = 50                       # percent

[weights]                          # of a notebook or an exercise; else 1
Q6-Pruning = 0.5

[bonus]
exercises = ["q5-torch-challenge-train"]  # counts on top, and not in what it is out of

[rubric]                           # of questions: items with points, or comments
q1-vanishing-answer = ["1 names the product", "0.5 says of what", "Which factors?"]

[[gradebook]]
file = "export.csv"                # as the platform has exported it
column = "Homework 1"
"""

import datetime
import math
import tomllib
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from course.grade.errors import GradingError
from ece662.check.terms import Status
from ece662.exercises import EXERCISES, NOTEBOOKS

__all__ = ["COURSE", "Course", "Standing", "load"]

COURSE = "course.toml"
OPEN = (Status.ANSWER, Status.NOT_RUN)
DAY = 24 * 60  # minutes
KEYS = {
    "": {"roster": str, "deadline": datetime.datetime, "timezone": str, "late": dict,
         "weights": dict, "bonus": dict, "rubric": dict, "gradebook": list},
    "late": {"percent_per_day": float, "grace_minutes": float, "free_days": float,
             "at_most": float},
    "bonus": {"exercises": list},
    "gradebook": {"file": str, "column": str},
}  # fmt: skip


class Standing(NamedTuple):
    """What a student has, by the rules of the course."""

    points: float  # after what lateness costs
    of: float  # the same for all
    open: float  # points that nobody has decided on yet
    bonus: float  # that is in the points
    days: int  # late, as far as they cost something
    lost: float  # points by that
    remark: str = ""  # what a person has to decide


@dataclass
class Course:
    """What is settled; nothing where there is no file."""

    folder: Path = Path()
    roster: Path | None = None
    deadline: datetime.datetime | None = None  # with its zone
    late: Mapping[str, float] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    bonus: frozenset[str] = frozenset()
    rubrics: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    gradebooks: tuple[tuple[Path, str], ...] = ()

    def weight(self, exercise) -> float:
        """Return what the points of an exercise are multiplied by."""
        of_notebook = self.weights.get(exercise.notebook, 1.0)
        return self.weights.get(exercise.id, of_notebook)

    def standing(
        self, record: Mapping[str, Any], counted: frozenset[str], extension: float = 0
    ) -> Standing:
        """Return what a student has.

        Args:
            record: of the student.
            counted: ids of exercises that were run at all; others count for nobody.
            extension: days that this student has more.
        """
        got = open_ = bonus = of = 0.0
        marks = {mark["exercise"]: mark for mark in record["marks"]}
        for exercise in EXERCISES:
            if exercise.id not in counted:
                continue
            mark, weight = marks[exercise.id], self.weight(exercise)
            is_extra = exercise.id in self.bonus
            of += 0 if is_extra else weight * exercise.points
            if mark["status"] in OPEN:
                open_ += weight * exercise.points
            else:
                got += weight * mark["points"]
                bonus += weight * mark["points"] if is_extra else 0
        days, remark = self._days_late(record.get("handed_in") or {}, extension)
        share = min(self.late.get("at_most", 100.0),
                    days * self.late.get("percent_per_day", 0.0)) / 100  # fmt: skip
        lost = got * share
        values = (got - lost, of, open_, bonus, days, lost)
        return Standing(*(round(value, 6) for value in values[:4]), days,
                        round(lost, 6), remark)  # fmt: skip

    def _days_late(self, about: Mapping[str, Any], extension: float) -> tuple[int, str]:
        """Return the days that cost something, or what is to be decided."""
        if self.deadline is None:
            return 0, ""
        when = about.get("when")
        if not when:
            late = "late, by the platform's word, and nobody says by how much"
            return 0, late if about.get("late") else ""
        try:
            moment = datetime.datetime.fromisoformat(str(when))
        except ValueError:
            return 0, f"handed in at a time that cannot be read: {str(when)[:40]}"
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self.deadline.tzinfo)
        # In UTC: local times change by an hour twice a year, and so would a difference.
        late = moment.astimezone(datetime.UTC) - self.deadline.astimezone(datetime.UTC)
        late = late.total_seconds() / 60
        late -= self.late.get("grace_minutes", 0)
        days = math.ceil(late / DAY - extension)
        return max(0, days - int(self.late.get("free_days", 0))) if late > 0 else 0, ""


def load(path: Path) -> Course:
    """Read the rules of a course; those of none where there is no file.

    Raises:
        GradingError: it cannot be read, or says what is not understood.
    """
    try:
        held = tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        return Course()
    except (OSError, ValueError) as error:
        raise GradingError(f"{path} cannot be read: {error}") from None
    _check(path, "", held)
    for name in ("late", "bonus"):
        _check(path, name, held.get(name, {}))
    books = held.get("gradebook", [])
    for book in books:
        _check(path, "gradebook", book)
        if "file" not in book:
            raise GradingError(f"{path}: a gradebook has no file")
    weights = {
        name: _number(path, name, w) for name, w in held.get("weights", {}).items()
    }
    bonus = held.get("bonus", {}).get("exercises", [])
    known = {*NOTEBOOKS, *(exercise.id for exercise in EXERCISES)}
    if unknown := [name for name in (*weights, *bonus) if name not in known]:
        raise GradingError(f"{path}: there is no notebook or exercise {unknown[0]!r}")
    folder = path.parent
    return Course(
        folder,
        folder / held["roster"] if "roster" in held else None,
        _deadline(path, held),
        {
            name: _number(path, name, value)
            for name, value in held.get("late", {}).items()
        },
        weights,
        frozenset(bonus),
        _rubrics(path, held.get("rubric", {})),
        tuple((folder / book["file"], book.get("column", "")) for book in books),
    )


def _rubrics(path: Path, held: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    asked = {exercise.id for exercise in EXERCISES if not exercise.is_checked}
    for question, items in held.items():
        if question not in asked:
            raise GradingError(f"{path}, [rubric]: there is no question {question!r}")
        if not isinstance(items, list) or not all(isinstance(i, str) for i in items):
            why = f"expected a list of texts, got {items!r}"
            raise GradingError(f"{path}, [rubric]: {question}: {why}")
    return {question: tuple(items) for question, items in held.items()}


def _check(path: Path, section: str, held: Any) -> None:
    """Refuse what is not understood: a rule left out would cost a student points."""
    known = KEYS[section]
    where = f"{path}{f', [{section}]' if section else ''}"
    if not isinstance(held, dict):
        raise GradingError(f"{where}: expected names and values")
    for key, value in held.items():
        if key not in known:
            raise GradingError(f"{where}: expected {', '.join(known)}; got {key!r}")
        kinds = (int, float) if known[key] is float else known[key]
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise GradingError(f"{where}: {key} cannot be {value!r}")


def _number(path: Path, name: str, value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value < math.inf:
        raise GradingError(
            f"{path}: {name}: expected a number from 0 on, got {value!r}"
        )
    return float(value)


def _deadline(path: Path, held: Mapping[str, Any]) -> datetime.datetime | None:
    deadline = held.get("deadline")
    if deadline is None:
        return None
    if deadline.tzinfo is not None:
        return deadline
    if "timezone" not in held:
        why = "the deadline has no time zone: add timezone, such as 'Europe/Berlin'"
        raise GradingError(f"{path}: {why}")
    try:
        return deadline.replace(tzinfo=zoneinfo.ZoneInfo(held["timezone"]))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        raise GradingError(f"{path}: no time zone {held['timezone']!r}") from None
