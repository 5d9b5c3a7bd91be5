"""Mistakes in the wiring of TwoLayerNet and ThreeLayerConvNet."""

import numpy as np

from course.mistakes.registry import mistake
from ece662 import layers
from ece662.classifiers import cnn, fc_net
from ece662.fast_layers import (
    conv_backward_fast,
    conv_forward_fast,
    max_pool_backward_fast,
    max_pool_forward_fast,
)

IDENTITY = (lambda x: (x, None), lambda dout, cache: dout)
RELU = (layers.relu_forward, layers.relu_backward)


class _TwoLayerNet(fc_net.TwoLayerNet):
    """The reference, with other functions between and after its layers."""

    between, behind = RELU, IDENTITY

    def loss(self, X, y=None):
        X, params = X.astype(self.dtype), self.params
        a, cache1 = layers.affine_forward(X, params["W1"], params["b1"])
        hidden, between = self.between[0](a)
        a, cache2 = layers.affine_forward(hidden, params["W2"], params["b2"])
        scores, behind = self.behind[0](a)
        if y is None:
            return scores
        loss, dscores = layers.softmax_loss(scores, y)
        da = self.behind[1](dscores, behind)
        dhidden, dW2, db2 = layers.affine_backward(da, cache2)
        da = self.between[1](dhidden, between)
        _, dW1, db1 = layers.affine_backward(da, cache1)
        return _regularised(self, loss, {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2})


def _regularised(model, loss, grads):
    for name, W in model.params.items():
        if name.startswith("W"):
            loss += 0.5 * model.reg * float(np.sum(W * W))
            grads[name] = grads[name] + model.reg * W
    return loss, grads


@mistake(
    "TwoLayerNet",
    says="There is no ReLU between the two layers.",
    asks="What do two matrices in a row amount to?",
)
class TwoLayerNetWithoutRelu(_TwoLayerNet):
    between = IDENTITY


@mistake(
    "TwoLayerNet",
    says="A ReLU follows the last layer, too, so no score can be negative.",
    asks="What does the softmax make of scores: does it need them to be positive?",
)
class TwoLayerNetReluOnScores(_TwoLayerNet):
    behind = RELU


@mistake(
    "TwoLayerNet",
    says="On the way back the ReLU was left out, so units that were cut off get a "
    "gradient.",
    asks="Which functions did the forward pass go through, and did the backward pass "
    "meet each of them?",
)
class TwoLayerNetBackSkipsRelu(_TwoLayerNet):
    between = (layers.relu_forward, lambda dout, cache: dout)


@mistake(
    "TwoLayerNet",
    says="What comes back are probabilities; the loss takes plain scores and computes "
    "the softmax itself.",
    asks="How often should a softmax stand between the scores and the loss?",
)
class TwoLayerNetSoftmaxOnScores(fc_net.TwoLayerNet):
    def loss(self, X, y=None):
        if y is not None:
            return super().loss(X, y)
        scores = super().loss(X)
        exps = np.exp(scores - scores.max(axis=1, keepdims=True))
        return exps / exps.sum(axis=1, keepdims=True)


@mistake(
    "TwoLayerNet",
    says="The loss is that of a support vector machine; this network ends in a "
    "softmax.",
    asks="What is the loss of a network that knows nothing yet of ten classes?",
)
class TwoLayerNetHingeLoss(fc_net.TwoLayerNet):
    def loss(self, X, y=None):
        scores = super().loss(X)
        if y is None:
            return scores
        params = self.params
        loss, dscores = layers.svm_loss(scores, y)
        hidden, cache1 = fc_net.affine_relu_forward(
            X.astype(self.dtype), params["W1"], params["b1"]
        )
        cache2 = (hidden, params["W2"], params["b2"])
        dhidden, dW2, db2 = layers.affine_backward(dscores, cache2)
        _, dW1, db1 = fc_net.affine_relu_backward(dhidden, cache1)
        return _regularised(self, loss, {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2})


@mistake(
    "TwoLayerNet",
    says="The gradients are divided by the number of inputs, which the loss function "
    "has done already.",
    asks="Who takes the mean over the batch, and how often is that to be done?",
    hidden=True,
)
class TwoLayerNetGradientsAveraged(fc_net.TwoLayerNet):
    def loss(self, X, y=None):
        if y is None:
            return super().loss(X)
        loss, grads = super().loss(X, y)
        return loss, {name: g / len(X) for name, g in grads.items()}


