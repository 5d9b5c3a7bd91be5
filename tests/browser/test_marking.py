"""Marking and the list of students in a real browser, opened as files."""

import json
import shutil

import pytest

from course.grade.reports import write_reports
from course.grade.reports.answers import TABLE
from course.grade.reports.given import MARKS
from course.grade.reports.records import record_name
from course.grade.run import record_path
from tests.browser.conftest import SCREENSHOTS
from tests.course.grade.test_books import _record

QUESTION = "q1-vanishing-answer"
NAMES = ("ann", "bob", "=cem", "Zoë <b>Çelik</b>")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The reports on four students."""
    out = tmp_path_factory.mktemp("run")
    (out / "records").mkdir()
    (out / "run.json").write_text('{"secret": "1"}')
    for name in NAMES:
        record = _record(name) | {"answers": {QUESTION: f"</script>Because, {name}."}}
        record_path(out, name).write_text(json.dumps(record))
    assert write_reports(out) == []
    return out


@pytest.fixture
def sheet(browser):
    """A page whose errors count."""
    sheet = browser.new_page(
        accept_downloads=True, viewport={"width": 1100, "height": 900}
    )
    errors = []
    sheet.on("pageerror", lambda error: errors.append(str(error)))
    sheet.on("console", lambda said: said.type == "error" and errors.append(said.text))
    yield sheet
    assert errors == []
    sheet.close()


def test_answers_are_marked_by_the_keyboard_and_merged(run, sheet, tmp_path):
    sheet.goto((run / "answers" / f"mark-{QUESTION}.html").as_uri())
    assert "Answer 1 of 4, 0 marked" in sheet.text_content("#status")
    assert "</script>Because" in sheet.text_content("#answer")
    assert sheet.text_content("#student") == "Answer 1"  # nobody's, until asked for
    press = sheet.keyboard.press
    press("1")
    press("c")
    sheet.keyboard.type("=well argued, 2nd")
    press("Escape")
    sheet.click("#keep")
    sheet.click("#answer")
    press("n")
    press("2")
    press("Alt+1")
    press("n")
    press(".")
    press("9")  # more than there are: nothing
    press("u")
    assert "Answer 4 of 4, 3 marked" in sheet.text_content("#status")
    press("p")
    press("a")
    assert sheet.text_content("#student") in NAMES
    sheet.reload()
    assert "Answer 3 of 4, 3 marked, this one 0.5" in sheet.text_content("#status")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    sheet.screenshot(path=SCREENSHOTS / "marking.png")
    with sheet.expect_download() as download:
        press("s")
    saved = tmp_path / download.value.suggested_filename
    download.value.save_as(saved)
    shutil.copy(saved, run / TABLE.parent / saved.name)
    assert write_reports(run) == []
    known = json.loads((run / MARKS).read_text("utf-8"))["marks"]
    found = sorted(
        (m[QUESTION]["points"], m[QUESTION]["comment"]) for m in known.values()
    )
    assert found == [(0.5, ""), (1, "=well argued, 2nd"), (2, "=well argued, 2nd")]
    assert {*known} <= {record_name(name) for name in NAMES}


def test_students_are_searched_filtered_and_sorted(run, sheet):
    sheet.goto((run / "class.html").as_uri())
    shown = "tbody tr:not([hidden])"
    assert sheet.locator(shown).count() == len(NAMES)
    sheet.fill("#find", "çelik")
    assert sheet.locator(shown).count() == 1
    sheet.fill("#find", "230")  # points are not what is looked for
    assert sheet.locator(shown).count() == 0
    sheet.fill("#find", "")
    sheet.select_option("#show", "missing")
    assert sheet.locator(shown).count() == 0
    sheet.select_option("#show", "")
    sheet.click("thead button >> nth=0")
    sheet.click("thead button >> nth=0")
    assert sheet.get_attribute("thead th >> nth=0", "aria-sort") == "descending"
    assert "Çelik" in sheet.text_content(f"{shown} >> nth=0")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    sheet.screenshot(path=SCREENSHOTS / "class.png")
    sheet.click(f"{shown} >> nth=0 >> a")
    assert "points" in sheet.title()
