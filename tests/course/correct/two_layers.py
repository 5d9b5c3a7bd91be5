"""Right two-layer networks."""

import numpy as np

from ece662.classifiers.base import Classifier
from ece662.layer_utils import affine_relu_backward, affine_relu_forward
from ece662.layers import (
    affine_backward,
    affine_forward,
    relu_backward,
    relu_forward,
    softmax_loss,
)
from tests.course.correct.registry import variant

D, H, C = 3 * 32 * 32, 100, 10


def network(init, loss):
    """Make the class as the course gives it: the parameters are cast after `init`."""

    class TwoLayerNet(Classifier):
        def __init__(
            self,
            input_dim=D,
            hidden_dim=H,
            num_classes=C,
            weight_scale=1e-3,
            reg=0.0,
            dtype=np.float64,
        ):
            self.params, self.reg, self.dtype = {}, reg, np.dtype(dtype)
            init(self, input_dim, hidden_dim, num_classes, weight_scale)
            for name, value in self.params.items():
                self.params[name] = value.astype(self.dtype)

    TwoLayerNet.loss = loss
    return {"TwoLayerNet": TwoLayerNet}


def plain_init(self, D, H, C, scale):
    self.params["W1"] = np.random.randn(D, H) * scale
    self.params["W2"] = np.random.randn(H, C) * scale
    self.params["b1"], self.params["b2"] = np.zeros(H), np.zeros(C)


def sandwich_loss(self, X, y=None):
    X = X.astype(self.dtype)
    W1, b1, W2, b2 = (self.params[k] for k in ("W1", "b1", "W2", "b2"))
    hidden, cache1 = affine_relu_forward(X, W1, b1)
    scores, cache2 = affine_forward(hidden, W2, b2)
    if y is None:
        return scores
    loss, dscores = softmax_loss(scores, y)
    loss += 0.5 * self.reg * (np.sum(W1 * W1) + np.sum(W2 * W2))
    dhidden, dW2, db2 = affine_backward(dscores, cache2)
    _, dW1, db1 = affine_relu_backward(dhidden, cache1)
    grads = {"W1": dW1 + self.reg * W1, "b1": db1}
    grads.update({"W2": dW2 + self.reg * W2, "b2": db2})
    return loss, grads


@variant("TwoLayerNet")
def sandwiches():
    return network(plain_init, sandwich_loss)


@variant("TwoLayerNet")
def normal_with_a_scale():
    def init(self, D, H, C, scale):
        self.params["W1"] = np.random.normal(0, scale, (D, H))
        self.params["b1"] = np.zeros((H,))
        self.params["W2"] = np.random.normal(loc=0.0, scale=scale, size=(H, C))
        self.params["b2"] = np.zeros((C,))

    def loss(self, X, y=None):
        a, affine1 = affine_forward(X, self.params["W1"], self.params["b1"])
        h, relu1 = relu_forward(a)
        scores, affine2 = affine_forward(h, self.params["W2"], self.params["b2"])
        if y is None:
            return scores
        grads = {}
        loss, dout = softmax_loss(scores, y)
        dout, grads["W2"], grads["b2"] = affine_backward(dout, affine2)
        dout = relu_backward(dout, relu1)
        dout, grads["W1"], grads["b1"] = affine_backward(dout, affine1)
        for name in ("W1", "W2"):
            loss += 0.5 * self.reg * np.sum(self.params[name] ** 2)
            grads[name] += self.reg * self.params[name]
        return loss, grads

    return network(init, loss)


@variant("TwoLayerNet")
def without_the_layers():
    def loss(self, X, y=None):
        X = X.reshape(len(X), -1)
        p = self.params
        h = np.maximum(X @ p["W1"] + p["b1"], 0)
        scores = h @ p["W2"] + p["b2"]
        if y is None:
            return scores
        shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
        probs = shifted / shifted.sum(axis=1, keepdims=True)
        N = len(X)
        loss = -np.log(probs[np.arange(N), y]).mean()
        loss += self.reg * (np.sum(p["W1"] ** 2) + np.sum(p["W2"] ** 2)) / 2
        probs[range(N), y] -= 1
        d = probs / N
        dh = d @ p["W2"].T
        dh[h == 0] = 0
        grads = {"W2": h.T @ d, "b2": d.sum(0), "W1": X.T @ dh, "b1": dh.sum(0)}
        grads["W1"] += self.reg * p["W1"]
        grads["W2"] += self.reg * p["W2"]
        return loss, grads

    return network(plain_init, loss)


@variant("TwoLayerNet")
def a_generator_of_its_own():
    def init(self, D, H, C, scale):
        rng = np.random.default_rng(3)
        self.params = {
            "W1": scale * rng.standard_normal((D, H)),
            "b1": np.zeros(H),
            "W2": scale * rng.standard_normal((H, C)),
            "b2": np.zeros(C),
        }

    return network(init, sandwich_loss)


@variant("TwoLayerNet")
def standard_normal_by_size():
    def init(self, D, H, C, scale):
        for i, (rows, columns) in enumerate([(D, H), (H, C)], start=1):
            drawn = np.random.standard_normal(rows * columns) * scale
            self.params["W%d" % i] = drawn.reshape(rows, columns)
            self.params["b%d" % i] = np.zeros(columns)

    return network(init, sandwich_loss)