class _ThreeLayerConvNet(cnn.ThreeLayerConvNet):
    """The reference, with other functions after its layers."""

    after_conv, between, behind = RELU, RELU, IDENTITY

    def pool(self, x):
        return max_pool_forward_fast(x, self.pool_param)

    def pool_back(self, dout, cache):
        return max_pool_backward_fast(dout, cache)

    def loss(self, X, y=None):
        params = self.params
        W1, b1 = params["W1"], params["b1"]
        out, conv = conv_forward_fast(X.astype(self.dtype), W1, b1, self.conv_param)
        out, after_conv = self.after_conv[0](out)
        out, pool = self.pool(out)
        out, affine2 = layers.affine_forward(out, params["W2"], params["b2"])
        out, between = self.between[0](out)
        out, affine3 = layers.affine_forward(out, params["W3"], params["b3"])
        scores, behind = self.behind[0](out)
        if y is None:
            return scores
        grads = {}
        loss, dout = layers.softmax_loss(scores, y)
        dout = self.behind[1](dout, behind)
        dout, grads["W3"], grads["b3"] = layers.affine_backward(dout, affine3)
        dout = self.between[1](dout, between)
        dout, grads["W2"], grads["b2"] = layers.affine_backward(dout, affine2)
        dout = self.after_conv[1](self.pool_back(dout, pool), after_conv)
        _, grads["W1"], grads["b1"] = conv_backward_fast(dout, conv)
        return _regularised(self, loss, grads)


@mistake(
    "ThreeLayerConvNet",
    says="There is no ReLU after the convolution.",
    asks="Pooling aside, what lies between the convolution and the affine layer that "
    "is not linear?",
)
class ConvNetWithoutFirstRelu(_ThreeLayerConvNet):
    after_conv = IDENTITY


@mistake(
    "ThreeLayerConvNet",
    says="There is no ReLU between the two affine layers.",
    asks="What do two matrices in a row amount to?",
)
class ConvNetWithoutSecondRelu(_ThreeLayerConvNet):
    between = IDENTITY


@mistake(
    "ThreeLayerConvNet",
    says="A ReLU follows the last layer, too, so no score can be negative.",
    asks="What does the softmax make of scores: does it need them to be positive?",
)
class ConvNetReluOnScores(_ThreeLayerConvNet):
    behind = RELU


@mistake(
    "ThreeLayerConvNet",
    says="On the way back the ReLU between the affine layers was left out.",
    asks="Which functions did the forward pass go through, and did the backward pass "
    "meet each of them?",
)
class ConvNetBackSkipsSecondRelu(_ThreeLayerConvNet):
    between = (layers.relu_forward, lambda dout, cache: dout)


@mistake(
    "ThreeLayerConvNet",
    says="The feature maps are averaged in each window, where the largest value should "
    "be kept.",
    asks="Which kind of pooling does this network ask for?",
    hidden=True,
)
class ConvNetAveragePooling(_ThreeLayerConvNet):
    def pool(self, x):
        N, C, H, W = x.shape
        out = x.reshape(N, C, H // 2, 2, W // 2, 2).mean(axis=(3, 5))
        return out, out.shape

    def pool_back(self, dout, cache):
        return dout.reshape(cache).repeat(2, axis=2).repeat(2, axis=3) / 4


@mistake(
    "ThreeLayerConvNet",
    says="The feature maps go into the affine layer at full size: there is no pooling.",
    asks="How many numbers of each image should reach the hidden layer?",
)
class ConvNetWithoutPooling(_ThreeLayerConvNet):
    def __init__(self, input_dim=(3, 32, 32), hidden_dim=100, **kwargs):
        super().__init__(input_dim, hidden_dim=hidden_dim, **kwargs)
        D = len(self.params["b1"]) * input_dim[1] * input_dim[2]
        scale = kwargs.get("weight_scale", 1e-3)
        drawn = scale * np.random.randn(D, hidden_dim)
        self.params["W2"] = drawn.astype(self.dtype)

    def pool(self, x):
        return x, None

    def pool_back(self, dout, cache):
        return dout
