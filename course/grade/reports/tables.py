"""The class as tables: `class.csv` for a spreadsheet, `class.json` for programs."""

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path

from course.grade.reports.class_list import ClassList
from course.grade.reports.keeping import replace_file
from course.grade.reports.records import Records, record_name
from course.grade.reports.survey import Survey
from course.grade.run import RUN, write_whole
from course.grade.text import cell
from ece662.check.terms import Status
from ece662.exercises import EXERCISES

__all__ = ["as_csv", "write_csv", "write_json"]

KEPT = ("status", "points", "of", "diagnosis", "message", "question")


def write_csv(path: Path, records: Records, students: ClassList) -> None:
    """Write a line for each student: name, total, and the points of each exercise.

    All are out of the same; what nobody has decided on yet is under `open`.
    """
    ids = [exercise.id for exercise in EXERCISES]
    rows = [["student", "points", "of", "open", "late", *ids, "notes", "record"]]
    for record in records:
        points = {mark["exercise"]: _entry(mark) for mark in record["marks"]}
        standing = students.standing(record)
        row = [record["student"], *map(_short, standing[:3]), standing.days]
        row += [points[id] for id in ids]
        rows.append([*row, "; ".join(record["notes"]), record_name(record["student"])])
    for person in students.missing:
        empty = [""] * (len(ids) + 4)
        rows.append([person.shown, *empty, "no submission", ""])
    replace_file(path, as_csv(rows))


def as_csv(rows: Iterable[Iterable[object]]) -> str:
    """Return rows as CSV, every cell in quotes, so that it stays one."""
    lines = io.StringIO()
    writer = csv.writer(lines, quoting=csv.QUOTE_ALL)
    writer.writerows([cell(str(value)) for value in row] for row in rows)
    return lines.getvalue()


def _entry(mark) -> str:
    """Return the points, or nothing where they are still open."""
    return (
        ""
        if mark["status"] in (Status.ANSWER, Status.NOT_RUN)
        else _short(mark["points"])
    )


def _short(number: float) -> str:
    return f"{number:g}"


def write_json(
    path: Path, records: Records, overview: Survey, students: ClassList
) -> None:
    """Write all that is known of the class; the same run gives the same bytes."""
    run = json.loads((path.parent / RUN).read_text("utf-8"))
    summary = {
        "run": run,
        "exercises": {
            id: dict(sorted(counts.items())) for id, counts in overview.outcomes.items()
        },
        "mistakes": [
            {"exercise": exercise, "diagnosis": diagnosis, "students": count}
            for (exercise, diagnosis), count in _by_frequency(overview.mistakes)
        ],
        "similar": [pair._asdict() for pair in overview.alike],
        "students": [_student(record, students) for record in records],
        "without a submission": [person.shown for person in students.missing],
    }
    write_whole(path, json.dumps(summary, indent=1, ensure_ascii=True) + "\n")


def _mark(mark) -> dict:
    more = {key: mark[key] for key in ("by hand", "changed since") if key in mark}
    return {key: mark[key] for key in KEPT} | more


def _by_frequency(counts) -> list:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _student(record, students: ClassList) -> dict:
    standing = students.standing(record)
    return {
        "student": record["student"],
        "points": standing.points,
        "of": standing.of,
        "open": standing.open,
        "days late": standing.days,
        "exercises": {m["exercise"]: _mark(m) for m in record["marks"]},
        "notes": record["notes"],
    }
