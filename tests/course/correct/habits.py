"""Right solutions with habits of older courses, answers on the web and haste.

Assertions of fit, sizes by Python 2's rules, shapes changed in place, helpers, classes,
matrices, caches as dicts, lists, closures and objects, statistics computed again.
"""

import itertools

import numpy as np

from tests.course.correct.registry import variant


@variant("affine")
def shape_set_in_place():
    def affine_forward(x, w, b):
        shape = x.shape
        rows = x.copy()
        rows.shape = (shape[0], -1)
        out = np.tile(b, (shape[0], 1))
        out += rows.dot(w)
        return out, [x, w, b]

    def affine_backward(dout, cache):
        x, w, b = cache
        n = x.shape[0]
        dx = np.dot(dout, w.T).reshape(*x.shape)
        dw = np.dot(x.reshape(n, int(np.prod(x.shape) / n)).T, dout)
        db = np.dot(np.ones((1, n)), dout).reshape(b.shape)
        return dx, dw, db

    return {"affine_forward": affine_forward, "affine_backward": affine_backward}


@variant("affine")
def cache_is_a_closure():
    def affine_forward(x, w, b):
        flat = np.asarray(np.matrix(x.reshape(x.shape[0], -1)))

        def back(dout):
            return (dout @ w.T).reshape(x.shape), flat.T @ dout, sum(dout)

        return flat @ w + b, back

    def affine_backward(dout, cache):
        return cache(dout)

    return {"affine_forward": affine_forward, "affine_backward": affine_backward}


@variant("affine")
def in_three_loops():
    def affine_forward(x, w, b):
        N, M = x.shape[0], w.shape[1]
        out = np.zeros((N, M))
        for n in range(N):
            row = x[n].flatten()
            for m in range(M):
                for d in range(len(row)):
                    out[n][m] += row[d] * w[d][m]
                out[n][m] += b[m]
        return out, {"x": x, "w": w, "b": b}

    def affine_backward(dout, cache):
        x, w = cache["x"], cache["w"]
        dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros_like(cache["b"])
        for n in range(dout.shape[0]):
            row = x[n].flatten()
            for m in range(dout.shape[1]):
                db[m] += dout[n, m]
                dw[:, m] += row * dout[n, m]
                dx[n] += (w[:, m] * dout[n, m]).reshape(x[n].shape)
        return dx, dw, db

    return {"affine_forward": affine_forward, "affine_backward": affine_backward}


@variant("affine")
def relu_by_a_mask_that_is_x():
    def relu_forward(x):
        out = x.copy()
        out[out < 0] = 0
        return out, x

    def relu_backward(dout, cache):
        x = cache
        mask = x.copy()
        mask[mask <= 0] = 0
        mask[mask > 0] = 1
        dout *= mask
        return dout

    return {"relu_forward": relu_forward, "relu_backward": relu_backward}


@variant("affine")
def relu_by_halves():
    def relu_forward(x):
        return (x + abs(x)) / 2, x

    def relu_backward(dout, cache):
        return np.where(np.sign(cache) > 0, dout, 0.0)

    return {"relu_forward": relu_forward, "relu_backward": relu_backward}


@variant("batchnorm")
def running_averages_in_place():
    def batchnorm_forward(x, gamma, beta, bn_param):
        eps = bn_param.get("eps", 1e-5)
        momentum = bn_param.get("momentum", 0.9)
        D = x.shape[1]
        running_mean = bn_param.setdefault("running_mean", np.zeros(D, dtype=x.dtype))
        running_var = bn_param.setdefault("running_var", np.zeros(D, dtype=x.dtype))
        if bn_param["mode"] == "test":
            xhat = (x - running_mean) / np.sqrt(running_var + eps)
            return xhat * gamma + beta, None
        mu, var = x.mean(0), x.var(0)
        for running, now in ((running_mean, mu), (running_var, var)):
            running *= momentum
            running += (1 - momentum) * now
        xhat, ivar = (x - mu) / np.sqrt(var + eps), 1.0 / np.sqrt(var + eps)
        return gamma * xhat + beta, (xhat, gamma, ivar)

    def batchnorm_backward(dout, cache):
        xhat, gamma, ivar = cache
        dxhat = dout * gamma
        dx = dxhat - dxhat.mean(0) - xhat * (dxhat * xhat).mean(0)
        return dx * ivar, (dout * xhat).sum(0), dout.sum(0)

    return {
        "batchnorm_forward": batchnorm_forward,
        "batchnorm_backward": batchnorm_backward,
        "batchnorm_backward_alt": batchnorm_backward,
    }


