"""Progress: which checks run, which verdicts are cached, what is reported."""

import json
import shutil
from pathlib import Path

import pytest

from ece662.check import progress as module
from ece662.check.progress import progress
from ece662.check.terms import Status
from ece662.exercises import EXERCISES, find_exercise
from ece662.exercises.regions import END, fill, stub

ROOT = Path(__file__).parents[2]
CHECKED = [e.id for e in EXERCISES if e.recipe in module.RECIPES]


@pytest.fixture
def root(tmp_path, monkeypatch):
    """The files in which students write, solved; verdicts are kept apart."""
    for file in {"ece662/exercises/exercises.toml", *(e.file for e in EXERCISES)}:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    monkeypatch.setenv("ECE662_DATA", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def asked(monkeypatch):
    """Let every check pass, and list what was asked for."""
    asked = []

    def check(root, ids):
        asked.extend(ids)
        return [verdict(id) for id in ids]

    monkeypatch.setattr(module, "check_apart", check)
    return asked


def verdict(id, passed=True, diagnosis=None, message="passed"):
    status = "needs" if diagnosis == "needs" else "passed" if passed else "failed"
    return {"id": id, "status": status, "diagnosis": diagnosis, "message": message}


def write(root, owner, body):
    path = root / next(e.file for e in EXERCISES if owner in e.regions)
    text = path.read_text("utf-8")
    path.write_text(fill(text, path.name, {(owner, 1): body}), "utf-8")


def words(states):
    return {state.exercise.id: state.word for state in states}


def test_progress_asks_once_and_remembers(root, asked):
    states = progress(root)
    assert asked == CHECKED
    assert {words(states)[id] for id in CHECKED} == {"passed"}
    assert words(states)["q1-depth-answer"] == "written"
    asked.clear()
    assert progress(root) == states
    assert asked == []


def test_progress_asks_again_what_a_change_can_reach(root, asked):
    progress(root)
    asked.clear()
    write(root, "dropout_forward", "out = 1")
    progress(root)
    reached = {"dropout_forward", "dropout_backward", "FullyConnectedNet-dropout"}
    assert set(asked) == reached


@pytest.mark.parametrize("where", ["the given part", "another file"])
def test_progress_asks_everything_where_what_is_given_changed(root, asked, where):
    progress(root)
    asked.clear()
    if where == "another file":
        (root / "ece662" / "new.py").write_text("x = 1\n")
    else:
        path = root / "ece662" / "layers.py"
        path.write_text(path.read_text().replace("import numpy", "import  numpy"))
    progress(root)
    assert asked == CHECKED


def test_progress_does_not_ask_what_is_not_written(root, asked):
    write(root, "adam", stub("adam", "Q1"))
    states = progress(root)
    assert words(states)["adam"] == "to do"
    assert "adam" not in asked


def test_progress_reports_damage_and_goes_on(root, asked):
    path = root / "ece662" / "optim.py"
    path.write_text(path.read_text().replace(END, ""))
    states = {state.exercise.id: state for state in progress(root)}
    assert states["adam"].word == "damaged"
    assert "ece662/optim.py, line" in states["adam"].message
    assert states["affine_forward"].word == "passed"


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (verdict("adam", False, "no-power", "The power."), "not yet"),
        (verdict("adam", False, None, "off"), "not yet"),
        (verdict("adam", False, "needs", "First that."), "to do"),
    ],
)
def test_progress_says_what_the_check_says(root, monkeypatch, answer, word):
    monkeypatch.setattr(module, "check_apart", lambda root, ids: [answer])
    [state] = progress(root, [find_exercise("adam")])
    assert (state.word, state.message) == (word, answer["message"])
    assert not state.finished


def test_progress_of_a_check_that_ends_the_process(root, monkeypatch):
    shutil.copytree(
        ROOT / "ece662",
        root / "ece662",
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("*.so", "__pycache__"),
    )
    write(root, "rmsprop", "import os\nos.kill(os.getpid(), 9)")
    exercises = [find_exercise(id) for id in ("rmsprop", "sgd_momentum")]
    killed, other = progress(root, exercises)
    assert (killed.word, other.word) == ("not yet", "passed")
    assert "where memory runs out" in killed.message


@pytest.fixture
def course(root, monkeypatch):
    """The folder with its package, in which checks have a fifth of their time."""
    shutil.copytree(
        ROOT / "ece662",
        root / "ece662",
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("*.so", "__pycache__"),
    )
    monkeypatch.setenv("ECE662_PATIENCE", "0.2")
    return root


def test_progress_of_a_loop_that_never_ends_names_it_and_goes_on(course):
    write(course, "affine_forward", "n = 0\nwhile n < len(x):\n    n += 0")
    ids = ("affine_forward", "affine_backward", "TwoLayerNet", "relu_forward")
    loop, backward, net, other = progress(course, [find_exercise(id) for id in ids])
    assert (loop.status, loop.word) == (Status.STOPPED, "not yet")
    assert loop.message.startswith("Stopped after 6 seconds in ece662/layers.py, line ")
    assert loop.message.endswith(": does a loop there never end?")
    assert "(`while n < len(x):`)" in loop.message or "(`n += 0`)" in loop.message
    for state in (backward, net):
        assert state.status is Status.STOPPED
        assert "builds on affine_forward, which was stopped" in state.message
    assert other.word == "passed"


def test_progress_of_a_loop_at_the_top_of_a_file_waits_for_it_once(course):
    path = course / "ece662/optim.py"
    path.write_text(path.read_text("utf-8") + "\nwhile True:\n    pass\n", "utf-8")
    ids = ("sgd_momentum", "rmsprop", "adam", "affine_forward")
    first, *rest, other = progress(course, [find_exercise(id) for id in ids])
    assert other.word == "passed"
    assert first.message.startswith("Stopped after 6 seconds in ece662/optim.py, line ")
    assert first.message.endswith(", which is run when the file is loaded.")
    for state in rest:
        assert "builds on ece662/optim.py, which was stopped" in state.message


def test_progress_of_a_loop_in_compiled_code_goes_on(course, monkeypatch):
    monkeypatch.setenv("ECE662_PATIENCE", "0.1")  # 15 s: all of it is waited for
    write(course, "rmsprop", "sum(iter(int, 1))")
    exercises = [find_exercise(id) for id in ("rmsprop", "sgd_momentum")]
    stuck, other = progress(course, exercises)
    assert (stuck.word, other.word) == ("not yet", "passed")
    assert "did not finish" in stuck.message
    # Another time it may pass, on a computer that has less to do.
    write(course, "rmsprop", "pass")
    assert "rmsprop" not in (course / "cache/verdicts.json").read_text()


def test_verdicts_that_cannot_be_read_are_made_anew(root, asked):
    folder = root / "cache"
    folder.mkdir()
    (folder / "verdicts.json").write_text("{")
    progress(root)
    assert asked == CHECKED
    kept = json.loads((folder / "verdicts.json").read_text())
    assert len(kept) == len(CHECKED)
