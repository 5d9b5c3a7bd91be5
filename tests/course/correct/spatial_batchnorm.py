"""Right spatial batch normalisations."""

import numpy as np

from ece662.layers import (
    batchnorm_backward,
    batchnorm_backward_alt,
    batchnorm_forward,
)
from tests.course.correct.registry import variant


@variant("spatial_batchnorm")
def channels_last():
    def spatial_batchnorm_forward(x, gamma, beta, bn_param):
        N, C, H, W = x.shape
        x_flat = x.transpose(0, 2, 3, 1).reshape(-1, C)
        out, cache = batchnorm_forward(x_flat, gamma, beta, bn_param)
        return out.reshape(N, H, W, C).transpose(0, 3, 1, 2), cache

    def spatial_batchnorm_backward(dout, cache):
        N, C, H, W = dout.shape
        dout_flat = dout.transpose(0, 2, 3, 1).reshape(-1, C)
        dx, dgamma, dbeta = batchnorm_backward(dout_flat, cache)
        return dx.reshape(N, H, W, C).transpose(0, 3, 1, 2), dgamma, dbeta

    return locals()


@variant("spatial_batchnorm")
def height_and_width_swapped_and_back():
    def spatial_batchnorm_forward(x, gamma, beta, bn_param):
        N, C, H, W = x.shape
        x = np.swapaxes(x, 1, 3)  # (N, W, H, C)
        out, cache = batchnorm_forward(x.reshape(N * W * H, C), gamma, beta, bn_param)
        return np.swapaxes(out.reshape(N, W, H, C), 1, 3), cache

    def spatial_batchnorm_backward(dout, cache):
        N, C, H, W = dout.shape
        d = np.swapaxes(dout, 1, 3).reshape(N * W * H, C)
        dx, dgamma, dbeta = batchnorm_backward_alt(d, cache)
        return np.swapaxes(dx.reshape(N, W, H, C), 1, 3), dgamma, dbeta

    return locals()


@variant("spatial_batchnorm")
def moveaxis():
    def spatial_batchnorm_forward(x, gamma, beta, bn_param):
        last = np.moveaxis(x, 1, -1)
        rows = last.reshape(-1, x.shape[1])
        out, cache = batchnorm_forward(rows, gamma, beta, bn_param)
        return np.moveaxis(out.reshape(last.shape), -1, 1), (cache, last.shape)

    def spatial_batchnorm_backward(dout, cache):
        bn_cache, shape = cache
        rows = np.moveaxis(dout, 1, -1).reshape(-1, shape[-1])
        dx, *rest = batchnorm_backward(rows, bn_cache)
        return np.moveaxis(dx.reshape(shape), -1, 1), *rest

    return locals()


def column(v):
    return np.asarray(v).reshape(1, -1, 1, 1)


@variant("spatial_batchnorm")
def over_three_axes():
    def spatial_batchnorm_forward(x, gamma, beta, bn_param):
        eps, momentum = bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
        C = x.shape[1]
        running_mean = bn_param.get("running_mean", np.zeros(C))
        running_var = bn_param.get("running_var", np.zeros(C))
        if bn_param["mode"] == "train":
            mean = x.mean(axis=(0, 2, 3), keepdims=True)
            var = x.var(axis=(0, 2, 3), keepdims=True)
            running_mean = momentum * running_mean + (1 - momentum) * mean.reshape(C)
            running_var = momentum * running_var + (1 - momentum) * var.reshape(C)
        else:
            mean, var = column(running_mean), column(running_var)
        bn_param["running_mean"], bn_param["running_var"] = running_mean, running_var
        x_hat = (x - mean) / np.sqrt(var + eps)
        return column(gamma) * x_hat + column(beta), (x_hat, np.sqrt(var + eps), gamma)

    def spatial_batchnorm_backward(dout, cache):
        x_hat, std, gamma = cache
        axes = (0, 2, 3)
        M = dout.size / dout.shape[1]
        dbeta, dgamma = dout.sum(axis=axes), (dout * x_hat).sum(axis=axes)
        dx = M * dout - column(dbeta) - x_hat * column(dgamma)
        return dx * column(gamma) / std / M, dgamma, dbeta

    return locals()


