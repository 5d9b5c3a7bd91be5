"""Convolution and max pooling in loops: known values, gradients, torch, bad input."""

import numpy as np
import pytest

from ece662.gradient_check import eval_numerical_gradient_array
from ece662.layers import (
    conv_backward_naive,
    conv_forward_naive,
    max_pool_backward_naive,
    max_pool_forward_naive,
)

# (N, C, H, W), (F, HH, WW), stride, pad: odd shapes, each odd in its own way.
CONVOLUTIONS = {
    "one pixel": ((1, 1, 1, 1), (1, 1, 1), 1, 0),
    "one image, one channel": ((1, 1, 5, 4), (2, 3, 3), 1, 1),
    "wide image": ((2, 3, 4, 9), (2, 3, 3), 1, 1),
    "tall filter": ((2, 2, 7, 6), (3, 4, 1), 1, 0),
    "wide filter, pad 2": ((2, 2, 5, 6), (3, 1, 4), 1, 2),
    "stride 2": ((3, 2, 7, 8), (4, 3, 3), 2, 1),
    "stride 2, a column left over": ((2, 3, 6, 8), (2, 3, 3), 2, 0),
    "stride 3, pad 3": ((2, 1, 6, 5), (2, 4, 3), 3, 3),
    "stride larger than the filter": ((2, 2, 8, 7), (2, 2, 1), 3, 0),
    "pad larger than the filter": ((1, 2, 4, 3), (2, 2, 2), 2, 3),
    "filter as large as the image": ((2, 2, 4, 5), (3, 4, 5), 1, 0),
}

# (N, C, H, W), (pool_height, pool_width, stride)
POOLS = {
    "tiles": ((2, 3, 6, 8), (2, 2, 2)),
    "a row and a column left over": ((2, 2, 7, 5), (2, 2, 2)),
    "overlapping": ((2, 2, 7, 6), (3, 3, 2)),
    "overlapping at every pixel": ((1, 2, 5, 6), (3, 2, 1)),
    "gaps between windows": ((2, 1, 8, 9), (2, 1, 3)),
    "one window for the image": ((2, 3, 4, 5), (4, 5, 1)),
    "one pixel": ((1, 1, 3, 3), (1, 1, 1)),
}


def conv_case(name, dtype=np.float64):
    """Return x, w, b, conv_param and dout for one of CONVOLUTIONS."""
    x_shape, (F, HH, WW), stride, pad = CONVOLUTIONS[name]
    rng = np.random.default_rng(len(name))
    x = rng.standard_normal(x_shape)
    w = rng.standard_normal((F, x_shape[1], HH, WW))
    b = rng.standard_normal(F)
    H_out, W_out = (
        (length + 2 * pad - size) // stride + 1
        for length, size in zip(x_shape[2:], (HH, WW), strict=True)
    )
    dout = rng.standard_normal((x_shape[0], F, H_out, W_out))
    arrays = (a.astype(dtype) for a in (x, w, b, dout))
    x, w, b, dout = arrays
    return x, w, b, {"stride": stride, "pad": pad}, dout


def pool_case(name, dtype=np.float64):
    """Return x without ties, pool_param and dout for one of POOLS."""
    x_shape, (height, width, stride) = POOLS[name]
    rng = np.random.default_rng(len(name))
    x = rng.permutation(np.prod(x_shape)).reshape(x_shape).astype(dtype)
    H_out = (x_shape[2] - height) // stride + 1
    W_out = (x_shape[3] - width) // stride + 1
    dout = rng.standard_normal((*x_shape[:2], H_out, W_out)).astype(dtype)
    return (
        x,
        {"pool_height": height, "pool_width": width, "stride": stride},
        dout,
    )


def assert_close(actual, expected, what, tolerance=1e-8):
    """Compare at a tolerance relative to the largest value."""
    assert actual.shape == expected.shape, what
    error = np.max(np.abs(actual - expected)) / max(1e-300, np.max(np.abs(expected)))
    assert error < tolerance, f"{what} differs by {error:.1e} of its largest value"


def test_conv_forward_gives_the_known_values():
    x = np.linspace(-0.1, 0.5, num=96).reshape(2, 3, 4, 4)
    w = np.linspace(-0.2, 0.3, num=144).reshape(3, 3, 4, 4)
    b = np.linspace(-0.1, 0.2, num=3)
    out, _ = conv_forward_naive(x, w, b, {"stride": 2, "pad": 1})
    expected = [
        [
            [[-0.08759809, -0.10987781], [-0.18387192, -0.2109216]],
            [[0.21027089, 0.21661097], [0.22847626, 0.23004637]],
            [[0.50813986, 0.54309974], [0.64082444, 0.67101435]],
        ],
        [
            [[-0.98053589, -1.03143541], [-1.19128892, -1.24695841]],
            [[0.69108355, 0.66880383], [0.59480972, 0.56776003]],
            [[2.36270298, 2.36904306], [2.38090835, 2.38247847]],
        ],
    ]
    np.testing.assert_allclose(out, expected, atol=1e-8)


