"""The layers of `ece662.fast_layers`, and Adam, on compiled kernels.

Plans are made, weights are put in the order in which the kernels read them, the batch
is shared among threads. Arrays come C-contiguous, of one type, and of shapes that fit.
"""

import numpy as np

from ece662.fast._kernels import plan, tiles
from ece662.fast._kernels.threads import share

__all__ = ["Kernels"]

# The batch is cut into so many shares, however many threads there are, and the shares'
# gradients of the weights are added up in order. So rounding does not depend on the
# number of threads, and a training run can be repeated to the bit with another one.
SHARES = 8


class Kernels:
    """The compiled kernels of one instruction set.

    Args:
        native: the module `ece662.fast._kernels.native`.
        level: position of the instruction set in LEVELS.
        in_tiles: whether convolutions may be computed in tiles where that pays.
    """

    def __init__(self, native, level, in_tiles=True):
        self.native = native
        self.level = level
        self.in_tiles = in_tiles

    def conv_forward(self, x, w, b, stride, pad, threads):
        """Return out, as `conv_forward_naive`."""
        if tiles.pays(self, x, w, stride, pad):
            return tiles.convolve(self, x, w, b, pad, threads)
        lanes, spots, filters, _ = self.tile(x)
        forward = plan.forward_plan(x.shape[1:], w.shape[2:], stride, pad, lanes, spots)
        out = np.empty((len(x), len(w), *forward.size), x.dtype)
        weights = [_tiles_of_filters(w, filters)]

        def convolve(first, last):
            self.native.convolve(self.level, x, forward, weights, b, out, first, last)

        share(convolve, len(x), threads)
        return out

    def conv_input_gradient(self, dout, x, w, stride, pad, threads):
        """Return dx, as `conv_backward_naive`."""
        # The filters and the channels change places: dx sums over the filters.
        turned = w.transpose(1, 0, 2, 3)
        no_bias = np.zeros(len(turned), x.dtype)
        if tiles.pays(self, dout, turned, stride, 2 - pad):
            backwards = turned[:, :, ::-1, ::-1]
            return tiles.convolve(self, dout, backwards, no_bias, 2 - pad, threads)
        lanes, spots, filters, _ = self.tile(x)
        (_, _, H, W), (F, _, HH, WW) = x.shape, w.shape
        backward = plan.input_gradient_plan(
            (F, H, W), (HH, WW), stride, pad, lanes, spots
        )
        weights = [
            _tiles_of_filters(turned[:, :, *piece.pixels], filters)
            for piece in backward.passes
        ]
        dx = np.empty_like(x)

        def convolve(first, last):
            self.native.convolve(
                self.level, dout, backward, weights, no_bias, dx, first, last
            )

        share(convolve, len(x), threads)
        return dx

    def conv_weight_gradients(self, dout, x, w, stride, pad, threads):
        """Return dw and db, as `conv_backward_naive`."""
        if tiles.pays_for_gradients(self, x, w, stride, pad):
            dw = tiles.add_gradients(self, dout, x, pad, threads)
        else:
            dw = self._add_gradients(dout, x, w.shape[2:], stride, pad, threads)
        F, K = len(w), w[0].size
        whole = np.empty((F, K), x.dtype)

        def add_shares(first, last):
            whole[:, first:last] = dw[:, first:last, :F].sum(axis=0).T

        share(add_shares, K, threads)
        return whole.reshape(w.shape), dw[:, K, :F].sum(axis=0)

    def _add_gradients(self, dout, x, window, stride, pad, threads):
        """Return the gradients of filters and biases, as `tiles.add_gradients`."""
        lanes, _, _, taps = self.tile(x)
        F = dout.shape[1]
        sums = plan.weight_gradient_plan(x.shape[1:], window, stride, pad, taps)
        shares = max(1, min(len(x), SHARES))
        dw = np.zeros((shares, len(sums.taps), -(-F // lanes) * lanes), x.dtype)

        def add_up(first, last):
            self.native.weight_gradient(self.level, x, sums, dout, dw, first, last)

        share(add_up, shares, threads)
        return dw

    def max_pool_forward(self, x, height, width, stride, threads):
        """Return out, and which of its window's pixels each output is."""
        lanes, spots, _, _ = self.tile(x)
        (N, C, H, W) = x.shape
        forward = plan.forward_plan((1, H, W), (height, width), stride, 0, lanes, spots)
        planes = x.reshape(N * C, 1, H, W)
        out = np.empty((N * C, *forward.size), x.dtype)
        which = np.empty(out.shape, _tap_type(height * width))

        def pool(first, last):
            self.native.max_pool(self.level, planes, forward, out, which, first, last)

        share(pool, len(planes), threads)
        shape = (N, C, *forward.size)
        return out.reshape(shape), which.reshape(shape)

    def max_pool_backward(self, dout, which, x_shape, height, width, stride, threads):
        """Return dx, as `max_pool_backward_naive`."""
        N, C, H, W = x_shape
        rows, columns = (
            np.arange(height, dtype=np.intp),
            np.arange(width, dtype=np.intp),
        )
        taps = np.add.outer(rows * W, columns).ravel()
        planes = (N * C, *dout.shape[2:])
        dout = dout.reshape(planes)
        which = which.reshape(planes).astype(_tap_type(height * width), copy=False)
        dx = np.empty((N * C, H, W), dout.dtype)
        overlap = max(height, width) > stride

        def send_back(first, last):
            self.native.max_pool_backward(
                self.level, dout, which, taps, stride, overlap, dx, first, last
            )

        share(send_back, len(dx), threads)
        return dx.reshape(x_shape)

    def batch_norm(self, x, gamma, beta, moments, eps, relu, threads):
        """Return out and the moments, as `ece662.fast.batch_norm.normalise`."""
        mean, variance = moments or (np.empty(len(gamma)), np.empty(len(gamma)))
        per_channel = [_doubles(a) for a in (gamma, beta, mean, variance)]
        out = np.empty_like(x)

        def normalise(first, last):
            self.native.batch_norm(
                self.level,
                x,
                *per_channel,
                moments is None,
                eps,
                relu,
                out,
                first,
                last,
            )

        share(normalise, len(gamma), threads)
        return out, tuple(a.astype(x.dtype, copy=False) for a in per_channel[2:])

    def batch_norm_backward(self, dout, x, gamma, beta, moments, eps, relu, threads):
        """Return dx, dgamma and dbeta, as `batch_norm.normalise_backward`."""
        per_channel = [_doubles(a) for a in (gamma, beta, *moments)]
        dx, sums = np.empty_like(x), np.empty((2, len(gamma)))

        def take_back(first, last):
            self.native.batch_norm_backward(
                self.level, dout, x, *per_channel, eps, relu, dx, *sums, first, last
            )

        share(take_back, len(gamma), threads)
        return dx, *sums.astype(x.dtype, copy=False)

    def adam(self, w, dw, m, v, settings, threads):
        """Update w, m and v in place; settings as AdamStep in variants.h."""

        def update(first, last):
            self.native.adam(self.level, w, dw, m, v, settings, first, last)

        share(update, w.size, threads)

    def tile(self, x):
        """Return (lanes of a vector, spots, filters and taps of a tile)."""
        return self.native.tile_sizes(self.level, x.itemsize)


def _doubles(a):
    """Return a number for each channel, as the kernels read them."""
    return np.ascontiguousarray(a, np.float64)


def _tap_type(taps):
    """Return the type that counts the pixels of a window: a byte where it suffices."""
    return np.uint8 if taps <= 256 else np.int32


def _tiles_of_filters(w, tile_filters):
    """Put weights in the order in which convolve.h reads them.

    Args:
        w: (F, ...) filters.
        tile_filters: how many filters a tile can hold.

    Returns:
        (blocks, K, block): for each block of filters, tap by tap, the weights of its
        filters. The blocks are as equal as can be; zeros fill up the last one.
    """
    F, K = len(w), int(np.prod(w.shape[1:]))
    blocks = -(-F // tile_filters)
    block = -(-F // blocks)
    filled = np.zeros((blocks * block, K), w.dtype)
    filled[:F] = w.reshape(F, K)
    return np.ascontiguousarray(filled.reshape(blocks, block, K).transpose(0, 2, 1))
