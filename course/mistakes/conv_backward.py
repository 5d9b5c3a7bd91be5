"""Mistakes in the backward pass of the naive convolution."""

import numpy as np

from course.mistakes.registry import mistake
from course.mistakes.windows import pad_images, window_of
from ece662 import layers


def _padded_gradients(dout, cache, window=None, into_dx=None, into_dw=None):
    """Return dx with its border and dw, one of the steps replaced.

    Args:
        dout, cache: as `layers.conv_backward_naive`.
        window: `window(i, j, stride, HH, WW)`, the rows and columns seen by an output.
        into_dx, into_dw: functions `into(total, place, value)` that put a value in
            its place, by default by adding it.
    """
    x, w, _, conv_param = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    x_padded = pad_images(x, pad)
    dx, dw = np.zeros(x_padded.shape, dout.dtype), np.zeros(w.shape, dout.dtype)
    for n, f, i, j in np.ndindex(dout.shape):
        rows, columns = (window or window_of)(i, j, stride, *w.shape[2:])
        place = (n, slice(None), rows, columns)
        (into_dw or _add)(dw, f, dout[n, f, i, j] * x_padded[place])
        (into_dx or _add)(dx, place, dout[n, f, i, j] * w[f])
    return dx, dw


def _add(total, place, value):
    total[place] += value


def _overwrite(total, place, value):
    total[place] = value


def _crop(dx, cache):
    x, _, _, conv_param = cache
    pad, (H, W) = conv_param["pad"], x.shape[2:]
    return dx[:, :, pad : pad + H, pad : pad + W]


@mistake(
    "conv_backward_naive",
    says="In dx each window overwrites what earlier ones wrote. Where windows overlap, "
    "their shares have to be added.",
    asks="With a 3 x 3 filter and stride 1, how many outputs does one pixel reach?",
)
def conv_dx_overlaps_lost(dout, cache):
    dx, dw = _padded_gradients(dout, cache, into_dx=_overwrite)
    return _crop(dx, cache), dw, dout.sum(axis=(0, 2, 3))


@mistake(
    "conv_backward_naive",
    says="dw holds the share of the last window alone; each window overwrites the one "
    "before.",
    asks="How many outputs does one weight reach?",
)
def conv_dw_last_window_only(dout, cache):
    dx, dw = _padded_gradients(dout, cache, into_dw=_overwrite)
    return _crop(dx, cache), dw, dout.sum(axis=(0, 2, 3))


@mistake(
    "conv_backward_naive",
    says="In dx the shares of all filters are added, but each window overwrites what "
    "earlier ones wrote, though a pixel may lie in several windows.",
    asks="With a 3 x 3 filter and stride 1, how many outputs does one pixel reach?",
)
def conv_dx_windows_overwritten(dout, cache):
    x, w, _, conv_param = cache
    _, dw, db = layers.conv_backward_naive(dout, cache)
    dx = np.zeros_like(pad_images(x, conv_param["pad"]))
    for n, _, i, j in np.ndindex(len(x), 1, *dout.shape[2:]):
        rows, columns = window_of(i, j, conv_param["stride"], *w.shape[2:])
        dx[n, :, rows, columns] = np.tensordot(dout[n, :, i, j], w, 1)
    return _crop(dx, cache), dw, db


@mistake(
    "conv_backward_naive",
    says="dw holds the share of the window's last position alone, summed over the "
    "images; each position overwrites the one before.",
    asks="How many outputs does one weight reach in one image?",
)
def conv_dw_last_place_only(dout, cache):
    x, w, b, conv_param = cache
    dx, _, db = layers.conv_backward_naive(dout, cache)
    last = np.zeros_like(dout)
    last[:, :, -1, -1] = dout[:, :, -1, -1]
    return dx, layers.conv_backward_naive(last, (x, w, b, conv_param))[1], db