def test_conv_does_not_flip_the_filter():
    x = np.arange(9.0).reshape(1, 1, 3, 3)
    w = np.array([[[[1.0, 10.0, 100.0]]]])
    out, _ = conv_forward_naive(x, w, np.zeros(1), {"stride": 1, "pad": 0})
    np.testing.assert_array_equal(out[0, 0, :, 0], [210, 543, 876])


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_conv_backward_agrees_with_the_numerical_gradient(name):
    x, w, b, conv_param, dout = conv_case(name)
    _, cache = conv_forward_naive(x, w, b, conv_param)

    def out_of(**changed):
        arguments = {"x": x, "w": w, "b": b, "conv_param": conv_param} | changed
        return conv_forward_naive(**arguments)[0]

    dx, dw, db = conv_backward_naive(dout, cache)
    dx_num = eval_numerical_gradient_array(lambda a: out_of(x=a), x, dout)
    dw_num = eval_numerical_gradient_array(lambda a: out_of(w=a), w, dout)
    db_num = eval_numerical_gradient_array(lambda a: out_of(b=a), b, dout)
    assert_close(dx, dx_num, "dx", 1e-7)
    assert_close(dw, dw_num, "dw", 1e-7)
    assert_close(db, db_num, "db", 1e-7)


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_conv_agrees_with_torch(name):
    torch = pytest.importorskip("torch")
    x, w, b, conv_param, dout = conv_case(name)
    out, cache = conv_forward_naive(x, w, b, conv_param)
    gradients = conv_backward_naive(dout, cache)

    tensors = [torch.tensor(a, requires_grad=True) for a in (x, w, b)]
    expected = torch.nn.functional.conv2d(
        *tensors, stride=conv_param["stride"], padding=conv_param["pad"]
    )
    expected.backward(torch.tensor(dout))
    assert_close(out, expected.detach().numpy(), "out")
    for gradient, tensor, what in zip(gradients, tensors, "xwb", strict=True):
        assert_close(gradient, tensor.grad.numpy(), f"d{what}")


def test_conv_changes_no_argument():
    x, w, b, conv_param, dout = conv_case("stride 2")
    before = [a.copy() for a in (x, w, b, dout)]
    _, cache = conv_forward_naive(x, w, b, conv_param)
    conv_backward_naive(dout, cache)
    for array, copy in zip((x, w, b, dout), before, strict=True):
        np.testing.assert_array_equal(array, copy)
    assert conv_param == {"stride": 2, "pad": 1}


def test_conv_stays_float32():
    x, w, b, conv_param, dout = conv_case("stride 2", np.float32)
    out, cache = conv_forward_naive(x, w, b, conv_param)
    results = [out, *conv_backward_naive(dout, cache)]
    assert [a.dtype for a in results] == [np.float32] * 4


def conv_arguments(**changed):
    arguments = {
        "x": np.zeros((2, 3, 5, 6)),
        "w": np.zeros((4, 3, 3, 3)),
        "b": np.zeros(4),
        "conv_param": {"stride": 1, "pad": 0},
    }
    return arguments | changed


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"x": np.zeros((3, 5, 6))},
            r"x must be \(N, C, H, W\), got shape \(3, 5, 6\)",
        ),
        (
            {"w": np.zeros((4, 2, 3, 3))},
            r"w must be \(F, 3, HH, WW\) .* got \(4, 2, 3, 3\)",
        ),
        ({"b": np.zeros((4, 1))}, r"b must be \(4,\) .* got \(4, 1\)"),
        (
            {"conv_param": {"stride": 0, "pad": 0}},
            r"conv_param\['stride'\] must be a whole number of at least 1, got 0",
        ),
        ({"conv_param": {"stride": 1.5, "pad": 0}}, r"'stride'.* got 1\.5"),
        ({"conv_param": {"stride": 1, "pad": -1}}, r"'pad'.* at least 0, got -1"),
        ({"conv_param": {"stride": 1}}, r"conv_param must hold 'pad'.*\['stride'\]"),
        (
            {"w": np.zeros((4, 3, 3, 7))},
            "filters must fit in the padded images: at most 5 x 6, got 3 x 7",
        ),
    ],
)
def test_conv_forward_refuses_bad_input(changed, message):
    with pytest.raises(ValueError, match=message):
        conv_forward_naive(**conv_arguments(**changed))


