"""Right three-layer convolutional networks."""

import numpy as np

from ece662.classifiers.base import Classifier
from ece662.fast_layers import (
    conv_backward_fast,
    conv_forward_fast,
    max_pool_backward_fast,
    max_pool_forward_fast,
)
from ece662.layer_utils import (
    affine_relu_backward,
    affine_relu_forward,
    conv_relu_backward,
    conv_relu_forward,
    conv_relu_pool_backward,
    conv_relu_pool_forward,
)
from ece662.layers import (
    affine_backward,
    affine_forward,
    conv_backward_naive,
    conv_forward_naive,
    max_pool_backward_naive,
    max_pool_forward_naive,
    relu_backward,
    relu_forward,
    softmax_loss,
)
from tests.course.correct.registry import variant


def network(init, loss):
    """Make the class as the course gives it: the parameters are cast after `init`."""

    class ThreeLayerConvNet(Classifier):
        def __init__(
            self,
            input_dim=(3, 32, 32),
            num_filters=32,
            filter_size=7,
            hidden_dim=100,
            num_classes=10,
            weight_scale=1e-3,
            reg=0.0,
            dtype=np.float32,
        ):
            self.params, self.reg, self.dtype = {}, reg, np.dtype(dtype)
            self.conv_param = {"stride": 1, "pad": (filter_size - 1) // 2}
            self.pool_param = {"pool_height": 2, "pool_width": 2, "stride": 2}
            init(
                self,
                input_dim,
                num_filters,
                filter_size,
                hidden_dim,
                num_classes,
                weight_scale,
            )
            for name, value in self.params.items():
                self.params[name] = value.astype(self.dtype)

    ThreeLayerConvNet.loss = loss
    return {"ThreeLayerConvNet": ThreeLayerConvNet}


def plain_init(self, input_dim, F, size, hidden, classes, scale):
    C, H, W = input_dim
    self.params["W1"] = scale * np.random.randn(F, C, size, size)
    self.params["b1"] = np.zeros(F)
    self.params["W2"] = scale * np.random.randn(F * H // 2 * W // 2, hidden)
    self.params["b2"] = np.zeros(hidden)
    self.params["W3"] = scale * np.random.randn(hidden, classes)
    self.params["b3"] = np.zeros(classes)


def unpack(self):
    return [self.params[f"{kind}{i}"] for i in (1, 2, 3) for kind in "Wb"]


def sandwich_loss(self, X, y=None):
    X = X.astype(self.dtype)
    W1, b1, W2, b2, W3, b3 = unpack(self)
    h1, c1 = conv_relu_pool_forward(X, W1, b1, self.conv_param, self.pool_param)
    h2, c2 = affine_relu_forward(h1, W2, b2)
    scores, c3 = affine_forward(h2, W3, b3)
    if y is None:
        return scores
    loss, dscores = softmax_loss(scores, y)
    loss += 0.5 * self.reg * (np.sum(W1**2) + np.sum(W2**2) + np.sum(W3**2))
    grads = {}
    dh2, grads["W3"], grads["b3"] = affine_backward(dscores, c3)
    dh1, grads["W2"], grads["b2"] = affine_relu_backward(dh2, c2)
    dX, grads["W1"], grads["b1"] = conv_relu_pool_backward(dh1, c1)
    for name, W in (("W1", W1), ("W2", W2), ("W3", W3)):
        grads[name] = grads[name] + self.reg * W
    return loss, grads


@variant("ThreeLayerConvNet")
def sandwiches():
    return network(plain_init, sandwich_loss)


@variant("ThreeLayerConvNet")
def naive_layers_one_by_one():
    def loss(self, X, y=None):
        W1, b1, W2, b2, W3, b3 = unpack(self)
        conv, conv_cache = conv_forward_naive(X, W1, b1, self.conv_param)
        relu1, relu1_cache = relu_forward(conv)
        pool, pool_cache = max_pool_forward_naive(relu1, self.pool_param)
        aff2, aff2_cache = affine_forward(pool, W2, b2)
        relu2, relu2_cache = relu_forward(aff2)
        scores, aff3_cache = affine_forward(relu2, W3, b3)
        if y is None:
            return scores
        loss, dout = softmax_loss(scores, y)
        drelu2, dW3, db3 = affine_backward(dout, aff3_cache)
        daff2 = relu_backward(drelu2, relu2_cache)
        dpool, dW2, db2 = affine_backward(daff2, aff2_cache)
        drelu1 = max_pool_backward_naive(dpool, pool_cache)
        dconv = relu_backward(drelu1, relu1_cache)
        _, dW1, db1 = conv_backward_naive(dconv, conv_cache)
        reg = self.reg
        for W, dW in ((W1, dW1), (W2, dW2), (W3, dW3)):
            loss += reg * np.sum(W * W) / 2
            dW += reg * W
        return loss, dict(W1=dW1, b1=db1, W2=dW2, b2=db2, W3=dW3, b3=db3)

    return network(plain_init, loss)


@variant("ThreeLayerConvNet")
def fast_layers_and_lists():
    def loss(self, X, y=None):
        W1, b1, W2, b2, W3, b3 = unpack(self)
        back = []
        out, cache = conv_forward_fast(X, W1, b1, self.conv_param)
        back.append((conv_backward_fast, cache, ("W1", "b1")))
        out, cache = relu_forward(out)
        back.append((relu_backward, cache, None))
        out, cache = max_pool_forward_fast(out, self.pool_param)
        back.append((max_pool_backward_fast, cache, None))
        for i, (W, b) in ((2, (W2, b2)), (3, (W3, b3))):
            out, cache = affine_forward(out, W, b)
            back.append((affine_backward, cache, (f"W{i}", f"b{i}")))
            if i == 2:
                out, cache = relu_forward(out)
                back.append((relu_backward, cache, None))
        if y is None:
            return out
        loss, d = softmax_loss(out, y)
        grads = {}
        while back:
            function, cache, names = back.pop()
            if names:
                d, grads[names[0]], grads[names[1]] = function(d, cache)
            else:
                d = function(d, cache)
        for name in ("W1", "W2", "W3"):
            loss += 0.5 * self.reg * np.sum(np.square(self.params[name]))
            grads[name] += self.reg * self.params[name]
        return loss, grads

    return network(plain_init, loss)


@variant("ThreeLayerConvNet")
def normal_numbers_by_scale():
    def init(self, input_dim, F, size, hidden, classes, scale):
        C, H, W = input_dim
        p = self.params
        p["W1"] = np.random.normal(0.0, scale, size=(F, C, size, size))
        p["W2"] = np.random.normal(0.0, scale, size=(F * (H // 2) * (W // 2), hidden))
        p["W3"] = np.random.normal(0.0, scale, size=(hidden, classes))
        p["b1"], p["b2"], p["b3"] = np.zeros(F), np.zeros(hidden), np.zeros(classes)

    return network(init, sandwich_loss)


@variant("ThreeLayerConvNet")
def output_sizes_computed():
    def init(self, input_dim, F, size, hidden, classes, scale):
        C, H, W = input_dim
        pad, stride = self.conv_param["pad"], self.conv_param["stride"]
        H1, W1 = 1 + (H + 2 * pad - size) // stride, 1 + (W + 2 * pad - size) // stride
        H2, W2 = 1 + (H1 - 2) // 2, 1 + (W1 - 2) // 2
        shapes = [(F, C, size, size), (F * H2 * W2, hidden), (hidden, classes)]
        widths = [F, hidden, classes]
        for i in range(3):
            self.params["W" + str(i + 1)] = scale * np.random.randn(*shapes[i])
            self.params["b" + str(i + 1)] = scale * np.zeros(widths[i])

    return network(init, sandwich_loss)


@variant("ThreeLayerConvNet")
def pooling_apart():
    def loss(self, X, y=None):
        W1, b1, W2, b2, W3, b3 = unpack(self)
        h, conv_cache = conv_relu_forward(X, W1, b1, self.conv_param)
        h, pool_cache = max_pool_forward_fast(h, self.pool_param)
        shape = h.shape
        flat = h.reshape(shape[0], -1)
        hidden, cache = affine_relu_forward(flat, W2, b2)
        scores, last = affine_forward(hidden, W3, b3)
        if y is None:
            return scores
        loss, d = softmax_loss(scores, y)
        d, dW3, db3 = affine_backward(d, last)
        d, dW2, db2 = affine_relu_backward(d, cache)
        d = max_pool_backward_fast(d.reshape(shape), pool_cache)
        _, dW1, db1 = conv_relu_backward(d, conv_cache)
        print("loss before regularisation", loss)
        penalty = sum((W * W).sum() for W in (W1, W2, W3))
        return loss + 0.5 * self.reg * penalty, {
            "W1": dW1 + self.reg * W1,
            "W2": dW2 + self.reg * W2,
            "W3": dW3 + self.reg * W3,
            "b1": db1,
            "b2": db2,
            "b3": db3,
        }

    return network(plain_init, loss)


@variant("ThreeLayerConvNet")
def affine_part_by_hand():
    def loss(self, X, y=None):
        W1, b1, W2, b2, W3, b3 = unpack(self)
        maps, c1 = conv_relu_pool_forward(X, W1, b1, self.conv_param, self.pool_param)
        flat = maps.reshape(len(maps), -1)
        z = flat @ W2 + b2
        h = np.maximum(z, 0)
        scores = h @ W3 + b3
        if y is None:
            return scores
        loss, d = softmax_loss(scores, y)
        dz = (d @ W3.T) * (z >= 0)
        dmaps = (dz @ W2.T).reshape(maps.shape)
        _, dW1, db1 = conv_relu_pool_backward(dmaps, c1)
        loss += self.reg * 0.5 * np.linalg.norm(W1.ravel()) ** 2
        loss += self.reg * 0.5 * (np.sum(W2**2) + np.sum(W3**2))
        return loss, {
            "W1": dW1 + self.reg * W1,
            "b1": db1,
            "W2": flat.T @ dz + self.reg * W2,
            "b2": dz.sum(axis=0),
            "W3": h.T @ d + self.reg * W3,
            "b3": d.sum(axis=0),
        }

    return network(plain_init, loss)


@variant("ThreeLayerConvNet")
def a_generator_of_its_own():
    def init(self, input_dim, F, size, hidden, classes, scale):
        rng = np.random.RandomState(0)
        C, H, W = input_dim
        shapes = {
            "W1": (F, C, size, size),
            "W2": (F * int(H / 2) * int(W / 2), hidden),
            "W3": (hidden, classes),
        }
        for name, shape in shapes.items():
            self.params[name] = rng.randn(*shape) * scale
            width = shape[0] if name == "W1" else shape[1]
            self.params[name.replace("W", "b")] = np.zeros(width)

    return network(init, sandwich_loss)


@variant("ThreeLayerConvNet")
def gradients_in_float64():
    def loss(self, X, y=None):
        result = sandwich_loss(self, X, y)
        if y is None:
            return result
        loss, grads = result
        return np.float64(loss), {k: g.astype(np.float64) for k, g in grads.items()}

    return network(plain_init, loss)


@variant("ThreeLayerConvNet")
def pooling_by_reshape():
    def loss(self, X, y=None):
        W1, b1, W2, b2, W3, b3 = unpack(self)
        maps, conv_cache = conv_relu_forward(X, W1, b1, self.conv_param)
        N, F, H, W = maps.shape
        blocks = maps.reshape(N, F, H // 2, 2, W // 2, 2)
        pooled = blocks.max(axis=(3, 5))
        hidden, c2 = affine_relu_forward(pooled, W2, b2)
        scores, c3 = affine_forward(hidden, W3, b3)
        if y is None:
            return scores
        loss, d = softmax_loss(scores, y)
        d, dW3, db3 = affine_backward(d, c3)
        d, dW2, db2 = affine_relu_backward(d, c2)
        top = pooled[:, :, :, None, :, None]
        dblocks = (blocks == top) * d[:, :, :, None, :, None]
        _, dW1, db1 = conv_relu_backward(dblocks.reshape(maps.shape), conv_cache)
        grads = dict(W1=dW1, W2=dW2, W3=dW3, b1=db1, b2=db2, b3=db3)
        for name in ("W1", "W2", "W3"):
            grads[name] += self.reg * self.params[name]
            loss += 0.5 * self.reg * (self.params[name] ** 2).sum()
        return loss, grads

    return network(plain_init, loss)
