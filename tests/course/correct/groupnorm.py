"""Right group normalisations."""

import numpy as np

from ece662.layers import (
    batchnorm_backward,
    batchnorm_forward,
    layernorm_backward,
    layernorm_forward,
)
from tests.course.correct.registry import variant


@variant("groupnorm")
def five_axes():
    def spatial_groupnorm_forward(x, gamma, beta, G, gn_param):
        eps = gn_param.get("eps", 1e-5)
        N, C, H, W = x.shape
        x_group = np.reshape(x, (N, G, C // G, H, W))
        mean = np.mean(x_group, axis=(2, 3, 4), keepdims=True)
        var = np.var(x_group, axis=(2, 3, 4), keepdims=True)
        x_norm = ((x_group - mean) / np.sqrt(var + eps)).reshape(N, C, H, W)
        return x_norm * gamma + beta, (G, x_group, x_norm, mean, var, gamma, eps)

    def spatial_groupnorm_backward(dout, cache):
        G, x, x_norm, mean, var, gamma, eps = cache
        N, C, H, W = dout.shape
        dbeta = np.sum(dout, axis=(0, 2, 3), keepdims=True)
        dgamma = np.sum(dout * x_norm, axis=(0, 2, 3), keepdims=True)
        dx_norm = (dout * gamma).reshape(N, G, C // G, H, W)
        axes, m = (2, 3, 4), C // G * H * W
        dvar = np.sum(
            dx_norm * -0.5 * (x - mean) * (var + eps) ** -1.5, axis=axes, keepdims=True
        )
        dmean = np.sum(dx_norm * -1 / np.sqrt(var + eps), axis=axes, keepdims=True)
        dmean += dvar * np.sum(-2 * (x - mean), axis=axes, keepdims=True) / m
        dx = dx_norm / np.sqrt(var + eps) + dvar * 2 * (x - mean) / m + dmean / m
        return dx.reshape(N, C, H, W), dgamma, dbeta

    return locals()


@variant("groupnorm")
def batchnorm_of_the_turned_groups():
    def spatial_groupnorm_forward(x, gamma, beta, G, gn_param):
        N, C, H, W = x.shape
        rows = x.reshape(N * G, -1).T
        n = N * G
        bn_param = {"mode": "train", "eps": gn_param.get("eps", 1e-5)}
        x_hat, cache = batchnorm_forward(rows, np.ones(n), np.zeros(n), bn_param)
        x_hat = x_hat.T.reshape(N, C, H, W)
        return gamma * x_hat + beta, (cache, x_hat, gamma, G)

    def spatial_groupnorm_backward(dout, cache):
        bn_cache, x_hat, gamma, G = cache
        N, C, H, W = dout.shape
        dbeta = dout.sum(axis=(0, 2, 3))[None, :, None, None]
        dgamma = (dout * x_hat).sum(axis=(0, 2, 3))[None, :, None, None]
        dx, _, _ = batchnorm_backward((dout * gamma).reshape(N * G, -1).T, bn_cache)
        return dx.T.reshape(N, C, H, W), dgamma, dbeta

    return locals()


@variant("groupnorm")
def a_loop_over_groups():
    def spatial_groupnorm_forward(x, gamma, beta, G, gn_param):
        eps = gn_param.get("eps", 1e-5)
        size = x.shape[1] // G
        x_hat, stds = np.zeros_like(x), []
        for g in range(G):
            part = x[:, g * size : (g + 1) * size]
            mean = part.mean(axis=(1, 2, 3), keepdims=True)
            std = np.sqrt(part.var(axis=(1, 2, 3), keepdims=True) + eps)
            x_hat[:, g * size : (g + 1) * size] = (part - mean) / std
            stds.append(std)
        return x_hat * gamma + beta, (x_hat, stds, gamma)

    def spatial_groupnorm_backward(dout, cache):
        x_hat, stds, gamma = cache
        N, C, H, W = dout.shape
        size = C // len(stds)
        dx = np.zeros(dout.shape)
        for g, std in enumerate(stds):
            s = slice(g * size, (g + 1) * size)
            d, xh = dout[:, s] * gamma[:, s], x_hat[:, s]
            m = size * H * W
            d_sum = d.sum(axis=(1, 2, 3), keepdims=True)
            along = (d * xh).sum(axis=(1, 2, 3), keepdims=True)
            dx[:, s] = (m * d - d_sum - xh * along) / (m * std)
        total = {"axis": (0, 2, 3), "keepdims": True}
        return dx, np.sum(dout * x_hat, **total), np.sum(dout, **total)

    return locals()


@variant("groupnorm")
def image_by_image_and_group_by_group():
    def spatial_groupnorm_forward(x, gamma, beta, G, gn_param):
        eps = gn_param.get("eps", 1e-5)
        N, C, H, W = x.shape
        size = C // G
        out, cache = np.zeros(x.shape), {"gamma": gamma, "G": G}
        x_hat = np.zeros(x.shape)
        for n in range(N):
            for g in range(G):
                part = x[n, g * size : (g + 1) * size]
                std = np.sqrt(part.var() + eps)
                x_hat[n, g * size : (g + 1) * size] = (part - part.mean()) / std
                cache[n, g] = std
        for c in range(C):
            out[:, c] = x_hat[:, c] * gamma[0, c, 0, 0] + beta[0, c, 0, 0]
        cache["x_hat"] = x_hat
        return out, cache

    def spatial_groupnorm_backward(dout, cache):
        gamma, G, x_hat = cache["gamma"], cache["G"], cache["x_hat"]
        N, C, H, W = dout.shape
        size = C // G
        dx, dgamma, dbeta = np.zeros_like(dout), gamma * 0, gamma * 0
        for c in range(C):
            dgamma[0, c, 0, 0] = (dout[:, c] * x_hat[:, c]).sum()
            dbeta[0, c, 0, 0] = dout[:, c].sum()
        for n in range(N):
            for g in range(G):
                s = slice(g * size, (g + 1) * size)
                d = dout[n, s] * gamma[0, s]
                xh = x_hat[n, s]
                dx[n, s] = (d - d.mean() - xh * (d * xh).mean()) / cache[n, g]
        return dx, dgamma, dbeta

    return locals()


@variant("groupnorm")
def layernorm_of_rows():
    def spatial_groupnorm_forward(x, gamma, beta, G, gn_param):
        N, C, H, W = x.shape
        rows = x.reshape((N * G, C // G * H * W))
        ones = np.ones(rows.shape[1])
        x_hat, cache = layernorm_forward(rows, ones, 0 * ones, gn_param)
        x_hat = x_hat.reshape((N, C, H, W))
        return np.multiply(x_hat, gamma) + beta, (gamma, x_hat, cache, G)

    def spatial_groupnorm_backward(dout, cache):
        gamma, x_hat, ln_cache, G = cache
        N, C, H, W = dout.shape
        print("groups", G)
        dx, _, _ = layernorm_backward((gamma * dout).reshape((N * G, -1)), ln_cache)
        dgamma = np.sum(dout * x_hat, axis=(0, 2, 3)).reshape(1, C, 1, 1)
        return (
            dx.reshape(dout.shape),
            dgamma,
            np.sum(dout, (0, 2, 3)).reshape(1, C, 1, 1),
        )

    return locals()


@variant("groupnorm")
def statistics_repeated_to_channels():
    def spatial_groupnorm_forward(x, gamma, beta, G, gn_param):
        eps = gn_param.get("eps", 1e-5)
        N, C, H, W = x.shape
        groups = x.reshape(N, G, -1)
        mean = np.repeat(groups.mean(axis=2), C // G, axis=1)[:, :, None, None]
        std = np.sqrt(groups.var(axis=2) + eps)
        std = np.repeat(std, C // G, axis=1)[:, :, None, None]
        x_hat = (x - mean) / std
        return gamma * x_hat + beta, [x_hat, std, gamma, G]

    def spatial_groupnorm_backward(dout, cache):
        x_hat, std, gamma, G = cache
        N, C, H, W = dout.shape

        def mean(a):
            small = a.reshape(N, G, -1).mean(axis=2)
            return np.repeat(small, C // G, axis=1).reshape(N, C, 1, 1)

        d = dout * gamma
        dx = (d - mean(d) - x_hat * mean(d * x_hat)) / std
        dgamma = np.zeros((1, C, 1, 1))
        dgamma[0, :, 0, 0] = np.einsum("nchw,nchw->c", dout, x_hat)
        return (
            dx,
            dgamma,
            np.einsum("nchw->c", dout)[np.newaxis, :, np.newaxis, np.newaxis],
        )

    return locals()


@variant("groupnorm")
def split_and_concatenate():
    def spatial_groupnorm_forward(x, gamma, beta, G, gn_param):
        eps = gn_param.get("eps", 1e-5)
        parts, stds = [], []
        for part in np.split(x, G, axis=1):
            flat = part.reshape(len(x), -1)
            std = np.sqrt(flat.var(axis=1) + eps).reshape(-1, 1, 1, 1)
            parts.append((part - flat.mean(axis=1).reshape(-1, 1, 1, 1)) / std)
            stds.append(std)
        x_hat = np.concatenate(parts, axis=1)
        return x_hat * gamma + beta, (parts, stds, gamma)

    def spatial_groupnorm_backward(dout, cache):
        parts, stds, gamma = cache
        dxs = []
        for d, xh, std in zip(
            np.split(dout * gamma, len(parts), axis=1), parts, stds, strict=True
        ):
            one = (1, 2, 3)
            inner = d - d.mean(axis=one, keepdims=True)
            inner = inner - xh * (d * xh).mean(axis=one, keepdims=True)
            dxs.append(inner / std)
        x_hat = np.concatenate(parts, axis=1)
        dgamma = (dout * x_hat).sum(axis=(0, 2, 3), keepdims=True)
        return np.concatenate(dxs, axis=1), dgamma, dout.sum((0, 2, 3), keepdims=True)

    return locals()


@variant("groupnorm")
def statistics_again_in_backward():
    def spatial_groupnorm_forward(x, gamma, beta, G, gn_param):
        eps = gn_param.get("eps", 1e-5)
        z = x.reshape(x.shape[0] * G, -1)
        z = (z - z.mean(1, keepdims=True)) / (z.var(1, keepdims=True) + eps) ** 0.5
        return z.reshape(x.shape) * gamma + beta, (x, gamma, beta, G, eps)

    def spatial_groupnorm_backward(dout, cache):
        x, gamma, beta, G, eps = cache
        z = x.reshape(x.shape[0] * G, -1)
        std = (z.var(1, keepdims=True) + eps) ** 0.5
        z = (z - z.mean(1, keepdims=True)) / std
        d = (dout * gamma).reshape(z.shape)
        D = z.shape[1]
        dz = D * d - d.sum(1, keepdims=True) - z * (d * z).sum(1, keepdims=True)
        dz /= D * std
        z = z.reshape(x.shape)
        dgamma = np.sum(np.sum(np.sum(dout * z, 3, keepdims=True), 2, keepdims=True), 0)
        dbeta = np.sum(np.sum(np.sum(dout, 3, keepdims=True), 2, keepdims=True), 0)
        return dz.reshape(x.shape), dgamma[None], dbeta[None]

    return locals()


@variant("groupnorm")
def gamma_folded_into_five_axes():
    def spatial_groupnorm_forward(x, gamma, beta, G, gn_param):
        eps = gn_param.get("eps", 1e-5)
        N, C, H, W = x.shape
        five = (1, G, C // G, 1, 1)
        x5 = x.reshape(N, G, C // G, H, W)
        mu = x5.mean((2, 3, 4), keepdims=True)
        isd = 1 / np.sqrt(((x5 - mu) ** 2).mean((2, 3, 4), keepdims=True) + eps)
        z = (x5 - mu) * isd
        out = z * gamma.reshape(five) + beta.reshape(five)
        return out.reshape(N, C, H, W), (z, isd, gamma.reshape(five))

    def spatial_groupnorm_backward(dout, cache):
        z, isd, gamma = cache
        d = dout.reshape(z.shape)
        C = dout.shape[1]
        dbeta = d.sum(axis=(0, 3, 4)).reshape(1, C, 1, 1)
        dgamma = (d * z).sum(axis=(0, 3, 4)).reshape(1, C, 1, 1)
        d = d * gamma
        dx = isd * (d - d.mean((2, 3, 4), keepdims=True))
        dx -= isd * z * (d * z).mean((2, 3, 4), keepdims=True)
        return dx.reshape(dout.shape), dgamma, dbeta

    return locals()


@variant("groupnorm")
def a_jacobian_for_each_group():
    def spatial_groupnorm_forward(x, gamma, beta, G, gn_param):
        eps = gn_param.get("eps", 1e-5)
        rows, cache = [], []
        for row in x.reshape(len(x) * G, -1):
            std = np.sqrt(np.var(row) + eps)
            rows.append((row - np.mean(row)) / std)
            cache.append(std)
        x_hat = np.array(rows)
        return x_hat.reshape(x.shape) * gamma + beta, (x_hat, cache, gamma)

    def spatial_groupnorm_backward(dout, cache):
        x_hat, stds, gamma = cache
        D = x_hat.shape[1]
        d = (dout * gamma).reshape(x_hat.shape)
        dx = np.empty_like(d)
        for i, (row, std) in enumerate(zip(x_hat, stds, strict=True)):
            dx[i] = (np.eye(D) - (1 + np.outer(row, row)) / D) @ d[i] / std
        sums = {"axis": (0, 2, 3), "keepdims": True}
        x_hat = x_hat.reshape(dout.shape)
        return dx.reshape(dout.shape), (dout * x_hat).sum(**sums), dout.sum(**sums)

    return locals()
