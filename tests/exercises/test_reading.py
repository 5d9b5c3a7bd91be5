"""What is read between the marker lines, and what damage costs."""

import json

import pytest

from course.grade.classroom import Pupil, files_of
from ece662.exercises import EXERCISES, find_exercise
from ece662.exercises.findings import Fault, Note
from ece662.exercises.reading import read_files
from ece662.exercises.regions import END, START, fill, find, stub

LAYERS = "ece662/layers.py"
Q1 = "notebooks/Q1-FCNetworks.ipynb"


@pytest.fixture(scope="module")
def solved():
    return files_of(Pupil("ann"))


@pytest.fixture(scope="module")
def emptied(solved):
    """The solved files with every region emptied, near enough to a release."""
    emptied = {}
    for file, text in solved.items():
        keys = [(region.owner, region.number) for region in find(text, file)]
        emptied[file] = fill(text, file, {key: stub(key[0], file) for key in keys})
    return emptied


def _owners(pieces, file):
    return {owner for name, owner, _ in pieces.bodies if name == file}


def test_read_files_takes_everything_from_a_whole_submission(solved):
    pieces = read_files(solved)
    assert pieces.faults == {}
    assert pieces.notes == []
    for exercise in EXERCISES:
        if exercise.kind == "answer":
            assert pieces.answers[exercise.id]
        for owner in exercise.regions if exercise.kind != "answer" else ():
            assert (exercise.file, owner, 1) in pieces.bodies


def test_read_files_ignores_what_stands_outside_the_regions(solved):
    text = solved[LAYERS].replace("import numpy as np", "import torch as np")
    pieces = read_files({**solved, LAYERS: text + "\nprint('here')\n"})
    assert pieces.faults == {}
    assert pieces.bodies == read_files(solved).bodies


def test_read_files_leaves_out_what_is_not_written(emptied):
    assert read_files(emptied).bodies == {}


def _damaged(text, change):
    head, name, rest = text.partition("def relu_forward(")
    return head + name + change(rest)


@pytest.mark.parametrize(
    "change",
    [
        lambda rest: rest.replace(START, "", 1),
        lambda rest: rest.replace(END, "", 1),
        lambda rest: rest.replace(START, START.lower(), 1).replace(END, "", 1),
        lambda rest: rest.replace(START, f"{START}\n    {END}\n    {START}", 1),
        lambda rest: rest.replace(START, "#", 1).replace(END, START, 1),
        lambda rest: rest.replace(END, f"{END}\n    {START}\n    {END}", 1),
        lambda rest: rest.replace("    " + START, "  " + START, 1),
    ],
)
def test_read_files_damage_costs_one_exercise(solved, change):
    text = _damaged(solved[LAYERS], change)
    pieces = read_files({**solved, LAYERS: text})
    assert set(pieces.faults) == {(LAYERS, "relu_forward")}
    assert pieces.damage_of(find_exercise("relu_forward")) is not None
    assert pieces.damage_of(find_exercise("relu_backward")) is None
    whole = read_files(solved)
    assert _owners(pieces, LAYERS) == _owners(whole, LAYERS) - {"relu_forward"}


def test_read_files_reports_a_function_that_is_missing(solved):
    renamed = solved[LAYERS].replace("def relu_forward(", "def relu_fward(", 1)
    pieces = read_files({**solved, LAYERS: renamed})
    assert {key: f.what for key, f in pieces.faults.items()} == {
        (LAYERS, "relu_forward"): Fault.GONE
    }


def test_read_files_takes_the_last_of_two_definitions(solved):
    text = solved[LAYERS]
    start = text.index("def relu_forward(")
    copy = text[start : text.index("\ndef ", start)]
    twice = text + "\n\n" + copy.replace("np.maximum(x, 0)", "x * (x > 0)")
    pieces = read_files({**solved, LAYERS: twice})
    assert pieces.faults == {}
    assert "x * (x > 0)" in pieces.bodies[LAYERS, "relu_forward", 1]
    [note] = pieces.findings
    assert (note.what, note.owner, note.other) == (Note.TWICE, "relu_forward", 2)


def test_read_files_finds_functions_in_another_order(solved):
    text = solved[LAYERS]
    start, end = text.index("def relu_forward("), text.index("def relu_backward(")
    moved = text[:start] + text[end:] + "\n\n" + text[start:end]
    pieces = read_files({**solved, LAYERS: moved})
    assert pieces.faults == {}
    assert pieces.bodies == read_files(solved).bodies


def test_read_files_reports_missing_files(solved):
    rest = {file: text for file, text in solved.items() if file != LAYERS}
    pieces = read_files(rest)
    assert {f: why.what for f, why in pieces.missing.items()} == {LAYERS: Fault.NO_FILE}
    assert pieces.notes == [f"{LAYERS} is not there"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", Fault.EMPTY),
        (" \n", Fault.EMPTY),
        ("no JSON", Fault.JSON),
        ("[]", Fault.FORM),
        ("{}", Fault.FORM),
        ('{"cells": 3}', Fault.FORM),
        ('{"cells": [], "nbformat_minor": ' + "9" * 5000 + "}", Fault.FORM),
        ("[" * 100_000, Fault.FORM),
        ('{"worksheets": 3, "nbformat": 3}', Fault.FORM),
        ("<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> mine\n", Fault.CONFLICT),
        ("{}".encode("utf-16")[:-1], Fault.UTF_16),
        ("{}".encode("utf-16-le")[:-1], Fault.UTF_16),
        ("{}".encode("utf-16"), Fault.FORM),
        (b"\xe9", Fault.BYTES),
    ],
)
def test_read_files_reports_notebooks_that_are_none(solved, text, what):
    pieces = read_files({**solved, Q1: text})
    assert {f: why.what for f, why in pieces.missing.items()} == {Q1: what}
    [note] = pieces.notes
    assert Q1 in note


def test_read_files_cells_without_a_source_are_cells(solved):
    pieces = read_files({**solved, Q1: '{"cells": [{"cell_type": "code"}, 3, null]}'})
    faults = {fault.what for (file, _), fault in pieces.faults.items() if file == Q1}
    assert faults == {Fault.GONE}
    assert not pieces.missing


def test_read_files_reports_cells_that_are_missing_or_there_twice(solved):
    notebook = json.loads(solved[Q1])
    answer = next(c for c in notebook["cells"] if c["id"] == "q1-depth-answer")
    notebook["cells"] = [
        cell for cell in notebook["cells"] if cell["id"] != "q1-solver-train"
    ]
    notebook["cells"].append(answer)
    pieces = read_files({**solved, Q1: json.dumps(notebook)})
    assert set(pieces.faults) == {(Q1, "q1-solver-train")}
    [note] = pieces.findings
    assert (note.what, note.owner) == (Note.COPIED, "q1-depth-answer")
    assert pieces.answers["q1-depth-answer"] == "".join(answer["source"])
