"""Right layer normalisations."""

import numpy as np

from ece662.layers import (
    batchnorm_backward,
    batchnorm_backward_alt,
    batchnorm_forward,
)
from tests.course.correct.registry import variant


@variant("layernorm")
def batchnorm_of_the_transposed():
    def layernorm_forward(x, gamma, beta, ln_param):
        N = x.shape[0]
        bn_param = {"mode": "train", **ln_param}
        x_hat, cache = batchnorm_forward(x.T, np.ones(N), np.zeros(N), bn_param)
        return x_hat.T * gamma + beta, (cache, x_hat.T, gamma)

    def layernorm_backward(dout, cache):
        bn_cache, x_hat, gamma = cache
        dx = batchnorm_backward((dout * gamma).T, bn_cache)[0].T
        return dx, np.sum(dout * x_hat, axis=0), np.sum(dout, axis=0)

    return locals()


@variant("layernorm")
def batchnorm_alt_of_the_transposed():
    def layernorm_forward(x, gamma, beta, ln_param):
        ln_param["mode"] = "train"
        ones, zeros = np.ones((len(x),)), np.zeros((len(x),))
        out, cache = batchnorm_forward(x.T, ones, zeros, ln_param)
        out = out.T
        return gamma * out + beta, {"bn": cache, "gamma": gamma, "xhat": out}

    def layernorm_backward(dout, cache):
        dx, _, _ = batchnorm_backward_alt((cache["gamma"] * dout).T, cache["bn"])
        return dx.T, (cache["xhat"] * dout).sum(0), dout.sum(0)

    return locals()


@variant("layernorm")
def sums_over_d():
    def layernorm_forward(x, gamma, beta, ln_param):
        eps = ln_param.get("eps", 1e-5)
        mu = np.mean(x, axis=1, keepdims=True)
        var = np.var(x, axis=1, keepdims=True)
        xhat = (x - mu) / np.sqrt(var + eps)
        return gamma * xhat + beta, (xhat, gamma, var, eps)

    def layernorm_backward(dout, cache):
        xhat, gamma, var, eps = cache
        D = xhat.shape[1]
        dxhat = dout * gamma
        dx = D * dxhat - np.sum(dxhat, axis=1, keepdims=True)
        dx -= xhat * np.sum(dxhat * xhat, axis=1, keepdims=True)
        return dx / D / np.sqrt(var + eps), (dout * xhat).sum(axis=0), dout.sum(axis=0)

    return locals()


@variant("layernorm")
def the_papers_formulas_turned():
    def layernorm_forward(x, gamma, beta, ln_param):
        eps = ln_param.get("eps", 1e-5)
        x = x.T
        mean, var = x.mean(axis=0), x.var(axis=0)
        x_norm = (x - mean) / np.sqrt(var + eps)
        return x_norm.T * gamma + beta, [x, x_norm, mean, var, gamma, eps]

    def layernorm_backward(dout, cache):
        x, x_norm, mean, var, gamma, eps = cache
        D, N = x.shape
        dgamma, dbeta = np.sum(dout * x_norm.T, axis=0), np.sum(dout, axis=0)
        dx_norm = (dout * gamma).T
        dvar = np.sum(dx_norm * (x - mean) * -0.5 * (var + eps) ** -1.5, axis=0)
        dmean = -np.sum(dx_norm / np.sqrt(var + eps), axis=0)
        dx = dx_norm / np.sqrt(var + eps) + 2 * dvar * (x - mean) / D + dmean / D
        return dx.T, dgamma, dbeta

    return locals()


@variant("layernorm")
def row_by_row():
    def layernorm_forward(x, gamma, beta, ln_param):
        eps = ln_param.get("eps", 1e-5)
        out, cache = np.zeros(x.shape), []
        for n, row in enumerate(x):
            std = np.sqrt(np.mean((row - np.mean(row)) ** 2) + eps)
            x_hat = (row - row.mean()) / std
            cache.append((x_hat, std, gamma))
            out[n] = x_hat * gamma + beta
        return out, cache

    def layernorm_backward(dout, cache):
        dx, dgamma, dbeta = np.zeros(dout.shape), 0, 0
        for n, (x_hat, std, gamma) in enumerate(cache):
            D = len(x_hat)
            J = (np.eye(D) - (1 + np.outer(x_hat, x_hat)) / D) / std
            dx[n] = J @ (dout[n] * gamma)
            dgamma = dgamma + dout[n] * x_hat
            dbeta = dbeta + dout[n]
        return dx, dgamma, dbeta

    return locals()