@variant("layernorm")
def rows_one_by_one():
    def layernorm_forward(x, gamma, beta, ln_param):
        eps = ln_param.get("eps", 1e-5)
        out, kept = np.empty_like(x), []
        for n in range(len(x)):
            mu, var = x[n].mean(), x[n].var()
            xhat = (x[n] - mu) / (var + eps) ** 0.5
            kept.append((xhat, (var + eps) ** 0.5))
            out[n] = gamma * xhat + beta
        return out, {"rows": kept, "gamma": gamma}

    def layernorm_backward(dout, cache):
        dx, dgamma, dbeta = [], 0, 0
        for d, (xhat, std) in zip(dout, cache["rows"], strict=True):
            g = d * cache["gamma"]
            dx.append((g - g.mean() - xhat * (g * xhat).mean()) / std)
            dgamma = dgamma + d * xhat
            dbeta = dbeta + d
        return np.array(dx), dgamma, dbeta

    return {
        "layernorm_forward": layernorm_forward,
        "layernorm_backward": layernorm_backward,
    }


@variant("conv")
def asserts_that_it_fits():
    def conv_forward_naive(x, w, b, conv_param):
        N, C, H, W = x.shape
        F, _, HH, WW = w.shape
        stride, pad = conv_param["stride"], conv_param["pad"]
        assert (H + 2 * pad - HH) % stride == 0, "height does not work"
        assert (W + 2 * pad - WW) % stride == 0, "width does not work"
        H_out = int(1 + (H + 2 * pad - HH) / stride)
        W_out = int(1 + (W + 2 * pad - WW) / stride)
        x_pad = np.pad(x, ((0,), (0,), (pad,), (pad,)), "constant")
        out = np.zeros((N, F, H_out, W_out))
        for i, j in itertools.product(range(H_out), range(W_out)):
            part = x_pad[
                :, :, i * stride : i * stride + HH, j * stride : j * stride + WW
            ]
            for f in range(F):
                out[:, f, i, j] = np.sum(part * w[f], axis=(1, 2, 3))
        out = out + b[None, :, None, None]
        return out, (x, w, b, conv_param)

    def conv_backward_naive(dout, cache):
        x, w, b, conv_param = cache
        stride, pad = conv_param["stride"], conv_param["pad"]
        F, C, HH, WW = w.shape
        N, _, H, W = x.shape
        assert dout.shape[1] == F
        assert (H + 2 * pad - HH) % stride == 0
        x_pad = np.pad(x, ((0,), (0,), (pad,), (pad,)), mode="constant")
        dx_pad, dw, db = np.zeros_like(x_pad), np.zeros_like(w), np.zeros_like(b)
        for f in range(F):
            db[f] += np.sum(dout[:, f, :, :])
        for i, j in itertools.product(*map(range, dout.shape[2:])):
            y, z = i * stride, j * stride
            part = x_pad[:, :, y : y + HH, z : z + WW]
            for f in range(F):
                dw[f] += np.sum(part * (dout[:, f, i, j])[:, None, None, None], axis=0)
            for n in range(N):
                dx_pad[n, :, y : y + HH, z : z + WW] += np.sum(
                    w * (dout[n, :, i, j])[:, None, None, None], axis=0
                )
        return dx_pad[:, :, pad : H + pad, pad : W + pad], dw, db

    return {
        "conv_forward_naive": conv_forward_naive,
        "conv_backward_naive": conv_backward_naive,
    }


@variant("pool")
def asserts_that_windows_fit():
    def max_pool_forward_naive(x, pool_param):
        N, C, H, W = x.shape
        ph, pw = pool_param["pool_height"], pool_param["pool_width"]
        stride = pool_param["stride"]
        assert (H - ph) % stride == 0, "Wrong pooling height"
        assert (W - pw) % stride == 0, "Wrong pooling width"
        H_out, W_out = (H - ph) // stride + 1, (W - pw) // stride + 1
        out = np.zeros((N, C, H_out, W_out))
        for h in range(H_out):
            for w in range(W_out):
                part = x[
                    :, :, h * stride : h * stride + ph, w * stride : w * stride + pw
                ]
                out[:, :, h, w] = part.reshape(N, C, -1).max(axis=2)
        return out, (x, pool_param)

    def max_pool_backward_naive(dout, cache):
        x, pool_param = cache
        N, C, H, W = x.shape
        ph, pw = pool_param["pool_height"], pool_param["pool_width"]
        stride = pool_param["stride"]
        assert (H - ph) % stride == 0
        assert (W - pw) % stride == 0
        dx = np.zeros_like(x)
        for n, c, h, w in itertools.product(*map(range, dout.shape)):
            rows = slice(h * stride, h * stride + ph)
            columns = slice(w * stride, w * stride + pw)
            part = x[n, c, rows, columns]
            dx[n, c, rows, columns] += (part == np.max(part)) * dout[n, c, h, w]
        return dx

    return {
        "max_pool_forward_naive": max_pool_forward_naive,
        "max_pool_backward_naive": max_pool_backward_naive,
    }


