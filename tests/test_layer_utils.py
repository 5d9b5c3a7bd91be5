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


def assert_numerical_gradients(forward, arrays, dout, gradients):
    """Compare the gradient of each array with a numerical one."""
    assert len(gradients) == len(arrays)
    for i, (array, gradient) in enumerate(zip(arrays, gradients, strict=True)):

        def moved(value, i=i):
            return forward(*arrays[:i], value, *arrays[i + 1 :])[0]

        numerical = eval_numerical_gradient_array(moved, array, dout)
        np.testing.assert_allclose(gradient, numerical, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("kind", ["relu", "bn_relu", "ln_relu"])
def test_sandwich_backward_agrees_with_numerical_gradient(kind):
    rng = np.random.RandomState(1)
    arrays = [rng.randn(3, 2, 2), rng.randn(4, 6), rng.randn(6)]
    if kind != "relu":
        arrays += [rng.randn(6), rng.randn(6)]
    forward, backward = sandwich(kind)
    dout = rng.randn(3, 6)
    gradients = backward(dout, forward(*arrays)[1])
    assert_numerical_gradients(forward, arrays, dout, gradients)


@pytest.mark.parametrize("kind", ["relu", "bn_relu", "ln_relu"])
def test_sandwich_ends_with_relu(kind):
    rng = np.random.RandomState(1)
    arrays = [rng.randn(5, 4), rng.randn(4, 6), rng.randn(6)]
    if kind != "relu":
        arrays += [np.ones(6), np.zeros(6)]
    out, _ = sandwich(kind)[0](*arrays)
    assert out.shape == (5, 6)
    assert out.min() == 0


@pytest.mark.parametrize("kind", ["relu", "bn_relu", "ln_relu"])
def test_sandwich_omits_dx_where_needs_dx_is_false(kind, monkeypatch):
    rng = np.random.RandomState(1)
    arrays = [rng.randn(3, 2, 2), rng.randn(4, 6), rng.randn(6)]
    if kind != "relu":
        arrays += [rng.randn(6), rng.randn(6)]
    forward, backward = sandwich(kind)
    _, cache = forward(*arrays)
    dout = rng.randn(3, 6)
    _, *expected = backward(dout, cache)
    monkeypatch.setattr(layer_utils, "affine_backward", None)  # it would work for dx
    dx, *gradients = backward(dout, cache, needs_dx=False)
    assert dx is None
    for gradient, value in zip(gradients, expected, strict=True):
        np.testing.assert_array_equal(gradient, value)


CONV_SANDWICHES = ["relu", "relu_pool", "bn_relu", "bn_relu_pool"]


def conv_sandwich(kind):
    """Return the sandwich's forward, with its parameters bound, and its backward."""
    params = [{"stride": 1, "pad": 1}]
    if "bn" in kind:
        params.append({"mode": "train"})
    if "pool" in kind:
        params.append({"pool_height": 2, "pool_width": 2, "stride": 2})
    forward = getattr(layer_utils, f"conv_{kind}_forward")
    backward = getattr(layer_utils, f"conv_{kind}_backward")
    return lambda *arrays: forward(*arrays, *params), backward


def conv_arrays(kind):
    rng = np.random.RandomState(1)
    arrays = [rng.randn(2, 3, 4, 6), rng.randn(5, 3, 3, 3), rng.randn(5)]
    return arrays + [rng.randn(5), rng.randn(5)] * ("bn" in kind)


@pytest.mark.parametrize("kind", CONV_SANDWICHES)
def test_conv_sandwich_backward_agrees_with_numerical_gradient(kind):
    forward, backward = conv_sandwich(kind)
    arrays = conv_arrays(kind)
    out, cache = forward(*arrays)
    dout = np.random.RandomState(2).randn(*out.shape)
    gradients = backward(dout, cache)
    assert_numerical_gradients(forward, arrays, dout, gradients)


@pytest.mark.parametrize("kind", CONV_SANDWICHES)
def test_conv_sandwich_ends_with_relu_or_a_halved_image(kind):
    out, _ = conv_sandwich(kind)[0](*conv_arrays(kind))
    assert out.shape == ((2, 5, 2, 3) if "pool" in kind else (2, 5, 4, 6))
    assert out.min() >= 0
