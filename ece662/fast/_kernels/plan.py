"""Plans: tables that turn convolution and pooling into one loop over offsets.

A window of a convolution covers pixels of several rows and channels. Copied into a
scratch with its padding, each of those pixels lies at a fixed distance from the
window's first pixel, wherever the window stands. These distances are the `taps`:

      scratch of a 3 x 3 image, pad 1     taps of a 2 x 2 window: 0, 1, 5, 6
      (5 columns)
         0  1  2  3  4                    window at row 1, column 2 (its first
         5  6 [7][8] 9                    pixel lies at 7): 7, 8, 12, 13
        10 11[12][13]14
        15 16 17 18 19
        20 21 22 23 24

The next output to the right has its window one number further on, so a vector of
neighbouring outputs needs, for each tap, one vector of neighbouring pixels. Such a
vector of outputs is a `spot`; with the taps, all of convolution is

    out[f][spot.out + lane] = b[f] + sum_k w[f][k] * scratch[spot.in + taps[k] + lane]

With stride 2, windows move two pixels at a time. Then the scratch holds the pixels
sorted by phase (even columns, then odd ones, and rows likewise; see pad_and_split.h),
so that neighbouring outputs again meet neighbouring numbers.

The gradient of the input is a convolution as well. The gradient of pixel h of x sums
dout[i] * w[a] over all i and a with stride * i + a - pad = h. So the pixels of one
remainder (h + pad) mod stride have the same taps: one `Pass` over dout for each, in
which the filter's pixels are met backwards, i = (h + pad - a) / stride.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

__all__ = [
    "Pass",
    "Plan",
    "Scratch",
    "Sums",
    "forward_plan",
    "input_gradient_plan",
    "weight_gradient_plan",
]

# A net asks for the same few plans at each iteration; a deep one for some dozens.
PLANS_KEPT = 256


class Scratch(NamedTuple):
    """Where the pixels of a padded image lie in the scratch."""

    image: tuple  # (C, H, W)
    step: int  # the stride: there are step * step phases
    rows: int  # of one phase of one channel
    cols: int
    row_combs: np.ndarray  # (step, 3): first, place, count; see layout.h
    col_combs: np.ndarray

    @classmethod
    def of(cls, image, top, left, step, rows, cols):
        """Lay out an image with `top` rows and `left` columns of zeros before it."""
        row_combs = _combs(image[1], top, step, rows)
        return cls(
            image, step, rows, cols, row_combs, _combs(image[2], left, step, cols)
        )

    @property
    def size(self):
        return self.image[0] * self.step**2 * self.rows * self.cols

    def offset(self, c, h, w):
        """Return where pixel (h, w) of channel c of the padded image lies."""
        phase = (c * self.step + h % self.step) * self.step + w % self.step
        return (phase * self.rows + h // self.step) * self.cols + w // self.step


class Pass(NamedTuple):
    """Outputs of one image that share their taps."""

    taps: np.ndarray  # (K,) offsets from a window's first pixel
    spots: np.ndarray  # (S, 3): in, out, count; see layout.h
    step: int  # from one output of a spot to the next
    pixels: tuple  # two slices: the filters' pixels that the taps belong to


class Plan(NamedTuple):
    """How to treat one image: a scratch to copy it to, and passes over the scratch."""

    scratch: Scratch
    passes: tuple  # of Pass
    size: tuple  # of the outputs: height and width


class Sums(NamedTuple):
    """What the gradient of the weights sums, over a scratch made for the forward."""

    scratch: Scratch
    taps: np.ndarray  # those of the windows, then one whose pixels are all 1
    K: int  # how many are of the windows
    rows: int  # H_out
    width: int  # W_out


@lru_cache(PLANS_KEPT)
def forward_plan(image, window, stride, pad, lanes, tile_spots):
    """Plan the forward pass.

    Args:
        image: (C, H, W).
        window: (HH, WW).
        stride, pad: as in conv_param.
        lanes: numbers in a vector.
        tile_spots: spots in a tile; the table of spots is filled up to a multiple.

    Returns:
        Plan with a single pass.
    """
    scratch, taps, H_out, W_out = _slide(image, window, stride, pad)
    i = np.arange(H_out)
    spots = _spots(i * scratch.cols, i * W_out, W_out, 1, lanes, tile_spots)
    whole = (slice(None), slice(None))
    return Plan(scratch, (Pass(taps, spots, 1, whole),), (H_out, W_out))


@lru_cache(PLANS_KEPT)
def weight_gradient_plan(image, window, stride, pad, tile_taps):
    """Plan the gradients of weights and biases; arguments as `forward_plan`.

    Args:
        tile_taps: taps in a tile; the table of taps is filled up to a multiple.
    """
    scratch, taps, H_out, W_out = _slide(image, window, stride, pad)
    K = len(taps)
    table = np.zeros(-(-(K + 1) // tile_taps) * tile_taps, np.intp)
    table[:K] = taps
    table[K] = scratch.size  # the ones follow the image
    return Sums(scratch, table, K, H_out, W_out)


@lru_cache(PLANS_KEPT)
def input_gradient_plan(image, window, stride, pad, lanes, tile_spots):
    """Plan the gradient of the input, as passes over a scratch that holds dout.

    Args:
        image: (F, H, W), where F is the number of filters.
        window, stride, pad, lanes, tile_spots: as `forward_plan`.

    Returns:
        Plan with a pass for each remainder of (row + pad, column + pad) by stride.
    """
    F, H, W = image
    H_out, W_out = _count(H, window[0], stride, pad), _count(W, window[1], stride, pad)
    top, left = (-(-size // stride) - 1 for size in window)
    rows, cols = (top + 1 + (H - 1 + pad) // stride, left + 1 + (W - 1 + pad) // stride)
    scratch = Scratch.of((F, H_out, W_out), top, left, 1, rows, cols)
    passes = []
    for a in range(stride):
        for b in range(stride):
            i, j = _outputs(H, a, stride, pad), _outputs(W, b, stride, pad)
            if len(i) == 0 or len(j) == 0:
                continue
            up = top - np.arange(len(range(a, window[0], stride)))
            back = left - np.arange(len(range(b, window[1], stride)))
            taps = _taps(scratch, up, back)
            begin = i * cols + j[0]
            put = (stride * i + a - pad) * W + stride * j[0] + b - pad
            spots = _spots(begin, put, len(j), stride, lanes, tile_spots)
            pixels = (slice(a, None, stride), slice(b, None, stride))
            passes.append(Pass(taps, spots, stride, pixels))
    return Plan(scratch, tuple(passes), (H, W))


def _slide(image, window, stride, pad):
    """Return the scratch for a forward pass, its taps, H_out and W_out."""
    (_, H, W), (HH, WW) = image, window
    H_out, W_out = _count(H, HH, stride, pad), _count(W, WW, stride, pad)
    rows, cols = H_out + (HH - 1) // stride, W_out + (WW - 1) // stride
    scratch = Scratch.of(image, pad, pad, stride, rows, cols)
    return scratch, _taps(scratch, np.arange(HH), np.arange(WW)), H_out, W_out


def _taps(scratch, rows, columns):
    """Return the offsets of these rows and columns of every channel."""
    pixels = np.ix_(np.arange(scratch.image[0]), rows, columns)
    return scratch.offset(*pixels).ravel().astype(np.intp)


def _count(length, size, stride, pad):
    return (length + 2 * pad - size) // stride + 1


def _outputs(length, remainder, stride, pad):
    """Return the i with 0 <= stride * i + remainder - pad < length, from i = 0 on."""
    first = max(0, -(-(pad - remainder) // stride))
    return np.arange(first, (length - 1 + pad - remainder) // stride + 1)


def _combs(length, before, step, room):
    """Sort the rows (or columns) of an image by phase.

    Args:
        length: rows of the image.
        before: rows of zeros above it.
        step: the stride.
        room: rows of a phase; what lies beyond is seen by no window.

    Returns:
        (step, 3) table: for each phase the image's first row in it, that row's place
        in the phase, and how many rows follow one another there.
    """
    first = (np.arange(step) - before) % step
    place = (first + before) // step
    count = np.minimum(-((first - length) // step), room - place)
    return np.stack([first, place, np.maximum(count, 0)], axis=1).astype(np.intp)


def _spots(begin, put, width, step, lanes, tile_spots):
    """Cut rows of outputs into spots.

    Args:
        begin: (R,) where the first window of each row begins, in the scratch.
        put: (R,) where the first output of each row goes.
        width: outputs in a row.
        step: from one output to the next.
    """
    first = np.arange(0, width, lanes)  # of each vector, in its row
    count = np.minimum(lanes, width - first)
    columns = np.broadcast_arrays(
        begin[:, np.newaxis] + first, put[:, np.newaxis] + first * step, count
    )
    table = np.stack(columns, axis=-1).reshape(-1, 3)
    unwanted = np.tile([table[0, 0], table[0, 1], 0], (-len(table) % tile_spots, 1))
    return np.concatenate([table, unwanted]).astype(np.intp)
