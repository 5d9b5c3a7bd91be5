"""Right solutions of a second crowd: tensordot, strides, objects, nested caches.

Their statistics, masks and places are kept in forms that the other files do not have.
"""

import numpy as np

from tests.course.correct.registry import variant


@variant("affine")
def all_axes_contracted():
    def affine_forward(x, w, b):
        D, M = w.shape
        k = x.ndim - 1
        w_nd = w.reshape((*x.shape[1:], M))
        out = np.tensordot(x, w_nd, axes=k) + b
        cache = ((x, w), b)
        return out, cache

    def affine_backward(dout, cache):
        (x, w), b = cache
        dx = np.tensordot(dout, w.T, axes=([1], [0])).reshape(x.shape)
        dw = np.tensordot(x, dout, axes=([0], [0])).reshape(w.shape)
        db = np.tensordot(dout, np.ones(len(dout)), axes=([0], [0]))
        return dx, dw, db

    return {"affine_forward": affine_forward, "affine_backward": affine_backward}


@variant("affine")
def bias_as_one_more_row():
    def affine_forward(x, w, b):
        """bias trick"""
        n = x.shape[0]
        ones = np.ones((n, 1), dtype=np.float32)
        xa = np.hstack((x.reshape(n, -1), ones))
        wa = np.concatenate((w, b[None, :]), axis=0)
        return np.dot(xa, wa), (xa, wa, x.shape)

    def affine_backward(dout, cache):
        xa, wa, shp = cache
        dwa = np.dot(xa.T, dout)
        dxa = np.dot(dout, wa.T)
        dw, db = np.split(dwa, [-1])
        return dxa[:, :-1].reshape(shp), dw, db[0]

    def relu_forward(x):
        y = np.piecewise(x, [x <= 0, x > 0], [0, lambda v: v])
        return y, x

    def relu_backward(dout, cache):
        dx, x = dout.copy(), cache
        dx[np.where(x <= 0)] = 0
        return dx

    return {
        "affine_forward": affine_forward,
        "affine_backward": affine_backward,
        "relu_forward": relu_forward,
        "relu_backward": relu_backward,
    }


@variant("affine")
def layer_as_an_object():
    class Affine:
        def __init__(self, w, b):
            self.w = w
            self.b = b

        def __call__(self, x):
            self.shape = x.shape
            self.rows = x.reshape(-1, self.w.shape[0])
            return self.rows @ self.w + self.b

    def affine_forward(x, w, b):
        layer = Affine(w, b)
        out = layer(x)
        return out, layer

    def affine_backward(dout, cache):
        layer = cache
        dx = (dout @ layer.w.T).reshape(layer.shape)
        dw = layer.rows.T @ dout
        db = dout.sum(axis=0)
        return dx, dw, db

    def relu_forward(x):
        out = np.ma.masked_less(x, 0).filled(0)
        return out, {"x": x}

    def relu_backward(dout, cache):
        dx = np.ma.array(dout, mask=cache["x"] <= 0).filled(0.0)
        return dx

    return {
        "affine_forward": affine_forward,
        "affine_backward": affine_backward,
        "relu_forward": relu_forward,
        "relu_backward": relu_backward,
    }


@variant("affine")
def products_summed_by_broadcasting():
    def affine_forward(x, w, b):
        x_row = x.reshape([x.shape[0], -1])
        out = (x_row[:, :, np.newaxis] * w[np.newaxis]).sum(axis=1) + b
        return out, (x, w, b)

    def affine_backward(dout, cache):
        x, w, b = cache
        x_row = x.reshape([x.shape[0], -1])
        dx = (dout[:, None, :] * w[None, :, :]).sum(axis=-1).reshape(x.shape)
        dw = (x_row[:, :, None] * dout[:, None, :]).sum(axis=0)
        db = (dout * np.ones_like(b)).sum(0)
        return dx, dw, db

    def relu_forward(x):
        out = 0.5 * (np.abs(x) + x)

        def cache():
            return x

        return out, cache

    def relu_backward(dout, cache):
        return dout * (cache() > 0)

    return {
        "affine_forward": affine_forward,
        "affine_backward": affine_backward,
        "relu_forward": relu_forward,
        "relu_backward": relu_backward,
    }


@variant("batchnorm")
def jacobian_of_each_column():
    def batchnorm_forward(x, gamma, beta, bn_param):
        mode, eps, mom = (
            bn_param["mode"],
            bn_param.get("eps", 1e-5),
            bn_param.get("momentum", 0.9),
        )
        N, D = x.shape
        for key in ("running_mean", "running_var"):
            if key not in bn_param:
                bn_param[key] = np.zeros((D,))

        def normalise(x, mean, var):
            return np.divide(np.subtract(x, mean), np.power(np.add(var, eps), 0.5))

        if mode == "test":
            return normalise(
                x, bn_param["running_mean"], bn_param["running_var"]
            ) * gamma + beta, ()
        assert mode == "train", "Invalid forward batchnorm mode"
        cols = [x[:, j] for j in range(D)]
        mean = np.array([c.mean() for c in cols])
        var = np.array([np.cov(c, bias=True) if N > 1 else 0.0 for c in cols]).reshape(
            D
        )
        z = normalise(x, mean, var)
        bn_param["running_mean"] = bn_param["running_mean"] + (1 - mom) * (
            mean - bn_param["running_mean"]
        )
        bn_param["running_var"] = bn_param["running_var"] - (1 - mom) * (
            bn_param["running_var"] - var
        )
        return gamma * z + beta, (z, gamma, np.power(var + eps, -0.5))

    def batchnorm_backward(dout, cache):
        z, gamma, inv = cache
        N, D = z.shape
        dx = np.zeros((N, D))
        for j in range(D):
            zj = z[:, [j]]
            J = inv[j] * (np.eye(N) - 1.0 / N - zj @ zj.T / N)
            dx[:, j] = J @ (gamma[j] * dout[:, j])
        return (
            dx,
            np.array([z[:, j] @ dout[:, j] for j in range(D)]),
            np.array([sum(dout[:, j]) for j in range(D)]),
        )

    def batchnorm_backward_alt(dout, cache):
        return batchnorm_backward(dout, cache)

    return {
        "batchnorm_forward": batchnorm_forward,
        "batchnorm_backward": batchnorm_backward,
        "batchnorm_backward_alt": batchnorm_backward_alt,
    }


