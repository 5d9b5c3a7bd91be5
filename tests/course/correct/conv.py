"""Right convolutions."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tests.course.correct.registry import variant


def sizes(x, w, conv_param):
    """Return stride, pad, H_out and W_out."""
    stride, pad = conv_param["stride"], conv_param["pad"]
    H_out = 1 + (x.shape[2] + 2 * pad - w.shape[2]) // stride
    W_out = 1 + (x.shape[3] + 2 * pad - w.shape[3]) // stride
    return stride, pad, H_out, W_out


def padded(x, pad):
    return np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], "constant")


@variant("conv")
def four_loops():
    def conv_forward_naive(x, w, b, conv_param):
        stride, pad, H_out, W_out = sizes(x, w, conv_param)
        N, C, H, W = x.shape
        F, _, HH, WW = w.shape
        x_pad = padded(x, pad)
        out = np.zeros((N, F, H_out, W_out))
        for n in range(N):
            for f in range(F):
                for i in range(H_out):
                    for j in range(W_out):
                        window = x_pad[
                            n,
                            :,
                            i * stride : i * stride + HH,
                            j * stride : j * stride + WW,
                        ]
                        out[n, f, i, j] = np.sum(window * w[f]) + b[f]
        return out, (x, w, b, conv_param)

    def conv_backward_naive(dout, cache):
        x, w, b, conv_param = cache
        stride, pad, H_out, W_out = sizes(x, w, conv_param)
        F, _, HH, WW = w.shape
        x_pad = padded(x, pad)
        dx_pad, dw, db = np.zeros_like(x_pad), np.zeros_like(w), np.zeros_like(b)
        for n in range(x.shape[0]):
            for f in range(F):
                for i in range(H_out):
                    for j in range(W_out):
                        g = dout[n, f, i, j]
                        r, c = i * stride, j * stride
                        db[f] += g
                        dw[f] += x_pad[n, :, r : r + HH, c : c + WW] * g
                        dx_pad[n, :, r : r + HH, c : c + WW] += w[f] * g
        H, W = x.shape[2:]
        return dx_pad[:, :, pad : H + pad, pad : W + pad], dw, db

    return locals()


@variant("conv")
def all_filters_at_once():
    def conv_forward_naive(x, w, b, conv_param):
        stride, pad, H_out, W_out = sizes(x, w, conv_param)
        HH, WW = w.shape[2:]
        x_pad = padded(x, pad)
        out = np.empty((x.shape[0], w.shape[0], H_out, W_out))
        for i in range(H_out):
            for j in range(W_out):
                r, c = i * stride, j * stride
                patch = x_pad[:, :, r : r + HH, c : c + WW]
                out[:, :, i, j] = np.tensordot(patch, w, ((1, 2, 3), (1, 2, 3))) + b
        return out, (x, w, b, conv_param)

    def conv_backward_naive(dout, cache):
        x, w, b, conv_param = cache
        stride, pad, H_out, W_out = sizes(x, w, conv_param)
        HH, WW = w.shape[2:]
        x_pad = padded(x, pad)
        dx, dw = np.zeros(x_pad.shape), np.zeros(w.shape)
        for i in range(H_out):
            for j in range(W_out):
                r, c, g = i * stride, j * stride, dout[:, :, i, j]
                dw += np.tensordot(g, x_pad[:, :, r : r + HH, c : c + WW], (0, 0))
                dx[:, :, r : r + HH, c : c + WW] += np.tensordot(g, w, (1, 0))
        if pad > 0:
            dx = dx[:, :, pad:-pad, pad:-pad]
        return dx, dw, np.einsum("nfij->f", dout)

    return locals()


@variant("conv")
def loops_over_the_kernel():
    def conv_forward_naive(x, w, b, conv_param):
        s, pad, H_out, W_out = sizes(x, w, conv_param)
        x_pad = padded(x, pad)
        out = np.zeros((x.shape[0], w.shape[0], H_out, W_out)) + b[None, :, None, None]
        for k in range(w.shape[2]):
            for m in range(w.shape[3]):
                seen = x_pad[:, :, k : k + s * H_out : s, m : m + s * W_out : s]
                out += np.einsum("ncij,fc->nfij", seen, w[:, :, k, m])
        return out, (x, w, b, conv_param)

    def conv_backward_naive(dout, cache):
        x, w, b, conv_param = cache
        s, pad, H_out, W_out = sizes(x, w, conv_param)
        x_pad = padded(x, pad)
        dx, dw = np.zeros_like(x_pad), np.zeros_like(w)
        for k in range(w.shape[2]):
            for m in range(w.shape[3]):
                rows, columns = slice(k, k + s * H_out, s), slice(m, m + s * W_out, s)
                seen = x_pad[:, :, rows, columns]
                dw[:, :, k, m] = np.einsum("nfij,ncij->fc", dout, seen)
                dx[:, :, rows, columns] += np.einsum(
                    "nfij,fc->ncij", dout, w[:, :, k, m]
                )
        dx = dx[:, :, pad : dx.shape[2] - pad, pad : dx.shape[3] - pad]
        return dx, dw, dout.sum(axis=(0, 2, 3))

    return locals()


@variant("conv")
def im2col():
    def columns_of(x, w, conv_param):
        s, pad, H_out, W_out = sizes(x, w, conv_param)
        HH, WW = w.shape[2:]
        x_pad = padded(x, pad)
        columns = [
            x_pad[n, :, i * s : i * s + HH, j * s : j * s + WW].ravel()
            for n, i, j in np.ndindex(len(x), H_out, W_out)
        ]
        return np.array(columns).T

    def conv_forward_naive(x, w, b, conv_param):
        _, _, H_out, W_out = sizes(x, w, conv_param)
        columns = columns_of(x, w, conv_param)
        out = w.reshape(len(w), -1) @ columns + b.reshape(-1, 1)
        out = out.reshape(len(w), len(x), H_out, W_out).transpose(1, 0, 2, 3)
        return out, (x, w, b, conv_param, columns)

    def conv_backward_naive(dout, cache):
        x, w, b, conv_param, columns = cache
        s, pad, H_out, W_out = sizes(x, w, conv_param)
        C, HH, WW = w.shape[1:]
        d = dout.transpose(1, 0, 2, 3).reshape(len(w), -1)
        dw = (d @ columns.T).reshape(w.shape)
        dcolumns = (w.reshape(len(w), -1).T @ d).T.reshape(-1, C, HH, WW)
        dx = padded(np.zeros_like(x), pad)
        for k, (n, i, j) in enumerate(np.ndindex(len(x), H_out, W_out)):
            dx[n, :, i * s : i * s + HH, j * s : j * s + WW] += dcolumns[k]
        H, W = x.shape[2:]
        return dx[:, :, pad : pad + H, pad : pad + W], dw, d.sum(axis=1)

    return locals()


@variant("conv")
def sliding_windows():
    def windows(x, w, conv_param):
        s, pad, _, _ = sizes(x, w, conv_param)
        view = sliding_window_view(padded(x, pad), w.shape[2:], axis=(2, 3))
        return view[:, :, ::s, ::s]

    def conv_forward_naive(x, w, b, conv_param):
        seen = windows(x, w, conv_param)
        out = np.einsum("ncijkl,fckl->nfij", seen, w) + b.reshape(1, -1, 1, 1)
        return out, (x, w, b, conv_param)

    def conv_backward_naive(dout, cache):
        x, w, b, conv_param = cache
        s, pad, H_out, W_out = sizes(x, w, conv_param)
        (H, W), (HH, WW) = x.shape[2:], w.shape[2:]
        dw = np.einsum("ncijkl,nfij->fckl", windows(x, w, conv_param), dout)
        # A full correlation of the spread out gradient with the flipped filters.
        spread = np.zeros((*dout.shape[:2], H + 2 * pad - HH + 1, W + 2 * pad - WW + 1))
        spread[:, :, : s * H_out : s, : s * W_out : s] = dout
        around = ((0, 0), (0, 0), (HH - 1, HH - 1), (WW - 1, WW - 1))
        view = sliding_window_view(np.pad(spread, around), (HH, WW), axis=(2, 3))
        dx = np.einsum("nfijkl,fckl->ncij", view, w[:, :, ::-1, ::-1])
        return dx[:, :, pad : pad + H, pad : pad + W], dw, dout.sum((0, 2, 3))

    return locals()


@variant("conv")
def padding_by_hand_and_prints():
    def conv_forward_naive(x, w, b, conv_param):
        stride, pad, H_out, W_out = sizes(x, w, conv_param)
        N, C, H, W = x.shape
        F, _, HH, WW = w.shape
        big = np.zeros((N, C, H + 2 * pad, W + 2 * pad), dtype=x.dtype)
        big[:, :, pad : pad + H, pad : pad + W] = x
        print(big.shape, H_out, W_out)
        out = np.zeros((N, F, H_out, W_out), dtype=x.dtype)
        for i in range(H_out):
            for j in range(W_out):
                patch = big[:, None, :, i * stride : i * stride + HH]
                patch = patch[..., j * stride : j * stride + WW]
                out[:, :, i, j] = (patch * w[None]).sum(axis=(2, 3, 4))
        for f in range(F):
            out[:, f] += b[f]
        return out, {"x": x, "w": w, "b": b, "param": conv_param, "big": big}

    def conv_backward_naive(dout, cache):
        x, w, b, big = cache["x"], cache["w"], cache["b"], cache["big"]
        stride, pad = cache["param"]["stride"], cache["param"]["pad"]
        N, F, H_out, W_out = dout.shape
        HH, WW = w.shape[2], w.shape[3]
        dbig, dw, db = np.zeros_like(big), np.zeros_like(w), np.zeros_like(b)
        for f in range(F):
            db[f] = np.sum(dout[:, f, :, :])
        for n, f, i, j in np.ndindex(N, F, H_out, W_out):
            a, c = i * stride, j * stride
            dw[f] = dw[f] + dout[n, f, i, j] * big[n, :, a : a + HH, c : c + WW]
            dbig[n, :, a : a + HH, c : c + WW] += dout[n, f, i, j] * w[f]
        cut = slice(pad, -pad) if pad else slice(None)
        return dbig[:, :, cut, cut], dw, db

    return locals()


@variant("conv")
def pixel_by_pixel():
    def conv_forward_naive(x, w, b, conv_param):
        s, pad, H_out, W_out = sizes(x, w, conv_param)
        H, W = x.shape[2:]
        out = np.zeros((len(x), len(w), H_out, W_out))
        for n, f, i, j in np.ndindex(out.shape):
            total = b[f]
            for k, m in np.ndindex(w.shape[2:]):
                r, c = i * s + k - pad, j * s + m - pad
                if 0 <= r < H and 0 <= c < W:
                    total += x[n, :, r, c] @ w[f, :, k, m]
            out[n, f, i, j] = total
        return out, (x, w, b, conv_param)

    def conv_backward_naive(dout, cache):
        x, w, b, conv_param = cache
        s, pad, _, _ = sizes(x, w, conv_param)
        H, W = x.shape[2:]
        dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros_like(b)
        for n, f, i, j in np.ndindex(dout.shape):
            db[f] += dout[n, f, i, j]
            for k, m in np.ndindex(w.shape[2:]):
                r, c = i * s + k - pad, j * s + m - pad
                if 0 <= r < H and 0 <= c < W:
                    dx[n, :, r, c] += dout[n, f, i, j] * w[f, :, k, m]
                    dw[f, :, k, m] += dout[n, f, i, j] * x[n, :, r, c]
        return dx, dw, db

    return locals()


@variant("conv")
def one_big_matrix():
    def matrix(x, w, conv_param):
        """Return the convolution of one image as a matrix, from one-hot images."""
        s, pad, H_out, W_out = sizes(x, w, conv_param)
        shape, HH, WW = x.shape[1:], *w.shape[2:]
        numbers = np.arange(1, 1 + np.prod(shape)).reshape(1, *shape)
        around = padded(numbers, pad)[0]
        A = np.zeros((len(w) * H_out * W_out, np.prod(shape) + 1))
        for row, (f, i, j) in enumerate(np.ndindex(len(w), H_out, W_out)):
            seen = around[:, i * s : i * s + HH, j * s : j * s + WW]
            np.add.at(A[row], seen.ravel(), w[f].ravel())
        return A[:, 1:]

    def conv_forward_naive(x, w, b, conv_param):
        _, _, H_out, W_out = sizes(x, w, conv_param)
        A = matrix(x, w, conv_param)
        out = (x.reshape(len(x), -1) @ A.T).reshape(len(x), len(w), H_out, W_out)
        return out + b[:, None, None], (x, w, b, conv_param)

    def conv_backward_naive(dout, cache):
        x, w, b, conv_param = cache
        A = matrix(x, w, conv_param)
        dx = (dout.reshape(len(x), -1) @ A).reshape(x.shape)
        dw = np.zeros_like(w)
        flat = x.reshape(len(x), -1)
        for index in np.ndindex(w.shape):
            one = np.zeros_like(w)
            one[index] = 1
            seen = flat @ matrix(x, one, conv_param).T
            dw[index] = np.sum(seen * dout.reshape(len(x), -1))
        return dx, dw, dout.sum(axis=0).sum(axis=1).sum(axis=1)

    return locals()


@variant("conv")
def image_by_image():
    def conv_forward_naive(x, w, b, conv_param):
        s, pad, H_out, W_out = sizes(x, w, conv_param)
        HH, WW = w.shape[2:]
        outs = []
        for image in x:
            big = np.pad(image, ((0,), (pad,), (pad,)), mode="constant")
            maps = [
                [
                    [
                        np.vdot(big[:, i * s : i * s + HH, j * s : j * s + WW], f)
                        for j in range(W_out)
                    ]
                    for i in range(H_out)
                ]
                for f in w
            ]
            outs.append(np.array(maps) + b[:, None, None])
        return np.array(outs), (x, w, b, conv_param)

    def conv_backward_naive(dout, cache):
        x, w, b, conv_param = cache
        s, pad, H_out, W_out = sizes(x, w, conv_param)
        HH, WW = w.shape[2:]
        dx, dw = (
            np.zeros(x.shape, dtype=np.float64),
            np.zeros(w.shape, dtype=np.float64),
        )
        for n in range(len(x)):
            big = np.pad(x[n], ((0,), (pad,), (pad,)), mode="constant")
            dbig = np.zeros(big.shape)
            for i in range(H_out):
                for j in range(W_out):
                    place = np.s_[:, i * s : i * s + HH, j * s : j * s + WW]
                    g = dout[n, :, i, j].reshape(-1, 1, 1, 1)
                    dw += g * big[place]
                    dbig[place] += (g * w).sum(axis=0)
            dx[n] = dbig[:, pad : pad + x.shape[2], pad : pad + x.shape[3]]
        return dx, dw, np.sum(np.sum(np.sum(dout, 3), 2), 0)

    return locals()


@variant("conv")
def col2im_with_add_at():
    def indices(x, w, conv_param):
        s, pad, H_out, W_out = sizes(x, w, conv_param)
        C, HH, WW = w.shape[1:]
        i0 = np.tile(np.repeat(np.arange(HH), WW), C)
        j0 = np.tile(np.arange(WW), HH * C)
        i1, j1 = (
            s * np.repeat(np.arange(H_out), W_out),
            s * np.tile(np.arange(W_out), H_out),
        )
        k = np.repeat(np.arange(C), HH * WW).reshape(-1, 1)
        return k, i0.reshape(-1, 1) + i1, j0.reshape(-1, 1) + j1

    def conv_forward_naive(x, w, b, conv_param):
        _, pad, H_out, W_out = sizes(x, w, conv_param)
        k, i, j = indices(x, w, conv_param)
        columns = padded(x, pad)[:, k, i, j]  # (N, C HH WW, H_out W_out)
        out = w.reshape(len(w), -1) @ columns + b[:, None]
        return out.reshape(len(x), len(w), H_out, W_out), (x, w, b, conv_param)

    def conv_backward_naive(dout, cache):
        x, w, b, conv_param = cache
        pad = conv_param["pad"]
        k, i, j = indices(x, w, conv_param)
        d = dout.reshape(len(x), len(w), -1)
        columns = padded(x, pad)[:, k, i, j]
        dw = np.einsum("nfp,ncp->fc", d, columns).reshape(w.shape)
        dx = padded(np.zeros(x.shape), pad)
        np.add.at(dx, (slice(None), k, i, j), w.reshape(len(w), -1).T @ d)
        H, W = x.shape[2:]
        return dx[:, :, pad : pad + H, pad : pad + W], dw, d.sum(axis=(0, 2))

    return locals()
