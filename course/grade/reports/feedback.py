"""Students' pages in a zip, in the form in which Moodle and Canvas take them back.

Moodle: "Upload multiple feedback files in a zip", by the folders that it has given out.
Canvas: "Upload submissions", by the beginning of the names of the files.
"""

from pathlib import Path

from course.grade.intake.bulk_names import CANVAS, MOODLE
from course.grade.reports.records import Records
from course.grade.text import file_name
from ece662.commands.packing import write_zip

__all__ = ["write_feedback"]


def write_feedback(out: Path, records: Records) -> None:
    """Write `feedback.zip`, where the submissions came from such a platform."""
    files = {}
    for record in records:
        name = str((record.get("handed_in") or {}).get("file", ""))
        if target := _target(name):
            page = out / "students" / f"{file_name(record['student'])}.html"
            files[target] = page.read_bytes()
    if files:
        write_zip(out / "feedback.zip", files)


def _target(name: str) -> str:
    if (match := MOODLE.fullmatch(name)) and match["id"]:
        return f"{match['name']}_{match['id']}_assignsubmission_file_/feedback.html"
    if match := CANVAS.fullmatch(name):
        whose = (match["name"], match["late"] and "LATE", match["id"], match["number"])
        return "_".join([*filter(None, whose), "feedback.html"])
    return ""
