"""Normalisation of images: known values, gradients, torch, bad input."""

import numpy as np
import pytest

from ece662.gradient_check import eval_numerical_gradient_array
from ece662.layers import (
    spatial_batchnorm_backward,
    spatial_batchnorm_forward,
    spatial_groupnorm_backward,
    spatial_groupnorm_forward,
)

SHAPES = [(2, 3, 4, 5), (1, 4, 3, 2), (3, 1, 2, 5), (5, 6, 1, 1)]
# (N, C, H, W), G
GROUPS = [((2, 6, 4, 5), 2), ((1, 4, 3, 2), 4), ((3, 4, 2, 5), 1), ((2, 1, 3, 3), 1)]


def case(shape, parameters=None):
    """Return x, gamma, beta and dout; gamma and beta of shape `parameters`."""
    rng = np.random.default_rng(sum(shape))
    gamma, beta = rng.standard_normal((2, *(parameters or shape[1:2])))
    x, dout = 5 * rng.standard_normal((2, *shape))
    return x + 12, gamma, beta, dout


def group_case(shape):
    return case(shape, (1, shape[1], 1, 1))


def assert_close(actual, expected, what, tolerance=1e-8):
    """Compare at a tolerance relative to the largest value."""
    assert actual.shape == expected.shape, what
    error = np.max(np.abs(actual - expected)) / max(1e-9, np.max(np.abs(expected)))
    assert error < tolerance, f"{what} differs by {error:.1e} of its largest value"


def assert_gradients(forward, gradients, arrays, dout):
    """Compare (dx, dgamma, dbeta) with the numerical gradients of `forward`."""
    for i, name in enumerate(("x", "gamma", "beta")):

        def out_of(a, i=i):
            return forward(*arrays[:i], a, *arrays[i + 1 :])[0]

        expected = eval_numerical_gradient_array(out_of, arrays[i], dout)
        assert_close(gradients[i], expected, f"d{name}", 1e-7)


def test_spatial_batchnorm_normalises_each_channel():
    np.random.seed(231)
    x = 4 * np.random.randn(2, 3, 4, 5) + 10
    gamma, beta = np.array([3, 4, 5]), np.array([6, 7, 8])
    out, _ = spatial_batchnorm_forward(x, gamma, beta, {"mode": "train"})
    assert out.shape == x.shape
    np.testing.assert_allclose(out.mean(axis=(0, 2, 3)), beta, rtol=1e-12)
    np.testing.assert_allclose(
        out.std(axis=(0, 2, 3)), [2.99999885, 3.99999804, 4.99999798], atol=1e-8
    )


