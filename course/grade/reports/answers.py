"""Answers to inline questions, side by side, and the points that a person gives them.

`answers/QUESTION.html` shows all answers to a question. Points and comments go into
`answers/points.csv`; the next run, and `--resume`, merges them into all reports.
"""

import csv
import io
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from course.grade.reports.html import page, paragraph, preformatted
from course.grade.reports.records import Given, Records, record_name
from course.grade.reports.tables import as_csv
from course.grade.run import write_whole
from course.grade.text import cell
from ece662.exercises import EXERCISES, Exercise

__all__ = ["TABLE", "read_points", "write_answers"]

TABLE = Path("answers", "points.csv")
COLUMNS = ("student", "question", "points", "of", "comment", "record")
MAX_COMPLAINTS = 20


def questions() -> list[Exercise]:
    """Return what a person has to read."""
    return [exercise for exercise in EXERCISES if not exercise.is_checked]


def read_points(
    path: Path, records: Records
) -> tuple[dict[tuple[str, str], Given], list[str]]:
    """Read the points that were entered, by the record's name and the question.

    Returns:
        The points, and what is wrong with the table, line by line.
    """
    most = {exercise.id: exercise.points for exercise in questions()}
    find = _RecordFinder(records)
    given, complaints = {}, []
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        return {}, []
    except (OSError, UnicodeDecodeError) as error:
        return {}, [f"{path} cannot be read: {error}"]
    for number, row in enumerate(_rows(text), start=2):
        question = row.get("question")
        entered = (row.get("points") or "").strip()
        if not entered:
            continue
        try:
            points = float(entered.replace(",", "."))
            fits = 0 <= points <= most[question]
        except (ValueError, KeyError):
            fits = False
        where = f"{path.name}, line {number}"
        name, message = find(row.get("record") or "", row.get("student") or "")
        if not fits:
            message = f"{entered[:100]!r} points for {(question or '')[:100]!r}"
            expected = f"expected 0 to {most.get(question, '?')}"
            complaints.append(f"{where}: {message}; {expected}")
        elif message:
            complaints.append(f"{where}: {message}")
        else:
            given[name, question] = Given(points, row.get("comment") or "")
    return given, complaints[:MAX_COMPLAINTS]


class _RecordFinder:
    """Finds the record that a row of a table means: by its name, else by a student's.

    Names are compared as what a spreadsheet may leave of them, and one that fits two
    students is nobody's.
    """

    def __init__(self, records: Records):
        """Look at the students' names."""
        self._known = {record_name(student) for student in records.students}
        self._names = defaultdict(list)
        for student in records.students:
            self._names[_bare(cell(student))].append(student)

    def __call__(self, record: str, student: str) -> tuple[str, str]:
        """Return the record's name, or what is wrong."""
        if record.strip() in self._known:
            return record.strip(), ""
        found = self._names.get(_bare(student), ())
        if len(found) == 1:
            return record_name(found[0]), ""
        if found:
            message = f"{len(found)} students have the name {student[:100]!r}"
            return "", f"{message}: the column record tells them apart"
        return "", f"there are points for {student[:100]!r}, who handed nothing in"


def _bare(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip().lstrip("'").strip()


def _rows(text: str) -> Iterable[dict[str, str]]:
    # A spreadsheet in some languages separates by semicolons.
    delimiter = ";" if text.partition("\n")[0].count(";") >= 3 else ","
    return csv.DictReader(io.StringIO(text), delimiter=delimiter)


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
    rows = [list(COLUMNS)]
    for record in records:
        student, name = record["student"], record_name(record["student"])
        for question in questions():
            if question.id in record["answers"]:
                known = given.get((name, question.id))
                points = f"{known.points:g}" if known else ""
                comment = known.comment if known else ""
                row = [student, question.id, points, question.points, comment, name]
                rows.append(row)
    return as_csv(rows)
