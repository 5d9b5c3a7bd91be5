"""Cells run behind the walls, and what is believed of what they leave behind."""

import pytest

from course.grade import marking
from course.grade.classroom import Pupil, files_of
from course.grade.pristine import Pristine
from course.grade.secret import Secret
from ece662.exercises import find_exercise
from ece662.exercises.reading import read_files

TRAIN = "solver.train()"
EPOCHS = "num_epochs=15"
RATE = '{"learning_rate": 1e-3},\n    lr_decay=0.9,\n    batch_size=200,\n    '
TINY = '{"learning_rate": 1e-9},\n    '
BLIND = """
for w in model.params.values():
    w[:] = 0
import ece662.check.recipes.training as trusted
trusted.accuracy_of = lambda *anything: 1.0
solver.loss_history, solver.train_acc_history = [1.8, 0.1], [1.0]
"""
FORGED = """
import os, wire
said = {"validation accuracy": 1.0, "first losses": 2.0, "last losses": 0.1,
        "training accuracy at the end": 1.0}
said = {f"as trained/{name}": value for name, value in said.items()}
os.write(3, wire.pack({**said, "problems": np.frombuffer(b"[]", np.uint8)}))
os._exit(0)
"""


@pytest.fixture(scope="module")
def marker(walls, runtime, public_folder):
    folder = public_folder / "pristine"
    folder.mkdir()
    return marking.Marker(walls, runtime, Pristine.make(folder), Secret(32 * "6"))


@pytest.fixture
def mark(marker, monkeypatch):
    """Return a function that marks one exercise, with something in it replaced."""

    def mark_one(id, old="", new="", **others):
        monkeypatch.setattr(marking, "EXERCISES", (find_exercise(id),))
        files = files_of(Pupil("ann", id if old else "", old, new))
        [found] = marker.mark(read_files(files))
        return found

    return mark_one


def test_training_cell_passes_by_what_its_weights_reach(mark):
    found = mark("q1-solver-train", EPOCHS, "num_epochs=4")
    assert found.status == "passed", found
    assert found.points == found.of
    [told] = found.details
    assert told.startswith("validation accuracy 4")
    assert told.endswith("expected at least 40%")


def test_training_cell_with_the_magics_of_a_notebook_passes(mark):
    old = "weight_scale, learning_rate = 2e-2, 3e-3"
    new = "!pip install numpy\n%time weight_scale = 2e-2\nlearning_rate = 3e-3\nPATH?"
    found = mark("q1-overfit-three", old, new)
    assert found.status == "passed", found


def test_training_cell_that_falls_short_fails_with_a_reason(mark):
    found = mark("q1-solver-train", RATE + EPOCHS, TINY + "num_epochs=1")
    assert (found.status, found.diagnosis) == ("failed", "not-learning")
    assert found.points == 0


@pytest.mark.parametrize("lie", [BLIND, FORGED], ids=["patched", "forged"])
def test_training_cell_that_lies_about_its_accuracy_fails(mark, lie):
    found = mark("q1-solver-train", TRAIN, lie)
    assert found.status == "failed", found
    assert found.points == 0