@mistake(
    "conv_backward_naive",
    says="Each window overwrites both dx and dw, where its share should be added.",
    asks="How many outputs does one pixel reach, and how many one weight?",
)
def conv_gradients_overwritten(dout, cache):
    dx, dw = _padded_gradients(dout, cache, into_dx=_overwrite, into_dw=_overwrite)
    return _crop(dx, cache), dw, dout.sum(axis=(0, 2, 3))


@mistake(
    "conv_backward_naive",
    says="On the way back the windows move by one pixel, whatever the stride.",
    asks="Where did the window stand that the second output came from?",
)
def conv_back_stride_missing(dout, cache):
    def window(i, j, stride, HH, WW):
        return slice(i, i + HH), slice(j, j + WW)

    dx, dw = _padded_gradients(dout, cache, window)
    return _crop(dx, cache), dw, dout.sum(axis=(0, 2, 3))


@mistake(
    "conv_backward_naive",
    says="dx still has its border of padding.",
    asks="What shape must a gradient have, compared with the array it belongs to?",
)
def conv_padding_left_on_dx(dout, cache):
    _, dw, db = layers.conv_backward_naive(dout, cache)
    return _padded_gradients(dout, cache)[0], dw, db


@mistake(
    "conv_backward_naive",
    says="dx is right as long as there is a border to cut off. Without padding it "
    "comes back empty.",
    asks="What does the slice [p:-p] give where p is zero?",
)
def conv_crop_empty_without_padding(dout, cache):
    _, dw, db = layers.conv_backward_naive(dout, cache)
    dx, pad = _padded_gradients(dout, cache)[0], cache[3]["pad"]
    return dx[:, :, pad:-pad, pad:-pad], dw, db


@mistake(
    "conv_backward_naive",
    says="A border of one pixel is cut off dx, whatever the padding was.",
    asks="Does your code read the width of the border where it cuts?",
)
def conv_crop_always_one(dout, cache):
    _, dw, db = layers.conv_backward_naive(dout, cache)
    return _padded_gradients(dout, cache)[0][:, :, 1:-1, 1:-1], dw, db


@mistake(
    "conv_backward_naive",
    says="dx has the right size, but was cut from the wrong corner of the padded "
    "array.",
    asks="Which pixel of the padded image was the first of the image itself?",
)
def conv_crop_from_the_corner(dout, cache):
    x = cache[0]
    _, dw, db = layers.conv_backward_naive(dout, cache)
    dx = _padded_gradients(dout, cache)[0]
    return dx[:, :, : x.shape[2], : x.shape[3]], dw, db


@mistake(
    "conv_backward_naive",
    says="db is averaged over the outputs, though each of them adds its own share.",
    asks="How many outputs does one bias reach, and by how much does each of them "
    "move?",
)
def conv_db_averaged(dout, cache):
    dx, dw, _ = layers.conv_backward_naive(dout, cache)
    return dx, dw, dout.mean(axis=(0, 2, 3))


@mistake(
    "conv_backward_naive",
    says="db has the right numbers and four axes, where the biases are a plain vector.",
    asks="What does `keepdims=True` keep?",
)
def conv_db_keeps_its_axes(dout, cache):
    dx, dw, _ = layers.conv_backward_naive(dout, cache)
    return dx, dw, dout.sum(axis=(0, 2, 3), keepdims=True)


@mistake(
    "conv_backward_naive",
    says="db holds what came from the last image; each one overwrites the one before.",
    asks="Do two images of the batch have the same bias or each its own?",
)
def conv_db_last_image_only(dout, cache):
    dx, dw, _ = layers.conv_backward_naive(dout, cache)
    return dx, dw, dout[-1].sum(axis=(1, 2))


@mistake(
    "conv_backward_naive",
    says="db was summed over the images only, so it has a number for every position; "
    "it should have one for each filter.",
    asks="How many outputs does one bias reach?",
)
def conv_db_per_position(dout, cache):
    dx, dw, _ = layers.conv_backward_naive(dout, cache)
    return dx, dw, dout.sum(axis=0)


