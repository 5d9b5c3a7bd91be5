"""Winograd's minimal filtering on compiled kernels: where it pays, and its calls.

`ece662.fast.winograd` explains the idea, winograd.h how it is computed: convolutions
with 3 x 3 filters and stride 1, in tiles of 4 x 4 outputs, with a quarter of the
multiplications. The gradient of the input is a convolution of the same kind, of dout
with the filters turned around.

The transforms cost time as well, the more of it the fewer channels and filters share
them. What that comes to was measured, in multiplications of a direct convolution, in
which a processor of wider vectors is faster: see `_is_faster`.
"""

import numpy as np

from ece662.fast._kernels.threads import share

__all__ = ["add_gradients", "convolve", "pays", "pays_for_gradients", "shares"]

TILE, PLACES = 4, 36  # OUT_TILE and PLACES of variants.h

# So many tiles are transformed and multiplied at a time; see winograd.h.
TILES_IN_BLOCK = 36

# Rounding errors grow with the number of channels that are added up. With so many they
# stay below 1e-5 of the largest output in float32 (tests/fast/kernels/test_tiles.py).
MOST_CHANNELS = 512

# Winograd's way must promise to be so many times as fast as the direct one.
MARGIN = 1.1

# With fewer tiles or channels, the transforms are most of the work.
FEWEST, FEWEST_CHANNELS = 16, 8

# The filters' gradients are added up in at most so many shares of the batch, and each
# share has to have some tiles, or it spends its time on transforming its sums back.
MOST_SHARES, TILES_IN_SHARE = 8, 48


def pays(kernels, x, w, stride, pad):
    """Say whether x is convolved with w faster in tiles, and exactly enough."""
    exact = w.shape[1] <= MOST_CHANNELS or x.dtype == np.float64
    lanes = kernels.tile(x)[0]
    H_out, W_out = _size(x.shape, pad)
    # A direct convolution has neighbours of a row in a vector, and fills the row's up.
    direct = 9 * len(x) * H_out * _up(W_out, lanes) * w.shape[0] * w.shape[1]
    return exact and _is_faster(kernels, x, w, stride, pad, 1, direct)


def pays_for_gradients(kernels, x, w, stride, pad):
    """Say whether the gradients of the filters are computed faster in tiles."""
    F, C = w.shape[:2]
    H_out, W_out = _size(x.shape, pad)
    direct = 9 * len(x) * H_out * W_out * C * _up(F, kernels.tile(x)[0])
    return _is_faster(kernels, x, w, stride, pad, shares(x, pad), direct)


def _is_faster(kernels, x, w, stride, pad, transformed, direct):
    """Compare tiles with so many multiplications of a direct convolution.

    Args:
        transformed: how many times arrays of the filters' size are transformed.
    """
    F, C, *window = w.shape
    if not kernels.in_tiles or window != [3, 3] or stride != 1:
        return False
    H_out, W_out = _size(x.shape, pad)
    tiles = len(x) * -(-H_out // TILE) * -(-W_out // TILE)
    if tiles < FEWEST or min(F, C) < FEWEST_CHANNELS:
        return False
    lanes = kernels.tile(x)[0]
    products = tiles * C * _up(F, lanes)
    of_pixels = 1.5 * lanes * tiles * (_up(C, lanes) + _up(F, lanes))
    of_filters = 2.5 * lanes * transformed * C * _up(F, lanes)
    return MARGIN * PLACES * (products + of_pixels + of_filters) < direct


def shares(x, pad):
    """Return into how many shares a batch is cut, however many threads there are.

    So rounding, and a training run, does not depend on their number.
    """
    H_out, W_out = _size(x.shape, pad)
    strips = len(x) * -(-H_out // TILE)
    tiles = strips * -(-W_out // TILE)
    return min(strips, max(2, min(MOST_SHARES, tiles // TILES_IN_SHARE)))


def convolve(kernels, x, w, b, pad, threads):
    """Return out, as `conv_forward_naive` with stride 1; pad may be negative."""
    F, C = w.shape[:2]
    width = _up(F, kernels.tile(x)[0])
    tiling = _tiling(x, F, pad)
    bias = np.zeros(width, x.dtype)
    bias[:F] = b
    U = np.empty((PLACES, C, width), x.dtype)
    out = np.empty((len(x), F, *_size(x.shape, pad)), x.dtype)

    def transform(first, last):
        channels = np.ascontiguousarray(w[:, first:last])
        kernels.native.winograd_filters(kernels.level, channels, tiling, U, first)

    def convolve_strips(first, last):
        kernels.native.winograd_convolve(
            kernels.level, x, tiling, U, bias, out, first, last
        )

    share(transform, C, threads)
    share(convolve_strips, len(x) * tiling["down"], threads)
    return out


def add_gradients(kernels, dout, x, pad, threads):
    """Return the gradients of filters and biases, as the kernels write them.

    Returns:
        (shares, C * 9 + 1, F rounded up to vectors): of each share that of the filters
        and, in the last row, that of the biases.
    """
    (_, C, *_), F = x.shape, dout.shape[1]
    tiling = _tiling(x, F, pad)
    dw = np.empty((shares(x, pad), C * 9 + 1, _up(F, kernels.tile(x)[0])), x.dtype)
    dw[:, -1] = 0  # of the biases, to which tile after tile is added

    def add_up(first, last):
        kernels.native.winograd_gradient(
            kernels.level, x, tiling, dout, dw, first, last
        )

    share(add_up, len(dw), threads)
    return dw


def _tiling(x, F, pad):
    """Return the sizes that winograd.h asks for: Tiling in layout.h."""
    _, C, H, W = x.shape
    height, width = _size(x.shape, pad)
    across = -(-width // TILE)
    return {
        "images": {"channels": C, "height": H, "width": W},
        "outputs": {"channels": F, "height": height, "width": width},
        "pad": pad,
        "down": -(-height // TILE),
        "across": across,
        "strips": max(1, TILES_IN_BLOCK // across),
    }


def _size(x_shape, pad):
    return x_shape[2] + 2 * pad - 2, x_shape[3] + 2 * pad - 2


def _up(count, lanes):
    """Return how many numbers whole vectors hold."""
    return -(-count // lanes) * lanes
