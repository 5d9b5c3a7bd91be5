"""Right batch normalisations: forward, backward and its short form."""

import numpy as np

from tests.course.correct.registry import variant


def with_running(x, bn_param):
    """Return eps, momentum and the running averages."""
    D = x.shape[1]
    return (
        bn_param.get("eps", 1e-5),
        bn_param.get("momentum", 0.9),
        bn_param.get("running_mean", np.zeros(D, dtype=x.dtype)),
        bn_param.get("running_var", np.zeros(D, dtype=x.dtype)),
    )


@variant("batchnorm")
def nine_steps_of_a_graph():
    def batchnorm_forward(x, gamma, beta, bn_param):
        eps, momentum, running_mean, running_var = with_running(x, bn_param)
        N, D = x.shape
        cache = None
        if bn_param["mode"] == "train":
            mu = 1.0 / N * np.sum(x, axis=0)
            xmu = x - mu
            sq = xmu**2
            var = 1.0 / N * np.sum(sq, axis=0)
            sqrtvar = np.sqrt(var + eps)
            ivar = 1.0 / sqrtvar
            xhat = xmu * ivar
            gammax = gamma * xhat
            out = gammax + beta
            cache = (xhat, gamma, xmu, ivar, sqrtvar, var, eps)
            running_mean = momentum * running_mean + (1 - momentum) * mu
            running_var = momentum * running_var + (1 - momentum) * var
        else:
            out = gamma * (x - running_mean) / np.sqrt(running_var + eps) + beta
        bn_param["running_mean"] = running_mean
        bn_param["running_var"] = running_var
        return out, cache

    def batchnorm_backward(dout, cache):
        xhat, gamma, xmu, ivar, sqrtvar, var, eps = cache
        N, D = dout.shape
        dbeta = np.sum(dout, axis=0)
        dgammax = dout
        dgamma = np.sum(dgammax * xhat, axis=0)
        dxhat = dgammax * gamma
        divar = np.sum(dxhat * xmu, axis=0)
        dxmu1 = dxhat * ivar
        dsqrtvar = -1.0 / (sqrtvar**2) * divar
        dvar = 0.5 * 1.0 / np.sqrt(var + eps) * dsqrtvar
        dsq = 1.0 / N * np.ones((N, D)) * dvar
        dxmu2 = 2 * xmu * dsq
        dx1 = dxmu1 + dxmu2
        dmu = -1 * np.sum(dxmu1 + dxmu2, axis=0)
        dx2 = 1.0 / N * np.ones((N, D)) * dmu
        return dx1 + dx2, dgamma, dbeta

    def batchnorm_backward_alt(dout, cache):
        xhat, gamma, xmu, ivar, sqrtvar, var, eps = cache
        N = dout.shape[0]
        dxhat = dout * gamma
        dx = N * dxhat - np.sum(dxhat, axis=0) - xhat * np.sum(dxhat * xhat, axis=0)
        return dx * ivar / N, np.sum(dout * xhat, axis=0), np.sum(dout, axis=0)

    return locals()


@variant("batchnorm")
def dict_cache_and_the_papers_formulas():
    def batchnorm_forward(x, gamma, beta, bn_param):
        eps, momentum, running_mean, running_var = with_running(x, bn_param)
        if bn_param["mode"] == "test":
            x_norm = (x - running_mean) / (running_var + eps) ** 0.5
            return x_norm * gamma + beta, None
        mean, var = np.mean(x, 0), np.var(x, 0)
        x_norm = (x - mean) / np.sqrt(var + eps)
        cache = {
            "x": x,
            "mean": mean,
            "var": var,
            "x_norm": x_norm,
            "gamma": gamma,
            "eps": eps,
        }
        bn_param["running_mean"] = running_mean * momentum + mean * (1 - momentum)
        bn_param["running_var"] = running_var * momentum + var * (1 - momentum)
        return x_norm * gamma + beta, cache

    def batchnorm_backward(dout, cache):
        x, mean, var, eps = cache["x"], cache["mean"], cache["var"], cache["eps"]
        m = x.shape[0]
        dx_norm = dout * cache["gamma"]
        dvar = np.sum(dx_norm * (x - mean) * -0.5 * (var + eps) ** -1.5, axis=0)
        dmean = np.sum(-dx_norm / np.sqrt(var + eps), axis=0)
        dmean += dvar * np.mean(-2 * (x - mean), axis=0)
        dx = dx_norm / np.sqrt(var + eps) + dvar * 2 * (x - mean) / m + dmean / m
        return dx, np.sum(dout * cache["x_norm"], axis=0), np.sum(dout, axis=0)

    def batchnorm_backward_alt(dout, cache):
        x_norm, m = cache["x_norm"], dout.shape[0]
        dgamma, dbeta = (dout * x_norm).sum(0), dout.sum(0)
        scale = cache["gamma"] * (cache["var"] + cache["eps"]) ** (-1 / 2) / m
        return scale * (-dgamma * x_norm + m * dout - dbeta), dgamma, dbeta

    return locals()


