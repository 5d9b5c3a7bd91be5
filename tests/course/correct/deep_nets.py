"""Right fully connected networks of any depth."""

import numpy as np

from ece662.classifiers.base import Classifier
from ece662.layer_utils import (
    affine_bn_relu_backward,
    affine_bn_relu_forward,
    affine_ln_relu_backward,
    affine_ln_relu_forward,
    affine_relu_backward,
    affine_relu_forward,
)
from ece662.layers import (
    affine_backward,
    affine_forward,
    batchnorm_backward,
    batchnorm_backward_alt,
    batchnorm_forward,
    dropout_backward,
    dropout_forward,
    layernorm_backward,
    layernorm_forward,
    relu_backward,
    relu_forward,
    softmax_loss,
)
from tests.course.correct.registry import variant


def network(init, forward_and_back):
    """Make the class as the course gives it, around what a student writes.

    Args:
        init: `init(self, hidden_dims, input_dim, num_classes, weight_scale)`.
        forward_and_back: `(self, X, y)`, called when the modes are set.
    """

    class FullyConnectedNet(Classifier):
        def __init__(
            self,
            hidden_dims,
            input_dim=3 * 32 * 32,
            num_classes=10,
            dropout=1,
            normalization=None,
            reg=0.0,
            weight_scale=1e-2,
            dtype=np.float32,
            seed=None,
        ):
            self.normalization, self.reg = normalization, reg
            self.use_dropout = dropout != 1
            self.num_layers = 1 + len(hidden_dims)
            self.dtype, self.params = np.dtype(dtype), {}
            init(self, hidden_dims, input_dim, num_classes, weight_scale)
            for name, value in self.params.items():
                self.params[name] = value.astype(self.dtype)
            self.dropout_param = {"mode": "train", "p": dropout, "seed": seed}
            if normalization == "batchnorm":
                self.bn_params = [{"mode": "train"} for _ in hidden_dims]
            self.ln_params = [{} for _ in hidden_dims]

        def loss(self, X, y=None):
            mode = "test" if y is None else "train"
            self.dropout_param["mode"] = mode
            for bn_param in self.bn_params:
                bn_param["mode"] = mode
            return forward_and_back(self, X.astype(self.dtype), y)

    return {"FullyConnectedNet": FullyConnectedNet}


def plain_init(self, hidden_dims, input_dim, num_classes, scale):
    dims = [input_dim, *hidden_dims, num_classes]
    for i in range(self.num_layers):
        self.params[f"W{i + 1}"] = scale * np.random.randn(dims[i], dims[i + 1])
        self.params[f"b{i + 1}"] = np.zeros(dims[i + 1])
        if self.normalization is not None and i != self.num_layers - 1:
            self.params[f"gamma{i + 1}"] = np.ones(dims[i + 1])
            self.params[f"beta{i + 1}"] = np.zeros(dims[i + 1])


def forward(self, X):
    """Return the scores and the caches, kept in a dict by name."""
    out, caches = X, {}
    for i in range(1, self.num_layers):
        W, b = self.params[f"W{i}"], self.params[f"b{i}"]
        out, caches["affine", i] = affine_forward(out, W, b)
        if self.normalization == "batchnorm":
            gamma, beta = self.params[f"gamma{i}"], self.params[f"beta{i}"]
            out, caches["norm", i] = batchnorm_forward(
                out, gamma, beta, self.bn_params[i - 1]
            )
        if self.normalization == "layernorm":
            gamma, beta = self.params[f"gamma{i}"], self.params[f"beta{i}"]
            out, caches["norm", i] = layernorm_forward(
                out, gamma, beta, self.ln_params[i - 1]
            )
        out, caches["relu", i] = relu_forward(out)
        if self.use_dropout:
            out, caches["dropout", i] = dropout_forward(out, self.dropout_param)
    L = self.num_layers
    scores, caches["affine", L] = affine_forward(
        out, self.params[f"W{L}"], self.params[f"b{L}"]
    )
    return scores, caches


