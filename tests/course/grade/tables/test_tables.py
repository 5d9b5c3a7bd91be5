"""What spreadsheets make of a table of points; and nothing in it is lost.

The table is made once of records that are made up, and edited in many ways. Nothing is
graded here.
"""

import csv
import io
import json
import unicodedata
from dataclasses import asdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course.grade.errors import GradingError
from course.grade.marks.mark import Mark
from course.grade.reports.answers import FATES, TABLE, WORKBOOK, take_points
from course.grade.reports.given import MARKS
from course.grade.reports.records import Records, record_name
from course.grade.run import record_path
from course.grade.tables.names import Names
from course.grade.tables.values import points_of
from ece662.exercises import EXERCISES

QUESTIONS = [e.id for e in EXERCISES if e.kind == "answer"][:3]
STUDENTS = ["ann smith", "00429", "Zoë Çelik", "3-4", "123456789012", "Łukasz", "=eve"]
HALVES = {s: 0.5 * (1 + i % 4) for i, s in enumerate(STUDENTS)}


def _record(student, answer="Because."):
    marks = [Mark(e.id, "answer" if e.kind == "answer" else "passed", 0, e.points)
             for e in EXERCISES]  # fmt: skip
    return {"student": student, "digest": "x", "marks": [asdict(m) for m in marks],
            "answers": dict.fromkeys(QUESTIONS, answer), "notes": [],
            "fingerprints": {}}  # fmt: skip


@pytest.fixture
def run(tmp_path):
    """A run whose first question is marked, and its table with those marks."""
    (tmp_path / "records").mkdir()
    (tmp_path / "run.json").write_text('{"secret": "1"}')
    for student in STUDENTS:
        _put(tmp_path, _record(student))
    assert _merge(tmp_path) == []
    rows = _rows(tmp_path)
    for row in rows:
        if row["question"] == QUESTIONS[0]:
            row["points"] = f"{HALVES[_student(row)]:g}"
            row["comment"] = f"Schön, {_student(row)}"
    _write(tmp_path, rows)
    assert _merge(tmp_path) == []
    assert _points(tmp_path) == {(s, QUESTIONS[0]): p for s, p in HALVES.items()}
    return tmp_path


def _put(run, record):
    record_path(run, record["student"]).write_text(json.dumps(record), "utf-8")


def _merge(run, *others):
    return take_points(run, others, Records(run))


def _student(row):
    return next(s for s in STUDENTS if record_name(s) == row["record"])


