"""im2col and its way back; its layers are tested with the fast ones."""

import numpy as np
import pytest

from ece662.fast.im2col import col2im, im2col

CASES = [(3, 3, 1, 1), (2, 2, 2, 0), (1, 3, 1, 2), (3, 2, 3, 1)]  # HH, WW, stride, pad


def test_im2col_writes_windows_as_columns():
    image = np.arange(9).reshape(1, 3, 3)
    expected = [[0, 1, 3, 4], [1, 2, 4, 5], [3, 4, 6, 7], [4, 5, 7, 8]]
    np.testing.assert_array_equal(im2col(image, 2, 2, 1, 0), expected)


def test_im2col_keeps_channels_apart():
    image = np.arange(8).reshape(2, 2, 2)
    np.testing.assert_array_equal(im2col(image, 2, 2, 1, 0)[:, 0], np.arange(8))


@pytest.mark.parametrize("case", CASES)
def test_col2im_is_the_transpose_of_im2col(case):
    rng = np.random.default_rng(0)
    image = rng.standard_normal((2, 6, 7))
    columns = im2col(image, *case)
    other = rng.standard_normal(columns.shape)
    back = col2im(other, image.shape, *case)
    assert np.sum(columns * other) == pytest.approx(np.sum(image * back), rel=1e-12)


def test_col2im_counts_the_windows_of_each_pixel():
    ones = np.ones((4, 4))
    counts = col2im(ones, (1, 3, 3), 2, 2, stride=1, pad=0)
    np.testing.assert_array_equal(counts[0], [[1, 2, 1], [2, 4, 2], [1, 2, 1]])
