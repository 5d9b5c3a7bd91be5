"""Answers to inline questions, side by side, and the points that a person gives them.

`answers/QUESTION.html` shows all answers to a question. Points and comments go into
`answers/points.csv`, or a workbook of that name; the next run, and `--resume`, merges
them into `marks.json` and so into all reports. `answers/rows.csv` says of each row of
the tables that were read what became of it.
"""

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from course.grade.reports.given import MARKS, Marks, MergedTable
from course.grade.reports.html import page, paragraph, preformatted
from course.grade.reports.keeping import replace_file
from course.grade.reports.marking_page import marking_page, name_of_page
from course.grade.reports.records import (
    Records,
    digest_of_answer,
    record_name,
)
from course.grade.reports.rubric import together
from course.grade.reports.tables import as_csv
from course.grade.run import RUN, write_whole
from course.grade.text import name_line
from ece662.check.terms import Status
from ece662.exercises import EXERCISES, Exercise

__all__ = ["TABLE", "take_points", "write_answers"]

TABLE = Path("answers", "points.csv")
WORKBOOK = TABLE.with_suffix(".xlsx")
FATES = Path("answers", "rows.csv")
COLUMNS = ("student", "question", "points", "of", "comment", "rubric", "record")
MAX_COMPLAINTS = 20


def questions() -> list[Exercise]:
    """Return what a person has to read."""
    return [exercise for exercise in EXERCISES if not exercise.is_checked]


def take_points(out: Path, others: Sequence[Path], records: Records) -> list[str]:
    """Merge the tables of points into the marks that are known, and those into records.

    The table of the run is written anew where all that it says was understood: with
    who has handed in since. Else it stays as it is, for a person to mend.

    Args:
        out: the folder of the run.
        others: further tables, from elsewhere.
        records: of the run; they get the marks.

    Returns:
        What was not understood, and what was assumed; sentences.

    Raises:
        GradingError: what is known cannot be read, or the disk is full.
    """
    marks, digests = Marks(out), _digests(records)

    def answer_of(record: str, exercise: str) -> str:
        return digests.get((record, exercise), digest_of_answer(""))

    own = [out / name for name in (TABLE, WORKBOOK) if (out / name).exists()]
    # Tables that the marking pages have saved.
    own += sorted(set((out / TABLE.parent).glob("points-*.*")) - {*own})
    merged = [marks.merge(path, records, answer_of) for path in (*own, *others)]
    records.given = marks.given()
    (out / TABLE.parent).mkdir(exist_ok=True)
    complaints = [line for table in merged for line in _complaints(table)]
    text = "\ufeff" + _table(records)  # by which Excel knows the encoding
    is_clear = all(table.is_clear for table in merged[: len(own)])
    if is_clear:
        marks.saw(out / TABLE, text.encode("utf-8"))
    if merged or (out / MARKS).exists():
        marks.save()  # before the table: what is in it is never in one place alone
    if is_clear:
        replace_file(out / TABLE, text)
    elif missing := _missing(merged[: len(own)], text):
        complaints.append(
            f"{missing} rows of newer submissions are not in {TABLE.name}: they are "
            "added once every row in it is understood"
        )
    fates = [fate for table in merged for fate in table.fates]
    if fates:
        heads = ("table", "line", "student", "question", "points", "row", "why")
        replace_file(out / FATES, as_csv([heads, *fates]))
    return complaints


def _digests(records: Records) -> dict[tuple[str, str], str]:
    return {
        (record_name(record["student"]), question): digest_of_answer(answer)
        for record in records
        for question, answer in record["answers"].items()
    }


def _complaints(table: MergedTable) -> Iterable[str]:
    """Say what a person has to look at; of many rows, where they are listed."""
    yield from table.remarks
    lost = [str(fate) for fate in table.fates if fate.is_lost]
    if table.trouble or lost:
        yield str(table)
    yield from lost[:MAX_COMPLAINTS]
    if len(lost) > MAX_COMPLAINTS:
        yield f"{len(lost) - MAX_COMPLAINTS} more rows: see {FATES}"


def _missing(merged: Sequence[MergedTable], text: str) -> int:
    """Return how many rows a table lacks; 0 where one could not be read."""
    known = {(fate.student, fate.question) for table in merged for fate in table.fates}
    if any(table.trouble for table in merged):
        return 0
    return max(0, len(list(csv.reader(io.StringIO(text)))) - 1 - len(known))


def write_answers(
    out: Path, records: Records, rubrics: Mapping[str, Sequence[str]]
) -> None:
    """Write a page for each question, and one to mark its answers.

    Args:
        out: the folder of the run.
        records: of the run, with the marks that are given.
        rubrics: items to mark by, by question; those in use are added.
    """
    (out / "answers").mkdir(exist_ok=True)
    for question in questions():
        path = out / "answers" / f"{question.id}.html"
        write_whole(path, page(question.id, _answers_to(question, records)))
        answers = list(_to_be_marked(question, records))
        if answers:
            run = hashlib.sha256((out / RUN).read_bytes()).hexdigest()[:12]
            path = path.with_name(name_of_page(question))
            used = (answer["rubric"] for answer in answers)
            items = together(rubrics.get(question.id, ()), *used)
            write_whole(path, marking_page(question, answers, items, run))


def _to_be_marked(question: Exercise, records: Records) -> Iterator[dict[str, Any]]:
    """Yield the answers to a question, in an order that says nothing of the names."""
    found = []
    for record in records:
        if answer := record["answers"].get(question.id):
            name = record_name(record["student"])
            known = records.given.get((name, question.id))
            mark = next(m for m in record["marks"] if m["exercise"] == question.id)
            order = hashlib.sha256(f"{name} {question.id}".encode()).digest()
            found.append((order, {
                "student": record["student"],
                "record": name,
                "answer": answer,
                "points": known.points if known else None,
                "comment": known.comment if known else "",
                "rubric": list(known.rubric) if known else [],
                "changed": bool(mark.get("changed since")),
            }))  # fmt: skip
    yield from (entry for _, entry in sorted(found, key=lambda pair: pair[0]))


def _answers_to(question: Exercise, records: Records) -> Iterable[str]:
    yield paragraph(
        f"{question.notebook}, up to {question.points} points. Enter them in "
        "points.csv, beside this page, or:"
    )
    yield f'<p><a href="{name_of_page(question)}">mark one at a time</a></p>'
    for record in records:
        yield f"<h2>{paragraph(record['student'], tag=None)}</h2>"
        mark = next(m for m in record["marks"] if m["exercise"] == question.id)
        if mark["status"] == Status.READ:
            since = mark.get("changed since")
            yield paragraph(
                f"Marked: {mark['points']:g}. {mark['message']}"
                + (" The answer has changed since." if since else "")
            )
        answer = record["answers"].get(question.id)
        yield preformatted(answer) if answer else paragraph("No answer.")


def _table(records: Records) -> str:
    """Return the table, with a row for each answer and each mark."""
    rows: list[list[object]] = [list(COLUMNS)]
    for record in records:
        student, name = name_line(record["student"]), record_name(record["student"])
        for exercise in EXERCISES:
            known = records.given.get((name, exercise.id))
            if known is None and exercise.id not in record["answers"]:
                continue
            points, comment = (known.points, known.comment) if known else (None, "")
            shown = "" if points is None else f"{points:g}"
            rubric = " | ".join(known.rubric) if known else ""
            rows.append([student, exercise.id, shown, exercise.points, comment, rubric,
                         name])  # fmt: skip
    return as_csv(rows)
