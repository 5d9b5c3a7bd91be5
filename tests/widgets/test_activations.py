"""Activations through depth: sizes that theory predicts, and what is said of them."""

from itertools import pairwise

import numpy as np
import pytest

from ece662 import layers
from ece662.widgets import activations_through_depth
from ece662.widgets.activations import send_signal


def test_send_signal_keeps_its_size_at_hes_scale():
    np.random.seed(0)
    signals = send_signal("none", np.sqrt(2 / 100), depth=6)
    # ReLU halves the mean square, the weights double it: E[a^2] stays 1.
    assert 0.5 < np.mean(signals.activations[-1] ** 2) < 2
    assert 0.5 < np.mean(signals.gradients[0] ** 2) < 2


def test_send_signal_shrinks_with_every_layer():
    np.random.seed(0)
    signals = send_signal("none", 0.01, depth=4)
    sizes = [a.std() for a in signals.activations]
    assert all(b / a == pytest.approx(0.07, rel=0.2) for a, b in pairwise(sizes))
    sizes = [g.std() for g in signals.gradients]
    assert all(a / b == pytest.approx(0.07, rel=0.2) for a, b in pairwise(sizes))


@pytest.mark.parametrize("normalisation", ["batchnorm", "layernorm"])
def test_send_signal_normalised_does_not_depend_on_the_scale(normalisation):
    sizes = []
    for scale in (0.01, 1.0):
        np.random.seed(0)
        signals = send_signal(normalisation, scale, depth=5)
        sizes.append([a.std() for a in signals.activations])
    assert np.allclose(*sizes, rtol=0.02)


def test_send_signal_gradient_is_that_of_the_stack():
    """Every gradient belongs to the layer whose output it is the gradient of."""
    np.random.seed(0)
    signals = send_signal("none", 0.1, depth=3, N=4, D=5)
    assert [g.shape for g in signals.gradients] == [(4, 5)] * 3
    np.random.seed(0)
    np.random.randn(4, 5)
    assert np.array_equal(signals.gradients[-1], np.random.randn(4, 5))


@pytest.mark.parametrize(
    ("scale", "verdict"),
    [(0.01, "vanishes"), (0.14, "stays alive"), (1.0, "explodes")],
)
def test_activations_through_depth_says_what_happens(scale, verdict, pictures):
    board = activations_through_depth(scale=scale)
    assert verdict in board.text
    assert len(pictures(board)) == 2


def test_activations_through_depth_every_dial_changes_the_picture(pictures):
    board = activations_through_depth()
    for values in ({"scale": 0.5}, {"normalisation": "layernorm"}, {"depth": 3}):
        before = pictures(board)
        board.set(**values)
        after = pictures(board)
        assert all((a != b).any() for a, b in zip(before, after, strict=True))


def test_activations_through_depth_unwritten_layer(monkeypatch):
    def unwritten(x, gamma, beta, bn_param):
        raise NotImplementedError

    monkeypatch.setattr(layers, "batchnorm_forward", unwritten)
    board = activations_through_depth()
    assert "vanishes" in board.text
    board.set(normalisation="batchnorm")
    assert board.text.startswith("Not written yet")
