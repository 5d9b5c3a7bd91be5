"""What of the grader runs in the sandbox, and in which order."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from course.grade.marks.marking import PRELOADED
from course.grade.marks.pristine import BARE, FULL
from course.grade.sandboxed.inside import PROBLEMS, find_unreadable, outline
from ece662.check.code import MODULES
from ece662.exercises import EXERCISES

ROOT = Path(__file__).parents[4]
GIVEN = "class Net:\n    def loss(self):\n        pass\n\ndef relu(x):\n    pass\n"


def _loaded(*more):
    """Return the modules that are there after those that the server loads, and more."""
    names = [
        name.replace("ece662.check._", "course.grade.sandboxed.") for name in PRELOADED
    ]
    program = f"""import json, sys, {", ".join([*names, *more])}
print(json.dumps(list(sys.modules)))"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True
    )
    return set(json.loads(done.stdout))


def test_nothing_of_a_student_runs_before_the_walls_are_closed():
    # The server loads these modules once, for all exercises and, on a bench that is
    # kept, for all submissions, before it forks.
    files = {e.file for e in EXERCISES if e.file.endswith(".py")}
    modules = {file.removesuffix(".py").replace("/", ".") for file in files}
    assert "ece662.layers" in modules
    assert not modules & _loaded()


def test_what_students_modules_import_is_loaded_before_a_call():
    assert _loaded(*MODULES) - _loaded() == {*MODULES}


def _unreadable(**texts):
    arrays = {
        name: np.frombuffer(text.encode(), np.uint8) for name, text in texts.items()
    }
    given = json.loads(json.dumps({"given": outline(ast.parse(GIVEN))}))
    answer = find_unreadable(arrays, given, dict.fromkeys(texts, "given"))
    return json.loads(answer[PROBLEMS].tobytes())


def test_find_unreadable_accepts_what_stays_in_its_function():
    text = GIVEN.replace("pass", "import os; helper = lambda: 1")
    assert _unreadable(text=text) == {}


def test_find_unreadable_names_errors_and_what_breaks_out():
    told = _unreadable(
        syntax=GIVEN.replace("pass", "a ==== b", 1),
        out=GIVEN + "print('at the level of the module')\n",
        redefined=GIVEN + "def relu(x):\n    return 0\n",
        method=GIVEN.replace("        pass", "        pass\n    x = 1", 1),
        decorated=GIVEN.replace("def relu", "@print\ndef relu"),
        inner=GIVEN.replace("    def loss", "    @print\n    def loss"),
        deep="(" * 10_000,
    )
    breaking_out = {"out", "redefined", "method", "decorated", "inner"}
    assert set(told) == {"syntax", "deep", *breaking_out}
    assert "line 3" in told["syntax"]
    for name in breaking_out:
        assert told[name] == "it ends the function that it stands in"


@pytest.mark.parametrize("tree", [FULL, BARE])
def test_modules_of_both_trees_can_be_imported(tree, pristine):
    # One that cannot is tried again for every exercise of the modules after it.
    told = f"import {', '.join(MODULES)}; print(ece662.__file__)"
    done = subprocess.run(
        [sys.executable, "-B", "-c", told],
        cwd=pristine.folder / tree,
        capture_output=True,
        check=True,
        text=True,
    )
    assert Path(done.stdout.strip()).is_relative_to(pristine.folder / tree)