def _rows(run, path=TABLE):
    text = (run / path).read_text("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def _text(rows, delimiter=",", quoting=csv.QUOTE_MINIMAL):
    lines = io.StringIO(newline="")
    writer = csv.DictWriter(
        lines, list(rows[0]), delimiter=delimiter, quoting=quoting, lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(rows)
    return lines.getvalue()


def _write(run, rows, encoding="utf-8", **how):
    (run / TABLE).write_bytes(_text(rows, **how).encode(encoding))


def _points(run):
    """Return the marks that are known, by student and question."""
    known = json.loads((run / MARKS).read_text("utf-8"))["marks"]
    names = {record_name(s): s for s in STUDENTS}
    return {(names[r], q): mark["points"] for r, of in known.items()
            for q, mark in of.items()}  # fmt: skip


def _fates(run):
    return [(row["row"], row["why"]) for row in _rows(run, FATES)]


def _marked(rows, question=1, points="1"):
    """Enter further marks, and change nothing else."""
    return [
        row | {"points": points} if row["question"] == QUESTIONS[question] else row
        for row in rows
    ]


def _without(rows, *columns):
    return [{k: v for k, v in row.items() if k not in columns} for row in rows]


def _renamed(rows, **names):
    return [{names.get(k, k): v for k, v in row.items()} for row in rows]


def _changed(rows, change, column="student"):
    return [row | {column: change(row[column])} for row in rows]


def _lines(change):
    return lambda rows: change(_text(rows)).encode()


def _nothing(rows):
    return rows


# What becomes of the table before further marks are read from it. Each edit gives rows,
# or the bytes of the whole file; none of them is to cost a mark.
EDITS = {
    "nothing": _nothing,
    "rows in another order": lambda rows: rows[::-1],
    "columns in another order": lambda rows: [dict(reversed(r.items())) for r in rows],
    "semicolons": lambda rows: _text(rows, ";").encode(),
    "tabs": lambda rows: _text(rows, "\t").encode(),
    "bars": lambda rows: _text(rows, "|").encode(),
    "everything in quotes": lambda rows: _text(rows, quoting=csv.QUOTE_ALL).encode(),
    "byte order mark": lambda rows: _text(rows).encode("utf-8-sig"),
    "UTF-16": lambda rows: _text(rows, "\t").encode("utf-16"),
    "UTF-16 without a mark": lambda rows: _text(rows, "\t").encode("utf-16-le"),
    "UTF-16, the other order": lambda r: b"\xfe\xff" + _text(r).encode("utf-16-be"),
    "UTF-32": lambda rows: _text(rows).encode("utf-32"),
    "line ends of Windows": _lines(lambda text: text.replace("\n", "\r\n")),
    "line ends of old Macs": _lines(lambda text: text.replace("\n", "\r")),
    "no line end at the end": _lines(lambda text: text.rstrip("\n")),
    "sep= above": _lines(lambda text: "sep=,\n" + text),
    "a title above": _lines(lambda text: "Points of the course\n,,,\n\n" + text),
    "empty lines between": _lines(lambda text: text.replace("\n", "\n,,,,,\n")),
    "in one column": lambda rows: _one_column(rows).encode(),
    "decimal commas": lambda rows: _text(
        _changed(rows, lambda p: p.replace(".", ","), "points"), ";").encode(),
    "out of": lambda r: _changed(r, lambda p: p and f"{p} / 2", "points"),
    "with a unit": lambda r: _changed(r, lambda p: p and f"{p} pts", "points"),
    "zeros behind": lambda r: _changed(r, lambda p: p and f"{float(p):.2f}", "points"),
    "a letter of its own for a half": lambda r: _changed(
        r, lambda p: p.replace("0.5", "½").replace("1.5", "1½"), "points"),
    "spaces around points": lambda r: _changed(r, lambda p: f"\xa0{p} ", "points"),
    "headings in capitals": lambda r: [{k.upper(): v for k, v in x.items()} for x in r],
    "headings with spaces": lambda r: [{f" {k} ": v for k, v in x.items()} for x in r],
    "other headings": lambda rows: _renamed(rows, student="Name", points="Score",
                                            comment="Feedback", of="Max points"),
    "a column more": lambda rows: [row | {"marked by": "Tom"} for row in rows],
    "columns gone": lambda rows: _without(rows, "of", "comment", "record"),
    "names gone": lambda rows: _changed(rows, lambda s: ""),
    "names decomposed": lambda r: _without(
        _changed(r, lambda s: unicodedata.normalize("NFD", s)), "record"),
    "names with spaces": lambda r: _without(_changed(r, lambda s: f" {s} "), "record"),
    "names in capitals": lambda r: _without(_changed(r, str.upper), "record"),
    "leading zeros lost": lambda r: _without(
        _changed(r, lambda s: s.lstrip("0")), "record"),
    "ids as decimals": lambda r: _without(
        _changed(r, lambda s: f"{s.lstrip('0')}.0" if s.isdecimal() else s), "record"),
    "long ids rounded": lambda r: _without(_changed(
        r, lambda s: "1.23457E+11" if s == "123456789012" else s), "record"),
    "ids made dates": lambda r: _without(
        _changed(r, lambda s: "04-Mar" if s == "3-4" else s), "record"),
    "ids made dates elsewhere": lambda r: _without(
        _changed(r, lambda s: "2026-04-03" if s == "3-4" else s), "record"),
    "ids made dates of Germany": lambda r: _without(
        _changed(r, lambda s: "03. Apr" if s == "3-4" else s), "record"),
    "read as cp1252 and saved": lambda r: _without(_changed(
        r, lambda s: s.encode().decode("cp1252", "replace")), "record"),
    "letters lost": lambda rows: _text(_without(rows, "record")).encode(
        "cp1252", "replace"),
    "accents lost": lambda r: _without(_changed(
        r, lambda s: s.replace("ë", "e").replace("Ç", "C")), "record"),
    "apostrophes kept": lambda r: _changed(r, lambda s: "'" + s.lstrip("'")),
    "a row twice": lambda rows: [*rows, rows[1]],
    "marks emptied": lambda r: [x if x["question"] == QUESTIONS[1]
                                else x | {"points": "", "comment": ""} for x in r],
    "rows of marks gone": lambda r: [x for x in r if x["question"] == QUESTIONS[1]],
}  # fmt: skip


def _one_column(rows):
    whole = io.StringIO(newline="")
    csv.writer(whole, delimiter=";").writerows(
        [line] for line in _text(rows).splitlines()
    )
    return whole.getvalue()


@pytest.mark.parametrize("edit", EDITS)
def test_no_mark_is_lost_by_an_edit(run, edit):
    edited = EDITS[edit](_marked(_rows(run)))
    if isinstance(edited, bytes):
        (run / TABLE).write_bytes(edited)
    else:
        _write(run, edited)
    told = [line for line in _merge(run) if "no Unicode" not in line]
    assert told == []
    marked = {(s, QUESTIONS[0]): p for s, p in HALVES.items()}
    assert _points(run) == marked | {(s, QUESTIONS[1]): 1 for s in STUDENTS}
    assert {fate for fate, _ in _fates(run)} <= {"taken", "unchanged"}
    again = {r["record"] + r["question"]: r["points"] for r in _rows(run)}
    assert sum(map(bool, again.values())) == 2 * len(STUDENTS)


@pytest.mark.parametrize(
    "encoding", ["cp1252", "cp1250", "mac_roman", "cp1254", "cp850", "cp866"]
)
def test_code_page_is_the_one_in_which_the_names_are_known(run, encoding):
    names = {"cp1250": "Łukasz", "cp1254": "Çağla", "cp866": "Жук"}
    student = names.get(encoding, "Zoë Çelik")
    _put(run, _record(student))
    rows = [{"student": student, "question": QUESTIONS[2], "points": "1"}]
    _write(run, rows, encoding)
    told = _merge(run)
    assert f"was read as {encoding}" in told[0]
    known = json.loads((run / MARKS).read_text("utf-8"))["marks"]
    assert known[record_name(student)][QUESTIONS[2]]["points"] == 1


BAD = {
    "too many": ({"points": "3"}, "expected 0 to"),
    "below nothing": ({"points": "-1"}, "expected 0 to"),
    "a date": ({"points": "01. May"}, "is a date"),
    "a date in full": ({"points": "2026-05-01"}, "is a date"),
    "a formula": ({"points": "=1+1"}, "expected 0 to"),
    "an error": ({"points": "#REF!"}, "expected 0 to"),
    "words": ({"points": "good"}, "expected 0 to"),
    "out of another number": ({"points": "1 / 5"}, "another number"),
    "no question": ({"question": "q9"}, "no question"),
    "another record": ({"record": record_name("3-4")}, "is not that of"),
    "a stranger": ({"student": "bob", "record": ""}, "handed nothing in"),
    "another out of": ({"of": "7"}, "is out of"),
    "cells swallowed by a quote": (
        {"student": 'ann smith,q,1,2,"well', "question": "x", "points": "",
         "comment": ""}, "no question"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_row_that_is_not_understood_is_named_and_stays(run, name):
    change, why = BAD[name]
    rows = _marked(_rows(run))
    place = next(i for i, row in enumerate(rows) if _student(row) == "ann smith")
    rows[place] |= {"points": "1", "comment": "well argued"} | change
    _write(run, rows)
    before = (run / TABLE).read_bytes()
    summary, told = _merge(run)
    assert "1 not understood" in summary
    assert f"points.csv, line {place + 2}" in told
    assert why in told
    assert (run / TABLE).read_bytes() == before
    assert _points(run)["ann smith", QUESTIONS[0]] == HALVES["ann smith"]
    others = [s for s in STUDENTS if s != "ann smith"]
    assert all(_points(run)[s, QUESTIONS[1]] == 1 for s in others)


WHOLE = {
    "nothing": b"",
    "half of UTF-16": b"\xff\xfes",
    "another table": b"a,b\n1,2\n",
    "a workbook of old": b"\xd0\xcf\x11\xe0" + bytes(600),
    "a web page": b"<html><table><tr><td>student</td></tr></table></html>",
    "a workbook that is none": b"PK\x03\x04 and nothing else",
    "quotes that do not close": None,
    "two columns of points": b"student,question,points,score\nann smith,q,1,2\n",
}


@pytest.mark.parametrize("name", WHOLE)
def test_table_that_cannot_be_read_changes_nothing(run, name):
    data = WHOLE[name]
    if data is None:
        data = _text(_marked(_rows(run))).replace("Schön", '"Schön', 1).encode()
    (run / TABLE).write_bytes(data)
    known = (run / MARKS).read_bytes()
    [told] = _merge(run)
    assert "The marks known before stay" in told
    assert (run / TABLE).read_bytes() == data
    assert (run / MARKS).read_bytes() == known
    (run / TABLE).unlink()
    assert _merge(run) == []
    assert sum(bool(row["points"]) for row in _rows(run)) == len(STUDENTS)


def test_workbook_is_read_beside_the_table(run):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    sheet = book.active
    rows = _marked(_rows(run), points=1)
    sheet.append(list(rows[0]))
    for row in rows:
        mangled = {"00429": 429, "123456789012": 123456789012}
        student = mangled.get(_student(row), row["student"])
        sheet.append(list((row | {"student": student, "record": None}).values()))
    sheet["G1"], sheet["G2"] = "sum", "=SUM(C2:C9)"
    book.save(run / WORKBOOK)
    assert _merge(run) == []
    assert all(_points(run)[s, QUESTIONS[1]] == 1 for s in STUDENTS)
    assert sum(bool(row["points"]) for row in _rows(run)) == 2 * len(STUDENTS)


def test_dated_copies_are_kept(run):
    before, known = (run / TABLE).read_bytes(), (run / MARKS).read_bytes()
    _write(run, _marked(_rows(run)))
    edited = (run / TABLE).read_bytes()
    _merge(run)
    copies = {path.read_bytes() for path in (run / "answers" / "earlier").iterdir()}
    assert edited in copies
    assert before != edited
    assert known in {path.read_bytes() for path in (run / "earlier").iterdir()}


def test_marks_that_cannot_be_read_end_the_run(run):
    (run / MARKS).write_text("{")
    with pytest.raises(GradingError, match="copies of it as it was are in"):
        _merge(run)
    assert (run / MARKS).read_text() == "{"


def test_table_that_was_not_edited_undoes_nothing(run):
    other = run / "tom.csv"
    rows = [{"student": "ann smith", "question": QUESTIONS[0], "points": "0"}]
    other.write_text(_text(rows))
    assert _merge(run, other) == []
    assert _points(run)["ann smith", QUESTIONS[0]] == 0
    _write(run, [row | {"points": "2"} if _student(row) == "ann smith" else row
                 for row in _rows(run) if row["question"] == QUESTIONS[0]])  # fmt: skip
    for _ in range(2):  # tom's table is the same as before, this one is not
        assert _merge(run, other) == []
        assert _points(run)["ann smith", QUESTIONS[0]] == 2
    was = json.loads((run / MARKS).read_text("utf-8"))["marks"]
    was = was[record_name("ann smith")][QUESTIONS[0]]["was"]
    assert [mark["points"] for mark in was] == [HALVES["ann smith"], 0]


def test_marks_outlive_what_becomes_of_a_submission(run):
    lost = _record("ann smith") | {"answers": {}}
    for mark in lost["marks"]:
        mark["status"] = "not run"
    _put(run, lost)
    assert _merge(run) == []
    records = Records(run)
    take_points(run, [], records)
    record = next(r for r in records if r["student"] == "ann smith")
    mark = next(m for m in record["marks"] if m["exercise"] == QUESTIONS[0])
    assert (mark["status"], mark["points"]) == ("read", HALVES["ann smith"])
    _put(run, _record("ann smith", answer="Another one."))
    assert _merge(run) == []
    record = next(r for r in records if r["student"] == "ann smith")
    mark = next(m for m in record["marks"] if m["exercise"] == QUESTIONS[0])
    assert mark["points"] == HALVES["ann smith"]
    assert mark["changed since"]


def test_two_rows_that_differ_are_both_asked_about(run):
    rows = _rows(run)
    _write(run, [*rows, rows[0] | {"points": "0"}])
    told = _merge(run)
    assert "2 not understood" in told[0]
    assert f"lines 2, {len(rows) + 2} say different things" in told[1]
    assert _points(run)[_student(rows[0]), QUESTIONS[0]] == HALVES[_student(rows[0])]


def test_comment_without_points_and_open_are_understood(run):
    rows = _rows(run)
    rows[1] |= {"comment": "see me"}
    rows[0] |= {"points": "open"}
    _write(run, rows)
    assert _merge(run) == []
    assert _points(run)[_student(rows[1]), rows[1]["question"]] is None
    assert (_student(rows[0]), rows[0]["question"]) not in _points(run)
    assert "see me" in (run / TABLE).read_text("utf-8")


@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.binary(max_size=4)), max_size=6),
    st.sampled_from(["utf-8", "utf-16", "cp1252", "utf-8-sig"]),
    st.integers(0, 2000),
)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_mark_is_lost_by_any_bytes(tmp_path_factory, changes, encoding, end):
    run = tmp_path_factory.mktemp("run")
    (run / "records").mkdir()
    for student in STUDENTS[:3]:
        _put(run, _record(student))
    _merge(run)
    _write(run, [row | {"points": "1"} for row in _rows(run)])
    _merge(run)
    before = _points(run)
    assert len(before) == 9
    data = bytearray(_text(_rows(run)).encode(encoding, "replace"))
    for place, new in changes:
        data[place % len(data) : place % len(data) + 1] = new
    data = bytes(data[: len(data) - end] if end % 3 == 0 else data)
    if data.startswith(b"PK"):
        return  # a workbook: read in a child
    (run / TABLE).write_bytes(data)
    told = _merge(run)
    after = _points(run)
    assert before.keys() <= after.keys()
    changed = [row for row in _rows(run, FATES) if row["row"] == "taken"]
    assert sum(before[key] != after[key] for key in before) <= len(changed)
    if told and (run / TABLE).read_bytes() != data:
        assert all("no Unicode" in line for line in told)
    copies = (run / "answers" / "earlier").glob("points.*")
    kept = {path.read_bytes() for path in copies} | {(run / TABLE).read_bytes()}
    assert data in kept


def test_mark_of_a_check_is_changed_with_a_reason(run):
    rows = [{"student": "3-4", "question": "relu_forward", "points": "1",
             "comment": ""}]  # fmt: skip
    _write(run, rows)
    assert "needs a reason" in _merge(run)[1]
    _write(run, [rows[0] | {"comment": "the network was down"}])
    records = Records(run)
    assert take_points(run, [], records) == []
    record = next(r for r in records if r["student"] == "3-4")
    mark = next(m for m in record["marks"] if m["exercise"] == "relu_forward")
    assert mark["points"] == 1
    assert mark["by hand"] == {"was": 0, "reason": "the network was down"}


@pytest.mark.parametrize(
    ("students", "said", "found"),
    [
        (["00429", "429"], "429", ["00429", "429"]),
        (["00429", "0429"], "429.0", ["00429", "0429"]),
        (["123456789012", "123456788000"], "1.23457E+11", 2),
        (["1e5", "7"], "100000", ["1e5"]),
        (["12E3", "x"], "1.20E+04", ["12E3"]),
        (["3-4", "4-3"], "03-Apr", ["3-4", "4-3"]),
        (["mar1", "mark"], "01-Mar", ["mar1"]),
        (["sep-27", "x"], "2027-09-01", ["sep-27"]),
        (["1-2-27", "x"], "2027-01-02", ["1-2-27"]),
        (["3-4", "x"], "46115", ["3-4"]),
        (["Ann", "ann"], "ANN", ["Ann", "ann"]),
        (["Ann", "ann"], "ann", ["ann"]),
        (["O'Hara", "x"], "o\u2019hara", ["O'Hara"]),
        (["Ng\u00f4", "Ng\u00f2"], "Ng?", ["Ng\u00f2", "Ng\u00f4"]),
        (["Ng\u00f4", "Nga"], "Ng?", ["Ng\u00f4"]),
        (["\u00c5ngstr\u00f6m", "Angstrom"], "?NGSTR__M", ["\u00c5ngstr\u00f6m"]),
        (["\u0130\u00f6", "x"], "?\u00f6", ["\u0130\u00f6"]),
        (["\u00e9" * 4, "\u00e9" * 5], "??\u00e9?", 2),
        (["\u00e9" * 200 + "x"], "?\u00e9" * 80, []),  # in 3 ** 80 ways, one by one
        (["mario", "x"], "05-Mar", []),
        (["ann", "x"], "?", []),
        (["ann", "x"], "", []),
    ],
)
def test_names_are_found_by_evidence_that_fits_one(students, said, found):
    names = Names(students).find(said)
    assert names == found if isinstance(found, list) else len(names) == found


@pytest.mark.parametrize(
    ("entered", "points"),
    [("1,5", 1.5), ("1.5", 1.5), ("75%", 1.5), ("0 of 2", 0), ("1\u00bd", 1.5),
     ("\u0661", 1), ("\uff11\uff0e\uff15", 1.5), ("75\uff05", 1.5),
     ("1,50", 1.5), ("2.000", 2), ("1e0", 1), ("1_0", None),
     ("inf", None), ("1.5.", None), ("1-2", None), ("2,5", None)],
)  # fmt: skip
def test_points_are_read_as_people_write_them(entered, points):
    assert points_of(entered, 2)[0] == points