@variant("layernorm")
def statistics_again_in_backward():
    def layernorm_forward(x, gamma, beta, ln_param):
        eps = ln_param.get("eps", 1e-5)
        std = np.sqrt(x.var(axis=1) + eps)
        x_hat = (x - x.mean(axis=1)[:, None]) / std[:, None]
        return x_hat * gamma + beta, (x, gamma, beta, ln_param)

    def layernorm_backward(dout, cache):
        x, gamma, beta, ln_param = cache
        eps = ln_param.get("eps", 1e-5)
        mean = x.mean(axis=1)[:, None]
        std = np.sqrt(x.var(axis=1) + eps)[:, None]
        x_hat = (x - mean) / std
        g = dout * gamma
        a = g.mean(axis=1)[:, None]
        b = (g * x_hat).mean(axis=1)[:, None]
        print(a.shape, b.shape)
        return (g - a - b * x_hat) / std, (dout * x_hat).sum(axis=0), dout.sum(axis=0)

    return locals()


@variant("layernorm")
def einsum():
    def layernorm_forward(x, gamma, beta, ln_param):
        D = x.shape[1]
        xc = x - np.einsum("nd->n", x)[:, None] / D
        var = np.einsum("nd,nd->n", xc, xc)[:, None] / D
        inv = (var + ln_param.get("eps", 1e-5)) ** -0.5
        return np.einsum("nd,d->nd", xc * inv, gamma) + beta, (xc * inv, inv, gamma)

    def layernorm_backward(dout, cache):
        xh, inv, gamma = cache
        g = np.einsum("nd,d->nd", dout, gamma)
        along = np.einsum("nd,nk,nk->nd", xh, xh, g) / g.shape[1]
        dx = inv * (g - g.mean(axis=1, keepdims=True) - along)
        return dx, np.einsum("nd,nd->d", dout, xh), np.einsum("nd->d", dout)

    return locals()


@variant("layernorm")
def step_by_step():
    def layernorm_forward(x, gamma, beta, ln_param):
        eps = ln_param.get("eps", 1e-5)
        mu = x.mean(1).reshape(-1, 1)
        xmu = x - mu
        var = (xmu**2).mean(1).reshape(-1, 1)
        sd = np.sqrt(var + eps)
        isd = 1 / sd
        xhat = xmu * isd
        return xhat * gamma + beta, (xmu, var, sd, isd, xhat, gamma)

    def layernorm_backward(dout, cache):
        xmu, var, sd, isd, xhat, gamma = cache
        N, D = dout.shape
        dbeta = dout.sum(0)
        dgamma = (dout * xhat).sum(0)
        dxhat = dout * gamma
        disd = (dxhat * xmu).sum(1, keepdims=True)
        dxmu = dxhat * isd
        dsd = disd * -(isd**2)
        dvar = dsd * 0.5 / sd
        dxmu = dxmu + dvar * 2 * xmu / D
        dmu = -dxmu.sum(1, keepdims=True)
        return dxmu + dmu * np.ones((N, D)) / D, dgamma, dbeta

    return locals()


@variant("layernorm")
def writes_into_dout():
    def layernorm_forward(x, gamma, beta, ln_param):
        eps = ln_param.setdefault("eps", 1e-5)
        out = np.copy(x)
        out -= out.mean(axis=1, keepdims=True)
        std = np.sqrt(np.square(out).mean(axis=1, keepdims=True) + eps)
        out /= std
        cache = (out.copy(), std, gamma)
        out *= gamma
        out += beta
        return out, cache

    def layernorm_backward(dout, cache):
        x_hat, std, gamma = cache
        dgamma, dbeta = (dout * x_hat).sum(axis=0), dout.sum(axis=0)
        dout *= gamma
        dout -= dout.mean(axis=1, keepdims=True)
        dout -= x_hat * (dout * x_hat).mean(axis=1, keepdims=True)
        dout /= std
        return dout, dgamma, dbeta

    return locals()


@variant("layernorm")
def centring_matrix_on_the_right():
    def layernorm_forward(x, gamma, beta, ln_param):
        D = x.shape[1]
        C = np.eye(D) - np.full((D, D), 1 / D)
        xc = x @ C
        std = np.linalg.norm(xc, axis=1, keepdims=True) ** 2 / D
        std = np.sqrt(std + ln_param.get("eps", 1e-5))
        return xc / std * gamma + beta, dict(C=C, x_hat=xc / std, std=std, gamma=gamma)

    def layernorm_backward(dout, cache):
        C, x_hat, std = cache["C"], cache["x_hat"], cache["std"]
        g = dout * cache["gamma"] @ C
        dx = (g - x_hat * np.mean(g * x_hat, axis=-1, keepdims=True)) / std
        return dx, np.sum(dout * x_hat, axis=0), np.sum(dout, axis=0)

    return locals()
