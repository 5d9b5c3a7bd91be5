"""Marking and the list of students in a real browser, opened as files."""

import json
import shutil
import statistics

import pytest

from course.grade.reports import write_reports
from course.grade.reports.answers import TABLE
from course.grade.reports.given import MARKS
from course.grade.reports.marking_page import marking_page
from course.grade.reports.records import record_name
from course.grade.reports.rubric import item_of
from ece662.exercises import find_exercise
from tests.browser.conftest import QUESTION, RUBRIC, SCREENSHOTS, STUDENTS


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


def _merged(page, run, folder):
    """Save the table of a page, put it beside the others, and return the marks."""
    with page.expect_download() as download:
        page.keyboard.press("s")
    saved = folder / download.value.suggested_filename
    download.value.save_as(saved)
    shutil.copy(saved, run / TABLE.parent / saved.name)
    assert write_reports(run) == []
    known = json.loads((run / MARKS).read_text("utf-8"))["marks"]
    assert {*known} <= {record_name(name) for name in STUDENTS}
    marks = [of[QUESTION] for of in known.values() if QUESTION in of]
    return sorted((m["points"], m["comment"], m["rubric"]) for m in marks)


def _mark_four(sheet):
    """Mark three of four answers, by keys alone."""
    press, type_ = sheet.keyboard.press, sheet.keyboard.type
    for key in "dfdd":  # the first item on, the second, the first off and on
        press(key)
    assert "this one 1.5" in sheet.text_content("#status")
    press("c")
    type_("=well argued, 2nd")
    press("Control+Enter")
    press("m")
    type_("-0.5 no sign")
    press("Enter")
    assert "this one 0" in sheet.text_content("#status")  # not below
    press("d")
    press("Enter")
    press(".")
    press("9")  # more than there are: nothing
    press("u")
    assert "Answer 4 of 4, 3 marked" in sheet.text_content("#status")


def test_answers_are_marked_by_the_keyboard_and_merged(graded, sheet, tmp_path):
    address = (graded / "answers" / f"mark-{QUESTION}.html").as_uri()
    sheet.goto(address)
    assert "Answer 1 of 4, 0 marked" in sheet.text_content("#status")
    assert "</script>Because" in sheet.text_content("#answer")
    assert sheet.text_content("#student") == "Answer 1"  # nobody's, until asked for
    _mark_four(sheet)
    sheet.keyboard.press("p")
    sheet.keyboard.press("a")
    assert sheet.text_content("#student") in STUDENTS
    sheet.reload()
    assert "Answer 3 of 4, 3 marked, this one 0.5" in sheet.text_content("#status")
    sheet.keyboard.press("p")
    sheet.keyboard.press("p")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    sheet.screenshot(path=SCREENSHOTS / "marking.png")
    said = "says of what (0.5). names the product (1). =well argued, 2nd"
    rest = [
        (0.5, "", []),
        (0.5, "no sign (-0.5). names the product (1)",
         ["-0.5 no sign", "1 names the product"]),
    ]  # fmt: skip
    items = ["0.5 says of what", "1 names the product"]
    assert _merged(sheet, graded, tmp_path) == [*rest, (1.5, said, items)]
    # Somebody else, who has nothing but the folder, goes on, and takes a mark back.
    other = sheet.context.browser.new_page(accept_downloads=True)
    other.goto(address)
    assert "3 marked, this one 1.5" in other.text_content("#status")
    assert other.input_value("#comment") == "=well argued, 2nd"
    pressed = other.locator("#rubric [aria-pressed=true]").all_text_contents()
    assert pressed == ["d names the product (1)", "f says of what (0.5)"]
    for key in ("d", "f", "c", "Control+a", "Delete", "Escape"):
        other.keyboard.press(key)
    assert "2 marked" in other.text_content("#status")
    assert _merged(other, graded, tmp_path) == rest
    other.close()


# Presses keys without waiting, and returns how long the page took for each, in ms.
PRESS = """keys => keys.map(key => {
    const start = performance.now()
    document.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}))
    return performance.now() - start
})"""


def test_three_hundred_answers_are_marked_as_fast_as_keys_are_pressed(sheet, tmp_path):
    """In 20 minutes, four seconds each: two items and Enter, and no wait."""
    answers = [
        {"student": f"student {n}", "record": f"{n}.json", "answer": "Because. " * 99,
         "points": None, "comment": "", "rubric": [], "changed": False}
        for n in range(300)
    ]  # fmt: skip
    rubric = [item_of(line) for line in RUBRIC]
    path = tmp_path / "mark.html"
    path.write_text(
        marking_page(find_exercise(QUESTION), answers, rubric, "1"), "utf-8"
    )
    sheet.goto(path.as_uri())
    took = sheet.evaluate(PRESS, ["d", "f", "Enter"] * 300)
    assert "300 marked, this one 1.5" in sheet.text_content("#status")
    assert statistics.median(took) < 50
    sheet.evaluate(PRESS, ["p"] * 299)
    assert "Answer 1 of 300, 300 marked" in sheet.text_content("#status")
    sheet.reload()
    assert "300 marked" in sheet.text_content("#status")


def test_students_are_searched_filtered_and_sorted(graded, sheet):
    sheet.goto((graded / "class.html").as_uri())
    shown = "tbody tr:not([hidden])"
    assert sheet.locator(shown).count() == len(STUDENTS)
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
