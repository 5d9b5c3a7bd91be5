"""Rules of a course, lists of students, and the gradebooks that platforms export.

The files are made after the forms in which the platforms document their exports.
"""

import csv
import datetime
import io
import json
import zipfile
from dataclasses import asdict

import pytest

from course.grade.books import rules
from course.grade.books.gradebooks import fill
from course.grade.books.people import People, read_roster
from course.grade.errors import GradingError
from course.grade.marks.mark import Mark
from course.grade.reports import write_reports
from course.grade.reports.class_list import ClassList
from course.grade.reports.feedback import write_feedback
from course.grade.reports.records import Records
from course.grade.run import record_path
from ece662.exercises import EXERCISES

EVERY = frozenset(exercise.id for exercise in EXERCISES)
WHOLE = sum(exercise.points for exercise in EXERCISES)
CHALLENGE = "q5-torch-challenge-train"


def _record(student="ann", status="passed", **about):
    marks = [
        Mark(e.id, "answer", 0, e.points)
        if e.kind == "answer"
        else Mark(e.id, status, e.points, e.points)
        for e in EXERCISES
    ]
    return {"student": student, "digest": "x", "marks": [asdict(m) for m in marks],
            "answers": {}, "notes": [], "fingerprints": {},
            "handed_in": about}  # fmt: skip


OPEN = sum(exercise.points for exercise in EXERCISES if exercise.kind == "answer")


def _course(tmp_path, text):
    path = tmp_path / rules.COURSE
    path.write_text(text, "utf-8")
    return rules.load(path)


DEADLINE = 'deadline = 2026-03-28T23:59:00\ntimezone = "Europe/Berlin"\n'
LATE = DEADLINE + "[late]\npercent_per_day = 10\ngrace_minutes = 15\nat_most = 50\n"


def test_without_rules_all_are_out_of_the_same(tmp_path):
    course = rules.load(tmp_path / "none.toml")
    for status in ("passed", "failed", "not run"):
        assert course.standing(_record(status=status), EVERY).of == WHOLE
    assert course.standing(_record(), EVERY).points == WHOLE - OPEN
    assert course.standing(_record(), EVERY).open == OPEN


@pytest.mark.parametrize(
    ("when", "days"),
    [
        ("2026-03-28T23:59:00", 0),
        ("2026-03-29T00:14:00", 0),
        ("2026-03-29T00:15:00", 1),
        # That night clocks go forward: a day later by the sun is 00:59 by the clock.
        ("2026-03-30T01:13:00", 1),
        ("2026-03-30T01:15:00", 2),
        ("2026-03-28T22:59:00+00:00", 0),
        ("2026-03-28T23:30:00+00:00", 1),
        ("2026-05-28T23:59:00", 61),
    ],
)
def test_days_late_are_counted_with_the_time_zone(tmp_path, when, days):
    standing = _course(tmp_path, LATE).standing(_record(when=when), EVERY)
    assert standing.days == days
    share = min(50, 10 * days) / 100
    assert standing.lost == pytest.approx((WHOLE - OPEN) * share)
    assert standing.points == pytest.approx((WHOLE - OPEN) * (1 - share))


def test_free_days_and_extensions_cost_nothing(tmp_path):
    course = _course(tmp_path, LATE + "free_days = 1\n")
    record = _record(when="2026-03-31T12:00:00")
    assert course.standing(record, EVERY).days == 2
    assert course.standing(record, EVERY, extension=2).days == 0
    late = course.standing(_record(late=True), EVERY)
    assert late.lost == 0
    assert "nobody says by how much" in late.remark


def test_weights_and_bonus(tmp_path):
    course = _course(
        tmp_path,
        f'[weights]\nQ6-Pruning = 0.5\n[bonus]\nexercises = ["{CHALLENGE}"]\n',
    )
    standing = course.standing(_record(), EVERY)
    extra = next(e.points for e in EXERCISES if e.id == CHALLENGE)
    pruning = sum(e.points for e in EXERCISES if e.notebook == "Q6-Pruning")
    assert standing.of == WHOLE - extra - 0.5 * pruning
    assert standing.bonus == extra


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("deadlin = 1", "got 'deadlin'"),
        ("deadline = 2026-03-28T23:59:00", "no time zone"),
        ('deadline = "soon"', "cannot be 'soon'"),
        (DEADLINE.replace("Berlin", "Berlino"), "no time zone 'Europe/Berlino'"),
        ("[late]\npercent_per_day = -1", "from 0 on"),
        ("[weights]\nQ9 = 1", "no notebook or exercise 'Q9'"),
        ('[[gradebook]]\ncolumn = "x"', "has no file"),
        ("[late", "cannot be read"),
    ],
)
def test_rules_that_are_not_understood_are_refused(tmp_path, text, why):
    with pytest.raises(GradingError, match=why):
        _course(tmp_path, text)


