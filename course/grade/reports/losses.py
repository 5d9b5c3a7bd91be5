"""What a run did not grade, lost or left out: for its last lines and the summary."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from course.grade.marks.mark import UNREAD
from course.grade.reports.records import Records
from course.grade.run import LEFT_OUT
from course.grade.text import printable
from ece662.check.terms import Status

__all__ = ["LOST", "left_out_of", "losses_of"]

SHOWN = 10  # names in a sentence
LOST = "not-graded"  # the diagnosis of every mark of a submission that was not graded
# Diagnoses that say something of the grader, and nothing of the work.
OURS = ("judge-stopped", "sandbox-failed")


def losses_of(out: Path, records: Records) -> list[str]:
    """Say what a run did not do; [] where it has done all.

    Args:
        out: the folder of the run.
        records: of that run.
    """
    ungraded, empty, partly, stopped, unrun = [], [], [], [], Counter()
    for record in records:
        name, marks = record["student"], record["marks"]
        diagnoses = {mark["diagnosis"] for mark in marks}
        if LOST in diagnoses:
            ungraded.append(name)
        elif {mark["status"] for mark in marks} == {Status.MISSING}:
            empty.append(name)
        elif UNREAD in diagnoses:
            partly.append(name)
        elif diagnoses & {*OURS}:
            stopped.append(name)
        unrun.update(
            mark["exercise"] for mark in marks if mark["diagnosis"] == "no-sandbox"
        )
    sentences = [
        "" if len(records) else "there was no submission to grade",
        _sentence(ungraded, "not graded"),
        _sentence(empty, "none of the course's files could be read"),
        _sentence(partly, "graded without a file that could not be read"),
        _sentence(stopped, "graded but for an exercise that could not be judged"),
        _sentence([f"{name} ({why})" for name, why in left_out_of(out)], "left out"),
        _sentence(sorted(unrun), "exercises that cannot be run here"),
    ]
    return [sentence for sentence in sentences if sentence]


def left_out_of(out: Path) -> list[tuple[str, str]]:
    """Return what in the folder is no submission, and why."""
    try:
        return json.loads((out / LEFT_OUT).read_text("utf-8"))
    except FileNotFoundError:
        return []


def _sentence(names: Iterable[str], what: str) -> str:
    names = list(names)
    if not names:
        return ""
    shown = ", ".join(printable(name, 200) for name in names[:SHOWN])
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{len(names)} {what}: {shown}{more}"
