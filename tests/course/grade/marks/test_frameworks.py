"""Exercises in PyTorch and TensorFlow, run behind the walls and judged outside."""

import json

import numpy as np
import pytest

from course.grade.classroom import Pupil, files_of
from course.grade.marks import frameworks, marking
from course.grade.marks.pristine import FULL
from course.grade.secret import Secret
from course.sandbox.isolation import Isolation
from ece662.exercises import EXERCISES, find_exercise
from ece662.exercises.reading import read_files

SECRET = Secret(32 * "6")
TRAIN = "model = ThreeLayerConvNet(3, channel_1, channel_2, num_classes=6).to(device)"
# What stands after the region calls `train_part34`: this one does next to nothing.
LAZY = f"""{TRAIN}
def train_part34(model, optimizer):
    log = TrainingLog()
    for loss in (1.8, 0.1): log.step(loss)
    log.epoch(0.99, 0.99)
    return log
"""
FORGED = f"""{TRAIN}
import os, wire
said = {{"validation accuracy": 0.99, "first losses": 1.8, "last losses": 0.1,
        "training accuracy at the end": 0.99}}
said = {{f"as trained/{{name}}": value for name, value in said.items()}}
os.write(3, wire.pack({{**said, "problems": np.frombuffer(b"[]", np.uint8)}}))
os._exit(0)
"""
QUICK = f"""{TRAIN}
def train_part34(model, optimizer):
    log, step = TrainingLog(), optim.Adam(model.parameters(), 1e-3)
    for x, y in list(loader_train)[:40]:
        loss = F.cross_entropy(model(x), y)
        step.zero_grad(); loss.backward(); step.step()
        log.step(loss.item())
    log.epoch(0.30)
    return log
"""
PRUNE = "for share in shares:"
# Pruned as it should be, share by share; but another network than the one given.
DOUBLED = f"for w in model.parameters(): w.data.mul_(2)\n{PRUNE}"


def test_every_exercise_in_cells_runs_somewhere():
    needed = {e.id: e.frameworks for e in EXERCISES if e.kind == "training"}
    assert {id for id, names in needed.items() if not names} == {
        e.id for e in EXERCISES if e.kind == "training" and e.notebook.startswith("Q1")
    }
    assert needed["q6-tensorflow-exercise"] == ("tensorflow", "torch")
    assert {name for names in needed.values() for name in names} == {*frameworks.LIMITS}


def test_prepare_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    why = frameworks.prepare(tmp_path, Isolation.BUBBLEWRAP, tmp_path)
    for name in frameworks.LIMITS:
        assert f'pip install "ece662[{name}]"' in why[name]
    assert not list(tmp_path.iterdir())


def test_tensorflow_is_not_run_where_threads_are_not_counted(tmp_path):
    found = frameworks._fault("tensorflow", tmp_path, Isolation.LANDLOCK, tmp_path)
    assert "apt install bubblewrap" in found


@pytest.fixture(scope="module")
def marker(walls, runtime, pristine, public_folder):
    pytest.importorskip("torch")
    folder = public_folder / "with-frameworks"
    for name in ("work", "runtime"):
        (folder / name).mkdir(parents=True)
    given = folder / "runtime"
    why = frameworks.prepare(given, walls, pristine.folder / FULL)
    assert why["torch"] == ""
    others = {"frameworks": given, "why_not": why, "work": folder / "work"}
    marker = marking.Marker(walls, runtime, pristine, SECRET, **others)
    yield marker
    marker.benches.close()


@pytest.fixture
def mark(marker, monkeypatch):
    """Return a function that marks exercises of which one has something replaced."""

    def mark_some(*ids, old="", new=""):
        chosen = tuple(find_exercise(id) for id in ids)
        monkeypatch.setattr(marking, "EXERCISES", chosen)
        pupil = Pupil("ann", ids[0] if old else "", old, new)
        found = marker.mark(read_files(files_of(pupil)))
        return {mark.exercise: mark for mark in found}

    return mark_some


