"""Right affine and ReLU layers."""

import numpy as np

from tests.course.correct.registry import variant


@variant("affine")
def dots_and_masks():
    def affine_forward(x, w, b):
        N = x.shape[0]
        out = np.dot(x.reshape(N, np.prod(x.shape[1:])), w) + b.reshape(1, -1)
        return out, (x, w, b)

    def affine_backward(dout, cache):
        x, w, b = cache
        N = x.shape[0]
        dx = np.dot(dout, w.T)
        dx = np.reshape(dx, x.shape)
        dw = np.dot(x.reshape(N, -1).T, dout)
        db = np.sum(dout, 0)
        return dx, dw, db

    def relu_forward(x):
        out = x.copy()
        out[out < 0] = 0
        return out, x

    def relu_backward(dout, cache):
        x = cache
        dx = np.array(dout, copy=True)
        dx[x <= 0] = 0
        return dx

    return locals()


@variant("affine")
def one_number_at_a_time():
    def affine_forward(x, w, b):
        flat = x.reshape(x.shape[0], -1)
        out = np.zeros((x.shape[0], w.shape[1]))
        for n in range(out.shape[0]):
            for m in range(out.shape[1]):
                total = 0.0
                for d in range(w.shape[0]):
                    total += flat[n, d] * w[d, m]
                out[n, m] = total + b[m]
        return out, (x, w, b)

    def affine_backward(dout, cache):
        x, w, b = cache
        flat = x.reshape(x.shape[0], -1)
        dx, dw, db = np.zeros_like(flat), np.zeros_like(w), np.zeros_like(b)
        for n in range(dout.shape[0]):
            for m in range(dout.shape[1]):
                dx[n] += dout[n, m] * w[:, m]
                dw[:, m] += dout[n, m] * flat[n]
                db[m] += dout[n, m]
        return dx.reshape(x.shape), dw, db

    def relu_forward(x):
        out = np.array([v if v > 0 else 0.0 for v in x.ravel()]).reshape(x.shape)
        return out, x

    def relu_backward(dout, cache):
        dx = np.zeros(dout.shape)
        for index, v in np.ndenumerate(cache):
            if v > 0:
                dx[index] = dout[index]
        return dx

    return locals()


@variant("affine")
def einsum():
    def affine_forward(x, w, b):
        flat = x.reshape(len(x), -1)
        return np.einsum("nd,dm->nm", flat, w) + b, (x, w, b)

    def affine_backward(dout, cache):
        x, w, b = cache
        dx = np.einsum("nm,dm->nd", dout, w).reshape(*x.shape)
        dw = np.einsum("nd,nm->dm", x.reshape(len(x), -1), dout)
        return dx, dw, np.einsum("nm->m", dout)

    def relu_forward(x):
        return np.where(x > 0, x, 0), x

    def relu_backward(dout, cache):
        return np.where(cache > 0, dout, 0)

    return locals()


@variant("affine")
def tensordot_and_slope_one_at_zero():
    def affine_forward(x, w, b):
        k = x.ndim - 1
        weights = w.reshape(*x.shape[1:], -1)
        return np.tensordot(x, weights, axes=k) + b, (x, w, b)

    def affine_backward(dout, cache):
        x, w, b = cache
        dx = np.tensordot(dout, w.reshape(*x.shape[1:], -1), axes=(1, x.ndim - 1))
        dw = np.tensordot(x, dout, axes=(0, 0)).reshape(w.shape)
        db = dout.T.sum(axis=1)
        return dx, dw, db

    def relu_forward(x):
        return np.clip(x, 0, None), x

    def relu_backward(dout, cache):
        return dout * (cache >= 0)

    return locals()


