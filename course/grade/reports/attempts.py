"""Of several attempts of a student the best one: its record becomes the student's.

It is chosen anew whenever reports are made, because rules of the course may decide: a
later attempt may earn more and be worth less.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from course.grade.books.people import People, read_roster
from course.grade.books.rules import Course, load
from course.grade.reports.losses import LOST
from course.grade.run import ATTEMPTS, record_path, write_whole
from course.grade.text import name_line
from ece662.exercises import EXERCISES

__all__ = ["choose_best"]

EVERY = frozenset(exercise.id for exercise in EXERCISES)


def choose_best(out: Path, rules: Path) -> list[str]:
    """Put the best attempt of each student among the records, where all are graded.

    That is the one with the most points of what a check decides, after what lateness
    costs; of equals the last. The others are noted in it.

    Args:
        out: the folder of the run.
        rules: the file with those of the course.

    Returns:
        Which attempts could not be graded; sentences.

    Raises:
        GradingError: the rules or the list of students cannot be read.
    """
    folders = sorted((out / ATTEMPTS).glob("*/"))
    if not folders:
        return []
    course, ungraded = load(rules), []
    people = People(read_roster(course.roster) if course.roster else [])
    for folder in folders:
        paths = folder.glob("[!.]*.json")
        records = [json.loads(path.read_text("utf-8")) for path in sorted(paths)]
        if records:
            records.sort(key=_order)
            points = [_points(record, course, people) for record in records]
            best = _best(records, points)
            text = json.dumps(best, indent=1, sort_keys=True) + "\n"
            write_whole(record_path(out, best["student"]), text)
            lost = [record for record in records if _is_lost(record)]
            ungraded += [
                f"{name_line(best['student'])}: the attempt of {_when(record)} was not "
                "graded, and may be the best one"
                for record in lost
            ]
    return ungraded


def _best(records: Sequence[dict[str, Any]], points: Sequence[float]) -> dict[str, Any]:
    """Return the one with the most points, of equals the last; notes what it leaves."""
    best = max(range(len(records)), key=lambda place: (points[place], place))
    others = [
        f"of {_when(record)} ({_worth(record, points[place])})"
        for place, record in enumerate(records)
        if place != best
    ]
    chosen = records[best]
    if others:
        counts = f"the attempt of {_when(chosen)} counts, with {points[best]:g} points"
        chosen["notes"] = [
            *chosen["notes"],
            f"{counts} for what is checked; not those {', '.join(others)}",
        ]
    return chosen


def _order(record: Mapping[str, Any]) -> tuple[str, str]:
    about = record["handed_in"]
    return about.get("when", ""), about.get("attempt", "")


def _when(record: Mapping[str, Any]) -> str:
    return name_line(max(filter(None, _order(record)), key=len))


def _points(record: Mapping[str, Any], course: Course, people: People) -> float:
    found = people.find(record)
    extension = found[0].extension if len(found) == 1 else 0
    return course.standing(record, EVERY, extension).points


def _worth(record: Mapping[str, Any], points: float) -> str:
    return "not graded" if _is_lost(record) else f"{points:g} points"


def _is_lost(record: Mapping[str, Any]) -> bool:
    return any(mark["diagnosis"] == LOST for mark in record["marks"])
