"""Of several attempts of a student the best one counts, and the others are named."""

import json

import pytest

from course.grade.books import rules
from course.grade.classroom import Pupil, files_of
from course.grade.intake.handins import Attempts
from course.grade.reports import write_reports
from course.grade.reports.attempts import choose_best
from course.grade.run import GradingError, grade_class, record_path
from ece662.commands.packing import write_zip
from tests.course.grade.books.test_books import LATE, _record

EARLY, LATER = "2026-03-28T12:00:00", "2026-03-30T12:00:00"


def _keep(out, record):
    path = record_path(out, record["student"], record["handed_in"]["attempt"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record))
    (out / "records").mkdir(exist_ok=True)


def _attempt(when, wrong=0, **about):
    """Return a record with so many exercises wrong."""
    record = _record("ann", when=when, attempt=when, **about)
    checked = [m for m in record["marks"] if m["status"] == "passed"]
    for mark in checked[:wrong]:
        mark |= {"status": "failed", "points": 0}
    return record


def _chosen(out):
    return json.loads(record_path(out, "ann").read_text())


@pytest.mark.parametrize(
    ("wrong", "chosen"), [((0, 1), EARLY), ((1, 0), LATER), ((1, 1), LATER)]
)
def test_choose_best_takes_the_most_points_and_of_equals_the_last(
    tmp_path, wrong, chosen
):
    for when, count in zip((EARLY, LATER), wrong, strict=True):
        _keep(tmp_path, _attempt(when, count))
    assert choose_best(tmp_path, tmp_path / rules.COURSE) == []
    record = _chosen(tmp_path)
    assert record["handed_in"]["when"] == chosen
    other = LATER if chosen == EARLY else EARLY
    [note] = record["notes"]
    assert note.startswith(f"the attempt of {chosen} counts, with")
    assert f"not those of {other} (" in note


def test_choose_best_counts_what_lateness_costs(tmp_path):
    _keep(tmp_path, _attempt(EARLY, wrong=1))
    _keep(tmp_path, _attempt(LATER))
    (tmp_path / rules.COURSE).write_text(LATE)
    choose_best(tmp_path, tmp_path / rules.COURSE)
    assert _chosen(tmp_path)["handed_in"]["when"] == EARLY
    (tmp_path / rules.COURSE).unlink()
    choose_best(tmp_path, tmp_path / rules.COURSE)
    assert _chosen(tmp_path)["handed_in"]["when"] == LATER


def test_attempt_that_was_not_graded_is_named(tmp_path):
    lost = _attempt(LATER, wrong=999)
    for mark in lost["marks"]:
        mark |= {"status": "not run", "diagnosis": "not-graded"}
    _keep(tmp_path, lost)
    _keep(tmp_path, _attempt(EARLY))
    [line] = choose_best(tmp_path, tmp_path / rules.COURSE)
    assert line.startswith(f"ann: the attempt of {LATER} was not graded")
    assert "(not graded)" in _chosen(tmp_path)["notes"][0]


def test_choose_best_does_nothing_where_the_last_one_counts(tmp_path):
    (tmp_path / "records").mkdir()
    assert choose_best(tmp_path, tmp_path / "none.toml") == []
    assert [*(tmp_path / "records").iterdir()] == []


@pytest.mark.slow
@pytest.mark.usefixtures("walls")
def test_best_of_two_archives_is_graded_noted_and_kept(tmp_path, ready, monkeypatch):
    monkeypatch.setattr("course.grade.run.prepare", ready)
    folder, out = tmp_path / "bulk", tmp_path / "out"
    folder.mkdir()
    broken = Pupil("ann", "relu_forward", "np.maximum(x, 0)", "np.abs(x)")
    for day, pupil in ((1, Pupil("ann")), (2, broken)):
        name = f"HW1_ann_attempt_2026-10-0{day}-12-00-00_work.zip"
        files = {file: text.encode() for file, text in files_of(pupil).items()}
        write_zip(folder / name, files)
    options = {"training": False, "quiet": True}
    assert grade_class(folder, out, attempts=Attempts.BEST, **options) == 2
    assert write_reports(out) == []
    record = _chosen(out)
    assert record["handed_in"]["when"] == "2026-10-01T12:00:00"
    told = (out / "summary.html").read_text()
    assert "the attempt of 2026-10-01T12:00:00 counts, with" in told
    assert "not those of 2026-10-02T12:00:00" in told
    kept = {p: p.stat().st_mtime_ns for p in (out / "attempts").rglob("*.json")}
    assert len(kept) == 2
    assert grade_class(folder, out, resume=True, **options) == 2
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())
    with pytest.raises(GradingError, match="takes the best attempt"):
        grade_class(folder, out, resume=True, attempts=Attempts.LAST, **options)
