"""Items of a rubric: in the rules, in tables of points, and in the marks."""

import csv
import json

import pytest

from course.grade.books import rules
from course.grade.errors import GradingError
from course.grade.reports import write_reports
from course.grade.reports.answers import TABLE
from course.grade.reports.given import MARKS
from course.grade.reports.records import record_name
from course.grade.reports.rubric import item_of, items_in, together
from course.grade.run import record_path
from tests.course.grade.books.test_books import _record

QUESTION = "q1-vanishing-answer"
ITEMS = "'-0.5 no sign | 1 names the product | Which factors?"


@pytest.fixture
def run(tmp_path):
    """A run with an answer of one student."""
    (tmp_path / "records").mkdir()
    (tmp_path / "run.json").write_text('{"secret": "1"}')
    record = _record("ann") | {"answers": {QUESTION: "Because."}}
    record_path(tmp_path, "ann").write_text(json.dumps(record))
    assert write_reports(tmp_path) == []
    return tmp_path


def _merge(run, points="", comment="", rubric=None):
    row = {"student": "ann", "question": QUESTION, "points": points, "of": 2,
           "comment": comment, "record": record_name("ann")}  # fmt: skip
    row |= {} if rubric is None else {"rubric": rubric}
    with open(run / "answers" / "points-x.csv", "w", -1, "utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        writer.writeheader()
        writer.writerow(row)
    assert write_reports(run) == []
    known = json.loads((run / MARKS).read_text())["marks"].get(record_name("ann"), {})
    mark = known.get(QUESTION)
    return mark and (mark["points"], mark["comment"], mark["rubric"])


@pytest.mark.parametrize(
    ("line", "item"),
    [
        ("1 names the product", (1, "names the product")),
        ("0,5:  says  why", (0.5, "says why")),
        ("-0.5 no sign", (-0.5, "no sign")),
        ("+2 all of it", (2, "all of it")),
        ("Which factors?", (None, "Which factors?")),
        ("2nd factor is missing", (None, "2nd factor is missing")),
        ("1 a | b", (1, "a / b")),
        ("12", (None, "12")),
    ],
)
def test_item_of_reads_points_and_words(line, item):
    assert item_of(line) == item
    assert item_of(str(item_of(line))) == item


def test_items_are_together_once():
    assert item_of("  ") is None
    assert items_in(" | 1 a|b | b") == ("1 a", "b")
    assert together(["1 a"], ["b", "1  a"]) == [(1, "a"), (None, "b")]


def test_rubric_is_kept_with_the_mark_and_offered_to_all(run):
    found = _merge(run, "0.5", "no sign (-0.5)", ITEMS)
    items = ["-0.5 no sign", "1 names the product", "Which factors?"]
    assert found == (0.5, "no sign (-0.5)", items)
    told = (run / "answers" / f"mark-{QUESTION}.html").read_text()
    assert '{"points": -0.5, "text": "no sign"}' in told
    assert _merge(run, "1") == (1, "no sign (-0.5)", items)
    assert _merge(run, "1", "better") == (1, "better", [])
    [row] = csv.DictReader((run / TABLE).read_text("utf-8-sig").splitlines())
    assert (row["points"], row["comment"], row["rubric"]) == ("1", "better", "")


def test_comments_are_taken_back_when_that_is_said(run):
    _merge(run, "0.5", "no sign (-0.5)", ITEMS)
    assert _merge(run, "2", "")[1] == "no sign (-0.5)"  # an empty cell says nothing
    assert _merge(run, "2", "No comment") == (2, "", [])
    assert _merge(run, "open", "look again") == (None, "look again", [])
    assert _merge(run, "open", "no comment") is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[rubric]\nq9 = ["1 a"]', "there is no question 'q9'"),
        ('[rubric]\naffine_forward = ["1 a"]', "no question 'affine_forward'"),
        (f'[rubric]\n{QUESTION} = "1 a"', "expected a list of texts, got '1 a'"),
        (f"[rubric]\n{QUESTION} = [1]", "expected a list of texts"),
    ],
)
def test_rubrics_that_cannot_be_are_refused(tmp_path, text, why):
    path = tmp_path / rules.COURSE
    path.write_text(text)
    with pytest.raises(GradingError, match=why):
        rules.load(path)


def test_rubric_of_the_rules_is_on_the_page(run):
    (run / rules.COURSE).write_text(f'[rubric]\n{QUESTION} = ["1 names </script>"]')
    assert write_reports(run) == []
    told = (run / "answers" / f"mark-{QUESTION}.html").read_text()
    assert '"text": "names \\u003c/script\\u003e"' in told
