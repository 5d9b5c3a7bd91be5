"""Reports of made-up records: readable, whole, and harmless whatever stands in them."""

import csv
import json
from dataclasses import asdict

import pytest

from course.grade.gradescope import results_of
from course.grade.intake.submissions import Submission
from course.grade.marks.marking import Mark
from course.grade.reports import losses_in, write_reports
from course.grade.reports.answers import TABLE
from course.grade.reports.class_page import SCRIPT, script_policy
from course.grade.reports.marking_page import SCRIPT as MARKING
from course.grade.run import GradingError, record_path, write_whole
from course.grade.text import file_name
from course.grade.workers.worker import ungraded
from ece662.exercises import EXERCISES

EVIL = "<script>alert(1)</script>\x1b[2J\u202e=1+1"
ANSWERS = [exercise.id for exercise in EXERCISES if exercise.kind == "answer"]


def _record(student, status="passed", text=EVIL):
    marks = [
        Mark(e.id, "answer", 0, e.points)
        if e.kind == "answer"
        else Mark(
            e.id, status, e.points * (status == "passed"), e.points,
            None if status == "passed" else "relu-leaks", text, text, (text,), text,
        )
        for e in EXERCISES
    ]  # fmt: skip
    return {
        "student": student,
        "digest": "x",
        "marks": [asdict(mark) for mark in marks],
        "answers": dict.fromkeys(ANSWERS, f"Because. {text}"),
        "notes": [text],
        "fingerprints": {"relu_forward": [1, 2]},
    }


@pytest.fixture
def run(tmp_path):
    """A run of four students, one of them with a name that attacks, one not graded."""
    (tmp_path / "records").mkdir()
    (tmp_path / "run.json").write_text('{"secret": "1"}')
    records = [_record("ann"), _record("bob", "failed"), _record(f"={EVIL}", "stopped")]
    records.append(ungraded(Submission("cem"), "the process that grades was killed"))
    for record in records:
        path = record_path(tmp_path, record["student"])
        path.write_text(json.dumps(record))
    return tmp_path


def _rows(path):
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def test_reports_are_all_there(run):
    assert write_reports(run) == []
    names = {path.relative_to(run).as_posix() for path in run.rglob("*.*")}
    wanted = {"class.csv", "class.json", "summary.html", "summary.md", str(TABLE)}
    wanted |= {f"students/{name}.{kind}" for name in ("ann", "bob") for kind in
               ("html", "md")} | {f"answers/{id}.html" for id in ANSWERS}  # fmt: skip
    assert wanted <= names


def test_reports_are_harmless(run):
    write_reports(run)
    pages = [*run.rglob("*.html"), *run.rglob("*.md"), *run.rglob("*.csv")]
    for path in pages:
        text = path.read_text()
        assert "\x1b" not in text, path
        assert "\u202e" not in text, path
        scripts = text.count("<script")
        own = {"class.html": SCRIPT}.get(path.name)
        if path.name.startswith("mark-"):
            own = MARKING
            scripts -= text.count('<script type="application/json" id="data">')
        if own:  # by whose digest it is let run, and nothing else
            assert scripts == text.count(f"<script>{own}</script>") == 1
            assert script_policy(own) in text
        elif path.suffix != ".csv":
            assert not scripts, path
        if path.suffix == ".html":
            assert "default-src 'none'" in text, path
            assert "http" not in text.replace("http-equiv", ""), path
    for path in run.rglob("*.csv"):
        with open(path, newline="", encoding="utf-8") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)


def test_reports_of_the_same_records_are_the_same(run):
    for _ in range(2):  # the second reads the table that the first has written
        write_reports(run)
    first = {path: path.read_bytes() for path in run.rglob("*.*")}
    write_reports(run)
    assert first == {path: path.read_bytes() for path in run.rglob("*.*")}


def test_class_table_leaves_open_what_nobody_has_marked(run):
    write_reports(run)
    rows = {row["student"]: row for row in _rows(run / "class.csv")}
    marked = sum(e.points for e in EXERCISES if e.kind != "answer")
    whole = sum(e.points for e in EXERCISES)
    assert {row["of"] for row in rows.values()} == {f"{whole:g}"}
    assert rows["ann"]["points"] == f"{marked:g}"
    assert rows["ann"]["open"] == f"{whole - marked:g}"
    assert rows["bob"]["points"] == "0"
    assert rows["ann"][ANSWERS[0]] == ""
    assert (rows["cem"]["points"], rows["cem"]["open"]) == ("0", f"{whole:g}")


def test_summary_counts_mistakes_and_outcomes(run):
    write_reports(run)
    told = json.loads((run / "class.json").read_text())
    assert told["exercises"]["relu_forward"] == {
        "failed": 1,
        "not run": 1,
        "passed": 1,
        "stopped": 1,
    }
    mistakes = {entry["exercise"]: entry["students"] for entry in told["mistakes"]}
    assert mistakes["relu_forward"] == 2


