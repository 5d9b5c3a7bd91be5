"""What is taken between the marker lines, and what damage costs."""

import json

import pytest

from course.grade.classroom import Pupil, files_of
from course.grade.pieces import take
from ece662.exercises import EXERCISES, find_exercise
from ece662.exercises.regions import END, START, fill, find, stub

LAYERS = "ece662/layers.py"
Q1 = "notebooks/Q1-FCNetworks.ipynb"


@pytest.fixture(scope="module")
def solved():
    return files_of(Pupil("ann"))


@pytest.fixture(scope="module")
def pristine(solved):
    """The solved files with every region emptied, near enough to a release."""
    emptied = {}
    for file, text in solved.items():
        keys = [(region.owner, region.number) for region in find(text, file)]
        emptied[file] = fill(text, file, {key: stub(key[0], file) for key in keys})
    return emptied


def _owners(pieces, file):
    return {owner for name, owner, _ in pieces.bodies if name == file}


def test_take_takes_everything_from_a_whole_submission(solved, pristine):
    pieces = take(solved, pristine)
    assert pieces.damage == {}
    assert pieces.notes == []
    for exercise in EXERCISES:
        if exercise.kind == "answer":
            assert pieces.answers[exercise.id]
        for owner in exercise.regions if exercise.kind != "answer" else ():
            assert (exercise.file, owner, 1) in pieces.bodies


def test_take_ignores_what_stands_outside_the_regions(solved, pristine):
    text = solved[LAYERS].replace("import numpy as np", "import torch as np")
    pieces = take({**solved, LAYERS: text + "\nprint('here')\n"}, pristine)
    assert pieces.damage == {}
    assert pieces.bodies == take(solved, pristine).bodies


def test_take_leaves_out_what_is_not_written(pristine):
    assert take(pristine, pristine).bodies == {}


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
def test_take_damage_costs_one_exercise(solved, pristine, change):
    text = _damaged(solved[LAYERS], change)
    pieces = take({**solved, LAYERS: text}, pristine)
    assert set(pieces.damage) == {(LAYERS, "relu_forward")}
    assert pieces.damage_of(find_exercise("relu_forward")) is not None
    assert pieces.damage_of(find_exercise("relu_backward")) is None
    whole = take(solved, pristine)
    assert _owners(pieces, LAYERS) == _owners(whole, LAYERS) - {"relu_forward"}


def test_take_tells_of_a_function_that_is_missing_or_there_twice(solved, pristine):
    text = solved[LAYERS]
    renamed = text.replace("def relu_forward(", "def relu_fward(", 1)
    start = text.index("def relu_forward(")
    twice = text + "\n\n" + text[start : text.index("def relu_backward(")]
    for changed, told in ((renamed, "is not in"), (twice, "is 2 times in")):
        damage = take({**solved, LAYERS: changed}, pristine).damage
        assert told in damage[LAYERS, "relu_forward"]


def test_take_finds_functions_in_another_order(solved, pristine):
    text = solved[LAYERS]
    start, end = text.index("def relu_forward("), text.index("def relu_backward(")
    moved = text[:start] + text[end:] + "\n\n" + text[start:end]
    pieces = take({**solved, LAYERS: moved}, pristine)
    assert pieces.damage == {}
    assert pieces.bodies == take(solved, pristine).bodies


def test_take_tells_of_missing_files(solved, pristine):
    rest = {file: text for file, text in solved.items() if file != LAYERS}
    pieces = take(rest, pristine)
    assert pieces.missing == {LAYERS}
    assert pieces.notes == [f"{LAYERS} is not in the submission"]


@pytest.mark.parametrize(
    "text",
    ["", "no JSON", "[]", "{}", '{"cells": 3}', "[" * 100_000,
     '{"cells": [{"cell_type": "code"}], "metadata": {}, "nbformat": 4, '
     '"nbformat_minor": 5}', '{"cells": [], "nbformat": 99, "nbformat_minor": 0}'],
)  # fmt: skip
def test_take_tells_of_notebooks_that_are_none(solved, pristine, text):
    pieces = take({**solved, Q1: text}, pristine)
    assert pieces.missing == {Q1}
    assert len(pieces.notes) == 1
    assert pieces.notes[0].startswith(f"{Q1} is not a notebook: ")


def test_take_tells_of_cells_that_are_missing_or_there_twice(solved, pristine):
    notebook = json.loads(solved[Q1])
    answer = next(c for c in notebook["cells"] if c["id"] == "q1-depth-answer")
    notebook["cells"] = [
        cell for cell in notebook["cells"] if cell["id"] != "q1-solver-train"
    ]
    notebook["cells"].append(answer)
    damage = take({**solved, Q1: json.dumps(notebook)}, pristine).damage
    assert set(damage) == {(Q1, "q1-solver-train"), (Q1, "q1-depth-answer")}
    assert "2 times" in damage[Q1, "q1-depth-answer"]