@variant("pool")
def while_loops_over_pixels():
    def max_pool_forward_naive(x, pool_param):
        N, C, H, W = x.shape
        HH, WW = pool_param["pool_height"], pool_param["pool_width"]
        S = pool_param["stride"]
        rows = []
        i = 0
        while i + HH <= H:
            row, j = [], 0
            while j + WW <= W:
                row.append(np.amax(x[:, :, i : i + HH, j : j + WW], axis=(-1, -2)))
                j += S
            rows.append(row)
            i += S
        return np.array(rows).transpose(2, 3, 0, 1), (x, pool_param)

    def max_pool_backward_naive(dout, cache):
        x, pool_param = cache
        HH, WW = pool_param["pool_height"], pool_param["pool_width"]
        S = pool_param["stride"]
        dx = np.zeros(x.shape)
        for (n, c, i, j), g in np.ndenumerate(dout):
            k = np.argmax(x[n, c, i * S : i * S + HH, j * S : j * S + WW])
            dx[n, c, i * S + k // WW, j * S + k % WW] += g
        return dx

    return {
        "max_pool_forward_naive": max_pool_forward_naive,
        "max_pool_backward_naive": max_pool_backward_naive,
    }


@variant("dropout")
def kept_units_by_binomial():
    def dropout_forward(x, dropout_param):
        p, mode = dropout_param["p"], dropout_param["mode"]
        if "seed" in dropout_param:
            np.random.seed(dropout_param["seed"])
        mask = None
        if mode == "train":
            mask = np.random.binomial(1, p, size=x.shape) / p
            out = np.multiply(x, mask)
        else:
            out = x.copy()
        return out.astype(x.dtype, copy=False), (dropout_param, mask)

    def dropout_backward(dout, cache):
        dropout_param, mask = cache
        if dropout_param["mode"] == "test":
            return dout
        return np.multiply(mask, dout)

    return {"dropout_forward": dropout_forward, "dropout_backward": dropout_backward}


@variant("dropout")
def mask_and_scale_apart():
    def dropout_forward(x, dropout_param):
        p = dropout_param["p"]
        keep = np.ones(x.shape, bool)
        if dropout_param["mode"] == "test":
            return x, (dropout_param, None)
        keep[np.random.uniform(size=x.shape) >= p] = False
        out = np.zeros_like(x)
        out[keep] = x[keep] / p
        return out, (dropout_param, keep)

    def dropout_backward(dout, cache):
        dropout_param, keep = cache
        dout[~keep] = 0
        dout /= dropout_param["p"]
        return dout

    return {"dropout_forward": dropout_forward, "dropout_backward": dropout_backward}


@variant("groupnorm")
def statistics_again_group_by_group():
    def spatial_groupnorm_forward(x, gamma, beta, G, gn_param):
        eps = gn_param.get("eps", 1e-5)
        N, C, H, W = x.shape
        x = np.reshape(x, (N, G, C // G, H, W))
        m = np.mean(x, axis=(2, 3, 4), keepdims=True)
        v = np.var(x, axis=(2, 3, 4), keepdims=True)
        x_norm = (x - m) / np.sqrt(v + eps)
        x_norm = x_norm.reshape(N, C, H, W)
        out = x_norm * gamma + beta
        return out, (G, x.reshape(N, C, H, W), gamma, eps)

    def spatial_groupnorm_backward(dout, cache):
        G, x, gamma, eps = cache
        N, C, H, W = x.shape
        dx = np.zeros_like(x)
        x_norm = np.zeros_like(x)
        per = int(C / G)
        for n in range(N):
            for g in range(G):
                part = x[n, g * per : (g + 1) * per]
                std = np.sqrt(part.var() + eps)
                hat = (part - part.mean()) / std
                x_norm[n, g * per : (g + 1) * per] = hat
                d = (dout * gamma)[n, g * per : (g + 1) * per]
                M = part.size
                dx[n, g * per : (g + 1) * per] = (
                    (M * d - d.sum() - hat * (d * hat).sum()) / M / std
                )
        dgamma = np.sum(dout * x_norm, axis=(0, 2, 3)).reshape(1, C, 1, 1)
        dbeta = np.sum(dout, axis=(0, 2, 3)).reshape(1, -1, 1, 1)
        return dx, dgamma, dbeta

    return {
        "spatial_groupnorm_forward": spatial_groupnorm_forward,
        "spatial_groupnorm_backward": spatial_groupnorm_backward,
    }


@variant("spatial_batchnorm")
def channels_last_and_back():
    def normalise(x, gamma, beta, bn_param):
        from ece662.layers import batchnorm_forward

        return batchnorm_forward(x, gamma, beta, bn_param)

    def spatial_batchnorm_forward(x, gamma, beta, bn_param):
        N, C, H, W = x.shape
        flat = np.moveaxis(x, 1, -1).reshape(N * H * W, C)
        out, cache = normalise(flat, gamma, beta, bn_param)
        return np.rollaxis(out.reshape(N, H, W, C), 3, 1), cache

    def spatial_batchnorm_backward(dout, cache):
        from ece662.layers import batchnorm_backward

        N, C, H, W = dout.shape
        flat = np.swapaxes(np.swapaxes(dout, 1, 2), 2, 3).reshape(-1, C)
        dx, dgamma, dbeta = batchnorm_backward(flat, cache)
        return dx.reshape(N, H, W, C).transpose(0, 3, 1, 2), dgamma, dbeta

    return {
        "spatial_batchnorm_forward": spatial_batchnorm_forward,
        "spatial_batchnorm_backward": spatial_batchnorm_backward,
    }