def test_points_for_answers_are_merged_and_kept(run):
    write_reports(run)
    rows = _rows(run / TABLE)
    most = next(e.points for e in EXERCISES if e.id == ANSWERS[0])
    entered = {"ann": str(most), "bob": "0,5"}
    for row in rows:
        if row["question"] == ANSWERS[0]:
            row["points"] = entered.get(row["student"], "")
            row["comment"] = "=well said"
    with open(run / TABLE, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    for _ in range(2):  # the table is written anew, with what was in it
        assert write_reports(run) == []
        table = {row["student"]: row for row in _rows(run / "class.csv")}
        assert table["ann"][ANSWERS[0]] == str(most)
        assert table["bob"][ANSWERS[0]] == "0.5"
    assert "well said" in (run / "students" / "ann.html").read_text()


@pytest.mark.parametrize("points", ["99", "-1", "good", "nan"])
def test_points_that_cannot_be_are_told(run, points):
    table = run / "points.csv"
    table.write_text(
        f"student,question,points,of,comment\nann,{ANSWERS[0]},{points},2,"
    )
    told, complaint = write_reports(run, table)
    assert told == "points.csv: 1 rows: 1 not understood"
    assert "points.csv, line 2" in complaint
    assert points in complaint


def test_points_of_strangers_and_unknown_questions_are_told(run):
    table = run / "points.csv"
    table.write_text(
        f"student;question;points;of;comment\nzoe;{ANSWERS[0]};1;2;\nann;none;1;2;"
    )
    complaints = write_reports(run, table)
    assert any("'zoe'" in told for told in complaints)
    assert any("'none'" in told for told in complaints)


def test_points_survive_a_table_that_cannot_be_read(run):
    table = run / "points.csv"
    table.write_bytes(b"\xff\xfe")
    [complaint] = write_reports(run, table)
    assert "points.csv is empty. The marks known before stay" in complaint


def test_gradescope_results_have_their_form():
    results = results_of(_record("ann", "failed"))
    assert results["score"] == 0
    tests = {test["name"]: test for test in results["tests"]}
    test = tests["Q1-FCNetworks: relu_forward"]
    assert (test["score"], test["max_score"], test["status"]) == (0, 1, "failed")
    assert test["output"].startswith("not yet right\n")
    assert test["output"].count("alert(1)") == 3  # message, question and detail
    assert "\x1b" not in json.dumps(results)
    assert len(tests) == len(EXERCISES) - len(ANSWERS)


def test_write_whole_leaves_the_old_file_where_the_disk_is_full(tmp_path, monkeypatch):
    path = tmp_path / "record.json"
    write_whole(path, "old")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(GradingError, match=r"is full.*--resume"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["record.json"]


def _enter(table, points):
    """Enter points for the first question, by student or record."""
    rows = _rows(table)
    for row in rows:
        if row["question"] == ANSWERS[0]:
            row["points"] = points.get(row["record"], "")
    with open(table, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize(
    ("one", "other"),
    [("=zoe", "'=zoe"), ("Zo\u00eb", "Zoe\u0308"), ("zoe", " zoe"), ("zoe", "'zoe")],
)
def test_two_names_that_look_alike_share_no_points(run, one, other):
    for student in (one, other):
        record_path(run, student).write_text(json.dumps(_record(student)))
    write_reports(run)
    names = {student: f"{file_name(student)}.json" for student in (one, other)}
    _enter(run / TABLE, {names[one]: "1"})
    for _ in range(2):
        assert write_reports(run) == []
        rows = {row["record"]: row for row in _rows(run / "class.csv")}
        assert rows[names[one]][ANSWERS[0]] == "1"
        assert rows[names[other]][ANSWERS[0]] == ""
    table = run / "elsewhere.csv"  # without the column that tells them apart
    table.write_text(f"student,question,points\n{other},{ANSWERS[0]},1\n", "utf-8")
    _, complaint = write_reports(run, table)
    assert f"2 students may be {other!r}" in complaint


def test_summary_says_nothing_that_a_submission_wrote(run):
    honest, forged = _record("zoe", "failed"), _record("aaa", "failed")
    for record, text in ((honest, "np.float is gone"), (forged, "LIES")):
        for mark in record["marks"]:
            mark |= {"diagnosis": "old-numpy", "message": text, "question": text}
        path = record_path(run, record["student"])
        path.write_text(json.dumps(record))
    write_reports(run)
    for name in ("summary.html", "summary.md"):
        text = (run / name).read_text()
        assert "old" in text
        assert "LIES" not in text
        assert "np.float" not in text
    assert "It uses what NumPy 2 no longer has." in (run / "summary.html").read_text()
    assert "LIES" in (run / "students" / "aaa.html").read_text()


def test_losses_are_named(run):
    missing = _record("dan", "missing")
    missing["marks"] = [mark | {"status": "missing"} for mark in missing["marks"]]
    stopped = _record("eve", "stopped")
    stopped["marks"][3]["diagnosis"] = "judge-stopped"
    partly = _record("fay", "passed")
    partly["marks"][3] |= {"status": "missing", "diagnosis": "unread"}
    for record in (missing, stopped, partly):
        record_path(run, record["student"]).write_text(json.dumps(record))
    (run / "left-out.json").write_text(
        json.dumps([[f"{i}.rar", "why"] for i in range(12)])
    )
    told, noted = losses_in(run)
    assert told == [
        "1 not graded: cem",
        "1 none of the course's files could be read: dan",
        "1 graded without a file that could not be read: fay",
        "1 graded but for an exercise that could not be judged: eve",
        "12 left out: "
        + ", ".join(f"{i}.rar (why)" for i in range(10))
        + " and 2 more",
    ]
    assert noted == 7
    write_reports(run)
    for name in ("summary.html", "summary.md"):
        assert "cem" in (run / name).read_text()
        assert (run / name).read_text().count("rar") >= 22  # all, and ten in a sentence
