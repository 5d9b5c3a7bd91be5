"""Plots: each draws what it was given, and labels its axes."""

from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from ece662.figures import training


@pytest.fixture
def figure(monkeypatch):
    """Keep the figure that a plot shows: `figure()` after the plot returns it."""
    monkeypatch.setattr(plt, "show", lambda: None)
    plt.close("all")
    yield plt.gcf
    plt.close("all")


@pytest.fixture
def solver():
    rng = np.random.default_rng(0)
    return SimpleNamespace(
        loss_history=list(rng.random(120)),
        train_acc_history=[0.2, 0.5, 0.6],
        val_acc_history=[0.2, 0.4, 0.5],
    )


def test_show_classes_puts_each_picture_in_the_row_of_its_class(figure):
    X = np.zeros((4, 3, 5, 7), dtype=np.uint8)
    X[:, 0] = np.array([10, 20, 30, 40]).reshape(4, 1, 1)
    training.show_classes(X, [1, 0, 1, 0], ["cat", "dog"], per_class=2)
    shown = figure().axes[0].images[0].get_array()
    assert shown.shape == (2 * 5 + 2, 2 * 7 + 2, 3)
    assert [shown[0, 0, 0], shown[0, 9, 0]] == [20, 40]
    assert [shown[7, 0, 0], shown[7, 9, 0]] == [10, 30]
    labels = [label.get_text() for label in figure().axes[0].get_yticklabels()]
    assert labels == ["cat", "dog"]


def test_show_training_draws_loss_accuracies_and_the_target(figure, solver):
    training.show_training(solver, target=0.4)
    loss, accuracy = figure().axes
    assert loss.get_xlabel() == "iteration"
    assert accuracy.get_ylabel() == "right answers in %"
    names = [text.get_text() for text in accuracy.get_legend().get_texts()]
    assert names == ["training", "validation", "asked for"]
    assert list(accuracy.lines[1].get_ydata()) == [20, 40, 50]
    assert accuracy.lines[2].get_ydata()[0] == 40


def test_compare_training_draws_every_run(figure, solver):
    training.compare_training({"sgd": solver, "adam": solver})
    loss, train, val = figure().axes
    assert [text.get_text() for text in loss.get_legend().get_texts()] == [
        "sgd",
        "adam",
    ]
    assert len(train.lines) == len(val.lines) == 2
    assert val.get_title(loc="left") or val.get_title()


def test_compare_training_omits_unknown_training_accuracies(figure, solver):
    solver.train_acc_history = [float("nan"), 0.4, float("nan")]
    training.compare_training({"sgd": solver})
    titles = [ax.get_title(loc="left") or ax.get_title() for ax in figure().axes]
    assert titles == ["Training loss", "Validation accuracy"]
    assert list(figure().axes[1].lines[0].get_ydata()) == [20, 40, 50]


@pytest.mark.parametrize("steps", [1, 2, 30])
def test_running_mean_of_the_loss_lies_in_the_middle(figure, solver, steps):
    solver.loss_history = [3.0] * steps
    training.show_training(solver)
    line = figure().axes[0].lines[1]
    assert np.allclose(line.get_ydata(), 3.0)
    assert line.get_xdata().mean() == pytest.approx((1 + steps) / 2)


def test_show_weights_shows_the_units_with_the_largest_weights(figure):
    W = np.random.default_rng(0).random((3 * 4 * 4, 9))
    W[:, 5] *= 10
    training.show_weights(W, image_shape=(3, 4, 4), count=4)
    shown = figure().axes[0].images[0].get_array()
    assert shown.shape == (2 * 4 + 2, 2 * 4 + 2, 3)
    unit = W[:, 5].reshape(3, 4, 4)
    brightest = np.unravel_index(unit.argmax(), unit.shape)
    assert shown[brightest[1], brightest[2], brightest[0]] >= 254


def test_show_confusion_writes_shares_of_the_true_class(figure):
    training.show_confusion([0, 0, 0, 0, 1], [0, 0, 0, 1, 1], ["cat", "dog"])
    axes = figure().axes[0]
    assert [text.get_text() for text in axes.texts] == ["75", "25", "0", "100"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("answer", "truth")


def test_show_worst_mistakes_shows_the_most_certain_ones_first(figure):
    X = np.zeros((4, 3, 2, 5), dtype=np.float32)
    X[:, :, 1] = 1
    X[1, 0, 0, 4] = -1  # the darkest pixel of the worst picture: red, top right
    y = [0, 1, 1, 0]
    probabilities = [[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]]
    training.show_worst_mistakes(X, y, probabilities, ["cat", "dog"])
    axes = figure().axes
    assert [ax.get_title(loc="left") or ax.get_title() for ax in axes] == [
        "cat, 80%\ntruth: dog",
        "cat, 70%\ntruth: dog",
    ]
    shown = axes[0].images[0].get_array()
    assert shown.shape == (2, 5, 3)
    assert (shown[0, 4, 0], shown[0, 4, 1]) == (0, 127)
    assert shown[1].min() >= 254


def test_show_worst_mistakes_keeps_to_the_count(figure):
    probabilities = np.tile([0.9, 0.1], (9, 1))
    X = np.zeros((9, 3, 2, 2))
    training.show_worst_mistakes(X, np.ones(9, int), probabilities, ["a", "b"], count=7)
    assert sum(bool(ax.images) for ax in figure().axes) == 7


def test_show_worst_mistakes_needs_one(figure):
    with pytest.raises(ValueError, match="at least one mistake among 1, got none"):
        training.show_worst_mistakes(np.zeros((1, 3, 2, 2)), [0], [[1, 0]], ["a", "b"])


def test_show_same_losses_draws_differences_from_the_first(figure):
    training.show_same_losses({"NumPy": [2.0, 1.0], "torch": [2.0, 1.25]})
    loss, difference = figure().axes
    assert len(loss.lines) == 2
    assert list(difference.lines[0].get_ydata()) == [1e-17, 0.25]
    assert difference.get_yscale() == "log"
    assert (loss.get_xlabel(), difference.get_xlabel()) == ("step", "step")
