"""What becomes of the records of a run: tables, pages, and answers to be read.

Each report is made from the records alone, which are read one by one: reports can be
made again at any time, and five thousand students need hardly more memory than five.
"""

from pathlib import Path

from course.grade.books.rules import COURSE, load
from course.grade.reports import answers, pages, tables
from course.grade.reports.attempts import choose_best
from course.grade.reports.class_list import ClassList
from course.grade.reports.class_page import write_class_page, write_mail
from course.grade.reports.feedback import write_feedback
from course.grade.reports.losses import left_out_of, losses_of
from course.grade.reports.records import Records
from course.grade.reports.similar_pages import write_similar
from course.grade.reports.survey import survey

__all__ = ["losses_in", "write_reports"]


def write_reports(out: Path, *points: Path, course: Path | None = None) -> list[str]:
    """Write all reports of the records in `out/records`.

    Args:
        out: the folder of the run.
        points: tables in which answers were marked, beside the one of this run.
        course: the file with the course's rules; None for the one in the folder.

    Returns:
        What a person has to look at, in tables of points, the list of students and
        gradebooks: sentences, none if all is well.

    Raises:
        GradingError: the disk is full, or the marks that are known cannot be read.
    """
    ungraded = choose_best(out, course or out / COURSE)
    records = Records(out)
    complaints = [*ungraded, *answers.take_points(out, points, records)]
    rules = load(course or out / COURSE)
    answers.write_answers(out, records, rules.rubrics)
    students = ClassList(records, rules)
    complaints += students.complaints()
    overview = survey(records, students)
    overview.losses = losses_of(out, records)
    overview.left_out = left_out_of(out)
    tables.write_csv(out / "class.csv", records, students)
    tables.write_json(out / "class.json", records, overview, students)
    pages.write_pages(out / "students", records, students)
    pages.write_summary(out, overview)
    write_class_page(out, records, students)
    write_mail(out / "mail.csv", records, students)
    write_similar(out / "similar", records, overview.alike)
    write_feedback(out, records)
    if len(records):
        complaints += students.fill_gradebooks(out)
    return complaints


def losses_in(out: Path) -> tuple[list[str], int]:
    """Say what the run in a folder did not grade, lost or left out; [] if nothing.

    Returns:
        Sentences, and how many submissions have notes on single files.
    """
    records = Records(out)
    return losses_of(out, records), sum(bool(record["notes"]) for record in records)
