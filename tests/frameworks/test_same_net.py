"""One net in several libraries: the same losses, and a mistake is seen at once."""

import numpy as np
import pytest

from ece662.frameworks.same_net import (
    draw_start,
    numpy_losses,
    tensorflow_losses,
    torch_losses,
)


@pytest.fixture(scope="module")
def start():
    rng = np.random.default_rng(0)
    # Class k is brighter in channel k % 3, so that there is something to learn.
    y = rng.integers(0, 6, 60)
    X = 60 * rng.standard_normal((60, 3, 32, 32)).astype(np.float32)
    X[np.arange(60), y % 3] += 40 * (1 + y // 3).reshape(-1, 1, 1)
    return draw_start({"X_train": X, "y_train": y}, steps=6, batch_size=10)


def test_draw_start_cuts_every_batch_from_the_images_in_their_order(start):
    assert [X.shape for X, _ in start.batches] == [(10, 3, 32, 32)] * 6
    assert all(X.dtype == np.float64 for X, _ in start.batches)
    assert start.params["W1"].shape == (8, 3, 5, 5)
    assert start.params["W2"].shape == (8 * 16 * 16, 32)


def test_draw_start_says_how_many_images_it_needs():
    data = {"X_train": np.zeros((5, 3, 32, 32)), "y_train": np.zeros(5, int)}
    with pytest.raises(ValueError, match="2 batches need 6 images, got 5"):
        draw_start(data, steps=2, batch_size=3)


def test_numpy_losses_fall_and_leave_the_start_alone(start):
    before = {name: value.copy() for name, value in start.params.items()}
    losses = numpy_losses(start)
    assert losses == numpy_losses(start)
    assert min(losses[3:]) < losses[0]
    for name, value in before.items():
        assert np.array_equal(start.params[name], value)


def test_torch_losses_are_those_of_numpy(start):
    pytest.importorskip("torch")
    before = {name: value.copy() for name, value in start.params.items()}
    assert np.allclose(torch_losses(start), numpy_losses(start), rtol=0, atol=1e-12)
    for name, value in before.items():
        assert np.array_equal(start.params[name], value)


@pytest.mark.parametrize("change", [{"momentum": 0.8}, {"learning_rate": 0.051}])
def test_torch_losses_with_another_rule_are_others(start, change):
    pytest.importorskip("torch")
    other = torch_losses(start._replace(**change))
    assert np.abs(np.subtract(other, numpy_losses(start))).max() > 1e-4


def test_tensorflow_losses_are_those_of_numpy(start):
    pytest.importorskip("tensorflow")
    before = {name: value.copy() for name, value in start.params.items()}
    # Keras keeps the learning rate in float32.
    assert np.allclose(tensorflow_losses(start), numpy_losses(start), rtol=0, atol=1e-6)
    for name, value in before.items():
        assert np.array_equal(start.params[name], value)


@pytest.mark.parametrize("change", [{"momentum": 0.8}, {"learning_rate": 0.051}])
def test_tensorflow_losses_with_another_rule_are_others(start, change):
    pytest.importorskip("tensorflow")
    other = tensorflow_losses(start._replace(**change))
    assert np.abs(np.subtract(other, numpy_losses(start))).max() > 1e-4