@variant("batchnorm")
def statistics_again_in_backward():
    def batchnorm_forward(x, gamma, beta, bn_param):
        eps, momentum, running_mean, running_var = with_running(x, bn_param)
        if bn_param["mode"] == "train":
            mean = x.mean(axis=0)
            var = ((x - mean) ** 2).mean(axis=0)
            bn_param["running_mean"] = momentum * running_mean + (1 - momentum) * mean
            bn_param["running_var"] = momentum * running_var + (1 - momentum) * var
        else:
            mean, var = running_mean, running_var
        out = (x - mean) / np.sqrt(var + eps) * gamma + beta
        return out, (x, gamma, beta, bn_param)

    def batchnorm_backward(dout, cache):
        x, gamma, beta, bn_param = cache
        eps = bn_param.get("eps", 1e-5)
        mean, var = x.mean(axis=0), x.var(axis=0)
        std = np.sqrt(var + eps)
        x_hat = (x - mean) / std
        g = dout * gamma
        dx = (g - g.mean(0) - x_hat * (g * x_hat).mean(0)) / std
        return dx, (dout * x_hat).sum(0), dout.sum(0)

    def batchnorm_backward_alt(dout, cache):
        return batchnorm_backward(dout, cache)

    return locals()


@variant("batchnorm")
def column_by_column():
    def batchnorm_forward(x, gamma, beta, bn_param):
        eps, momentum, running_mean, running_var = with_running(x, bn_param)
        out, kept = np.empty_like(x), []
        for d in range(x.shape[1]):
            if bn_param["mode"] == "train":
                mean, var = sum(x[:, d]) / len(x), np.var(x[:, d])
                running_mean[d] = momentum * running_mean[d] + (1 - momentum) * mean
                running_var[d] = momentum * running_var[d] + (1 - momentum) * var
            else:
                mean, var = running_mean[d], running_var[d]
            x_hat = (x[:, d] - mean) / np.sqrt(var + eps)
            out[:, d] = gamma[d] * x_hat + beta[d]
            kept.append((x_hat, np.sqrt(var + eps), gamma[d]))
        bn_param["running_mean"], bn_param["running_var"] = running_mean, running_var
        return out, kept

    def batchnorm_backward(dout, cache):
        N, D = dout.shape
        dx, dgamma, dbeta = np.zeros((N, D)), np.zeros(D), np.zeros(D)
        for d, (x_hat, std, gamma) in enumerate(cache):
            # The Jacobian of one column, written out.
            J = (np.eye(N) - 1 / N - np.outer(x_hat, x_hat) / N) / std
            dx[:, d] = gamma * J @ dout[:, d]
            dgamma[d] = dout[:, d] @ x_hat
            dbeta[d] = dout[:, d].sum()
        return dx, dgamma, dbeta

    def batchnorm_backward_alt(dout, cache):
        x_hat = np.stack([c[0] for c in cache], axis=1)
        std = np.array([c[1] for c in cache])
        gamma = np.array([c[2] for c in cache])
        g = gamma * dout
        inner = np.einsum("nd,nd->d", g, x_hat)
        dx = (g - g.mean(axis=0) - x_hat * inner / len(g)) / std
        return dx, np.einsum("nd,nd->d", dout, x_hat), dout.sum(axis=0)

    return locals()


