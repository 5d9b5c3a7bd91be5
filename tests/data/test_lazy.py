"""LazyImages must be indistinguishable from the float array it stands for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ece662.data import lazy
from ece662.data.lazy import LazyImages, mean_image

STORED = np.random.default_rng(0).integers(0, 256, (11, 3, 32, 32), dtype=np.uint8)
MEAN = STORED.mean(axis=0)
ROWS = {
    "all": slice(None),
    "first seven": slice(7),
    "picked": np.array([8, 2, 2, 10, 0, 5, 1]),
}


def full(rows, dtype=np.float32):
    return STORED[rows].astype(dtype) - MEAN.astype(dtype)


@pytest.fixture(autouse=True, scope="module")
def small_blocks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lazy, "BLOCK", 3)
        yield


@pytest.mark.parametrize("name", ROWS)
@given(data=st.data())
def test_lazy_images_index_like_the_full_array(name, data):
    expected = full(ROWS[name])
    images = LazyImages(STORED, ROWS[name], MEAN)
    n = len(expected)
    first = data.draw(
        st.one_of(
            st.integers(-n, n - 1),
            st.slices(n),
            st.lists(st.integers(-n, n - 1), min_size=1, max_size=9),
            hnp.arrays(np.int64, st.integers(0, 9), elements=st.integers(-n, n - 1)),
            hnp.arrays(bool, n),
        )
    )
    got = images[first]
    np.testing.assert_array_equal(got, expected[first])
    assert type(got) is np.ndarray
    assert got.dtype == np.float32
    channel = data.draw(st.one_of(st.integers(0, 2), st.slices(3)))
    np.testing.assert_array_equal(images[first, channel], expected[first, channel])
    np.testing.assert_array_equal(images[first, ..., 5], expected[first, ..., 5])


@pytest.mark.parametrize("name", ROWS)
def test_lazy_images_look_like_an_array(name):
    images, expected = LazyImages(STORED, ROWS[name], MEAN), full(ROWS[name])
    assert (images.shape, images.ndim, images.size, len(images)) == (
        expected.shape,
        4,
        expected.size,
        len(expected),
    )
    np.testing.assert_array_equal(np.asarray(images), expected)
    np.testing.assert_array_equal(np.stack(list(images)), expected)
    np.testing.assert_array_equal(images[..., 0], expected[..., 0])
    assert np.asarray(images, dtype=np.float64).dtype == np.float64
    assert "read from disk" in repr(images)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_lazy_images_compute_in_the_dtype_asked(dtype):
    images = LazyImages(STORED, slice(None), MEAN, dtype)
    assert images.dtype == dtype
    assert images[:].dtype == images[3].dtype == dtype
    np.testing.assert_array_equal(images[:], full(slice(None), dtype))


def test_lazy_images_without_mean_give_the_stored_values():
    np.testing.assert_array_equal(LazyImages(STORED)[:], STORED)


def test_lazy_images_do_not_let_the_stored_bytes_be_changed():
    images = LazyImages(STORED.copy())
    before = images[4]
    images[4][...] = -1
    images[2:6][...] = -1
    np.testing.assert_array_equal(images[4], before)
    with pytest.raises(TypeError, match="does not support item assignment"):
        images[0] = 0


@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
@pytest.mark.parametrize(
    ("index", "error", "message"),
    [
        ((0, [1, 2]), TypeError, "integers or slices, got list"),
        (None, IndexError, "integer, a slice, a mask or a list"),
        (np.zeros((2, 2), int), IndexError, "integer, a slice, a mask or a list"),
        (99, IndexError, "out of bounds"),
        (np.ones(4, bool), IndexError, "boolean index did not match"),
    ],
)
def test_lazy_images_refuse_other_indices(rows, index, error, message):
    with pytest.raises(error, match=message):
        LazyImages(STORED, rows)[index]


def test_lazy_images_cannot_be_an_array_without_a_copy():
    with pytest.raises(ValueError, match="a copy is needed"):
        LazyImages(STORED).__array__(copy=False)


@given(order=st.permutations(range(len(STORED))))
def test_mean_image_is_exact_in_any_order(order):
    np.testing.assert_array_equal(mean_image(STORED, np.array(order)), MEAN)
    np.testing.assert_array_equal(mean_image(STORED), MEAN)
    np.testing.assert_array_equal(
        mean_image(STORED, np.array(order[:5])), STORED[order[:5]].mean(axis=0)
    )
