"""Winograd's filtering in NumPy against the naive layer, and its sums done by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ece662.fast.winograd import (
    MATRICES,
    conv_backward_winograd,
    conv_forward_winograd,
)
from ece662.layers import conv_backward_naive, conv_forward_naive


@st.composite
def convolutions(draw):
    """Draw N, C, F, H, W and a pad that leaves some output."""
    pad = draw(st.integers(0, 4))
    smallest = max(1, 3 - 2 * pad)
    H, W = draw(st.integers(smallest, 9)), draw(st.integers(smallest, 9))
    return [draw(st.integers(1, 3)) for _ in range(3)], H, W, pad


@pytest.mark.parametrize("tile", MATRICES)
def test_both_passes_agree_with_the_naive_layer(tile):
    @settings(max_examples=30, deadline=None, derandomize=True)
    @given(convolutions())
    def agrees(sizes):
        (N, C, F), H, W, pad = sizes
        rng = np.random.default_rng(0)
        x, w = rng.standard_normal((N, C, H, W)), rng.standard_normal((F, C, 3, 3))
        b, conv_param = rng.standard_normal(F), {"stride": 1, "pad": pad}
        out, cache = conv_forward_winograd(x, w, b, conv_param, tile)
        expected, naive_cache = conv_forward_naive(x, w, b, conv_param)
        np.testing.assert_allclose(out, expected, atol=1e-11, strict=True)
        dout = rng.standard_normal(out.shape)
        gradients = conv_backward_winograd(dout, cache, tile)
        for actual, value in zip(
            gradients, conv_backward_naive(dout, naive_cache), strict=True
        ):
            np.testing.assert_allclose(actual, value, atol=1e-11, strict=True)

    agrees()


@pytest.mark.parametrize("tile", MATRICES)
def test_matrices_filter_along_a_line(tile):
    A, G, B_T = (np.array(matrix, float) for matrix in MATRICES[tile])
    d, g = np.arange(1.0, tile + 3) ** 2, np.array([2.0, 1.0, -1.0])
    expected = np.convolve(d, g[::-1], mode="valid")
    np.testing.assert_allclose(A.T @ ((G @ g) * (B_T @ d)), expected, rtol=1e-12)


def test_the_example_of_the_module_comes_out_as_it_says():
    A, G, B_T = (np.array(matrix, float) for matrix in MATRICES[2])
    m = (G @ [2, 1, 1]) * (B_T @ [1, 3, 2, 5])
    np.testing.assert_array_equal(np.abs(m), [2, 10, 1, 2])
    np.testing.assert_array_equal(A.T @ m, [7, 13])


@pytest.mark.parametrize(("size", "stride"), [(5, 1), (3, 2)])
def test_other_convolutions_are_refused(size, stride):
    x, w, b = np.ones((1, 1, 8, 8)), np.ones((1, 1, size, size)), np.zeros(1)
    with pytest.raises(ValueError, match=rf"got {size} x {size} with stride {stride}"):
        conv_forward_winograd(x, w, b, {"stride": stride, "pad": 0})