@variant("batchnorm")
def kept_dimensions_inside():
    def batchnorm_forward(x, gamma, beta, bn_param):
        eps, momentum, running_mean, running_var = with_running(x, bn_param)
        if bn_param["mode"] == "train":
            mean = np.mean(x, axis=0, keepdims=True)
            var = np.var(x, axis=0, keepdims=True)
            running_mean = momentum * running_mean + (1 - momentum) * mean.ravel()
            running_var = momentum * running_var + (1 - momentum) * var.squeeze(0)
        else:
            mean, var = running_mean[None], running_var[None]
        bn_param.update(running_mean=running_mean, running_var=running_var)
        x_hat = (x - mean) / np.sqrt(var + eps)
        return gamma[None] * x_hat + beta[None], [x - mean, x_hat, var + eps, gamma]

    def batchnorm_backward(dout, cache):
        xc, x_hat, var_eps, gamma = cache
        n = xc.shape[0]
        dx_hat = dout * gamma[None]
        dvar = (dx_hat * xc * -0.5 * var_eps ** (-3 / 2)).sum(axis=0, keepdims=True)
        dxc = dx_hat * var_eps**-0.5 + dvar * 2 * xc / n
        dx = dxc + (-dxc.sum(axis=0, keepdims=True)) / n
        return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)

    def batchnorm_backward_alt(dout, cache):
        xc, x_hat, var_eps, gamma = cache
        n = len(xc)
        a = dout - dout.mean(axis=0, keepdims=True)
        b = xc / var_eps * (dout * xc).sum(axis=0, keepdims=True) / n
        return gamma / np.sqrt(var_eps) * (a - b), (dout * x_hat).sum(0), dout.sum(0)

    return locals()


@variant("batchnorm")
def on_the_transposed_matrix():
    def batchnorm_forward(x, gamma, beta, bn_param):
        eps, momentum, running_mean, running_var = with_running(x, bn_param)
        xt = x.T  # (D, N)
        train = bn_param["mode"] == "train"
        mean = xt.mean(axis=1) if train else running_mean
        var = xt.var(axis=1) if train else running_var
        if train:
            bn_param["running_mean"] = momentum * running_mean + (1 - momentum) * mean
            bn_param["running_var"] = momentum * running_var + (1 - momentum) * var
        z = (xt - mean[:, None]) / np.sqrt(var[:, None] + eps)
        return (gamma[:, None] * z + beta[:, None]).T, (z, np.sqrt(var + eps), gamma)

    def batchnorm_backward(dout, cache):
        z, std, gamma = cache
        g = dout.T
        dz = g * gamma[:, None]
        mean_part = dz.mean(axis=1, keepdims=True)
        var_part = z * (dz * z).mean(axis=1, keepdims=True)
        dx = (dz - mean_part - var_part) / std[:, None]
        return dx.T, (g * z).sum(axis=1), g.sum(axis=1)

    batchnorm_backward_alt = batchnorm_backward
    return locals()


@variant("batchnorm")
def mean_of_squares_and_prints():
    def batchnorm_forward(x, gamma, beta, bn_param):
        eps, momentum, running_mean, running_var = with_running(x, bn_param)
        print("mode:", bn_param["mode"])
        if bn_param["mode"] == "train":
            mean = np.average(x, axis=0)
            var = np.average(x * x, axis=0) - mean * mean
            running_mean *= momentum
            running_mean += (1 - momentum) * mean
            running_var *= momentum
            running_var += (1 - momentum) * var
            bn_param["running_mean"], bn_param["running_var"] = (
                running_mean,
                running_var,
            )
            x_hat = np.divide(np.subtract(x, mean), np.sqrt(var + eps))
            return x_hat * gamma + beta, (x_hat, gamma, 1 / np.sqrt(var + eps))
        x_hat = (x - running_mean) / np.sqrt(running_var + eps)
        return x_hat * gamma + beta, None

    def batchnorm_backward(dout, cache):
        x_hat, gamma, inv = cache
        dbeta, dgamma = dout.sum(axis=0), np.sum(x_hat * dout, axis=0)
        dout *= gamma  # dout is not needed any more
        dout -= dout.mean(axis=0) + x_hat * (dout * x_hat).mean(axis=0)
        dout *= inv
        return dout, dgamma, dbeta

    def batchnorm_backward_alt(dout, cache):
        x_hat, gamma, inv = cache
        n = dout.shape[0] * 1.0
        dbeta, dgamma = dout.sum(axis=0), np.sum(x_hat * dout, axis=0)
        return (gamma * inv / n) * (n * dout - dbeta - x_hat * dgamma), dgamma, dbeta

    return locals()