@variant("spatial_batchnorm")
def a_batchnorm_for_each_channel():
    def spatial_batchnorm_forward(x, gamma, beta, bn_param):
        N, C, H, W = x.shape
        mean = bn_param.get("running_mean", np.zeros(C)).copy()
        var = bn_param.get("running_var", np.zeros(C)).copy()
        out, caches = np.zeros_like(x), []
        for c in range(C):
            own = dict(bn_param)
            own["running_mean"], own["running_var"] = mean[c : c + 1], var[c : c + 1]
            y, cache = batchnorm_forward(
                x[:, c].reshape(-1, 1), gamma[c : c + 1], beta[c : c + 1], own
            )
            out[:, c] = y.reshape(N, H, W)
            mean[c], var[c] = own["running_mean"][0], own["running_var"][0]
            caches.append(cache)
        bn_param["running_mean"], bn_param["running_var"] = mean, var
        return out, caches

    def spatial_batchnorm_backward(dout, caches):
        N, C, H, W = dout.shape
        dx, dgamma, dbeta = np.zeros_like(dout), np.zeros(C), np.zeros(C)
        for c in range(C):
            d, dg, db = batchnorm_backward(dout[:, c].reshape(-1, 1), caches[c])
            dx[:, c] = d.reshape(N, H, W)
            dgamma[c], dbeta[c] = dg[0], db[0]
        return dx, dgamma, dbeta

    return locals()


@variant("spatial_batchnorm")
def rows_pixel_by_pixel():
    def rows_of(x):
        N, C, H, W = x.shape
        return np.array([x[n, :, i, j] for n, i, j in np.ndindex(N, H, W)])

    def images_of(rows, shape):
        out = np.zeros(shape)
        N, C, H, W = shape
        for row, (n, i, j) in zip(rows, np.ndindex(N, H, W), strict=True):
            out[n, :, i, j] = row
        return out

    def spatial_batchnorm_forward(x, gamma, beta, bn_param):
        out, cache = batchnorm_forward(rows_of(x), gamma, beta, bn_param)
        return images_of(out, x.shape), cache

    def spatial_batchnorm_backward(dout, cache):
        dx, dgamma, dbeta = batchnorm_backward_alt(rows_of(dout), cache)
        print(dx.mean())
        return images_of(dx, dout.shape), dgamma, dbeta

    return locals()


@variant("spatial_batchnorm")
def the_papers_formulas_by_channel():
    def spatial_batchnorm_forward(x, gamma, beta, bn_param):
        eps, momentum = bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
        cache = {"x": x, "eps": eps, "gamma": gamma}
        if bn_param["mode"] == "train":
            mean = np.mean(np.mean(np.mean(x, 3), 2), 0)
            var = np.mean((x - mean[None, :, None, None]) ** 2, axis=(0, 2, 3))
            for name, batch in (("running_mean", mean), ("running_var", var)):
                old = bn_param.get(name, np.zeros(x.shape[1]))
                bn_param[name] = momentum * old + (1 - momentum) * batch
        else:
            mean, var = bn_param["running_mean"], bn_param["running_var"]
        cache["mean"], cache["var"] = column(mean), column(var)
        out = (x - column(mean)) / np.sqrt(column(var) + eps)
        cache["x_hat"] = out
        return out * column(gamma) + column(beta), cache

    def spatial_batchnorm_backward(dout, cache):
        x, mean, var, eps = (cache[k] for k in ("x", "mean", "var", "eps"))
        N, C, H, W = x.shape
        axes, m = (0, 2, 3), N * H * W
        g = dout * column(cache["gamma"])
        dvar = np.sum(g * (x - mean) * -0.5 * (var + eps) ** -1.5, axes, keepdims=True)
        dmean = np.sum(-g / np.sqrt(var + eps), axes, keepdims=True)
        dx = g / np.sqrt(var + eps) + dvar * 2 * (x - mean) / m + dmean / m
        return dx, (dout * cache["x_hat"]).sum(axes), dout.sum(axes)

    return locals()


