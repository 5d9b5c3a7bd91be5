"""Wrong convolutions and pooling, as students write them."""

import numpy as np

from ece662.layers import (
    conv_backward_naive,
    conv_forward_naive,
    max_pool_backward_naive,
    max_pool_forward_naive,
)
from tests.course.wrong.registry import wrong


@wrong(
    "conv_forward_naive",
    "error",
    "out = np.zeros((N, F, H_out, W_out))",
    "`//` gives a whole number",
    "x (",
    "stride ",
)
def sizes_by_python_2():
    def forward(x, w, b, conv_param):
        N, C, H, W = x.shape
        F, C, HH, WW = w.shape
        stride, pad = conv_param["stride"], conv_param["pad"]
        H_out = 1 + (H + 2 * pad - HH) / stride
        W_out = 1 + (W + 2 * pad - WW) / stride
        out = np.zeros((N, F, H_out, W_out))
        return out, (x, w, b, conv_param)

    return {"conv_forward_naive": forward}


@wrong("conv_forward_naive", "old-numpy", "`np.lib.pad`", "write np.pad", "line ")
def pads_with_lib():
    def forward(x, w, b, conv_param):
        pad = conv_param["pad"]
        x = np.lib.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), "constant")
        return conv_forward_naive(x, w, b, {**conv_param, "pad": 0})

    return {"conv_forward_naive": forward}


@wrong(
    "conv_forward_naive",
    "conv-padded-only-if-asked",
    "no padding",
    "x (1, 2, 5, 3)",
    "pad 0",
    "branch",
)
def pads_only_where_there_is_padding():
    def forward(x, w, b, conv_param):
        N, C, H, W = x.shape
        F, _, HH, WW = w.shape
        stride, pad = conv_param["stride"], conv_param["pad"]
        if pad > 0:
            x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), "constant")
        H_out, W_out = (
            (H + 2 * pad - HH) // stride + 1,
            (W + 2 * pad - WW) // stride + 1,
        )
        out = np.zeros((N, F, H_out, W_out))
        for n in range(N):
            for f in range(F):
                for i in range(H_out):
                    for j in range(W_out):
                        rows = slice(i * stride, i * stride + HH)
                        columns = slice(j * stride, j * stride + WW)
                        out[n, f, i, j] = (
                            np.sum(x_pad[n, :, rows, columns] * w[f]) + b[f]
                        )
        return out, (x, w, b, conv_param)

    return {"conv_forward_naive": forward}


@wrong(
    "conv_backward_naive", "conv-crop-stops-without-padding", "line ", "x (1, 2, 5, 3)"
)
def crops_into_dx():
    def backward(dout, cache):
        x, w, b, conv_param = cache
        N, C, H, W = x.shape
        F, _, HH, WW = w.shape
        stride, p = conv_param["stride"], conv_param["pad"]
        x_pad = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)), "constant")
        dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros_like(b)
        for n in range(N):
            dx_pad = np.zeros_like(x_pad[n])
            for f in range(F):
                for i in range(dout.shape[2]):
                    for j in range(dout.shape[3]):
                        rows = slice(i * stride, i * stride + HH)
                        columns = slice(j * stride, j * stride + WW)
                        db[f] += dout[n, f, i, j]
                        dw[f] += x_pad[n, :, rows, columns] * dout[n, f, i, j]
                        dx_pad[:, rows, columns] += w[f] * dout[n, f, i, j]
            dx[n] = dx_pad[:, p:-p, p:-p]
        return dx, dw, db

    return {"conv_backward_naive": backward}


@wrong("conv_backward_naive", "conv-crop-empty-without-padding")
def crops_at_the_end():
    def backward(dout, cache):
        x, w, b, conv_param = cache
        p = conv_param["pad"]
        wider = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        dx, dw, db = conv_backward_naive(dout, (wider, w, b, {**conv_param, "pad": 0}))
        return dx[:, :, p:-p, p:-p], dw, db

    return {"conv_backward_naive": backward}


@wrong(
    "conv_backward_naive",
    "forward-stops",
    "Your conv_forward_naive has to run first",
    "NameError",
    "H_out",
)
def forward_stops_before_backward():
    def forward(x, w, b, conv_param):
        out = np.zeros((len(x), len(w), H_out, 1))  # noqa: F821
        return out, (x, w, b, conv_param)

    return {"conv_forward_naive": forward}