ROSTERS = {
    "Canvas": "Student,ID,SIS User ID,SIS Login ID,Section,HW (9)\n"
    "    Points Possible,,,,,100\n"
    '"Smith, Ann",123,00042,as42,One,\n"Çelik, Zoë",124,00043,zc43,Two,\n'
    '"Student, Test",125,,abc,One,\n',
    "Moodle": "First name,Last name,ID number,Email address\n"
    "Ann,Smith,00042,as42@u.edu\nZoë,Çelik,00043,zc43@u.edu\n",
    "Blackboard": "Last Name\tFirst Name\tUsername\tStudent ID\n"
    "Smith\tAnn\tas42\t00042\nÇelik\tZoë\tzc43\t00043\n",
    "one's own": "name;id;email;extension\nAnn Smith;42;as42@u.edu;1,5\n"
    "Zoë Çelik;43;zc43@u.edu;\n",
}


@pytest.mark.parametrize("kind", ROSTERS)
@pytest.mark.parametrize(
    "about",
    [
        {"student": "Ann Smith"},
        {"student": "ann smith_77", "id": "77", "name": "Ann Smith"},
        {"student": "smithann_9", "id": "9", "name": "smithann"},
        {"student": "as42"},
        {"student": "00042"},
        {"student": "x", "id": "42"},
    ],
)
def test_students_are_found_in_any_list(tmp_path, kind, about):
    path = tmp_path / "students.csv"
    path.write_text(ROSTERS[kind], "utf-16" if kind == "Blackboard" else "utf-8")
    roster = read_roster(path)
    assert [person.name for person in roster][1] in ("Çelik, Zoë", "Zoë Çelik")
    assert len(roster) == 2
    record = {"student": about["student"], "handed_in": about}
    [found] = People(roster).find(record)
    assert "Ann" in found.name
    assert People(roster).find({"student": "bob"}) == []


def test_two_of_one_name_are_told_apart_by_more_or_asked_about(tmp_path):
    path = tmp_path / "students.csv"
    path.write_text("name,id\nAnn Smith,1\nAnn Smith,2\n")
    people = People(read_roster(path))
    assert len(people.find({"student": "Ann Smith"})) == 2
    about = {"id": "2", "name": "Ann Smith"}
    [found] = people.find({"student": "Ann Smith_2", "handed_in": about})
    assert found.ids == ("2",)


BOOKS = {
    "Canvas": (
        b'\xef\xbb\xbfStudent,ID,SIS User ID,SIS Login ID,Section,Homework 1 (4711),'
        b'"Final, all (read only)"\r\n    Points Possible,,,,,50.00,(read only)\r\n'
        b'"Smith, Ann",123,00042,as42,One,,1\r\n'
        b'"\xc3\x87elik, Zo\xc3\xab",124,00043,zc43,Two,7,"a ""b"""\r\n'
        b'"Student, Test",125,,abc,One,,\r\n',
        "Homework 1", 5, 0.5,
    ),
    "Moodle": (
        "Identifier,\"Full name\",\"ID number\",Status,Grade,\"Maximum Grade\"\n"
        "\"Participant 77\",\"Ann Smith\",00042,\"Submitted\",,100.00\n"
        "\"Participant 78\",\"Zoë Çelik\",00043,\"No submission\",,100.00\n"
        .encode(), "", 4, 1,
    ),
    "Blackboard": (
        b"\xff\xfe" + (
        '"Last Name"\t"First Name"\t"Username"\t"Student ID"\t'
        '"Homework 1 [Total Pts: 200 Score] |4711"\n'
        '"Smith"\t"Ann"\t"as42"\t"00042"\t""\n"Çelik"\t"Zoë"\t"zc43"\t"00043"\t"3"\n'
        ).encode("utf-16-le"), "homework 1", 4, 2,
    ),
}  # fmt: skip


def _cells(data, separator):
    marks = {b"\xff\xfe": "utf-16", b"\xef\xbb": "utf-8-sig"}
    text = data.decode(marks.get(data[:2], "utf-8"))
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))


@pytest.mark.parametrize("kind", BOOKS)
def test_one_column_of_a_gradebook_is_filled_and_all_else_stays(tmp_path, kind):
    data, column, place, scale = BOOKS[kind]
    path = tmp_path / "export.csv"
    path.write_bytes(data)

    def points_of(people):
        about = {"id": "00042", "name": "Ann Smith"}
        [person] = people.find({"student": "Ann Smith", "handed_in": about})
        return {person.line: 37.5}

    filled = fill(path, column, points_of, of=100)
    separator = "\t" if kind == "Blackboard" else ","
    before, after = _cells(data, separator), _cells(filled.data, separator)
    row = next(i for i, cells in enumerate(before) if "00042" in cells)
    assert after[row][place] == f"{37.5 * scale:g}"
    after[row][place] = before[row][place]
    assert after == before
    assert filled.data[:2] == data[:2]
    assert (b"\r\n" in filled.data) == (b"\r\n" in data)
    assert len(filled.without) == 1  # and nobody called Points Possible, or Test
    path.write_bytes(filled.data)
    again = fill(path, column, points_of, of=100)
    assert again.data == filled.data
    assert again.remarks == []