@variant("TwoLayerNet")
def transposed_thinking():
    def loss(self, X, y=None):
        X = X.reshape(X.shape[0], -1).T  # (D, N)
        W1, W2 = self.params["W1"].T, self.params["W2"].T
        b1, b2 = self.params["b1"][:, None], self.params["b2"][:, None]
        z = W1 @ X + b1
        a = np.where(z > 0, z, 0)
        s = W2 @ a + b2
        if y is None:
            return s.T
        loss, ds = softmax_loss(s.T, y)
        ds = ds.T
        dz = (W2.T @ ds) * (z > 0)
        reg = self.reg
        loss += 0.5 * reg * np.linalg.norm(W1) ** 2
        loss += 0.5 * reg * np.linalg.norm(W2) ** 2
        return loss, {
            "W1": (dz @ X.T + reg * W1).T,
            "b1": dz.sum(axis=1),
            "W2": (ds @ a.T + reg * W2).T,
            "b2": ds.sum(axis=1),
        }

    return network(plain_init, loss)


@variant("TwoLayerNet")
def copies_and_prints():
    def loss(self, X, y=None):
        print("batch of", X.shape[0])
        W = [self.params["W1"].copy(), self.params["W2"].copy()]
        b = [self.params["b1"].copy(), self.params["b2"].copy()]
        out, caches = X, []
        for i in range(2):
            forward = affine_relu_forward if i == 0 else affine_forward
            out, cache = forward(out, W[i], b[i])
            caches.append(cache)
        if y is None:
            return out
        loss, d = softmax_loss(out, y)
        grads = {}
        for i in (1, 0):
            backward = affine_relu_backward if i == 0 else affine_backward
            d, dW, db = backward(d, caches.pop())
            loss = loss + 0.5 * self.reg * (W[i] * W[i]).sum()
            grads[f"W{i + 1}"], grads[f"b{i + 1}"] = dW + self.reg * W[i], db
        return loss, grads

    return network(plain_init, loss)


@variant("TwoLayerNet")
def einsum_and_one_at_zero():
    def loss(self, X, y=None):
        X = X.reshape(X.shape[0], -1)
        W1, b1, W2, b2 = (self.params[k] for k in ("W1", "b1", "W2", "b2"))
        z = np.einsum("nd,dh->nh", X, W1) + b1
        gate = z >= 0
        scores = np.einsum("nh,hc->nc", z * gate, W2) + b2
        if y is None:
            return scores
        loss, g = softmax_loss(scores, y)
        back = np.einsum("nc,hc->nh", g, W2) * gate
        loss += self.reg / 2 * (np.einsum("ij,ij", W1, W1) + np.einsum("ij,ij", W2, W2))
        return loss, dict(
            W1=np.einsum("nd,nh->dh", X, back) + self.reg * W1,
            W2=np.einsum("nh,nc->hc", z * gate, g) + self.reg * W2,
            b1=back.sum(axis=0),
            b2=g.sum(axis=0),
        )

    return network(plain_init, loss)


@variant("TwoLayerNet")
def scores_by_a_method():
    def loss(self, X, y=None):
        def forward():
            h, c1 = affine_relu_forward(X, self.params["W1"], self.params["b1"])
            return affine_forward(h, self.params["W2"], self.params["b2"]), c1

        (scores, c2), c1 = forward()
        if y is None:
            return scores
        data_loss, dscores = softmax_loss(scores, y)
        squares = [np.sum(np.square(self.params[n])) for n in ("W1", "W2")]
        reg_loss = 0.5 * self.reg * sum(squares)
        dh, dW2, db2 = affine_backward(dscores, c2)
        dX, dW1, db1 = affine_relu_backward(dh, c1)
        dW1 = dW1 + 0.5 * self.reg * 2 * self.params["W1"]
        dW2 = dW2 + 0.5 * self.reg * 2 * self.params["W2"]
        return data_loss + reg_loss, {"b2": db2, "W2": dW2, "b1": db1, "W1": dW1}

    return network(plain_init, loss)


@variant("TwoLayerNet")
def a_bias_column():
    def loss(self, X, y=None):
        p = self.params
        one = np.ones((len(X), 1))
        X = np.hstack([X.reshape(len(X), -1), one])
        A1, A2 = np.vstack([p["W1"], p["b1"]]), np.vstack([p["W2"], p["b2"]])
        z = X @ A1
        h = np.hstack([z.clip(min=0), one])
        scores = h @ A2
        if y is None:
            return scores
        loss, d = softmax_loss(scores, y)
        dA2 = h.T @ d
        dz = (d @ A2.T)[:, :-1] * (z > 0)
        dA1 = X.T @ dz
        for W in (p["W1"], p["W2"]):
            loss += 0.5 * self.reg * np.sum(W**2)
        return loss, {
            "W1": dA1[:-1] + self.reg * p["W1"],
            "b1": dA1[-1],
            "W2": dA2[:-1] + self.reg * p["W2"],
            "b2": dA2[-1],
        }

    return network(plain_init, loss)
