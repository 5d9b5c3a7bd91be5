"""Answers to inline questions, side by side, and the points that a person gives them.

`answers/QUESTION.html` shows all answers to a question. Points and comments go into
`answers/points.csv`; the next run, and `--resume`, merges them into all reports.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from course.grade.reports.html import page, paragraph, preformatted
from course.grade.reports.records import Given, Records
from course.grade.run import write_whole
from course.grade.text import cell
from ece662.exercises import EXERCISES, Exercise

__all__ = ["TABLE", "read_points", "unknown", "write_answers"]

TABLE = Path("answers", "points.csv")
COLUMNS = ("student", "question", "points", "of", "comment")
MAX_COMPLAINTS = 20


def questions() -> list[Exercise]:
    """Return what a person has to read."""
    return [exercise for exercise in EXERCISES if not exercise.is_checked]


def read_points(path: Path) -> tuple[dict[tuple[str, str], Given], list[str]]:
    """Read the points that were entered, by student and question.

    Returns:
        The points, and what is wrong with the table, line by line. Students are those
        of its cells, which `cell` has made safe.
    """
    most = {exercise.id: exercise.points for exercise in questions()}
    given, complaints = {}, []
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        return {}, []
    except (OSError, UnicodeDecodeError) as error:
        return {}, [f"{path} cannot be read: {error}"]
    for number, row in enumerate(_rows(text), start=2):
        student, question = row.get("student"), row.get("question")
        entered = (row.get("points") or "").strip()
        if not entered:
            continue
        try:
            points = float(entered.replace(",", "."))
            fits = 0 <= points <= most[question]
        except (ValueError, KeyError):
            fits = False
        if not fits:
            told = f"{path.name}, line {number}: {entered!r} points for {question!r}"
            complaints.append(f"{told}; expected 0 to {most.get(question, '?')}")
        elif student:
            given[student, question] = Given(points, row.get("comment") or "")
    return given, complaints[:MAX_COMPLAINTS]


def _rows(text: str) -> Iterable[dict[str, str]]:
    # A spreadsheet in some languages separates by semicolons.
    delimiter = ";" if text.partition("\n")[0].count(";") >= 3 else ","
    return csv.DictReader(io.StringIO(text), delimiter=delimiter)


def unknown(given: Mapping[tuple[str, str], Given], records: Records) -> list[str]:
    """Say whose points belong to nobody in this run."""
    known = {cell(student) for student in records.students}
    strangers = sorted({student for student, _ in given} - known)
    return [
        f"there are points for {name!r}, who handed nothing in" for name in strangers
    ][:MAX_COMPLAINTS]


def write_answers(
    out: Path, records: Records, given: Mapping[tuple[str, str], Given]
) -> None:
    """Write a page for each question and the table to enter points in."""
    (out / "answers").mkdir(exist_ok=True)
    for question in questions():
        path = out / "answers" / f"{question.id}.html"
        write_whole(path, page(question.id, _answers_to(question, records)))
    write_whole(out / TABLE, _table(records, given))


def _answers_to(question: Exercise, records: Records) -> Iterable[str]:
    yield paragraph(
        f"{question.notebook}, up to {question.points} points. Enter them in "
        "points.csv, beside this page."
    )
    for record in records:
        yield f"<h2>{paragraph(record['student'], tag=None)}</h2>"
        answer = record["answers"].get(question.id)
        yield preformatted(answer) if answer else paragraph("No answer.")


def _table(records: Records, given: Mapping[tuple[str, str], Given]) -> str:
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow(COLUMNS)
    for record in records:
        student = cell(record["student"])
        for question in questions():
            if question.id in record["answers"]:
                known = given.get((student, question.id))
                points = f"{known.points:g}" if known else ""
                comment = cell(known.comment) if known else ""
                writer.writerow(
                    [student, question.id, points, question.points, comment]
                )
    return lines.getvalue()
