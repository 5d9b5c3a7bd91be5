"""Sandwich layers do what their layers do one after the other."""

import numpy as np
import pytest

from ece662 import layer_utils
from ece662.gradient_check import eval_numerical_gradient_array


def sandwich(kind):
    forward = getattr(layer_utils, f"affine_{kind}_forward")
    backward = getattr(layer_utils, f"affine_{kind}_backward")
    param = {"bn_relu": [{"mode": "train"}], "ln_relu": [{}], "relu": []}[kind]
    return lambda *arrays: forward(*arrays, *param), backward


@pytest.mark.parametrize("kind", ["relu", "bn_relu", "ln_relu"])
def test_sandwich_backward_agrees_with_numerical_gradient(kind):
    rng = np.random.RandomState(1)
    arrays = [rng.randn(3, 2, 2), rng.randn(4, 6), rng.randn(6)]
    if kind != "relu":
        arrays += [rng.randn(6), rng.randn(6)]
    forward, backward = sandwich(kind)
    dout = rng.randn(3, 6)
    gradients = backward(dout, forward(*arrays)[1])
    assert len(gradients) == len(arrays)
    for i, (array, gradient) in enumerate(zip(arrays, gradients, strict=True)):

        def moved(value, i=i):
            return forward(*arrays[:i], value, *arrays[i + 1 :])[0]

        numerical = eval_numerical_gradient_array(moved, array, dout)
        np.testing.assert_allclose(gradient, numerical, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("kind", ["relu", "bn_relu", "ln_relu"])
def test_sandwich_ends_with_relu(kind):
    rng = np.random.RandomState(1)
    arrays = [rng.randn(5, 4), rng.randn(4, 6), rng.randn(6)]
    if kind != "relu":
        arrays += [np.ones(6), np.zeros(6)]
    out, _ = sandwich(kind)[0](*arrays)
    assert out.shape == (5, 6)
    assert out.min() == 0
