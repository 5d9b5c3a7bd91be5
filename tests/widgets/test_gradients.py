"""Gradient checker: it finds where a gradient is wrong, and nothing where it is not."""

import numpy as np
import pytest

from ece662 import layers
from ece662.widgets import gradient_checker
from ece662.widgets.gradients import LAYERS, check_gradient

EVERY_GRADIENT = [(name, of) for name, case in LAYERS.items() for of in case.shapes]


@pytest.mark.parametrize(("layer", "of"), EVERY_GRADIENT)
def test_check_gradient_agrees_on_the_reference(layer, of):
    check = check_gradient(layer, of)
    assert check.analytic.shape == LAYERS[layer].shapes[of]
    assert check.errors.max() < 1e-6


def test_check_gradient_finds_the_wrong_column(monkeypatch):
    right = layers.affine_backward

    def wrong(dout, cache):
        dx, dw, db = right(dout, cache)
        dw[:, 2] *= 2
        return dx, dw, db

    monkeypatch.setattr(layers, "affine_backward", wrong)
    errors = check_gradient("affine", "w").errors
    assert (errors[:, 2] > 0.3).all()
    assert np.delete(errors, 2, axis=1).max() < 1e-6
    board = gradient_checker(of="w")
    assert "4 of 20 entries differ" in board.text


def test_check_gradient_wrong_shape_is_said(monkeypatch):
    def wrong(dout, cache):
        return dout, dout, dout.sum(axis=0, keepdims=True)

    monkeypatch.setattr(layers, "affine_backward", wrong)
    board = gradient_checker(of="b")
    assert "db must be of the shape of b, (5,), got (1, 5)" in board.text


def test_check_gradient_of_something_else():
    with pytest.raises(ValueError, match="relu has gradients of x, not w"):
        check_gradient("relu", "w")


def test_gradient_checker_unwritten_backward(monkeypatch):
    monkeypatch.setattr(layers, "affine_backward", lambda dout, cache: (None, 1, 1))
    assert "affine_backward returns None" in gradient_checker().text


def test_gradient_checker_offers_what_the_layer_has():
    board = gradient_checker(layer="affine", of="w")
    board.dials["layer"].value = "batchnorm"
    assert board.dials["of"].options == ("x", "gamma", "beta")
    assert board.values["of"] == "x"
    assert board.text.startswith("batchnorm, dx: ")


@pytest.mark.parametrize(("layer", "of"), EVERY_GRADIENT)
def test_gradient_checker_shows_every_gradient(pictures, layer, of):
    board = gradient_checker(layer=layer, of=of)
    assert f"All {check_gradient(layer, of).errors.size} entries agree" in board.text
    assert len(pictures(board)) == 3


def test_gradient_checker_nudge_too_small_or_large():
    board = gradient_checker(layer="batchnorm")
    for h in (1e-12, 1.0):
        board.set(h=h)
        assert "entries differ" in board.text