@wrong(
    "conv_backward_naive",
    "conv-db-averaged+conv-dx-overlaps-lost",
    "db",
    "overwrites",
)
def two_mistakes_in_two_gradients():
    def backward(dout, cache):
        x, w, b, conv_param = cache
        _, dw, _ = conv_backward_naive(dout, cache)
        stride, p = conv_param["stride"], conv_param["pad"]
        dx = np.zeros_like(np.pad(x, ((0, 0), (0, 0), (p, p), (p, p))))
        for n, f, i, j in np.ndindex(dout.shape):
            rows = slice(i * stride, i * stride + w.shape[2])
            columns = slice(j * stride, j * stride + w.shape[3])
            dx[n, :, rows, columns] = dout[n, f, i, j] * w[f]
        dx = dx[:, :, p : p + x.shape[2], p : p + x.shape[3]]
        return dx, dw, dout.mean(axis=(0, 2, 3))

    return {"conv_backward_naive": backward}


@wrong("max_pool_backward_naive", "pool-back-maximum-overwritten")
def first_maximum_and_no_plus():
    def backward(dout, cache):
        x, pool_param = cache
        h, w = pool_param["pool_height"], pool_param["pool_width"]
        s = pool_param["stride"]
        dx = np.zeros_like(x)
        for n, c, i, j in np.ndindex(dout.shape):
            window = x[n, c, i * s : i * s + h, j * s : j * s + w]
            a, b = np.unravel_index(window.argmax(), window.shape)
            dx[n, c, i * s + a, j * s + b] = dout[n, c, i, j]
        return dx

    return {"max_pool_backward_naive": backward}


@wrong("max_pool_backward_naive", "pool-back-place-split-by-height")
def flat_place_divided_by_the_height():
    def backward(dout, cache):
        x, pool_param = cache
        ph, pw = pool_param["pool_height"], pool_param["pool_width"]
        s = pool_param["stride"]
        dx = np.zeros_like(x)
        for n, c, i, j in np.ndindex(dout.shape):
            k = np.argmax(x[n, c, i * s : i * s + ph, j * s : j * s + pw])
            dx[n, c, i * s + k // ph, j * s + k % ph] += dout[n, c, i, j]
        return dx

    return {"max_pool_backward_naive": backward}


@wrong("max_pool_forward_naive", "pool-windows-as-large-as-stride")
def window_of_the_strides_size():
    def forward(x, pool_param):
        s = pool_param["stride"]
        H_out = (x.shape[2] - pool_param["pool_height"]) // s + 1
        W_out = (x.shape[3] - pool_param["pool_width"]) // s + 1
        out = np.zeros((*x.shape[:2], H_out, W_out))
        for i in range(H_out):
            for j in range(W_out):
                part = x[:, :, i * s : (i + 1) * s, j * s : (j + 1) * s]
                out[:, :, i, j] = part.max(axis=(2, 3))
        return out, (x, pool_param)

    return {"max_pool_forward_naive": forward}


@wrong("max_pool_backward_naive", "not-so", "kept outside", "global")
def place_kept_in_a_global():
    kept = {}

    def forward(x, pool_param):
        kept["x"] = x
        return max_pool_forward_naive(x, pool_param)

    def backward(dout, cache):
        return max_pool_backward_naive(dout, (kept["x"], cache[1]))

    return {"max_pool_forward_naive": forward, "max_pool_backward_naive": backward}


@wrong(
    "max_pool_backward_naive",
    "forward-at-fault",
    "right gradient of your max_pool_forward_naive",
    "it gives the shape",
)
def backward_of_a_forward_of_another_shape():
    def forward(x, pool_param):
        out, cache = max_pool_forward_naive(x, pool_param)
        return out.swapaxes(2, 3), (cache, x.shape)

    def backward(dout, cache):
        return max_pool_backward_naive(dout.swapaxes(2, 3), cache[0])

    return {"max_pool_forward_naive": forward, "max_pool_backward_naive": backward}


@wrong("max_pool_forward_naive", "old-numpy", "itemset", "a[index] = value")
def sets_items():
    def forward(x, pool_param):
        out, cache = max_pool_forward_naive(x, pool_param)
        for place, value in np.ndenumerate(out):
            out.itemset(place, value)
        return out, cache

    return {"max_pool_forward_naive": forward}


@wrong("conv_forward_naive", "conv-width-from-filter-height")
def output_width_from_the_filters_height():
    def forward(x, w, b, conv_param):
        N, C, H, W = x.shape
        F, _, HH, WW = w.shape
        S, P = conv_param["stride"], conv_param["pad"]
        xp = np.pad(x, ((0, 0), (0, 0), (P, P), (P, P)))
        Ho, Wo = 1 + (H + 2 * P - HH) // S, 1 + (W + 2 * P - HH) // S
        out = np.zeros((N, F, Ho, Wo))
        for n, f, i, j in np.ndindex(*out.shape):
            part = xp[n, :, i * S : i * S + HH, j * S : j * S + WW]
            out[n, f, i, j] = np.sum(part * w[f]) + b[f]
        return out, (x, w, b, conv_param)

    return {"conv_forward_naive": forward}
