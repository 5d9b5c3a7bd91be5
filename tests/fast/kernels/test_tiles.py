"""Winograd's filtering on compiled kernels: every instruction set, any shape, errors.

It is chosen by size, so here it is called for, whether it pays or not.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ece662.fast import _kernels
from ece662.fast._kernels import tiles
from ece662.fast._kernels.direct import Kernels
from ece662.fast.im2col import conv_backward_im2col, conv_forward_im2col
from ece662.fast_layers import conv_backward_fast, conv_forward_fast

# Relative to the largest value.
TOLERANCES = {np.float64: 1e-12, np.float32: 1e-5}

try:
    NATIVE = _kernels.load()
except ImportError:
    pytest.skip("the kernels are not compiled", allow_module_level=True)
LEVELS = range(NATIVE.levels())
each_level = pytest.mark.parametrize("level", LEVELS, ids=lambda i: _kernels.LEVELS[i])


@pytest.fixture
def always(monkeypatch):
    """Let tiles be used wherever they can be."""
    for name in ("MARGIN", "FEWEST", "FEWEST_CHANNELS"):
        monkeypatch.setattr(tiles, name, 0)


@st.composite
def convolutions(draw):
    """Draw N, C, F, H, W, pad: several tiles, vectors and blocks, or parts of them."""
    pad = draw(st.integers(0, 4))
    smallest = max(1, 3 - 2 * pad)
    N, C, F = (
        draw(st.integers(1, 4)),
        draw(st.integers(1, 20)),
        draw(st.integers(1, 80)),
    )
    H, W = draw(st.integers(smallest, 14)), draw(st.integers(smallest, 30))
    return N, C, F, H, W, pad


def draw_arrays(N, C, F, H, W, pad, dtype):
    """Return x, w, b and dout, drawn from a normal distribution."""
    rng = np.random.default_rng(0)
    shapes = [
        (N, C, H, W),
        (F, C, 3, 3),
        (F,),
        (N, F, H + 2 * pad - 2, W + 2 * pad - 2),
    ]
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def in_tiles(kernels, x, w, b, dout, pad, threads=1):
    """Return out, dx, dw and db, as `Kernels` computes them where tiles pay."""
    return (
        kernels.conv_forward(x, w, b, 1, pad, threads),
        kernels.conv_input_gradient(dout, x, w, 1, pad, threads),
        *kernels.conv_weight_gradients(dout, x, w, 1, pad, threads),
    )


def errors(results, x, w, b, dout, pad):
    """Return how far results are from float64's, relative to the largest value."""
    x, w, b, dout = (a.astype(np.float64) for a in (x, w, b, dout))
    out, cache = conv_forward_im2col(x, w, b, {"stride": 1, "pad": pad})
    found = {}
    expected = (out, *conv_backward_im2col(dout, cache))
    for name, a, e in zip(("out", "dx", "dw", "db"), results, expected, strict=True):
        assert a.shape == e.shape, name
        found[name] = np.max(np.abs(a - e)) / max(np.max(np.abs(e)), 1e-30)
    return found


@pytest.mark.usefixtures("always")
@each_level
@pytest.mark.parametrize("dtype", TOLERANCES)
def test_tiles_agree_with_im2col(level, dtype):
    kernels = Kernels(NATIVE, level)

    @settings(max_examples=25, deadline=None, derandomize=True)
    @given(convolutions(), st.integers(1, 3))
    def agrees(sizes, threads):
        arrays, pad = draw_arrays(*sizes, dtype), sizes[-1]
        results = in_tiles(kernels, *arrays, pad, threads)
        assert {a.dtype for a in results} == {np.dtype(dtype)}
        for name, error in errors(results, *arrays, pad).items():
            assert error < TOLERANCES[dtype], name

    agrees()


