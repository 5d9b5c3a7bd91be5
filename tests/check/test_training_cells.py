"""What is said of cells that train, by what they leave behind."""

from types import SimpleNamespace

import numpy as np
import pytest

from ece662.check.code import make_code
from ece662.check.diagnosing import diagnose
from ece662.check.judging import judge
from ece662.check.running import run
from ece662.classifiers.fc_net import FullyConnectedNet
from ece662.exercises import Exercise

FIVE = "overfits_with_five_layers"


def said_of(recipe, **names):
    """Return whether a cell that left these names passes, and the diagnosis."""
    exercise = Exercise("a", "Q1", "n.ipynb", ("a",), 1, "training", recipe=recipe)
    outputs, problems = run(exercise, make_code(namespace=names))
    verdict = judge(exercise, outputs, {}, problems)
    return verdict.passed, diagnose(exercise, outputs, {}, verdict)


def network(layers):
    return FullyConnectedNet([4] * (layers - 1), input_dim=3, num_classes=2)


def solver(accuracy=1.0, losses=(0.7, 0.1, 0.01)):
    return SimpleNamespace(loss_history=list(losses), train_acc_history=[accuracy])


def test_too_few_layers_are_no_low_accuracy():
    assert said_of(FIVE, model=network(5), solver=solver())[0]
    passed, wrong = said_of(FIVE, model=network(4), solver=solver())
    assert not passed
    assert wrong.message == "It takes a network of 5 layers."
    _, wrong = said_of(FIVE, model=network(5), solver=solver(accuracy=0.5))
    assert wrong.id == "not-far-enough"


@pytest.mark.parametrize(
    ("names", "id", "words"),
    [
        ({}, "not-implemented", "not written yet"),
        ({"model": network(5)}, "not-implemented", "not written yet"),
        ({"model": None, "solver": None}, "not-implemented", "not written yet"),
        ({"model": network(5), "solver": None}, "misfit", "solver is None"),
        ({"model": network(5), "solver": {}}, "misfit", "should be a Solver"),
        ({"model": FullyConnectedNet, "solver": solver()}, "misfit", "it is a class"),
        ({"model": np.ones(3), "solver": solver()}, "misfit", "it is a ndarray"),
        ({"model": network(5), "solver": solver(losses=())}, "misfit", "its train()"),
    ],
)
def test_what_a_cell_leaves_is_named(names, id, words):
    _, wrong = said_of(FIVE, **names)
    assert wrong.id == id
    assert words in wrong.message


def test_nesterov_momentum_is_asked_for_whatever_the_accuracy():
    log = SimpleNamespace(
        loss_history=[1.8, 1.2], best_val_acc=0.5, train_acc_history=[0.5]
    )
    names = {"nesterov_log": log, "model": 1}
    id = "q5-tf-nesterov-train"
    right = SimpleNamespace(momentum=0.9, nesterov=True)
    assert said_of(id, **names, optimizer=right)[0]
    plain = SimpleNamespace(momentum=0.9, nesterov=False)
    passed, wrong = said_of(id, **names, optimizer=plain)
    assert not passed
    assert "Nesterov momentum" in wrong.message
    assert not said_of(id, **names, optimizer=SimpleNamespace())[0]