def test_spatial_batchnorm_at_test_time_gives_the_known_statistics():
    np.random.seed(231)
    N, C, H, W = 10, 4, 11, 12
    gamma, beta, bn_param = np.ones(C), np.zeros(C), {"mode": "train"}
    for _ in range(50):
        x = 2.3 * np.random.randn(N, C, H, W) + 13
        spatial_batchnorm_forward(x, gamma, beta, bn_param)
    x = 2.3 * np.random.randn(N, C, H, W) + 13
    out, cache = spatial_batchnorm_forward(x, gamma, beta, bn_param | {"mode": "test"})
    assert cache is None
    np.testing.assert_allclose(
        out.mean(axis=(0, 2, 3)),
        [-0.08034406, 0.07562881, 0.05716371, 0.04378383],
        atol=1e-8,
    )
    np.testing.assert_allclose(
        out.std(axis=(0, 2, 3)),
        [0.96718744, 1.0299714, 1.02887624, 1.00585577],
        atol=1e-8,
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_spatial_batchnorm_backward_agrees_with_the_numerical_gradient(shape):
    x, gamma, beta, dout = case(shape)

    def forward(x, gamma, beta):
        return spatial_batchnorm_forward(x, gamma, beta, {"mode": "train"})

    _, cache = forward(x, gamma, beta)
    gradients = spatial_batchnorm_backward(dout, cache)
    assert_gradients(forward, gradients, (x, gamma, beta), dout)


@pytest.mark.parametrize("shape", SHAPES)
def test_spatial_batchnorm_agrees_with_torch(shape):
    torch = pytest.importorskip("torch")
    x, gamma, beta, dout = case(shape)
    out, cache = spatial_batchnorm_forward(x, gamma, beta, {"mode": "train"})
    gradients = spatial_batchnorm_backward(dout, cache)
    tensors = [torch.tensor(a, requires_grad=True) for a in (x, gamma, beta)]
    expected = torch.nn.functional.batch_norm(
        tensors[0], None, None, tensors[1], tensors[2], training=True, eps=1e-5
    )
    expected.backward(torch.tensor(dout))
    assert_close(out, expected.detach().numpy(), "out")
    for gradient, tensor in zip(gradients, tensors, strict=True):
        assert_close(gradient, tensor.grad.numpy(), "gradient")


def test_spatial_batchnorm_takes_a_constant_channel():
    x, gamma, beta, dout = case((2, 3, 4, 5))
    x[:, 1] = 7.0
    out, cache = spatial_batchnorm_forward(x, gamma, beta, {"mode": "train"})
    np.testing.assert_allclose(out[:, 1], beta[1])
    assert all(np.isfinite(g).all() for g in spatial_batchnorm_backward(dout, cache))


@pytest.mark.parametrize(("shape", "G"), GROUPS)
def test_spatial_groupnorm_normalises_each_group(shape, G):
    x = group_case(shape)[0]
    ones, zeros = np.ones((1, shape[1], 1, 1)), np.zeros((1, shape[1], 1, 1))
    out, _ = spatial_groupnorm_forward(x, ones, zeros, G, {"eps": 0.0})
    assert out.shape == x.shape
    groups = out.reshape(shape[0] * G, -1)
    np.testing.assert_allclose(groups.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(groups.std(axis=1), 1, rtol=1e-12)


@pytest.mark.parametrize(("shape", "G"), GROUPS)
def test_spatial_groupnorm_backward_agrees_with_the_numerical_gradient(shape, G):
    x, gamma, beta, dout = group_case(shape)

    def forward(x, gamma, beta):
        return spatial_groupnorm_forward(x, gamma, beta, G, {})

    _, cache = forward(x, gamma, beta)
    gradients = spatial_groupnorm_backward(dout, cache)
    assert_gradients(forward, gradients, (x, gamma, beta), dout)


@pytest.mark.parametrize(("shape", "G"), GROUPS)
def test_spatial_groupnorm_agrees_with_torch(shape, G):
    torch = pytest.importorskip("torch")
    x, gamma, beta, dout = group_case(shape)
    out, cache = spatial_groupnorm_forward(x, gamma, beta, G, {})
    gradients = spatial_groupnorm_backward(dout, cache)
    tensors = [torch.tensor(a, requires_grad=True) for a in (x, gamma, beta)]
    expected = torch.nn.functional.group_norm(
        tensors[0], G, tensors[1].flatten(), tensors[2].flatten(), eps=1e-5
    )
    expected.backward(torch.tensor(dout))
    assert_close(out, expected.detach().numpy(), "out")
    for gradient, tensor in zip(gradients, tensors, strict=True):
        assert_close(gradient, tensor.grad.numpy(), "gradient")


def test_spatial_layers_stay_float32_and_change_no_argument():
    arrays = [a.astype(np.float32) for a in case((2, 4, 3, 5))]
    before = [a.copy() for a in arrays]
    x, gamma, beta, dout = arrays
    out, cache = spatial_batchnorm_forward(x, gamma, beta, {"mode": "train"})
    results = [out, *spatial_batchnorm_backward(dout, cache)]
    scales, shifts = gamma.reshape(1, 4, 1, 1), beta.reshape(1, 4, 1, 1)
    out, cache = spatial_groupnorm_forward(x, scales, shifts, 2, {})
    results += [out, *spatial_groupnorm_backward(dout, cache)]
    assert [a.dtype for a in results] == [np.float32] * 8
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize(
    ("x_shape", "gamma_shape", "message"),
    [
        ((2, 3), (3,), r"x must be \(N, C, H, W\), got shape \(2, 3\)"),
        ((2, 3, 4, 5), (5,), r"gamma must be \(3,\) .* got \(5,\)"),
        ((2, 3, 4, 5), (1, 3, 1, 1), r"gamma must be \(3,\) .* got \(1, 3, 1, 1\)"),
    ],
)
def test_spatial_batchnorm_refuses_shapes(x_shape, gamma_shape, message):
    x, gamma = np.zeros(x_shape), np.zeros(gamma_shape)
    with pytest.raises(ValueError, match=message):
        spatial_batchnorm_forward(x, gamma, gamma, {"mode": "train"})


def test_spatial_batchnorm_refuses_an_unknown_mode():
    x, gamma, beta, _ = case((2, 3, 4, 5))
    with pytest.raises(ValueError, match=r"must be 'train' or 'test', got 'eval'"):
        spatial_batchnorm_forward(x, gamma, beta, {"mode": "eval"})


def test_spatial_batchnorm_backward_refuses_the_cache_of_test_mode():
    with pytest.raises(ValueError, match="a forward pass in mode 'train', got None"):
        spatial_batchnorm_backward(np.zeros((2, 3, 4, 5)), None)


@pytest.mark.parametrize("G", [0, 4, 7])
def test_spatial_groupnorm_refuses_groups_that_do_not_divide(G):
    x, gamma, beta, _ = group_case((2, 6, 4, 5))
    with pytest.raises(ValueError, match=f"divide the 6 channels, got {G}"):
        spatial_groupnorm_forward(x, gamma, beta, G, {})


@pytest.mark.parametrize("shape", [(6,), (1, 1, 6, 1, 1), (1, 6)])
def test_spatial_groupnorm_refuses_scales_of_another_shape(shape):
    x = np.zeros((2, 6, 4, 5))
    with pytest.raises(ValueError, match=r"gamma must be \(1, 6, 1, 1\) .* got"):
        spatial_groupnorm_forward(x, np.zeros(shape), np.zeros(shape), 2, {})
