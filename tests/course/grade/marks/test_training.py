"""Trained weights are measured outside; what a student's process claims is not."""

import numpy as np
import pytest

from course.grade.classroom import Pupil, files_of
from course.grade.marks import training
from course.grade.secret import Secret
from ece662.classifiers.fc_net import FullyConnectedNet, TwoLayerNet
from ece662.exercises import find_exercise
from ece662.exercises.reading import read_files

SECRET = Secret(32 * "7")


@pytest.fixture(autouse=True)
def data(monkeypatch):
    """Pictures whose class is written in their first pixel."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 60)
    X = rng.standard_normal((60, 3, 2, 2)) * 0.01
    X[np.arange(60), y % 3, 0, 0] += 1
    arrays = {"X_train": X, "y_train": y, "X_val": X[::-1], "y_val": y[::-1]}
    monkeypatch.setattr(training, "data_set", lambda: arrays)
    monkeypatch.setattr(training, "pictures", lambda secret: (X, y))
    return arrays


def _outputs(model, **claims):
    state = {f"state {name}": array for name, array in model.state_dict().items()}
    return {**{name: np.array(value) for name, value in claims.items()}, **state}


def _good_net():
    model = TwoLayerNet(input_dim=12, hidden_dim=3, num_classes=3, dtype=np.float64)
    for name in ("W1", "W2"):
        model.params[name][:] = 0
    model.params["W1"][[0, 4, 8], [0, 1, 2]] = 1
    model.params["W2"][:] = np.eye(3)
    return model


def test_measured_believes_the_weights_and_not_the_claim():
    claims = {"validation accuracy": 1.0, "training accuracy": 1.0, "layers": 5.0}
    empty = TwoLayerNet(input_dim=12, hidden_dim=3, num_classes=3, weight_scale=0)
    facts = training.measured(_outputs(empty, **claims), SECRET)
    assert facts["validation accuracy"] < 0.6
    assert facts["training accuracy"] < 0.6
    assert facts["layers"] == 2
    assert not any(name.startswith("state ") for name in facts)
    facts = training.measured(
        _outputs(_good_net(), **dict.fromkeys(claims, 0.0)), SECRET
    )
    assert facts["validation accuracy"] == facts["training accuracy"] == 1.0


def test_measured_believes_no_claim_without_weights():
    claims = dict.fromkeys(training.MEASURES, np.array(1.0))
    facts = training.measured({**claims, "last losses": np.array(0.1)}, SECRET)
    assert facts.keys() == {"last losses"}


def test_measured_gives_little_for_pictures_known_by_heart(data, monkeypatch):
    others = (data["y_val"] + 1) % 3
    monkeypatch.setattr(training, "pictures", lambda secret: (data["X_val"], others))
    facts = training.measured(
        _outputs(_good_net(), **{training.VALIDATION: 0.0}), SECRET
    )
    assert facts[training.VALIDATION] == training.MARGIN
    one_class = np.eye(3)[np.zeros(len(others), int)]
    expected = np.mean(others == 0)
    for said in (0.9, 0.0, np.nan):  # what it says of itself counts for nothing
        claim = {training.VALIDATION: np.array(said), "scores": one_class}
        facts = training.measured(claim, SECRET)
        assert facts == {training.VALIDATION: expected}
    with pytest.raises(ValueError, match="for 60 pictures"):
        training.measured({**claim, "scores": np.ones((5, 3))}, SECRET)


@pytest.mark.parametrize("kind", [None, "batchnorm", "layernorm"])
def test_measured_rebuilds_the_network_that_was_trained(kind, data):
    model = FullyConnectedNet(
        [4, 5], input_dim=12, num_classes=3, normalization=kind, weight_scale=1.0
    )
    model.loss(data["X_train"].astype(np.float32), data["y_train"])  # moves averages
    scores = model.loss(data["X_val"].astype(np.float32))
    facts = training.measured(_outputs(model, **{"validation accuracy": 0.0}), SECRET)
    expected = np.mean(scores.argmax(axis=1) == data["y_val"])
    np.testing.assert_allclose(facts["validation accuracy"], expected, atol=0.02)


@pytest.mark.parametrize(
    "state",
    [
        {"W1": np.ones(3)},
        {"W1": np.ones((12, 3)), "b1": np.ones(4)},
        {"W2": np.ones((12, 3)), "b2": np.ones(3)},
        {"other": np.ones(3)},
        {
            "W1": np.ones((12, 3)),
            "b1": np.ones(3),
            "bn_params.7.running_mean": np.ones(3),
        },
        {"W1": np.ones((12, 3)), "b1": np.ones(3), "bn_params.x": np.ones(3)},
    ],
)
def test_measured_refuses_what_are_no_weights(state):
    outputs = {f"state {name}": array for name, array in state.items()}
    with pytest.raises(ValueError, match=r"weights|expected|must be|unpack|invalid"):
        training.measured({**outputs, "validation accuracy": np.array(1.0)}, SECRET)


def test_measured_does_not_mind_numbers_that_are_none():
    model = _good_net()
    model.params["W1"][:] = np.nan
    facts = training.measured(_outputs(model, **{"validation accuracy": 1.0}), SECRET)
    assert facts["validation accuracy"] < 0.6


def test_cells_of_gives_the_context_and_the_students_own():
    files = files_of(Pupil("ann"))
    exercise = find_exercise("q1-overfit-five-train")
    bodies = read_files(files).bodies
    own = {place: "weight_scale = 7" for place in bodies if place[1] == exercise.id}
    cells = dict(training.cells_of(exercise, files[exercise.file], bodies | own))
    assert list(cells) == [*exercise.context, exercise.id]
    assert "weight_scale = 7" in cells[exercise.id]
    assert "Solver(" in cells["q1-overfit-three"]


@pytest.mark.parametrize(
    "shapes",
    [
        [(0, 1 << 39)],
        [(1 << 39, 0)],
        [(12, 5), (7, 3)],
        [(12, 0), (0, 3)],
        [(12,), (3,)],
        [(12, 3, 1)],
        [(5000, 5000)],
    ],
)
def test_no_network_is_made_of_shapes_that_do_not_fit(shapes, monkeypatch):
    def made(*args, **kwargs):
        raise AssertionError("a network was made")

    monkeypatch.setattr(training, "FullyConnectedNet", made)
    state = {
        f"state W{i}": np.broadcast_to(np.float32(0), shape)
        for i, shape in enumerate(shapes, start=1)
    }
    with pytest.raises(ValueError, match=r"weights of shapes|weights, expected up to"):
        training.measured(state, SECRET)