@variant("batchnorm")
def scale_and_shift_in_test_mode():
    class _Stats:
        """keeps everything"""

        pass

    def batchnorm_forward(x, gamma, beta, bn_param):
        s = _Stats()
        s.eps = bn_param.get("eps", 1e-5)
        rm = bn_param.get("running_mean")
        rv = bn_param.get("running_var")
        if rm is None:
            rm = np.zeros(x.shape[1])
        if rv is None:
            rv = np.zeros(x.shape[1])
        if bn_param["mode"] == "train":
            s.x = x.copy()
            s.mu = x.sum(0, keepdims=True) / float(x.shape[0])
            s.xmu = s.x - s.mu
            s.sq = s.xmu**2
            s.var = np.average(s.sq, axis=0)
            s.std = np.sqrt(s.var + s.eps)
            s.xhat = s.xmu / s.std
            s.gamma = gamma
            out = s.xhat * gamma.reshape(1, -1) + beta.reshape(1, -1)
            m = bn_param.get("momentum", 0.9)
            bn_param["running_mean"] = rm * m + np.squeeze(s.mu, 0) * (1.0 - m)
            bn_param["running_var"] = rv * m + s.var * (1.0 - m)
        else:
            scale = gamma / np.sqrt(rv + s.eps)
            shift = beta - rm * scale
            out = x * scale + shift
            bn_param.update(running_mean=rm, running_var=rv)
        return out, s

    def batchnorm_backward(dout, s):
        m = dout.shape[0]
        dxhat = dout * s.gamma
        dstd = -(dxhat * s.xmu).sum(0) / s.std**2
        dvar = 0.5 * dstd / s.std
        dsq = np.ones_like(s.sq) * dvar / m
        dxmu = dxhat / s.std + 2 * s.xmu * dsq
        dmu = -dxmu.sum(0)
        dx = dxmu + dmu / m
        dgamma = np.diag(dout.T @ s.xhat).copy()
        dbeta = np.ones(m) @ dout
        return dx, dgamma, dbeta

    def batchnorm_backward_alt(dout, s):
        g = dout - dout.mean(0)
        g -= s.xhat * (dout * s.xhat).mean(0)
        g *= s.gamma
        g /= s.std
        return g, (dout * s.xhat).sum(0), dout.sum(0)

    return {
        "batchnorm_forward": batchnorm_forward,
        "batchnorm_backward": batchnorm_backward,
        "batchnorm_backward_alt": batchnorm_backward_alt,
    }


@variant("layernorm")
def columns_of_the_transposed():
    def layernorm_forward(x, gamma, beta, ln_param):
        eps = ln_param.get("eps", 1e-5)
        xT = x.T
        mu = xT.mean(axis=0)
        var = xT.var(axis=0)
        xhatT = (xT - mu) / np.sqrt(var + eps)
        out = (gamma[:, None] * xhatT + beta[:, None]).T
        return out, dict(xhatT=xhatT, std=np.sqrt(var + eps), gamma=gamma)

    def layernorm_backward(dout, cache):
        xhatT, std, gamma = cache["xhatT"], cache["std"], cache["gamma"]
        dT = dout.T
        D = dT.shape[0]
        dbeta = dT.sum(axis=1)
        dgamma = (dT * xhatT).sum(axis=1)
        dxhat = dT * gamma[:, np.newaxis]
        dx = (D * dxhat - dxhat.sum(axis=0) - xhatT * (dxhat * xhatT).sum(axis=0)) / (
            D * std
        )
        return dx.T, dgamma, dbeta

    return {
        "layernorm_forward": layernorm_forward,
        "layernorm_backward": layernorm_backward,
    }


@variant("layernorm")
def row_by_row_with_a_nested_list():
    def layernorm_forward(x, gamma, beta, ln_param):
        eps = ln_param.get("eps", 1e-5)
        N, D = np.shape(x)
        sample_mean = np.add.reduce(x, axis=1, keepdims=True) / D
        x_demeaned = x - sample_mean
        sample_var = np.mean(np.square(x_demeaned), axis=1, keepdims=True)
        inv_std = np.reciprocal(np.sqrt(sample_var + eps))
        x_hat = x_demeaned * inv_std
        out = x_hat * gamma + beta
        cache = [x_hat, [inv_std, gamma]]
        return out, cache

    def layernorm_backward(dout, cache):
        x_hat, (inv_std, gamma) = cache
        N, D = dout.shape
        dgamma = np.sum(dout * x_hat, 0)
        dbeta = np.sum(dout, 0)
        dx_hat = dout * gamma
        dx = np.stack(
            [
                s * (g - g.mean() - h * np.dot(g, h) / D)
                for g, h, s in zip(dx_hat, x_hat, inv_std, strict=False)
            ]
        )
        return dx, dgamma, dbeta

    return {
        "layernorm_forward": layernorm_forward,
        "layernorm_backward": layernorm_backward,
    }