@pytest.mark.usefixtures("always")
@each_level
@pytest.mark.parametrize("channels", [16, 128, tiles.MOST_CHANNELS])
def test_float32_is_exact_to_a_hundred_thousandth_of_the_largest(level, channels):
    """As many filters as channels: out sums over the ones, dx over the others."""
    arrays = draw_arrays(2, channels, channels, 8, 8, 1, np.float32)
    kernels = Kernels(NATIVE, level)
    assert tiles.pays(kernels, *arrays[:2], 1, 1)
    found = errors(in_tiles(kernels, *arrays, 1), *arrays, 1)
    assert max(found.values()) < 1e-5
    assert max(found.values()) > 1e-7  # else it was not float32 in tiles


@pytest.mark.usefixtures("always")
def test_threads_do_not_change_a_bit():
    arrays = draw_arrays(5, 17, 40, 18, 11, 1, np.float32)
    kernels = Kernels(NATIVE, LEVELS[-1])
    alone = in_tiles(kernels, *arrays, 1)
    for threads in (2, 5):
        together = in_tiles(kernels, *arrays, 1, threads)
        for a, b in zip(alone, together, strict=True):
            np.testing.assert_array_equal(a, b)


@each_level
@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize(
    ("x_shape", "filters", "expected"),
    [
        ((64, 64, 16, 16), 128, True),
        ((64, 128, 8, 8), 128, True),
        ((64, 32, 32, 32), 32, True),
        ((64, 3, 32, 32), 32, False),  # too few channels to share the transforms
        ((8, 512, 3, 3), 512, False),  # too few tiles to share the filters'
    ],
)
def test_tiles_are_chosen_where_they_pay(level, dtype, x_shape, filters, expected):
    x, w = np.empty(x_shape, dtype), np.empty((filters, x_shape[1], 3, 3), dtype)
    kernels = Kernels(NATIVE, level)
    assert tiles.pays(kernels, x, w, 1, 1) == expected
    assert tiles.pays_for_gradients(kernels, x, w, 1, 1) == expected


@pytest.mark.usefixtures("always")
def test_tiles_are_for_what_they_are_exact_enough_for():
    kernels = Kernels(NATIVE, LEVELS[-1])

    def pays(channels, size, stride, dtype=np.float32):
        x, w = (
            np.empty((1, channels, 9, 9), dtype),
            np.empty((4, channels, *size), dtype),
        )
        assert tiles.pays_for_gradients(kernels, x, w, stride, 1) == (
            size == (3, 3) and stride == 1
        )
        return tiles.pays(kernels, x, w, stride, 1)

    assert pays(512, (3, 3), 1)
    assert not pays(513, (3, 3), 1)
    assert pays(513, (3, 3), 1, np.float64)
    assert not pays(64, (3, 3), 2)
    assert not pays(64, (3, 5), 1)


@each_level
def test_the_fast_layers_use_tiles(level, monkeypatch):
    """A layer that is large enough gives the numbers of the tiles, to the bit."""
    monkeypatch.setenv("ECE662_SIMD", _kernels.LEVELS[level])
    x, w, b, dout = draw_arrays(64, 32, 64, 8, 8, 1, np.float32)
    from ece662 import fast_layers

    fast_layers.choose.cache_clear()
    try:
        out, cache = conv_forward_fast(x, w, b, {"stride": 1, "pad": 1})
        results = (out, *conv_backward_fast(dout, cache))
    finally:
        fast_layers.choose.cache_clear()
    kernels = Kernels(NATIVE, level)
    np.testing.assert_array_equal(results[0], tiles.convolve(kernels, x, w, b, 1, 1))
    for name, error in errors(results, x, w, b, dout, 1).items():
        assert error < 1e-5, name


@pytest.mark.usefixtures("always")
@each_level
def test_a_nan_reaches_its_tiles_and_no_other(level):
    x, w, b, _ = draw_arrays(2, 8, 8, 12, 12, 1, np.float32)
    x[1, 3, 5, 5] = np.nan  # only the tile in the middle sees it, which is 4 ... 7
    out = Kernels(NATIVE, level).conv_forward(x, w, b, 1, 1, 1)
    expected = np.zeros(out.shape, bool)
    expected[1, :, 4:8, 4:8] = True
    np.testing.assert_array_equal(np.isnan(out), expected)
