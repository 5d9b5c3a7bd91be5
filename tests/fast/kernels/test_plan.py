"""The tables of a plan, carried out by NumPy: what the compiled kernels do."""

import numpy as np
import pytest

from ece662.fast._kernels.plan import (
    Scratch,
    forward_plan,
    input_gradient_plan,
    weight_gradient_plan,
)
from ece662.layers import conv_backward_naive, conv_forward_naive

LANES, TILE_SPOTS, TILE_TAPS = 4, 3, 5

# (C, H, W), (F, HH, WW), stride, pad
CASES = [
    ((2, 5, 9), (3, 3, 2), 1, 1),
    ((2, 7, 8), (3, 3, 3), 2, 0),
    ((1, 6, 5), (2, 2, 4), 3, 2),
    ((3, 4, 4), (2, 1, 1), 4, 0),
    ((1, 1, 1), (1, 2, 2), 7, 3),
]


def arrays(image, filters, stride, pad):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, *image))
    w = rng.standard_normal((filters[0], image[0], *filters[1:]))
    b = np.zeros(filters[0])
    out, cache = conv_forward_naive(x, w, b, {"stride": stride, "pad": pad})
    return x, w, out, cache


def fill(scratch, image):
    """Copy an image as pad_and_split.h does, to where `Scratch.offset` says."""
    memory = np.zeros(scratch.size + LANES)
    step, channels = scratch.step, np.arange(len(image))
    for a, (row, i, height) in enumerate(scratch.row_combs):
        for b, (column, j, width) in enumerate(scratch.col_combs):
            h = (i + np.arange(height)) * step + a
            w = (j + np.arange(width)) * step + b
            places = scratch.offset(*np.ix_(channels, h, w))
            pixels = image[:, row::step, column::step]
            memory[places] = pixels[:, :height, :width]
    return memory


def carry_out(plan, image, w, size):
    """Compute one image's outputs from the tables, a vector at a time."""
    memory = fill(plan.scratch, image)
    out = np.full((len(w), *size), np.nan)
    planes = out.reshape(len(w), -1)
    for piece in plan.passes:
        weights = w[:, :, *piece.pixels].reshape(len(w), -1)
        assert len(piece.spots) % TILE_SPOTS == 0
        for begin, put, count in piece.spots:
            pixels = memory[begin + piece.taps[:, np.newaxis] + np.arange(LANES)]
            vector = weights @ pixels
            planes[:, put : put + count * piece.step : piece.step] = vector[:, :count]
    return out


def test_scratch_gives_each_pixel_a_place_of_its_own():
    scratch = Scratch.of((2, 5, 7), top=1, left=1, step=3, rows=3, cols=3)
    places = scratch.offset(*np.ix_(range(2), range(9), range(9)))
    np.testing.assert_array_equal(np.sort(places.ravel()), np.arange(scratch.size))


def test_scratch_puts_pixels_one_stride_apart_side_by_side():
    scratch = Scratch.of((2, 5, 7), top=0, left=0, step=3, rows=3, cols=3)
    place = scratch.offset(1, 4, 2)
    assert scratch.offset(1, 4, 5) == place + 1
    assert scratch.offset(1, 7, 2) == place + scratch.cols


@pytest.mark.parametrize("case", CASES)
def test_forward_plan_convolves(case):
    image, filters, stride, pad = case
    x, w, out, _ = arrays(*case)
    plan = forward_plan(image, filters[1:], stride, pad, LANES, TILE_SPOTS)
    assert plan.size == out.shape[2:]
    np.testing.assert_allclose(carry_out(plan, x[0], w, plan.size), out[0], atol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_input_gradient_plan_gives_dx(case):
    image, _, stride, pad = case
    _, w, out, cache = arrays(*case)
    expected = conv_backward_naive(out, cache)[0]
    dout_and_image = (len(w), *image[1:])
    plan = input_gradient_plan(
        dout_and_image, w.shape[2:], stride, pad, LANES, TILE_SPOTS
    )
    dx = carry_out(plan, out[0], w.transpose(1, 0, 2, 3), image[1:])
    np.testing.assert_allclose(dx, expected[0], atol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_weight_gradient_plan_gives_dw_and_db(case):
    image, filters, stride, pad = case
    x, w, out, cache = arrays(*case)
    _, dw, db = conv_backward_naive(out, cache)
    sums = weight_gradient_plan(image, filters[1:], stride, pad, TILE_TAPS)
    assert len(sums.taps) % TILE_TAPS == 0
    scratch = sums.scratch
    ones = np.ones(scratch.rows * scratch.cols)
    memory = np.concatenate([fill(scratch, x[0])[: scratch.size], ones])
    outputs = np.add.outer(np.arange(sums.rows) * scratch.cols, np.arange(sums.width))
    pixels = memory[sums.taps[: sums.K + 1, np.newaxis] + outputs.ravel()]
    gradients = out[0].reshape(len(w), -1) @ pixels.T
    np.testing.assert_allclose(gradients[:, :-1].reshape(w.shape), dw, atol=1e-12)
    np.testing.assert_allclose(gradients[:, -1], db, atol=1e-12)


def test_plans_are_kept():
    arguments = ((2, 5, 9), (3, 2), 1, 1, LANES, TILE_SPOTS)
    assert forward_plan(*arguments) is forward_plan(*arguments)
