"""What is not written yet is said in one line, in a notebook and in a check."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from ece662.check import progress as progress_module
from ece662.check.progress import progress
from ece662.check.terms import Status
from ece662.exercises import find_exercise
from ece662.exercises.regions import END, START, fill, read, stub

ROOT = Path(__file__).parents[2]
NETS = "ece662/classifiers/fc_net.py"
LAYERS = "ece662/layers.py"


def change(root, file, bodies):
    path = root / file
    path.write_text(fill(path.read_text("utf-8"), file, bodies), "utf-8")


@pytest.fixture
def course(tmp_path):
    """The course with some exercises as they are handed out."""
    ignored = shutil.ignore_patterns("__pycache__", "*.so")
    shutil.copytree(ROOT / "ece662", tmp_path / "ece662", ignore=ignored)
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    bodies = read((ROOT / LAYERS).read_text("utf-8"), LAYERS)
    empty = stub("affine_forward", "Q1")
    left = stub("relu_forward", "Q1") + "\n" + dedent(bodies["relu_forward", 1])
    change(tmp_path, LAYERS, {("affine_forward", 1): empty, ("relu_forward", 1): left})
    change(tmp_path, NETS, {("TwoLayerNet.loss", 1): stub("TwoLayerNet", "Q1")})
    return tmp_path


def line_of(root, file, text):
    lines = (root / file).read_text("utf-8").splitlines()
    return next(n for n, line in enumerate(lines, 1) if text in line)


@pytest.fixture
def session(course):
    """Return a function that runs cells (id, text) and gives what each one shows."""

    def run(*cells):
        code = f"""
import sys
sys.meta_path = [f for f in sys.meta_path if "editable" not in repr(f)]
import contextlib, io, json
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance(colors="nocolor")
shown = []
for id, text in {[("", "from ece662.notebook import get_ready; get_ready()"), *cells]}:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        result = shell.run_cell(text, store_history=True, cell_id=id)
    shown.append([printed.getvalue().strip(), result.success])
print(json.dumps(shown))
"""
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=course / "notebooks",
            env={"PYTHONPATH": str(course), "HOME": str(course), "PATH": ""},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])[1:]

    return run


def test_notebook_shows_one_line_for_a_function_that_is_not_written(session, course):
    line = line_of(course, LAYERS, "raise NotImplementedError")
    [_, [shown, success]] = session(
        ("", "from ece662.layers import *\nimport numpy as np"),
        ("q1-affine", "affine_forward(np.ones((2, 3)), np.ones((3, 1)), np.ones(1))"),
    )
    place = f"~/ece662/layers.py:{line}"
    assert shown == f"affine_forward is not written yet ({place})."
    assert not success  # the cells below wait, as after any error


def test_notebook_names_code_below_a_raise_and_a_half_written_class(session):
    net = "TwoLayerNet(input_dim=3, hidden_dim=2, num_classes=2)"
    [_, [left, _], [half, _]] = session(
        ("", "from ece662.classifiers.fc_net import *\nimport numpy as np"),
        ("", "relu_forward(np.ones(3))"),
        ("", f"{net}.loss(np.ones((1, 3)))"),
    )
    assert left.startswith("your code in relu_forward stands below a raise NotImpl")
    assert half.startswith("TwoLayerNet.loss is half written: nothing stands yet in it")
    for shown in (left, half):
        assert "\n" not in shown
        assert ".py:" in shown


EMPTY = f"model, solver = None, None\n{START}\n# Your code\npass\n{END}\n"


def test_notebook_names_the_cell_behind_a_none(session):
    own, later, filled, other = session(
        ("q1-solver-train", f"{EMPTY}print(solver.best_val_acc)"),
        ("q1-solver-plot", "print(solver.loss_history)"),
        ("q1-solver-train", EMPTY.replace("pass", "solver = 1")),
        ("q1-solver-plot", "print(solver.loss_history)"),
    )
    assert own == ["q1-solver-train is not written yet (line 2 of this cell).", False]
    message = (
        "solver is None: q1-solver-train is not written yet (line 2 of that cell)."
    )
    assert later == [message, False]
    assert filled == ["", True]
    assert "Traceback" in other[0]
    assert "'int' object has no attribute 'loss_history'" in other[0]


def test_notebook_says_once_more_that_a_framework_is_missing(session):
    """A cell that used it made no names; those below have made no mistake."""
    load = "from ece662.frameworks.installed import MissingFrameworkError as E\n"
    [first, used, later, own] = session(
        ("", f"{load}if E: raise E('torch')\nnet = 1"),
        ("", "tuned = net + 1\ndef helper(): pass"),
        ("", "print(tuned)"),
        ("", "print(other)"),
    )
    assert first[0].startswith("This needs torch, which is not installed: pip install")
    assert used == later == first
    assert "Traceback" in own[0]
    assert "name 'other' is not defined" in own[0]


def test_notebook_says_in_one_line_that_an_import_is_missing(session):
    hide = "import sys\nsys.modules['torch'] = None"
    register = (
        "from ece662.frameworks import installed\nfrom ece662.live import unfinished\n"
        "installed.find_spec = lambda name: None\n"
        "unfinished.register(installed.explain_missing)"
    )
    [_, _, first, later, own] = session(
        ("", hide),
        ("", register),
        ("", "import torch\nimport torch.nn as nn"),
        ("", "nn.Linear(1, 1)"),
        ("", "import nothing_of_that_name"),
    )
    assert first[0].startswith("This needs torch, which is not installed: pip install")
    assert "\n" not in first[0].strip()
    assert later == first
    assert "Traceback" in own[0]


def test_notebook_shows_other_errors_as_ever(session):
    [[shown, success]] = session(("", "def f():\n    return 1 / 0\nf()"))
    assert "Traceback (most recent call last)" in shown
    assert "return 1 / 0" in shown
    assert not success


def test_progress_of_what_was_begun_is_not_to_do(course, monkeypatch):
    monkeypatch.setattr(progress_module, "check_apart", lambda root, ids: [])
    monkeypatch.setenv("ECE662_DATA", str(course / "cache"))
    ids = ("affine_forward", "relu_forward", "TwoLayerNet")
    empty, left, half = progress(course, [find_exercise(id) for id in ids])
    assert (empty.status, empty.message) == (Status.NOT_WRITTEN, "")
    assert (left.status, half.status) == (Status.FAILED, Status.FAILED)
    assert "never runs: take that line out (ece662/layers.py, line " in left.message
    assert "TwoLayerNet.loss is half written" in half.message


def test_check_says_the_same(course):
    command = [sys.executable, "-m", "ece662", "check"]
    ids = ["affine_forward", "affine_backward", "relu_forward", "TwoLayerNet"]
    ids += ["relu_backward"]
    done = subprocess.run([*command, *ids], cwd=course, capture_output=True, text=True)
    lines = done.stdout.replace(": \n", "\n").splitlines()
    line = line_of(course, LAYERS, "raise NotImplementedError")
    assert lines[:2] == [
        "affine_forward: to do",
        f"  affine_forward is not written yet (ece662/layers.py, line {line}).",
    ]
    assert "affine_backward: to do" in lines
    assert "relu_forward: not yet right" in lines
    assert "TwoLayerNet: not yet right" in lines
    below = "your code in relu_forward stands below a raise"
    assert any(f"  {below}" in s for s in lines)
    assert any(
        f"This builds on relu_forward (Q1-FCNetworks): {below}" in s for s in lines
    )
