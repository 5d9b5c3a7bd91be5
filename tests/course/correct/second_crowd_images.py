"""Right solutions of a second crowd on images, dropout and the update rules."""

from math import sqrt

import numpy as np

from tests.course.correct.registry import variant, variant_of


@variant("conv")
def windows_by_strides():
    def _windows(xp, HH, WW, stride):
        N, C, Hp, Wp = xp.shape
        Ho, Wo = (Hp - HH) // stride + 1, (Wp - WW) // stride + 1
        sn, sc, sh, sw = xp.strides
        return np.lib.stride_tricks.as_strided(
            xp, (N, C, Ho, Wo, HH, WW), (sn, sc, sh * stride, sw * stride, sh, sw)
        )

    def conv_forward_naive(x, w, b, conv_param):
        stride, pad = conv_param["stride"], conv_param["pad"]
        F, C, HH, WW = w.shape
        xp = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
        cols = _windows(xp, HH, WW, stride)
        out = np.tensordot(cols, w, axes=([1, 4, 5], [1, 2, 3])).transpose(0, 3, 1, 2)
        out = out + b.reshape(1, F, 1, 1)
        return out, (x, w, b, conv_param)

    def conv_backward_naive(dout, cache):
        x, w, b, conv_param = cache
        s, p = conv_param["stride"], conv_param["pad"]
        N, C, H, W = x.shape
        F, _, HH, WW = w.shape
        xp = np.pad(x, [(0, 0), (0, 0), (p, p), (p, p)])
        db = np.einsum("nfij->f", dout)
        dw = np.einsum("ncijkl,nfij->fckl", _windows(xp, HH, WW, s), dout)
        dxp = np.zeros(xp.shape)
        parts = np.einsum("fckl,nfij->ncijkl", w, dout)
        for i in range(dout.shape[2]):
            for j in range(dout.shape[3]):
                dxp[:, :, i * s : i * s + HH, j * s : j * s + WW] += parts[:, :, i, j]
        dx = dxp[:, :, p : p + H, p : p + W]
        return dx, dw, db

    return {
        "conv_forward_naive": conv_forward_naive,
        "conv_backward_naive": conv_backward_naive,
    }


@variant("conv")
def strided_slices_of_the_kernel():
    def conv_forward_naive(x, w, b, conv_param):
        s, p = conv_param["stride"], conv_param["pad"]
        F, C, HH, WW = w.shape
        xp = np.concatenate([x] * 1)
        for axis in (2, 3):
            xp = np.apply_along_axis(
                lambda v: np.r_[np.zeros(p), v, np.zeros(p)], axis, xp
            )
        out = sum(
            np.einsum(
                "fc,ncij->nfij",
                w[:, :, u, v],
                xp[
                    :,
                    :,
                    u : xp.shape[2] - HH + u + 1 : s,
                    v : xp.shape[3] - WW + v + 1 : s,
                ],
            )
            for u in range(HH)
            for v in range(WW)
        )
        out += b[:, np.newaxis, np.newaxis]
        return out, (x, w, b, conv_param, xp)

    def conv_backward_naive(dout, cache):
        x, w, b, conv_param, xp = cache
        s, p = conv_param["stride"], conv_param["pad"]
        N, C, H, W = x.shape
        _, _, HH, WW = w.shape
        N, F, Ho, Wo = dout.shape
        dxp = np.zeros((N, C, H + 2 * p, W + 2 * p))
        dw = np.empty_like(w)
        for u in range(HH):
            for v in range(WW):
                here = (
                    slice(None),
                    slice(None),
                    slice(u, u + s * Ho, s),
                    slice(v, v + s * Wo, s),
                )
                dw[:, :, u, v] = np.tensordot(dout, xp[here], ((0, 2, 3), (0, 2, 3)))
                dxp[here] += np.einsum("nfij,fc->ncij", dout, w[:, :, u, v])
        db = np.add.reduce(dout, axis=(0, 2, 3))
        return dxp[:, :, p:, p:][:, :, :H, :W], dw, db

    return {
        "conv_forward_naive": conv_forward_naive,
        "conv_backward_naive": conv_backward_naive,
    }