def back(self, dscores, caches, batchnorm_backward=batchnorm_backward):
    """Return the gradients without those of the regularisation."""
    grads, L = {}, self.num_layers
    d, grads[f"W{L}"], grads[f"b{L}"] = affine_backward(dscores, caches["affine", L])
    for i in range(L - 1, 0, -1):
        if self.use_dropout:
            d = dropout_backward(d, caches["dropout", i])
        d = relu_backward(d, caches["relu", i])
        if self.normalization:
            batch = self.normalization == "batchnorm"
            function = batchnorm_backward if batch else layernorm_backward
            d, dgamma, dbeta = function(d, caches["norm", i])
            grads[f"gamma{i}"], grads[f"beta{i}"] = dgamma, dbeta
        d, grads[f"W{i}"], grads[f"b{i}"] = affine_backward(d, caches["affine", i])
    return grads


def regularised(self, loss, grads):
    for i in range(1, self.num_layers + 1):
        W = self.params[f"W{i}"]
        loss += 0.5 * self.reg * np.sum(W * W)
        grads[f"W{i}"] = grads[f"W{i}"] + self.reg * W
    return loss, grads


def plain_loss(self, X, y):
    scores, caches = forward(self, X)
    if y is None:
        return scores
    loss, dscores = softmax_loss(scores, y)
    return regularised(self, loss, back(self, dscores, caches))


@variant("FullyConnectedNet")
def dict_of_caches():
    return network(plain_init, plain_loss)


@variant("FullyConnectedNet")
def short_form_of_batchnorm():
    def loss(self, X, y):
        scores, caches = forward(self, X)
        if y is None:
            return scores
        loss, dscores = softmax_loss(scores, y)
        grads = back(self, dscores, caches, batchnorm_backward_alt)
        weights = [name for name in self.params if name[0] == "W"]
        loss += 0.5 * self.reg * sum((self.params[n] ** 2).sum() for n in weights)
        for name in weights:
            grads[name] += self.reg * self.params[name]
        return loss, grads

    return network(plain_init, loss)


@variant("FullyConnectedNet")
def sandwiches():
    def loss(self, X, y):
        p, caches, drops, h = self.params, [], [], X
        for i in range(1, self.num_layers):
            args = [h, p["W" + str(i)], p["b" + str(i)]]
            if self.normalization == "batchnorm":
                more = [p[f"gamma{i}"], p[f"beta{i}"], self.bn_params[i - 1]]
                h, cache = affine_bn_relu_forward(*args, *more)
            elif self.normalization == "layernorm":
                more = [p[f"gamma{i}"], p[f"beta{i}"], self.ln_params[i - 1]]
                h, cache = affine_ln_relu_forward(*args, *more)
            else:
                h, cache = affine_relu_forward(*args)
            caches.append(cache)
            if self.use_dropout:
                h, cache = dropout_forward(h, self.dropout_param)
                drops.append(cache)
        n = str(self.num_layers)
        scores, last = affine_forward(h, p["W" + n], p["b" + n])
        if y is None:
            return scores
        loss, d = softmax_loss(scores, y)
        grads = {}
        d, grads["W" + n], grads["b" + n] = affine_backward(d, last)
        grads["W" + n] += self.reg * p["W" + n]
        loss += 0.5 * self.reg * np.sum(p["W" + n] ** 2)
        for i in reversed(range(1, self.num_layers)):
            if self.use_dropout:
                d = dropout_backward(d, drops.pop())
            cache = caches.pop()
            if self.normalization == "batchnorm":
                d, dW, db, dg, dbeta = affine_bn_relu_backward(d, cache)
            elif self.normalization == "layernorm":
                d, dW, db, dg, dbeta = affine_ln_relu_backward(d, cache)
            else:
                d, dW, db = affine_relu_backward(d, cache)
            if self.normalization:
                grads[f"gamma{i}"], grads[f"beta{i}"] = dg, dbeta
            grads[f"W{i}"], grads[f"b{i}"] = dW + self.reg * p[f"W{i}"], db
            loss += 0.5 * self.reg * np.sum(p[f"W{i}"] ** 2)
        return loss, grads

    return network(plain_init, loss)


@variant("FullyConnectedNet")
def normal_numbers_layer_by_layer():
    def init(self, hidden_dims, input_dim, num_classes, scale):
        last = input_dim
        for i, width in enumerate(hidden_dims):
            self.params["W%d" % (i + 1)] = np.random.normal(0, scale, (last, width))
            self.params["b%d" % (i + 1)] = np.zeros(width)
            if self.normalization == "batchnorm" or self.normalization == "layernorm":
                self.params["gamma%d" % (i + 1)] = np.ones(width)
                self.params["beta%d" % (i + 1)] = np.zeros(width)
            last = width
        L = self.num_layers
        self.params["W%d" % L] = np.random.normal(0, scale, size=(last, num_classes))
        self.params["b%d" % L] = np.zeros(num_classes)

    return network(init, plain_loss)


