"""Errors: the student's own line is named, and an unfinished exercise is no error."""

import linecache
import sys
import traceback

import numpy as np
import pytest

from ece662 import layers
from ece662.exercises.regions import START
from ece662.live import place
from ece662.widgets._errors import UnfinishedError, describe_error, finished


def error_of(function, *arguments):
    try:
        function(*arguments)
    except Exception as error:
        return error
    raise AssertionError("expected an error")


@pytest.fixture
def student_file(tmp_path, monkeypatch):
    """A function that loads a module of the student's, which lies in the package."""

    def load(body):
        package = tmp_path / "ece662"
        package.mkdir()
        monkeypatch.setattr(place, "_ROOT", tmp_path)
        monkeypatch.setattr(place, "_PACKAGE", package)
        path = package / "optim.py"
        start = f"    {START}\n"
        path.write_text(f"def adam(w):\n{start}    {body}\n    return w\n")
        space = {}
        exec(compile(path.read_text(), str(path), "exec"), space)
        return space["adam"]

    return load


def test_explain_unwritten_exercise_names_it(student_file):
    adam = student_file("raise NotImplementedError('Q1')")
    said = describe_error(error_of(adam, 1))
    assert said.startswith("adam is not written yet (ece662/optim.py, line 3). Write")


def test_explain_error_shows_the_line(student_file):
    said = describe_error(error_of(student_file("w = w / 0"), 1))
    assert said.splitlines() == [
        "ZeroDivisionError: division by zero",
        "in ece662/optim.py, line 3, in adam: w = w / 0",
    ]


def test_explain_leaves_a_terminals_colours_out():
    assert (
        describe_error(ValueError("\x1b[1mno\x1b[0m layer")) == "ValueError: no layer"
    )


def test_explain_hints_at_none(student_file):
    said = describe_error(error_of(student_file("w = None + w"), 1))
    assert "is an exercise still empty?" in said


def test_explain_takes_the_students_line_not_numpys():
    x, w, b = np.ones((2, 3)), np.ones((4, 5)), np.ones(5)
    said = describe_error(error_of(layers.affine_forward, x, w, b))
    assert "ece662/layers.py" in said
    assert "in affine_forward: raise ValueError" in said


def test_explain_cell_of_the_notebook():
    source = compile("def f():\n    return 1 / 0", "/tmp/ipykernel_7/123.py", "exec")
    space = {}
    exec(source, space)
    assert "in a cell of this notebook, line 2, in f" in describe_error(
        error_of(space["f"])
    )


def test_explain_other_code_has_no_place():
    def in_a_library():
        linecache.getline(1, 1)

    error = error_of(in_a_library)
    assert "in in_a_library" not in describe_error(error.with_traceback(_last(error)))
    assert describe_error(ValueError("x")) == "ValueError: x"


def _last(error):
    """Return the traceback of the innermost frame alone."""
    found = error.__traceback__
    while found.tb_next:
        found = found.tb_next
    return found


@pytest.mark.parametrize("nothing", [None, (None, {}), (None, None)])
def test_finished_refuses_none(nothing):
    error = error_of(finished, "adam", nothing)
    assert isinstance(error, UnfinishedError)
    assert describe_error(error).startswith("adam returns None so far")


@pytest.mark.parametrize("result", [0.0, (np.zeros(2), None), np.zeros(3), ()])
def test_finished_hands_on_a_result(result):
    assert finished("adam", result) is result


def test_explain_never_needs_a_traceback():
    assert describe_error(KeyError("velocity")) == "KeyError: 'velocity'"
    assert traceback.extract_tb(sys.exc_info()[2]) == []
