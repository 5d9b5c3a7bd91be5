"""Text of unknown origin, made harmless."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.grade.text import cell, file_name, markdown, printable


def test_printable_writes_out_what_steers():
    assert printable("a\x1b[2J\u202eb\ud800\u2028") == "a\\x1b[2J\\u202eb\\ud800\\u2028"
    assert printable("line\n\ttab") == "line\n\ttab"
    assert printable("x" * 30, limit=10) == "x" * 10 + " [... 20 more characters]"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1"])
def test_cell_is_no_formula(text):
    assert cell(text).startswith("'")


@given(st.text())
def test_cell_comes_back_from_csv_as_one_cell(text):
    lines = io.StringIO()
    csv.writer(lines).writerow([cell(text), "end"])
    [[value, end]] = csv.reader(io.StringIO(lines.getvalue(), newline=""))
    assert (value, end) == (cell(text), "end")


def test_markdown_shows_html_and_links_as_they_are():
    text = "<script>alert(1)</script> [a](javascript:b) `c` ![d](e)"
    shown = markdown(text)
    assert "<" not in shown
    assert "\\[a\\]\\(javascript" in shown


@given(st.text(), st.text())
def test_file_name_is_plain_and_tells_names_apart(one, other):
    name = file_name(one)
    assert name
    assert len(name) <= 80
    assert "/" not in name
    assert not name.startswith((".", "-"))
    assert name.isascii()
    if one != other:
        assert name.lower() != file_name(other).lower()


def test_file_name_keeps_a_plain_name():
    assert file_name("ann_smith-2") == "ann_smith-2"
    assert file_name("../ann") != "../ann"
