"""Rendering: plain text, colour and HTML of the same verdict."""

import numpy as np

from ece662 import layers
from ece662.check import check
from ece662.check.diagnosis import Diagnosis
from ece662.check.judging import Comparison, Verdict
from ece662.check.rendering import Result, render

X = np.array([1.0, 2.0])


def wrong(name="dx", case="rows", got=X + 1):
    return Comparison(case, name, False, 0.5, 1e-6, (1,), got, X)


def right(name="dw", case="rows"):
    return Comparison(case, name, True, 1e-12, 1e-6, (0,), X, X)


def test_render_is_the_same_at_each_run():
    first, again = check("affine_backward"), check("affine_backward")
    assert str(first) == repr(first) == str(again)
    assert first._repr_html_() == again._repr_html_()


def test_render_passed_shows_the_error_beside_its_bound():
    text = str(render(Verdict("affine_forward", True, (right(),))))
    assert text == (
        "affine_forward: passed\n  1 comparison in 1 case: error 1e-12, "
        "expected below 1e-6"
    )


def test_render_failed_says_words_first_then_figures():
    verdict = Verdict("affine_backward", False, (wrong(), right()))
    text = str(render(verdict, Diagnosis("factor", says="It is off.", asks="By what?")))
    assert text.splitlines() == [
        "affine_backward: not yet right",
        "  It is off.",
        "  Think: By what?",
        "  dx (rows): [2, 3], expected [1, 2]",
        "  right in all cases: dw",
    ]


def test_render_tells_an_output_once_however_many_cases_are_wrong():
    outputs = (wrong(), wrong(case="images"), right("dx", "one"))
    text = str(render(Verdict("affine_backward", False, outputs)))
    assert text.count("dx") == 1
    assert "wrong in 2 of 3 cases" in text


def test_render_shapes_and_missing_outputs():
    outputs = (wrong("dx", got=X[None]), wrong("dw", got=None), wrong("db", got=X > 1))
    text = str(render(Verdict("affine_backward", False, outputs)))
    assert "dx (rows): shape (1, 2), expected (2,)" in text
    assert "dw (rows): missing" in text
    assert "db (rows): bool, expected float64" in text


def test_text_colours_the_headline_only_if_asked():
    result = Result(Verdict("adam", True, (right(),)))
    assert "\033" not in result.text()
    assert result.text(colour=True).startswith("\033[32madam: passed\033[0m\n")


def test_html_escapes_what_a_student_wrote(monkeypatch):
    def scripted(x, w, b):
        raise ValueError("<script>alert(1)</script>")

    monkeypatch.setattr(layers, "affine_forward", scripted)
    shown = check("affine_forward")._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
