"""Fast spatial batch normalisation against the layers it stands in for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ece662 import fast_layers, layers
from ece662.fast import _kernels

TOLERANCES = {np.float64: 1e-10, np.float32: 1e-5}  # of the largest value

try:
    LEVELS = _kernels.LEVELS[: _kernels.load().levels()]
except ImportError:
    LEVELS = ()


@pytest.fixture(params=[*LEVELS, "numpy"], autouse=True)
def every_backend(request, monkeypatch):
    if request.param == "numpy":

        def load():
            raise ImportError("hidden by a test")

        monkeypatch.setattr(_kernels, "load", load)
    else:
        monkeypatch.setenv("ECE662_SIMD", request.param)
    fast_layers.choose.cache_clear()
    yield
    fast_layers.choose.cache_clear()


@st.composite
def images(draw):
    """Draw the sizes of a batch; some planes fill vectors, some end inside of one."""
    N, C, H = draw(st.integers(1, 5)), draw(st.integers(1, 4)), draw(st.integers(1, 6))
    return N, C, H, draw(st.integers(1 if N * H > 1 else 2, 20))


def draw_arrays(shape, dtype):
    """Return x, far from 0, gamma, beta and dout."""
    rng = np.random.default_rng(0)
    x, dout = 3 * rng.standard_normal(shape) + 5, rng.standard_normal(shape)
    gamma, beta = rng.standard_normal((2, shape[1]))
    return [a.astype(dtype) for a in (x, gamma, beta, dout)]


def students(x, gamma, beta, bn_param, dout, relu):
    """Run the two layers one after the other, both passes."""
    out, cache = layers.spatial_batchnorm_forward(x, gamma, beta, bn_param)
    if relu:
        out, relu_cache = layers.relu_forward(out)
        dout = layers.relu_backward(dout, relu_cache)
    if cache is None:
        return [out]
    return [out, *layers.spatial_batchnorm_backward(dout, cache)]


def ours(x, gamma, beta, bn_param, dout, relu, threads):
    name = "spatial_batchnorm_relu" if relu else "spatial_batchnorm"
    forward = getattr(fast_layers, f"{name}_forward_fast")
    backward = getattr(fast_layers, f"{name}_backward_fast")
    out, cache = forward(x, gamma, beta, bn_param, num_threads=threads)
    if cache is None:
        return [out]
    return [out, *backward(dout, cache, num_threads=threads)]


def assert_close(actual, expected, tolerance, size=None):
    assert (actual.shape, actual.dtype) == (expected.shape, expected.dtype)
    size = size or max(np.max(np.abs(expected)), 1e-3)
    assert np.max(np.abs(actual - expected)) < tolerance * size


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("dtype", TOLERANCES)
def test_both_modes_agree_with_the_students_layers(dtype, relu):
    @settings(max_examples=25, deadline=None, derandomize=True)
    @given(images(), st.integers(1, 3))
    def agrees(shape, threads):
        x, gamma, beta, dout = draw_arrays(shape, dtype)
        # Compared with float64: it is the students' float32 that rounds more.
        exactly = [a.astype(np.float64) for a in (x, gamma, beta)]
        # Where ReLU's input is 0 to within rounding, both sides of it are right.
        before, _ = layers.spatial_batchnorm_forward(*exactly, {"mode": "train"})
        dout = np.where(np.abs(before) < 1e-3, 0, dout).astype(dtype)
        here, there = {"mode": "train"}, {"mode": "train"}
        for mode in ("train", "train", "test"):
            here["mode"] = there["mode"] = mode
            expected = students(*exactly, there, dout.astype(np.float64), relu)
            results = ours(x, gamma, beta, here, dout, relu, threads)
            for a, e in zip(results, expected, strict=True):
                # A gradient is a difference of terms of the size of dout / std.
                size = max(np.max(np.abs(e)), np.max(np.abs(dout)))
                assert_close(a, e.astype(dtype), 10 * TOLERANCES[dtype], size)
            for name in ("running_mean", "running_var"):
                assert_close(here[name], there[name].astype(dtype), TOLERANCES[dtype])

    agrees()


def test_settings_and_names_are_the_students():
    x, gamma, beta, dout = draw_arrays((2, 3, 4, 5), np.float64)
    moments = {"running_mean": np.arange(3.0), "running_var": np.arange(1.0, 4)}
    for mode in ("train", "test"):
        settings_of = {"mode": mode, "eps": 0.3, "momentum": 0.6, **moments}
        here, there = dict(settings_of), dict(settings_of)
        expected = students(x, gamma, beta, there, dout, relu=False)
        for a, e in zip(
            ours(x, gamma, beta, here, dout, False, 1), expected, strict=True
        ):
            np.testing.assert_allclose(a, e, rtol=1e-10, atol=1e-12)
        assert here.keys() == there.keys()
        for name in moments:
            np.testing.assert_allclose(here[name], there[name], rtol=1e-12)


def test_threads_do_not_change_a_bit():
    arrays = draw_arrays((7, 5, 6, 9), np.float32)
    alone = ours(*arrays[:3], {"mode": "train"}, arrays[3], True, 1)
    together = ours(*arrays[:3], {"mode": "train"}, arrays[3], True, 3)
    for a, b in zip(alone, together, strict=True):
        np.testing.assert_array_equal(a, b)


def test_far_from_zero_float32_keeps_its_digits():
    """A mean of squares minus the square of the mean would be off by a tenth here."""
    x = np.random.default_rng(0).standard_normal((8, 2, 30, 31)) + 1000
    x = x.astype(np.float32)
    bn_param = {"mode": "train", "momentum": 0.0}
    ones, zeros = np.ones(2, np.float32), np.zeros(2, np.float32)
    fast_layers.spatial_batchnorm_forward_fast(x, ones, zeros, bn_param)
    expected = x.astype(np.float64).var(axis=(0, 2, 3))
    np.testing.assert_allclose(bn_param["running_var"], expected, rtol=1e-4)


def test_a_nan_and_other_arrays_are_treated_as_by_the_students_layers():
    x, gamma, beta, dout = draw_arrays((2, 3, 4, 20), np.float64)
    turned = np.moveaxis(np.moveaxis(x, 1, -1).copy(), -1, 1)
    for a, e in zip(
        ours(turned, gamma, beta, {"mode": "train"}, dout[:, :, ::-1], True, 1),
        students(x, gamma, beta, {"mode": "train"}, dout[:, :, ::-1], True),
        strict=True,
    ):
        np.testing.assert_allclose(a, e, atol=1e-12)
    x[0, 1, 2, 3] = np.nan
    [out, *_] = ours(x, gamma, beta, {"mode": "train"}, dout, True, 1)
    assert np.isnan(out[:, 1]).all()
    assert not np.isnan(out[:, ::2]).any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": np.ones((2, 3))}, r"x must be \(N, C, H, W\), got shape \(2, 3\)"),
        ({"gamma": np.ones(4)}, r"gamma must be \(3,\) .* got \(4,\)"),
        ({"bn_param": {}}, "must be 'train' or 'test', got None"),
        ({"x": np.ones((0, 3, 2, 2))}, "at least one input in mode 'train'"),
    ],
)
def test_bad_input_is_refused(changes, message):
    arguments = {
        "x": np.ones((2, 3, 2, 2)),
        "gamma": np.ones(3),
        "beta": np.zeros(3),
        "bn_param": {"mode": "train"},
    }
    with pytest.raises(ValueError, match=message):
        fast_layers.spatial_batchnorm_forward_fast(**arguments | changes)


def test_a_gradient_needs_the_cache_of_training_and_its_shape():
    x, gamma, beta, _ = draw_arrays((2, 3, 2, 2), np.float64)
    with pytest.raises(ValueError, match="mode 'train', got None"):
        fast_layers.spatial_batchnorm_backward_fast(x, None)
    _, cache = fast_layers.spatial_batchnorm_forward_fast(
        x, gamma, beta, {"mode": "train"}
    )
    with pytest.raises(ValueError, match=r"\(2, 3, 2, 2\), got \(2, 3, 4\)"):
        fast_layers.spatial_batchnorm_backward_fast(x.reshape(2, 3, 4), cache)


def test_an_empty_batch_has_an_empty_answer_in_mode_test():
    out, cache = fast_layers.spatial_batchnorm_relu_forward_fast(
        np.ones((0, 3, 2, 2)), np.ones(3), np.zeros(3), {"mode": "test"}
    )
    assert out.shape == (0, 3, 2, 2)
    assert cache is None