def test_conv_backward_refuses_a_dout_that_does_not_fit():
    _, cache = conv_forward_naive(**conv_arguments())
    with pytest.raises(ValueError, match=r"\(2, 4, 3, 4\), got \(2, 4, 1, 4\)"):
        conv_backward_naive(np.zeros((2, 4, 1, 4)), cache)


def test_max_pool_forward_gives_the_known_values():
    x = np.linspace(-0.3, 0.4, num=96).reshape(2, 3, 4, 4)
    pool_param = {"pool_height": 2, "pool_width": 2, "stride": 2}
    out, _ = max_pool_forward_naive(x, pool_param)
    np.testing.assert_array_equal(out, x[:, :, 1::2, 1::2])  # x rises everywhere
    np.testing.assert_allclose(out[0, 0, 0, 0], -0.26315789, atol=1e-8)
    np.testing.assert_allclose(out[1, 2, 1, 1], 0.4, atol=1e-8)


def test_max_pool_keeps_negative_maxima():
    x = np.full((1, 1, 2, 2), -3.0)
    out, _ = max_pool_forward_naive(x, {"pool_height": 2, "pool_width": 2, "stride": 2})
    np.testing.assert_array_equal(out, [[[[-3.0]]]])


@pytest.mark.parametrize("name", POOLS)
def test_max_pool_backward_agrees_with_the_numerical_gradient(name):
    x, pool_param, dout = pool_case(name)
    _, cache = max_pool_forward_naive(x, pool_param)
    dx = max_pool_backward_naive(dout, cache)
    dx_num = eval_numerical_gradient_array(
        lambda a: max_pool_forward_naive(a, pool_param)[0], x, dout
    )
    assert_close(dx, dx_num, "dx", 1e-7)


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize("ties", [False, True])
def test_max_pool_agrees_with_torch(name, ties):
    torch = pytest.importorskip("torch")
    x, pool_param, dout = pool_case(name)
    if ties:
        x %= 2  # most windows hold their maximum more than once
    out, cache = max_pool_forward_naive(x, pool_param)
    dx = max_pool_backward_naive(dout, cache)

    tensor = torch.tensor(x, requires_grad=True)
    window = (pool_param["pool_height"], pool_param["pool_width"])
    expected = torch.nn.functional.max_pool2d(
        tensor, window, stride=pool_param["stride"]
    )
    expected.backward(torch.tensor(dout))
    np.testing.assert_array_equal(out, expected.detach().numpy())
    assert_close(dx, tensor.grad.numpy(), "dx", 1e-14)


def test_max_pool_gives_a_tie_to_the_first():
    pool_param = {"pool_height": 2, "pool_width": 2, "stride": 2}
    _, cache = max_pool_forward_naive(np.zeros((1, 1, 2, 2)), pool_param)
    dx = max_pool_backward_naive(np.array([[[[5.0]]]]), cache)
    np.testing.assert_array_equal(dx, [[[[5.0, 0.0], [0.0, 0.0]]]])


def test_max_pool_changes_no_argument_and_stays_float32():
    x, pool_param, dout = pool_case("overlapping", np.float32)
    before = x.copy(), dict(pool_param), dout.copy()
    out, cache = max_pool_forward_naive(x, pool_param)
    dx = max_pool_backward_naive(dout, cache)
    assert (out.dtype, dx.dtype) == (np.float32, np.float32)
    assert pool_param == before[1]
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(dout, before[2])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"stride": 0}, r"pool_param\['stride'\] .* at least 1, got 0"),
        ({"pool_height": 0}, r"pool_param\['pool_height'\] .* at least 1, got 0"),
        ({"pool_width": 7}, "pooling windows must fit .* 5 x 6, got 2 x 7"),
    ],
)
def test_max_pool_forward_refuses_bad_input(changed, message):
    pool_param = {"pool_height": 2, "pool_width": 2, "stride": 2} | changed
    with pytest.raises(ValueError, match=message):
        max_pool_forward_naive(np.zeros((2, 3, 5, 6)), pool_param)


def test_max_pool_backward_refuses_a_dout_that_does_not_fit():
    pool_param = {"pool_height": 2, "pool_width": 2, "stride": 2}
    _, cache = max_pool_forward_naive(np.zeros((2, 3, 5, 6)), pool_param)
    with pytest.raises(ValueError, match=r"\(2, 3, 2, 3\), got \(2, 3, 3, 3\)"):
        max_pool_backward_naive(np.zeros((2, 3, 3, 3)), cache)