def test_mark_that_is_written_over_is_named(tmp_path):
    path = tmp_path / "export.csv"
    path.write_bytes(BOOKS["Canvas"][0])
    filled = fill(path, "Homework 1", lambda people: {3: 10}, of=50)
    assert filled.remarks == ["Çelik, Zoë: 7 becomes 10"]


@pytest.mark.parametrize("column", ["Homework 2", "Section"[:3]])
def test_column_that_is_not_there_is_told_with_those_that_are(tmp_path, column):
    path = tmp_path / "export.csv"
    path.write_bytes(BOOKS["Canvas"][0])
    with pytest.raises(GradingError, match="there are 'Student', 'ID'"):
        fill(path, column, lambda people: {}, of=1)


def test_reports_with_a_course(tmp_path):
    (tmp_path / "records").mkdir()
    (tmp_path / "run.json").write_text('{"secret": "1"}')
    for record in (
        _record("Ann Smith_123", id="123", name="Ann Smith",
                when="2026-03-29T12:00:00"),
        _record("bob"),
    ):  # fmt: skip
        path = record_path(tmp_path, record["student"])
        path.write_text(json.dumps(record))
    (tmp_path / "export.csv").write_bytes(BOOKS["Canvas"][0])
    (tmp_path / "course.toml").write_text(
        f'roster = "export.csv"\n{LATE}[[gradebook]]\nfile = "export.csv"\n'
        'column = "Homework 1"\n'
    )
    told = write_reports(tmp_path)
    assert "bob is not on the list of students" in told
    assert "1 without a submission: Çelik, Zoë" in told
    assert "export.csv has no one row for bob" in told
    page = (tmp_path / "class.html").read_text("utf-8")
    assert 'data-kinds="missing"' in page
    assert "Çelik, Zoë" in page
    book = _cells((tmp_path / "gradebooks" / "export.csv").read_bytes(), ",")
    points = 0.9 * (WHOLE - OPEN)
    assert float(book[2][5]) == pytest.approx(points * 50 / WHOLE, abs=0.01)
    mail = (tmp_path / "mail.csv").read_text("utf-8")
    assert "Smith, Ann" in mail
    student = next((tmp_path / "students").glob("*ann*.html"), None) or next(
        path for path in (tmp_path / "students").iterdir() if "smith" in path.name
    )
    assert "1 days late, which costs" in student.read_text("utf-8")


def test_feedback_goes_back_in_the_form_in_which_work_came(tmp_path):
    (tmp_path / "students").mkdir()
    (tmp_path / "records").mkdir()
    names = {"ann": "Ann Smith_77_assignsubmission_file_",
             "bob": "bbob_LATE_12_34_work.zip", "cem": ""}  # fmt: skip
    for student, name in names.items():
        record = _record(student, file=name)
        record_path(tmp_path, student).write_text(json.dumps(record))
        (tmp_path / "students" / f"{student}.html").write_text(student)
    write_feedback(tmp_path, Records(tmp_path))
    with zipfile.ZipFile(tmp_path / "feedback.zip") as packed:
        assert {name: packed.read(name) for name in packed.namelist()} == {
            "Ann Smith_77_assignsubmission_file_/feedback.html": b"ann",
            "bbob_LATE_12_34_feedback.html": b"bob",
        }


def test_what_was_run_for_nobody_counts_for_nobody(tmp_path):
    (tmp_path / "records").mkdir()
    training = {e.id for e in EXERCISES if e.kind == "training"}
    for student, other in (("ann", "passed"), ("bob", "missing"), ("cem", "not run")):
        record = _record(student, other)
        for mark in record["marks"]:
            if other == "not run":
                mark["diagnosis"] = "not-graded"
            elif mark["exercise"] in training and other == "passed":
                mark |= {"status": "not run", "diagnosis": "no-training"}
        record_path(tmp_path, student).write_text(json.dumps(record))
    students = ClassList(Records(tmp_path), rules.Course())
    assert students.counted == EVERY - training
    found = {students.standing(record).of for record in Records(tmp_path)}
    assert found == {sum(e.points for e in EXERCISES if e.id not in training)}


def test_deadline_has_its_zone(tmp_path):
    deadline = _course(tmp_path, DEADLINE).deadline
    assert deadline.utcoffset() == datetime.timedelta(hours=1)