@variant("batchnorm")
def projection_matrices():
    def batchnorm_forward(x, gamma, beta, bn_param):
        eps, momentum, running_mean, running_var = with_running(x, bn_param)
        if bn_param["mode"] == "test":
            scale = gamma / np.sqrt(running_var + eps)
            return x * scale + (beta - running_mean * scale), None
        N = len(x)
        centre = np.eye(N) - np.ones((N, N)) / N
        xc = centre @ x
        var = np.einsum("nd,nd->d", xc, xc) / N
        bn_param["running_mean"] = momentum * running_mean + (1 - momentum) * x.mean(0)
        bn_param["running_var"] = momentum * running_var + (1 - momentum) * var
        x_hat = xc / np.sqrt(var + eps)
        return x_hat * gamma + beta, (centre, x_hat, np.sqrt(var + eps), gamma)

    def batchnorm_backward(dout, cache):
        centre, x_hat, std, gamma = cache
        g = dout * gamma / std
        along = np.einsum("nd,md,md->nd", x_hat, x_hat, g) / len(g)
        dgamma = np.einsum("nd,nd->d", dout, x_hat)
        return centre @ (g - along), dgamma, np.ones(len(g)) @ dout

    def batchnorm_backward_alt(dout, cache):
        centre, x_hat, std, gamma = cache
        g = centre @ dout
        dx = gamma / std * (g - x_hat * (x_hat * g).mean(axis=0))
        return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)

    return locals()


@variant("batchnorm")
def a_class_inside():
    class Cache:
        pass

    def batchnorm_forward(x, gamma, beta, bn_param):
        eps, momentum, running_mean, running_var = with_running(x, bn_param)
        c = Cache()
        c.N, c.gamma = x.shape[0], gamma
        if bn_param["mode"] == "train":
            c.mean, c.std = x.mean(axis=0), np.sqrt(x.var(axis=0) + eps)
            bn_param["running_mean"] = momentum * running_mean + (1 - momentum) * c.mean
            new_var = momentum * running_var + (1 - momentum) * (c.std**2 - eps)
            bn_param["running_var"] = new_var
        else:
            c.mean, c.std = running_mean, np.sqrt(running_var + eps)
        c.x_hat = (x - c.mean) / c.std
        return gamma * c.x_hat + beta, c

    def batchnorm_backward(dout, c):
        dx_hat = dout * c.gamma
        dstd = -np.sum(dx_hat * c.x_hat, axis=0) / c.std
        dx = dx_hat / c.std + dstd * c.x_hat / c.N
        dx -= dx.mean(axis=0)
        return dx, np.sum(dout * c.x_hat, axis=0), np.sum(dout, axis=0)

    def batchnorm_backward_alt(dout, c):
        dgamma, dbeta = np.sum(dout * c.x_hat, axis=0), np.sum(dout, axis=0)
        t = dout * c.N - dbeta - c.x_hat * dgamma
        return t * (c.gamma / (c.N * c.std)), dgamma, dbeta

    return locals()


@variant("batchnorm")
def mixed_with_test_cache():
    def batchnorm_forward(x, gamma, beta, bn_param):
        eps, momentum, running_mean, running_var = with_running(x, bn_param)
        if bn_param["mode"] == "train":
            sample_mean, sample_var = np.mean(x, axis=0), np.var(x, axis=0)
            # the same average, written as a step towards the batch
            running_mean = running_mean + (1 - momentum) * (sample_mean - running_mean)
            running_var = running_var + (1 - momentum) * (sample_var - running_var)
            mean, var = sample_mean, sample_var
        else:
            mean, var = running_mean, running_var
        bn_param["running_mean"] = running_mean
        bn_param["running_var"] = running_var
        xh = (x - mean) * np.power(var + eps, -0.5)
        return beta + xh * gamma, (
            bn_param["mode"],
            xh,
            np.power(var + eps, -0.5),
            gamma,
        )

    def batchnorm_backward(dout, cache):
        mode, xh, inv, gamma = cache
        N = xh.shape[0]
        dxh = gamma * dout
        dinv = np.sum(dxh * xh / inv, axis=0)
        dvar = dinv * -0.5 * inv**3
        dx = dxh * inv + (2.0 / N) * dvar * xh / inv
        dmean = -np.sum(dxh * inv, axis=0)
        return dx + dmean / N, np.sum(xh * dout, axis=0), dout.sum(axis=0)

    def batchnorm_backward_alt(dout, cache):
        mode, xh, inv, gamma = cache
        centred = dout - np.mean(dout, 0)
        dx = gamma * inv * (centred - xh * np.mean(centred * xh, 0))
        return dx, np.sum(xh * dout, axis=0), dout.sum(axis=0)

    return locals()