@variant("FullyConnectedNet")
def all_weights_then_all_biases():
    def init(self, hidden_dims, input_dim, num_classes, scale):
        dims = np.hstack([input_dim, hidden_dims, num_classes])
        rng = np.random.default_rng(7)
        pairs = list(zip(dims[:-1], dims[1:], strict=True))
        weights = {
            f"W{i}": scale * rng.standard_normal(pair)
            for i, pair in enumerate(pairs, 1)
        }
        biases = {f"b{i}": np.zeros(pair[1]) for i, pair in enumerate(pairs, 1)}
        self.params.update(weights)
        self.params.update(biases)
        if self.normalization:
            for i, (_, width) in enumerate(pairs[:-1], 1):
                self.params[f"beta{i}"] = np.zeros(width)
                self.params[f"gamma{i}"] = np.ones(width)

    return network(init, plain_loss)


@variant("FullyConnectedNet")
def functions_on_a_stack():
    def loss(self, X, y):
        p, stack = self.params, []

        def push(result, undo):
            out, cache = result
            stack.append(lambda d: undo(d, cache))
            return out

        def undo_affine(i):
            def undo(d, cache):
                dx, grads[f"W{i}"], grads[f"b{i}"] = affine_backward(d, cache)
                return dx

            return undo

        def undo_norm(i, function):
            def undo(d, cache):
                dx, grads[f"gamma{i}"], grads[f"beta{i}"] = function(d, cache)
                return dx

            return undo

        grads, h = {}, X
        for i in range(1, self.num_layers + 1):
            h = push(affine_forward(h, p[f"W{i}"], p[f"b{i}"]), undo_affine(i))
            if i == self.num_layers:
                break
            if self.normalization == "batchnorm":
                result = batchnorm_forward(
                    h, p[f"gamma{i}"], p[f"beta{i}"], self.bn_params[i - 1]
                )
                h = push(result, undo_norm(i, batchnorm_backward))
            elif self.normalization == "layernorm":
                result = layernorm_forward(
                    h, p[f"gamma{i}"], p[f"beta{i}"], self.ln_params[i - 1]
                )
                h = push(result, undo_norm(i, layernorm_backward))
            h = push(relu_forward(h), relu_backward)
            if self.use_dropout:
                h = push(dropout_forward(h, self.dropout_param), dropout_backward)
        if y is None:
            return h
        loss, d = softmax_loss(h, y)
        for undo in stack[::-1]:
            d = undo(d)
        return regularised(self, loss, grads)

    return network(plain_init, loss)


@variant("FullyConnectedNet")
def dropout_before_relu():
    """A mask that is never negative may as well come before the ReLU."""

    def loss(self, X, y):
        p, caches, h, L = self.params, [], X, self.num_layers
        for i in range(1, L):
            h, affine = affine_forward(h, p[f"W{i}"], p[f"b{i}"])
            norm = drop = None
            if self.normalization == "batchnorm":
                args = h, p[f"gamma{i}"], p[f"beta{i}"], self.bn_params[i - 1]
                h, norm = batchnorm_forward(*args)
            elif self.normalization == "layernorm":
                args = h, p[f"gamma{i}"], p[f"beta{i}"], self.ln_params[i - 1]
                h, norm = layernorm_forward(*args)
            if self.use_dropout:
                h, drop = dropout_forward(h, self.dropout_param)
            h, relu = relu_forward(h)
            caches.append((affine, norm, drop, relu))
        scores, last = affine_forward(h, p[f"W{L}"], p[f"b{L}"])
        if y is None:
            return scores
        loss, d = softmax_loss(scores, y)
        grads = {}
        d, grads[f"W{L}"], grads[f"b{L}"] = affine_backward(d, last)
        for i in range(L - 1, 0, -1):
            affine, norm, drop, relu = caches[i - 1]
            d = relu_backward(d, relu)
            if self.use_dropout:
                d = dropout_backward(d, drop)
            if self.normalization:
                batch = self.normalization == "batchnorm"
                function = batchnorm_backward_alt if batch else layernorm_backward
                d, grads[f"gamma{i}"], grads[f"beta{i}"] = function(d, norm)
            d, grads[f"W{i}"], grads[f"b{i}"] = affine_backward(d, affine)
        return regularised(self, loss, grads)

    return network(plain_init, loss)


