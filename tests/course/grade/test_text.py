"""Text of unknown origin, made harmless."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.grade.reports.tables import as_csv
from course.grade.text import (
    cell,
    file_name,
    markdown,
    name_line,
    name_of,
    printable,
)


def test_printable_writes_out_what_steers():
    assert printable("a\x1b[2J\u202eb\ud800\u2028") == "a\\x1b[2J\\u202eb\\ud800\\u2028"
    assert printable("line\n\ttab") == "line\n\ttab"
    assert printable("x" * 30, limit=10) == "x" * 10 + " [... 20 more characters]"


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\N{SMALL EQUALS SIGN}1",
     "\N{SMALL COMMERCIAL AT}SUM(A1)", "\N{SUPERSCRIPT PLUS SIGN}1", "\N{MINUS SIGN}1"],
)  # fmt: skip
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


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_file_name_can_be_read_back(name):
    file = file_name(name)
    if "~~" not in file:
        assert name_of(file) == name


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("Ann Smith", "^ann~_^smith"),
        ("o'neill", "o~27neill"),
        ("con", "~63on"),
        ("nul.tar", "~6eul.tar"),
        (".hidden", "~2ehidden"),
        ("a..b.", "a~2e.b~2e"),
        ("", "~"),
    ],
)
def test_file_name_is_readable_and_allowed_everywhere(name, file):
    assert file_name(name) == file
    assert name_of(file) == name


def test_file_name_of_a_long_name_has_128_bits_and_no_reversal():
    one, other = (file_name("Ann " * 50 + end) for end in "xy")
    assert one != other
    assert len(one.partition("~~")[2]) == 32
    assert name_of(one) is None


def test_name_line_tells_names_apart_that_are_shown_alike():
    names = ["a\x1b", "a\\x1b", "a\nb", "a\\nb", "a\U000e0001", "a\ue0001",
             "x" * 250 + "y", "x" * 250 + "z"]  # fmt: skip
    shown = [name_line(name) for name in names]
    assert len(set(shown)) == len(names)
    assert all(len(line) <= 200 and "\n" not in line for line in shown)


@pytest.mark.parametrize(
    "text",
    [
        "a;=cmd|' /C calc'!A0",
        'a; "=1',
        "a\t+1",
        "a\n-1",
        "a;\t @SUM(A1)",
        "\uff1d1",
        "\xa0=1",
        '"=1',
        '";=1',
    ],
)
def test_cell_is_no_formula_wherever_a_table_is_split(text):
    row = as_csv([["ann", text, "3"]])
    for delimiter in ",;\t":
        for cells in csv.reader(io.StringIO(row, newline=""), delimiter=delimiter):
            for value in cells:
                begin = value.lstrip(' \t\n\xa0"')[:1]
                assert begin not in set("=+-@\uff1d"), (delimiter, value)


@given(st.text(st.sampled_from(";,\t\n\r\"' =+-@a1\xa0\uff1d")))
def test_cell_is_no_formula_in_any_table(text):
    row = as_csv([["ann", text, text, "3"]])
    for delimiter in ",;\t":
        for cells in csv.reader(io.StringIO(row, newline=""), delimiter=delimiter):
            assert not any(value.startswith(tuple("=+-@\uff1d")) for value in cells)
    assert cell(cell(text)) == cell(text)


@pytest.mark.parametrize("text", ["x.reshape(2, -1)", "lost, -1", "a = b - c", "1; 2"])
def test_cell_leaves_what_is_no_formula_as_it_is(text):
    assert cell(text) == text
