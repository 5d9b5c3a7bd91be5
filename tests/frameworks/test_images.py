"""Images in the layout of the other framework."""

import numpy as np
import pytest

from ece662.frameworks.images import invert_ch


def test_invert_ch_height_and_width_stay():
    N, C, H, W = 2, 3, 4, 5
    n, c, h, w = np.ogrid[:N, :C, :H, :W]
    x = 1000 * n + 100 * c + 10 * h + w  # each pixel tells where it belongs
    out = invert_ch(x)
    assert out.shape == (N, H, W, C)
    for n, h, w, c in np.ndindex(out.shape):
        assert out[n, h, w, c] == 1000 * n + 100 * c + 10 * h + w


def test_invert_ch_contiguous_and_x_as_it_was():
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 4)).astype(np.float32)
    before = x.copy()
    out = invert_ch(x)
    assert out.flags.c_contiguous
    assert out.dtype == np.float32
    out[:] = 0
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("shape", [(1, 1, 3, 2), (2, 1, 1, 1)])
def test_invert_ch_copies_where_a_view_would_do(shape):
    x = np.ones(shape)
    assert not np.shares_memory(invert_ch(x), x)


def test_invert_ch_wrong_number_of_axes():
    with pytest.raises(ValueError, match=r"\(N, C, H, W\), got shape \(3, 32, 32\)"):
        invert_ch(np.zeros((3, 32, 32)))