@variant("affine")
def a_column_of_ones():
    def affine_forward(x, w, b):
        ones = np.ones((x.shape[0], 1))
        both = np.hstack([x.reshape(x.shape[0], -1), ones])
        return both @ np.vstack([w, b]), (x, w, b)

    def affine_backward(dout, cache):
        x, w, b = cache
        both = np.hstack([x.reshape(x.shape[0], -1), np.ones((x.shape[0], 1))])
        dboth = both.T @ dout
        return (dout @ w.T).reshape(x.shape), dboth[:-1], dboth[-1]

    def relu_forward(x):
        return (x > 0) * x, x

    def relu_backward(dout, cache):
        return (cache > 0).astype(int) * dout

    return locals()


@variant("affine")
def dict_cache_and_prints():
    def affine_forward(x, w, b):
        cache = {}
        cache["x"], cache["w"], cache["b"] = x, w, b
        x = np.reshape(x, (x.shape[0], -1))
        print("affine", x.shape)
        return x.dot(w) + b, cache

    def affine_backward(dout, cache):
        x, w = cache["x"], cache["w"]
        dx = dout.dot(w.T).reshape(x.shape)
        dw = x.reshape(x.shape[0], -1).T.dot(dout)
        print("dw", dw.shape)
        return [dx, dw, dout.sum(0)]

    def relu_forward(x):
        print("relu")
        return np.maximum(0, x), {"x": x}

    def relu_backward(dout, cache):
        return dout * np.heaviside(cache["x"], 0)

    return locals()


@variant("affine")
def relu_writes_into_dout():
    def affine_forward(x, w, b):
        x_row = x.reshape(x.shape[0], -1)
        out = x_row.dot(w)
        out += b
        return out, [x, w, b]

    def affine_backward(dout, cache):
        x, w, b = cache
        dx = dout.dot(w.T)
        dx.shape = x.shape
        dw = x.reshape((x.shape[0], -1)).transpose().dot(dout)
        db = np.ones(dout.shape[0]).dot(dout)
        return dx, dw, db

    def relu_forward(x):
        return (np.abs(x) + x) / 2, x

    def relu_backward(dout, cache):
        dout[cache <= 0] = 0
        return dout

    return locals()


@variant("affine")
def flat_input_in_the_cache():
    def affine_forward(x, w, b):
        flat = x.reshape(x.shape[0], -1)
        return flat @ w + b[None, :], (flat, w, x.shape)

    def affine_backward(dout, cache):
        flat, w, shape = cache
        return (w @ dout.T).T.reshape(shape), (dout.T @ flat).T, dout.sum(axis=0)

    def relu_forward(x):
        mask = x > 0
        return np.multiply(x, mask), mask

    def relu_backward(dout, cache):
        return np.multiply(dout, cache)

    return locals()


@variant("affine")
def row_by_row():
    def affine_forward(x, w, b):
        return np.stack([row.flatten() @ w + b for row in x]), (x, w, b)

    def affine_backward(dout, cache):
        x, w, b = cache
        dx = np.array([(w @ g).reshape(x.shape[1:]) for g in dout])
        dw = sum(np.outer(row.flatten(), g) for row, g in zip(x, dout, strict=True))
        return dx, dw, sum(dout)

    def relu_forward(x):
        out = np.zeros_like(x)
        positive = np.nonzero(x > 0)
        out[positive] = x[positive]
        return out, x

    def relu_backward(dout, cache):
        return dout - dout * (cache <= 0)

    return locals()


@variant("affine")
def transposed_thinking():
    def affine_forward(x, w, b):
        columns = x.reshape(x.shape[0], -1).T  # (D, N)
        return (w.T @ columns + b[:, np.newaxis]).T, (x, w, b)

    def affine_backward(dout, cache):
        x, w, b = cache
        g = dout.T  # (M, N)
        dx = (w @ g).T.reshape(x.shape)
        dw = x.reshape(x.shape[0], -1).T @ g.T
        return dx, dw, g.sum(axis=1, keepdims=True).squeeze(1)

    def relu_forward(x):
        return -np.minimum(-x, 0), x

    def relu_backward(dout, cache):
        dx = dout.astype(np.float64)
        dx *= np.sign(np.maximum(cache, 0))
        return dx

    return locals()