@pytest.mark.parametrize("name", frameworks.LIMITS)
def test_framework_computes_without_a_word_of_its_own(name, marker):
    # It would stand in the records, with the time of day, and no two would be equal.
    if why := marker.why_not[name]:
        pytest.skip(why)
    code = marker.pristine.folder / FULL
    place = (marker.isolation, marker.frameworks, code)
    with frameworks.open_sandbox(name, *place) as sandbox:
        x = np.ones((2, 8), np.float32)
        outcome = sandbox.call(f"ece662.check._with_{name}:try_it", {"x": x})
    assert outcome.ending == "answered"
    assert outcome.printed == ""


def test_torch_exercises_that_are_right_pass(mark):
    ids = (
        "q5-torch-barebones-convnet-forward",
        "q5-torch-module-convnet-class",
        "q5-torch-sequential-convnet-model",
        "q5-torch-challenge-network",
        "q6-unstructured-exercise",
        "q6-filters-exercise",
    )
    found = mark(*ids)
    assert {id: mark.status for id, mark in found.items()} == dict.fromkeys(
        ids, "passed"
    ), found


def test_torch_exercise_that_is_wrong_is_told_by_its_name(mark):
    id = "q5-torch-barebones-convnet-forward"
    relu = "maps = F.relu(F.conv2d(maps"
    found = mark(id, old=relu, new=relu.replace("F.relu", ""))[id]
    assert (found.status, found.points) == ("failed", 0)
    assert found.diagnosis == "torch-second-relu-missing"


@pytest.mark.parametrize("lie", [LAZY, FORGED], ids=["lazy", "forged"])
def test_torch_training_that_lies_about_its_accuracy_fails(mark, lie):
    id = "q5-torch-module-convnet-train"
    found = mark(id, old=TRAIN, new=lie)[id]
    assert (found.status, found.points) == ("failed", 0), found


def test_torch_training_passes_by_what_its_scores_are(mark):
    id = "q5-torch-module-convnet-train"
    found = mark(id, old=TRAIN, new=QUICK)[id]
    assert found.status == "passed", found


def test_pruning_is_held_against_the_network_that_was_given(mark):
    id = "q6-unstructured-exercise"
    found = mark(id, old=PRUNE, new=DOUBLED)[id]
    assert (found.status, found.points) == ("failed", 0), found
    assert "model itself was changed" in found.message
    assert "what is kept is as it was" in found.details[1]
    assert "right in all cases: shares asked for, share of zeros" in found.details[-1]


def test_tensorflow_exercises_that_are_right_pass(mark, marker):
    pytest.importorskip("tensorflow")
    if marker.isolation is not Isolation.BUBBLEWRAP:
        pytest.skip("it needs bubblewrap")
    ids = ("q5-tf-convnet-forward", "q5-tf-challenge-net", "q6-tensorflow-exercise")
    found = mark(*ids)
    assert {id: mark.status for id, mark in found.items()} == dict.fromkeys(
        ids, "passed"
    ), found


def test_exercise_builds_on_a_cell_that_is_not_written(mark, marker, monkeypatch):
    id = "q5-torch-module-convnet-train"
    monkeypatch.setattr(marking, "EXERCISES", (find_exercise(id),))
    files = dict(marker.pristine.texts)
    [found] = marker.mark(read_files(files))
    assert (found.status, found.points) == ("needs", 0)
    assert "q5-torch-module-convnet-class" in json.dumps(found.message)


STRAIGHT = """
        self.features = nn.Sequential(nn.Conv2d(3, width, 3), nn.Flatten())
        self.classify = nn.Linear(width * 30 * 30, num_classes)
"""


def test_linear_network_is_no_challenge(marker, monkeypatch):
    exercise = find_exercise("q5-torch-challenge-network")
    monkeypatch.setattr(marking, "EXERCISES", (exercise,))
    pieces = read_files(files_of(Pupil("ann")))
    first, second = [p for p in pieces.bodies if p[1] == exercise.id]
    pieces.bodies[first] = STRAIGHT
    pieces.bodies[second] = "        scores = self.classify(self.features(x))"
    [found] = marker.mark(pieces)
    assert (found.status, found.diagnosis) == ("failed", "straight")
