"""One list says which exercises there are; what else names one is a table of its own.

Checks, release, submission and grading learn from `exercises.toml` which exercises
there are, where they are written, what they need and how much they count.
"""

import ast
from pathlib import Path

import pytest

from ece662.exercises import EXERCISES

ROOT = Path(__file__).parents[2]
IDS = {exercise.id for exercise in EXERCISES}
# Rooms that know exercises from the list alone.
ROOMS = (
    "ece662/check/*.py",
    "ece662/commands/*.py",
    "ece662/exercises/*.py",
    "ece662/live/*.py",
    "course/*.py",
    "course/commands/*.py",
    "course/grade/**/*.py",
    "course/sandbox/*.py",
    "scripts/*.py",
)
# Tables by exercise, and a made-up class whose students each get one thing wrong.
TABLES = {
    "course/accepted.py",
    "course/grade/classroom.py",
    "course/grade/sandboxed/inside.py",  # of which network's gradients more is asked
    "course/grade/marks/large.py",  # how large the inputs of each are
    "course/grade/marks/training.py",  # WHOLE_OF
    "course/grade/sandboxed/watching.py",  # what is looked at while each cell runs
}


def named_in(text):
    """Return the exercises that a module's own strings name."""
    return {
        node.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and node.value in IDS
    }


@pytest.mark.parametrize("room", ROOMS)
def test_exercises_are_named_by_the_list_alone(room):
    found = {
        path.relative_to(ROOT).as_posix(): named_in(path.read_text("utf-8"))
        for path in ROOT.glob(room)
    }
    assert found
    assert {
        name: ids for name, ids in found.items() if ids and name not in TABLES
    } == {}


def test_every_table_names_exercises():
    for name in TABLES:
        assert named_in((ROOT / name).read_text("utf-8")), name


def test_a_second_list_would_be_found():
    assert named_in('EASY = ["relu_forward", "relu"]') == {"relu_forward"}