@mistake(
    "conv_backward_naive",
    says="dw is divided by the number of images once more than it should be.",
    asks="Which part of the network takes the mean over the batch, and how often is "
    "that to be done?",
)
def conv_dw_averaged(dout, cache):
    dx, dw, db = layers.conv_backward_naive(dout, cache)
    return dx, dw / len(dout), db


@mistake(
    "conv_backward_naive",
    says="The loops over rows and over columns both end at the height of dout, so the "
    "columns beyond that are never visited.",
    asks="Have you tried an image that is not square?",
)
def conv_back_width_from_height(dout, cache):
    seen = dout.copy()
    seen[:, :, :, dout.shape[2] :] = 0
    dx, dw, _ = layers.conv_backward_naive(seen, cache)
    return dx, dw, dout.sum(axis=(0, 2, 3))


@mistake(
    "conv_backward_naive",
    says="dx was made with the filters flipped, as in formulas that slide them over "
    "dout; where each window is handled on its own they stay as they are.",
    asks="Which weight met the top left pixel of the window in the forward pass?",
    hidden=True,
)
def conv_dx_with_flipped_filters(dout, cache):
    x, w, b, conv_param = cache
    _, dw, db = layers.conv_backward_naive(dout, cache)
    flipped = (x, w[:, :, ::-1, ::-1], b, conv_param)
    return layers.conv_backward_naive(dout, flipped)[0], dw, db


@mistake(
    "conv_backward_naive",
    says="Without padding, cutting `pad` rows and columns off both ends leaves an "
    "empty array, which does not fit into dx: the code stops there.",
    asks="Which row does -0 stand for in a slice?",
)
def conv_crop_stops_without_padding(dout, cache):
    x, _, _, conv_param = cache
    pad, (padded, dw) = conv_param["pad"], _padded_gradients(dout, cache)
    dx = np.zeros_like(x)
    for n in range(len(x)):
        dx[n] = padded[n, :, pad:-pad, pad:-pad]
    return dx, dw, dout.sum(axis=(0, 2, 3))


@mistake(
    "conv_backward_naive",
    says="On the way back each window is as high as the filter is wide, and as wide as "
    "it is high.",
    asks="Which of the two sizes of w belongs to the rows of a window?",
)
def conv_back_window_sides_exchanged(dout, cache):
    def window(i, j, stride, HH, WW):
        return window_of(i, j, stride, WW, HH)

    dx, dw = _padded_gradients(dout, cache, window)
    return _crop(dx, cache), dw, dout.sum(axis=(0, 2, 3))


@mistake(
    "conv_backward_naive",
    says="dx holds the contributions of the last filter alone.",
    asks="How many filters look at one pixel?",
)
def conv_dx_of_last_filter_only(dout, cache):
    x, w, b, conv_param = cache
    _, dw, db = layers.conv_backward_naive(dout, cache)
    last = np.zeros_like(dout)
    last[:, -1] = dout[:, -1]
    return layers.conv_backward_naive(last, (x, w, b, conv_param))[0], dw, db


@mistake(
    "conv_backward_naive",
    says="On the way back the images are padded by one pixel, whatever `pad` says.",
    asks="Does your backward read the width of the border anywhere?",
)
def conv_back_padding_always_one(dout, cache):
    x, w, _, conv_param = cache
    x_padded = pad_images(x, 1)
    dx, dw = np.zeros_like(x_padded), np.zeros_like(w)
    for n, f, i, j in np.ndindex(dout.shape):
        place = (n, slice(None), *window_of(i, j, conv_param["stride"], *w.shape[2:]))
        dw[f] += dout[n, f, i, j] * x_padded[place]
        dx[place] += dout[n, f, i, j] * w[f]
    return dx[:, :, 1:-1, 1:-1], dw, dout.sum(axis=(0, 2, 3))