@variant("pool")
def places_kept_and_added():
    def max_pool_forward_naive(x, pool_param):
        ph, pw, s = (pool_param[k] for k in ("pool_height", "pool_width", "stride"))
        N, C, H, W = x.shape
        windows = np.lib.stride_tricks.sliding_window_view(x, (ph, pw), axis=(2, 3))[
            :, :, ::s, ::s
        ]
        out = windows.max(axis=(4, 5))
        flat = windows.reshape(*windows.shape[:4], -1)
        arg = flat.argmax(-1)
        return out, (x.shape, arg, pool_param)

    def max_pool_backward_naive(dout, cache):
        (N, C, H, W), arg, pool_param = cache
        pw, s = pool_param["pool_width"], pool_param["stride"]
        dx = np.zeros((N, C, H, W))
        n, c, i, j = np.indices(dout.shape)
        np.add.at(dx, (n, c, i * s + arg // pw, j * s + arg % pw), dout)
        return dx

    return {
        "max_pool_forward_naive": max_pool_forward_naive,
        "max_pool_backward_naive": max_pool_backward_naive,
    }


@variant("pool")
def comprehension_and_shared_ties():
    def max_pool_forward_naive(x, pool_param):
        out = np.array(
            [
                [
                    [
                        [
                            x[
                                n,
                                c,
                                i : i + pool_param["pool_height"],
                                j : j + pool_param["pool_width"],
                            ].max()
                            for j in range(
                                0,
                                x.shape[3] - pool_param["pool_width"] + 1,
                                pool_param["stride"],
                            )
                        ]
                        for i in range(
                            0,
                            x.shape[2] - pool_param["pool_height"] + 1,
                            pool_param["stride"],
                        )
                    ]
                    for c in range(x.shape[1])
                ]
                for n in range(x.shape[0])
            ]
        )
        return out, {"x": x, "p": pool_param, "out": out}

    def max_pool_backward_naive(dout, cache):
        x, p, out = cache["x"], cache["p"], cache["out"]
        hh, ww, st = p["pool_height"], p["pool_width"], p["stride"]
        dx = np.zeros_like(x)
        for i in range(out.shape[2]):
            for j in range(out.shape[3]):
                sl = np.s_[:, :, i * st : i * st + hh, j * st : j * st + ww]
                hit = x[sl] == out[:, :, i, j][:, :, None, None]
                hit = hit / hit.sum(axis=(2, 3), keepdims=True)
                dx[sl] += hit * dout[:, :, i : i + 1, j : j + 1]
        return dx

    return {
        "max_pool_forward_naive": max_pool_forward_naive,
        "max_pool_backward_naive": max_pool_backward_naive,
    }


@variant("spatial_batchnorm")
def one_formula_for_both_modes():
    def spatial_batchnorm_forward(x, gamma, beta, bn_param):
        eps, momentum = bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
        N, C, H, W = x.shape
        running_mean = bn_param.get("running_mean", np.zeros(C))
        running_var = bn_param.get("running_var", np.zeros(C))

        def v(a):
            return a.reshape(1, -1, 1, 1)

        if bn_param["mode"] == "train":
            mu = np.einsum("nchw->c", x) / (N * H * W)
            var = np.einsum("nchw,nchw->c", x - v(mu), x - v(mu)) / (N * H * W)
            running_mean = momentum * running_mean + (1 - momentum) * mu
            running_var = momentum * running_var + (1 - momentum) * var
        else:
            mu, var = running_mean, running_var
        xh = (x - v(mu)) / np.sqrt(v(var) + eps)
        out = v(gamma) * xh + v(beta)
        bn_param["running_mean"], bn_param["running_var"] = running_mean, running_var
        return out, (xh, gamma, var, eps)

    def spatial_batchnorm_backward(dout, cache):
        xh, gamma, var, eps = cache
        N, C, H, W = dout.shape
        m = N * H * W

        def v(a):
            return a[None, :, None, None]

        dbeta = dout.sum(axis=(0, 2, 3))
        dgamma = (dout * xh).sum(axis=(0, 2, 3))
        dx = v(gamma / np.sqrt(var + eps)) * (dout - v(dbeta) / m - xh * v(dgamma) / m)
        return dx, dgamma, dbeta

    return {
        "spatial_batchnorm_forward": spatial_batchnorm_forward,
        "spatial_batchnorm_backward": spatial_batchnorm_backward,
    }


@variant("spatial_batchnorm")
def averages_filled_channel_by_channel():
    def spatial_batchnorm_forward(x, gamma, beta, bn_param):
        mode = bn_param["mode"]
        eps = bn_param.get("eps", 1e-5)
        mom = bn_param.get("momentum", 0.9)
        C = x.shape[1]
        bn_param.setdefault("running_mean", np.zeros(C))
        bn_param.setdefault("running_var", np.zeros(C))
        out, caches = np.zeros_like(x), []
        for c in range(C):
            img = x[:, c, :, :]
            if mode == "train":
                m, v = img.mean(), img.var()
                bn_param["running_mean"][c] = (
                    mom * bn_param["running_mean"][c] + (1 - mom) * m
                )
                bn_param["running_var"][c] = (
                    mom * bn_param["running_var"][c] + (1 - mom) * v
                )
            else:
                m, v = bn_param["running_mean"][c], bn_param["running_var"][c]
            h = (img - m) / np.sqrt(v + eps)
            out[:, c] = gamma[c] * h + beta[c]
            caches.append({"h": h, "sd": np.sqrt(v + eps), "g": gamma[c]})
        return out, caches

    def spatial_batchnorm_backward(dout, caches):
        dx = np.zeros(dout.shape)
        dgamma, dbeta = [], []
        for c, k in enumerate(caches):
            d = dout[:, c]
            dgamma += [np.sum(d * k["h"])]
            dbeta += [np.sum(d)]
            dx[:, c] = k["g"] / k["sd"] * (d - d.mean() - k["h"] * (d * k["h"]).mean())
        return dx, np.array(dgamma), np.array(dbeta)

    return {
        "spatial_batchnorm_forward": spatial_batchnorm_forward,
        "spatial_batchnorm_backward": spatial_batchnorm_backward,
    }


@variant("groupnorm")
def sums_by_einsum():
    def spatial_groupnorm_forward(x, gamma, beta, G, gn_param):
        eps = gn_param.get("eps", 1e-5)
        N, C, H, W = x.shape
        assert C % G == 0
        xg = x.reshape(N, G, C // G, H, W)
        mu = np.einsum("ngchw->ng", xg)[:, :, None, None, None] / (C // G * H * W)
        var = ((xg - mu) ** 2).mean((2, 3, 4), keepdims=True)
        std = np.sqrt(var + eps)
        xhat = ((xg - mu) / std).reshape(x.shape)
        out = gamma * xhat + beta
        cache = {"xhat": xhat, "std": std, "gamma": gamma, "G": G}
        return out, cache

    def spatial_groupnorm_backward(dout, cache):
        xhat, std, gamma, G = cache["xhat"], cache["std"], cache["gamma"], cache["G"]
        N, C, H, W = dout.shape
        dbeta = dout.sum(axis=(0, 2, 3), keepdims=True)
        dgamma = (dout * xhat).sum(axis=(0, 2, 3), keepdims=True)
        g = (dout * gamma).reshape(N, G, -1)
        h = xhat.reshape(N, G, -1)
        dx = g - g.mean(2, keepdims=True) - h * (g * h).mean(2, keepdims=True)
        dx = dx / std.reshape(N, G, 1)
        return dx.reshape(N, C, H, W), dgamma, dbeta

    return {
        "spatial_groupnorm_forward": spatial_groupnorm_forward,
        "spatial_groupnorm_backward": spatial_groupnorm_backward,
    }


@variant("dropout")
def generator_and_masked_array():
    class Dropout:
        def __init__(self, p, mode, seed=None):
            self.p, self.mode = p, mode
            self.rng = np.random.default_rng(seed)

        def forward(self, x):
            if self.mode == "test":
                return np.array(x)
            self.dropped = self.rng.random(x.shape) > self.p
            y = np.ma.masked_array(x, self.dropped).filled(0)
            return y / self.p

        def backward(self, d):
            d = d.copy()
            if self.mode == "train":
                d[self.dropped] = 0
                d /= self.p
            return d

    def dropout_forward(x, dropout_param):
        layer = Dropout(**dropout_param)
        return layer.forward(x), layer

    def dropout_backward(dout, cache):
        return cache.backward(dout)

    return {"dropout_forward": dropout_forward, "dropout_backward": dropout_backward}


@variant("dropout")
def mask_by_choice():
    def dropout_forward(x, dropout_param):
        p, mode = dropout_param["p"], dropout_param["mode"]
        if "seed" in dropout_param:
            np.random.seed(dropout_param["seed"])
        mask, out = None, x
        if mode == "train":
            mask = np.random.choice([0.0, 1.0 / p], size=x.shape, p=[1 - p, p])
            out = x * mask
        return out.astype(x.dtype, copy=False), (dropout_param, mask)

    def dropout_backward(dout, cache):
        dropout_param, mask = cache
        if dropout_param["mode"] == "train":
            return dout * mask
        return dout

    return {"dropout_forward": dropout_forward, "dropout_backward": dropout_backward}


@variant_of("adam")
def correction_in_the_rate(w, dw, config=None):
    config = config if config is not None else {}
    get = config.get
    lr, beta1, beta2, eps = (
        get("learning_rate", 1e-3),
        get("beta1", 0.9),
        get("beta2", 0.999),
        get("epsilon", 1e-8),
    )
    m, v, t = get("m", np.zeros_like(w)), get("v", np.zeros_like(w)), get("t", 0) + 1
    m = m + (1 - beta1) * (dw - m)
    v = v + (1 - beta2) * (dw**2 - v)
    c1, c2 = 1 - beta1**t, 1 - beta2**t
    step = lr * sqrt(c2) / c1
    next_w = w - step * m / (np.sqrt(v) + eps * sqrt(c2))
    config.update(m=m, v=v, t=t)
    return next_w, config


@variant_of("rmsprop")
def cache_that_begins_as_a_number(w, dw, config=None):
    defaults = {"learning_rate": 1e-2, "decay_rate": 0.99, "epsilon": 1e-8}
    config = {**defaults, **(config or {})}
    cache = config.pop("cache", 0)
    lr, decay, eps = (config[k] for k in defaults)
    cache = cache + (1 - decay) * (dw * dw - cache)
    config["cache"] = cache
    return w - lr / (np.sqrt(cache) + eps) * dw, config


@variant_of("sgd_momentum")
def functions_for_operators(w, dw, config=None):
    config = {} if config is None else config
    lr = config.setdefault("learning_rate", 1e-2)
    mu = config.setdefault("momentum", 0.9)
    v = config.get("velocity")
    if v is None:
        v = np.zeros(w.shape)
    v = np.subtract(np.multiply(mu, v), np.multiply(lr, dw))
    config.update(velocity=v)
    return np.add(w, v), config