@variant("spatial_batchnorm")
def channels_first_and_turned():
    def spatial_batchnorm_forward(x, gamma, beta, bn_param):
        N, C, H, W = x.shape
        x = x.swapaxes(0, 1).reshape(C, N * H * W).T
        out, cache = batchnorm_forward(x, gamma, beta, bn_param)
        return out.T.reshape(C, N, H, W).swapaxes(0, 1), cache

    def spatial_batchnorm_backward(dout, cache):
        N, C, H, W = dout.shape
        d = dout.swapaxes(0, 1).reshape(C, N * H * W).T
        dx, dgamma, dbeta = batchnorm_backward(d, cache)
        return dx.T.reshape(C, N, H, W).swapaxes(0, 1), dgamma, dbeta

    return locals()


@variant("spatial_batchnorm")
def images_as_matrices():
    def spatial_batchnorm_forward(x, gamma, beta, bn_param):
        N, C, H, W = x.shape
        eps, momentum = bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
        flat = x.reshape(N, C, H * W)
        if bn_param["mode"] == "train":
            mean = np.einsum("ncp->c", flat) / (N * H * W)
            var = np.einsum("ncp,ncp->c", flat, flat) / (N * H * W) - mean**2
            old_mean = bn_param.get("running_mean", 0)
            old_var = bn_param.get("running_var", 0)
            bn_param["running_mean"] = momentum * old_mean + (1 - momentum) * mean
            bn_param["running_var"] = momentum * old_var + (1 - momentum) * var
        else:
            mean, var = bn_param["running_mean"], bn_param["running_var"]
        inv = 1 / np.sqrt(var + eps)
        xh = (flat - mean[:, None]) * inv[:, None]
        out = gamma[:, None] * xh + beta[:, None]
        return out.reshape(x.shape), (xh, inv, gamma)

    def spatial_batchnorm_backward(dout, cache):
        xh, inv, gamma = cache
        d = dout.reshape(xh.shape)
        n = xh.shape[0] * xh.shape[2]
        dbeta, dgamma = np.einsum("ncp->c", d), np.einsum("ncp,ncp->c", d, xh)
        dx = d - dbeta[:, None] / n - xh * dgamma[:, None] / n
        return ((gamma * inv)[:, None] * dx).reshape(dout.shape), dgamma, dbeta

    return locals()


@variant("spatial_batchnorm")
def statistics_again_in_backward():
    def spatial_batchnorm_forward(x, gamma, beta, bn_param):
        N, C, H, W = x.shape
        rows = np.concatenate([image.reshape(C, -1).T for image in x], axis=0)
        out, _ = batchnorm_forward(rows, gamma, beta, bn_param)
        out = np.stack([r.T.reshape(C, H, W) for r in np.split(out, N)])
        return out, (x, gamma, beta, bn_param)

    def spatial_batchnorm_backward(dout, cache):
        x, gamma, beta, bn_param = cache
        N, C, H, W = x.shape
        fresh = {"mode": "train", "eps": bn_param.get("eps", 1e-5)}
        rows = np.transpose(x, (0, 2, 3, 1)).reshape(N * H * W, C)
        _, bn_cache = batchnorm_forward(rows, gamma, beta, fresh)
        d = np.transpose(dout, (0, 2, 3, 1)).reshape(N * H * W, C)
        dx, dgamma, dbeta = batchnorm_backward(d, bn_cache)
        return np.transpose(dx.reshape(N, H, W, C), (0, 3, 1, 2)), dgamma, dbeta

    return locals()
