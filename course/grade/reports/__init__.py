"""What becomes of the records of a run: tables, pages, and answers to be read.

Each report is made from the records alone, which are read one by one: reports can be
made again at any time, and five thousand students need hardly more memory than five.
"""

from pathlib import Path

from course.grade.reports import answers, pages, tables
from course.grade.reports.losses import losses_of
from course.grade.reports.records import Records
from course.grade.reports.survey import survey

__all__ = ["losses_in", "write_reports"]


def write_reports(out: Path, points: Path | None = None) -> list[str]:
    """Write all reports of the records in `out/records`.

    Args:
        out: the folder of the run.
        points: the table in which answers were marked; None for the one of this run.

    Returns:
        What is wrong with the table of points: sentences, none if all is well.

    Raises:
        GradingError: the disk is full.
    """
    records = Records(out)
    given, complaints = answers.read_points(points or out / answers.TABLE, records)
    records.given = given
    answers.write_answers(out, records, given)
    overview = survey(records)
    overview.losses = losses_of(out, records)
    tables.write_csv(out / "class.csv", records)
    tables.write_json(out / "class.json", records, overview)
    pages.write_pages(out / "students", records)
    pages.write_summary(out, overview)
    return complaints


def losses_in(out: Path) -> tuple[list[str], int]:
    """Say what the run in a folder did not grade, lost or left out; [] if nothing.

    Returns:
        Sentences, and how many submissions have notes on single files.
    """
    records = Records(out)
    return losses_of(out, records), sum(bool(record["notes"]) for record in records)
