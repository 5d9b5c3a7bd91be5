"""Right max pools; where two numbers tie, the gradient may go to either or to both."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tests.course.correct.registry import variant


def sizes(x, pool_param):
    """Return height, width and stride of the windows, H_out and W_out."""
    h, w, s = (pool_param[k] for k in ("pool_height", "pool_width", "stride"))
    return h, w, s, 1 + (x.shape[2] - h) // s, 1 + (x.shape[3] - w) // s


@variant("pool")
def all_maxima_take_it():
    def max_pool_forward_naive(x, pool_param):
        h, w, s, H_out, W_out = sizes(x, pool_param)
        N, C, H, W = x.shape
        out = np.zeros((N, C, H_out, W_out))
        for n in range(N):
            for c in range(C):
                for i in range(H_out):
                    for j in range(W_out):
                        out[n, c, i, j] = np.max(
                            x[n, c, i * s : i * s + h, j * s : j * s + w]
                        )
        return out, (x, pool_param)

    def max_pool_backward_naive(dout, cache):
        x, pool_param = cache
        h, w, s, H_out, W_out = sizes(x, pool_param)
        dx = np.zeros_like(x)
        for n, c, i, j in np.ndindex(dout.shape):
            window = x[n, c, i * s : i * s + h, j * s : j * s + w]
            mask = window == np.max(window)
            dx[n, c, i * s : i * s + h, j * s : j * s + w] += mask * dout[n, c, i, j]
        return dx

    return locals()


@variant("pool")
def maxima_share_it():
    def max_pool_forward_naive(x, pool_param):
        h, w, s, H_out, W_out = sizes(x, pool_param)
        out = np.full((*x.shape[:2], H_out, W_out), -np.inf)
        for k in range(h):
            for m in range(w):
                seen = x[:, :, k : k + s * H_out : s, m : m + s * W_out : s]
                out = np.maximum(out, seen)
        return out, (x, pool_param)

    def max_pool_backward_naive(dout, cache):
        x, pool_param = cache
        h, w, s, H_out, W_out = sizes(x, pool_param)
        dx = np.zeros(x.shape)
        for i in range(H_out):
            for j in range(W_out):
                window = x[:, :, i * s : i * s + h, j * s : j * s + w]
                mask = window == window.max(axis=(2, 3), keepdims=True)
                share = mask / mask.sum(axis=(2, 3), keepdims=True)
                g = dout[:, :, i : i + 1, j : j + 1]
                dx[:, :, i * s : i * s + h, j * s : j * s + w] += share * g
        return dx

    return locals()


@variant("pool")
def sliding_windows():
    def max_pool_forward_naive(x, pool_param):
        h, w, s, _, _ = sizes(x, pool_param)
        view = sliding_window_view(x, (h, w), axis=(2, 3))[:, :, ::s, ::s]
        return view.max(axis=(4, 5)), (x, pool_param)

    def max_pool_backward_naive(dout, cache):
        x, pool_param = cache
        h, w, s, H_out, W_out = sizes(x, pool_param)
        view = sliding_window_view(x, (h, w), axis=(2, 3))[:, :, ::s, ::s]
        place = view.reshape(*dout.shape, h * w).argmax(axis=-1)
        n, c, i, j = np.indices(dout.shape)
        dx = np.zeros_like(x)
        np.add.at(dx, (n, c, i * s + place // w, j * s + place % w), dout)
        return dx

    return locals()


@variant("pool")
def places_in_the_cache():
    def max_pool_forward_naive(x, pool_param):
        h, w, s, H_out, W_out = sizes(x, pool_param)
        out = np.zeros((*x.shape[:2], H_out, W_out), dtype=x.dtype)
        places = {}
        for index in np.ndindex(out.shape):
            n, c, i, j = index
            window = x[n, c, i * s : i * s + h, j * s : j * s + w]
            k, m = np.unravel_index(window.argmax(), (h, w))
            places[index] = (n, c, i * s + k, j * s + m)
            out[index] = x[places[index]]
        return out, (x, pool_param, places)

    def max_pool_backward_naive(dout, cache):
        x, _, places = cache
        dx = np.zeros_like(x)
        for index, place in places.items():
            dx[place] += dout[index]
        return dx

    return locals()


@variant("pool")
def compared_one_by_one():
    def max_pool_forward_naive(x, pool_param):
        h, w, s, H_out, W_out = sizes(x, pool_param)
        out = np.zeros((*x.shape[:2], H_out, W_out))
        for n, c, i, j in np.ndindex(out.shape):
            best = x[n, c, i * s, j * s]
            for k in range(h):
                for m in range(w):
                    if x[n, c, i * s + k, j * s + m] > best:
                        best = x[n, c, i * s + k, j * s + m]
            out[n, c, i, j] = best
        return out, (x, pool_param)

    def max_pool_backward_naive(dout, cache):
        x, pool_param = cache
        h, w, s, H_out, W_out = sizes(x, pool_param)
        dx = np.zeros(x.shape)
        for n, c, i, j in np.ndindex(dout.shape):
            best, place = -np.inf, None
            for k in range(h):
                for m in range(w):
                    if x[n, c, i * s + k, j * s + m] >= best:  # the last of several
                        best = x[n, c, i * s + k, j * s + m]
                        place = (n, c, i * s + k, j * s + m)
            dx[place] += dout[n, c, i, j]
        return dx

    return locals()


@variant("pool")
def columns():
    def columns_of(x, pool_param):
        h, w, s, H_out, W_out = sizes(x, pool_param)
        maps = x.reshape(-1, *x.shape[2:])
        return np.array(
            [
                m[i * s : i * s + h, j * s : j * s + w].flatten()
                for m in maps
                for i in range(H_out)
                for j in range(W_out)
            ]
        )

    def max_pool_forward_naive(x, pool_param):
        *_, H_out, W_out = sizes(x, pool_param)
        out = np.max(columns_of(x, pool_param), axis=1)
        return out.reshape(*x.shape[:2], H_out, W_out), {"x": x, "param": pool_param}

    def max_pool_backward_naive(dout, cache):
        x, pool_param = cache["x"], cache["param"]
        h, w, s, H_out, W_out = sizes(x, pool_param)
        places = columns_of(x, pool_param).argmax(axis=1).reshape(dout.shape)
        dx = np.zeros(x.shape)
        for (n, c, i, j), place in np.ndenumerate(places):
            k, m = divmod(place, w)
            dx[n, c, i * s + k, j * s + m] += dout[n, c, i, j]
        return dx

    return locals()


@variant("pool")
def where_and_prints():
    def max_pool_forward_naive(x, pool_param):
        h, w, s, H_out, W_out = sizes(x, pool_param)
        print("pooling", x.shape, "to", (H_out, W_out))
        rows = [
            [
                np.amax(x[:, :, i * s : i * s + h, j * s : j * s + w], axis=(2, 3))
                for j in range(W_out)
            ]
            for i in range(H_out)
        ]
        return np.array(rows).transpose(2, 3, 0, 1), (x, pool_param)

    def max_pool_backward_naive(dout, cache):
        x, pool_param = cache
        h, w, s, H_out, W_out = sizes(x, pool_param)
        dx = np.zeros_like(x)
        for n, c, i, j in np.ndindex(dout.shape):
            window = x[n, c, i * s : i * s + h, j * s : j * s + w]
            rows, cols = np.where(window == np.max(window))
            dx[n, c, i * s + rows[0], j * s + cols[0]] += dout[n, c, i, j]
        return dx

    return locals()


@variant("pool")
def overlap_in_a_new_array():
    def max_pool_forward_naive(x, pool_param):
        h, w, s, H_out, W_out = sizes(x, pool_param)
        out = np.empty((*x.shape[:2], H_out, W_out))
        for i, j in np.ndindex(H_out, W_out):
            window = x[..., i * s : i * s + h, j * s : j * s + w]
            out[..., i, j] = window.max(-1).max(-1)
        return out, (x, pool_param)

    def max_pool_backward_naive(dout, cache):
        x, pool_param = cache
        h, w, s, H_out, W_out = sizes(x, pool_param)
        parts = []
        for i, j in np.ndindex(H_out, W_out):
            part = np.zeros_like(x)
            window = x[..., i * s : i * s + h, j * s : j * s + w]
            top = window.max(axis=(-2, -1), keepdims=True)
            chosen = np.where(window == top, dout[..., i, j][..., None, None], 0)
            part[..., i * s : i * s + h, j * s : j * s + w] = chosen
            parts.append(part)
        return np.sum(parts, axis=0)

    return locals()


@variant("pool")
def sorted_windows():
    def max_pool_forward_naive(x, pool_param):
        h, w, s, H_out, W_out = sizes(x, pool_param)
        out = np.zeros((*x.shape[:2], H_out, W_out))
        for index in np.ndindex(out.shape):
            n, c, i, j = index
            out[index] = sorted(x[n, c, i * s : i * s + h, j * s : j * s + w].flat)[-1]
        return out, (x, pool_param)

    def max_pool_backward_naive(dout, cache):
        x, pool_param = cache
        h, w, s, _, _ = sizes(x, pool_param)
        dx = np.zeros(x.shape, dtype=float)
        for index in np.ndindex(dout.shape):
            n, c, i, j = index
            flat = x[n, c, i * s : i * s + h, j * s : j * s + w].reshape(-1)
            place = np.argsort(flat)[-1]
            dx[n, c, i * s + place // w, j * s + place % w] += dout[index]
        return dx

    return locals()


@variant("pool")
def step_by_step_through_a_view():
    def max_pool_forward_naive(x, pool_param):
        h, w, s, H_out, W_out = sizes(x, pool_param)
        out = x[:, :, : s * H_out : s, : s * W_out : s].copy()
        for k, m in np.ndindex(h, w):
            np.maximum(out, x[:, :, k:, m:][:, :, ::s, ::s][:, :, :H_out, :W_out], out)
        return out, (x, out, pool_param)

    def max_pool_backward_naive(dout, cache):
        x, out, pool_param = cache
        h, w, s, H_out, W_out = sizes(x, pool_param)
        dx, given = np.zeros_like(x), np.zeros(out.shape, bool)
        for k, m in np.ndindex(h, w):
            rows, columns = slice(k, k + s * H_out, s), slice(m, m + s * W_out, s)
            hit = (x[:, :, rows, columns] == out) & ~given
            dx[:, :, rows, columns] += hit * dout
            given |= hit
        return dx

    return locals()