@variant("FullyConnectedNet")
def affine_by_hand():
    def loss(self, X, y):
        p, L = self.params, self.num_layers
        inputs, gates, norms, drops = [X.reshape(len(X), -1)], [], {}, {}
        for i in range(1, L):
            z = inputs[-1].dot(p[f"W{i}"]) + p[f"b{i}"]
            if self.normalization == "batchnorm":
                z, norms[i] = batchnorm_forward(
                    z, p[f"gamma{i}"], p[f"beta{i}"], self.bn_params[i - 1]
                )
            elif self.normalization == "layernorm":
                z, norms[i] = layernorm_forward(z, p[f"gamma{i}"], p[f"beta{i}"], {})
            gates.append(z >= 0)
            h = z * gates[-1]
            if self.use_dropout:
                h, drops[i] = dropout_forward(h, self.dropout_param)
            inputs.append(h)
        scores = inputs[-1] @ p[f"W{L}"] + p[f"b{L}"]
        if y is None:
            return scores
        loss, d = softmax_loss(scores, y)
        grads = {}
        for i in range(L, 0, -1):
            if i < L:
                if self.use_dropout:
                    d = dropout_backward(d, drops[i])
                d = d * gates[i - 1]
                if self.normalization == "batchnorm":
                    d, grads[f"gamma{i}"], grads[f"beta{i}"] = batchnorm_backward(
                        d, norms[i]
                    )
                elif self.normalization == "layernorm":
                    d, grads[f"gamma{i}"], grads[f"beta{i}"] = layernorm_backward(
                        d, norms[i]
                    )
            W = p[f"W{i}"]
            grads[f"W{i}"] = inputs[i - 1].T @ d + self.reg * W
            grads[f"b{i}"] = d.sum(axis=0)
            loss += 0.5 * self.reg * np.linalg.norm(W) ** 2
            d = d @ W.T
        return loss, grads

    return network(plain_init, loss)


@variant("FullyConnectedNet")
def recursion_and_prints():
    def loss(self, X, y):
        print("layers:", self.num_layers)
        grads = {}

        def go(h, i):
            """Return the scores, or the loss and the gradient of h."""
            p = self.params
            h, affine = affine_forward(h, p[f"W{i}"], p[f"b{i}"])
            if i == self.num_layers:
                if y is None:
                    return h
                total, d = softmax_loss(h, y)
                d, grads[f"W{i}"], grads[f"b{i}"] = affine_backward(d, affine)
                return total, d
            if self.normalization == "batchnorm":
                param = self.bn_params[i - 1]
                h, norm = batchnorm_forward(h, p[f"gamma{i}"], p[f"beta{i}"], param)
            elif self.normalization == "layernorm":
                param = self.ln_params[i - 1]
                h, norm = layernorm_forward(h, p[f"gamma{i}"], p[f"beta{i}"], param)
            h, relu = relu_forward(h)
            if self.use_dropout:
                h, drop = dropout_forward(h, self.dropout_param)
            result = go(h, i + 1)
            if y is None:
                return result
            total, d = result
            if self.use_dropout:
                d = dropout_backward(d, drop)
            d = relu_backward(d, relu)
            if self.normalization == "batchnorm":
                d, grads[f"gamma{i}"], grads[f"beta{i}"] = batchnorm_backward(d, norm)
            elif self.normalization == "layernorm":
                d, grads[f"gamma{i}"], grads[f"beta{i}"] = layernorm_backward(d, norm)
            d, grads[f"W{i}"], grads[f"b{i}"] = affine_backward(d, affine)
            return total, d

        result = go(X, 1)
        if y is None:
            return result
        return regularised(self, result[0], grads)

    return network(plain_init, loss)


@variant("FullyConnectedNet")
def caches_on_the_network():
    def loss(self, X, y):
        scores, self.caches = forward(self, X)
        if y is None:
            return scores
        data_loss, self.dscores = softmax_loss(scores, y)
        self.grads = back(self, self.dscores, self.caches)
        reg_loss = 0
        for key in self.grads:
            if key.startswith("W"):
                reg_loss += np.sum(self.params[key] ** 2)
                self.grads[key] += self.reg * self.params[key]
        return data_loss + 0.5 * self.reg * reg_loss, self.grads

    return network(plain_init, loss)
