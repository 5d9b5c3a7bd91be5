"""Mistakes in normalising FullyConnectedNet, by batch and by layer."""

import numpy as np

from course.mistakes.network import Network, network
from ece662 import layers


@network(
    "FullyConnectedNet-batchnorm",
    says="The scores are normalised, too.",
    asks="Should the network be free to be very sure of one class?",
)
class NetBatchnormOnScores(Network):
    def __init__(self, hidden_dims, *args, num_classes=10, **kwargs):
        super().__init__(hidden_dims, *args, num_classes=num_classes, **kwargs)
        if self.normalization:
            self.params[f"gamma{self.num_layers}"] = np.ones(num_classes, self.dtype)
            self.params[f"beta{self.num_layers}"] = np.zeros(num_classes, self.dtype)
        if self.normalization == "batchnorm":
            self.bn_params.append({"mode": "train"})

    def after(self, i):
        return super().after(i) or ["norm"]


@network(
    "FullyConnectedNet-batchnorm",
    says="All layers share one `bn_param`, so each overwrites the running averages of "
    "the one before.",
    asks="In test mode, whose mean should the second layer take off?",
)
class NetBatchnormOneParamForAll(Network):
    def bn_param_of(self, i):
        return self.bn_params[0]


@network(
    "FullyConnectedNet-batchnorm",
    says="The normalisation comes after the ReLU, where it should come before.",
    asks="In which order does the exercise name the parts of a hidden layer?",
)
class NetBatchnormAfterRelu(Network):
    def after(self, i):
        return ["relu", "norm", "dropout"] if i < self.num_layers else []


@network(
    "FullyConnectedNet-batchnorm",
    says="Without labels the network still normalises with the batch's own "
    "statistics: test mode does not reach the layers.",
    asks="Which mode is in `bn_params` when the network is asked for scores only?",
)
class NetBatchnormAlwaysTraining(Network):
    def set_modes(self, y):
        super().set_modes(y)
        for bn_param in self.bn_params:
            bn_param["mode"] = "train"


@network(
    "FullyConnectedNet-batchnorm",
    says="The gradients of gamma and beta are missing, so they will never learn.",
    asks="Which parameters does the Solver find in `grads`?",
)
class NetBatchnormParameterGradientsMissing(Network):
    def loss(self, X, y=None):
        result = super().loss(X, y)
        if y is None:
            return result
        loss, grads = result
        return loss, {n: g for n, g in grads.items() if n[0] in "Wb" and n[1] != "e"}


@network(
    "FullyConnectedNet-batchnorm",
    says="gamma begins at zero, so nothing gets through the normalised layers.",
    asks="Which gamma and beta leave a normalised x as it is?",
)
class NetBatchnormGammaBeginsAtZero(Network):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name in self.params:
            if name.startswith("gamma"):
                self.params[name] = np.zeros_like(self.params[name])


@network(
    "FullyConnectedNet-batchnorm",
    says="gamma is regularised like a weight.",
    asks="What would a strong reg do to a gamma that begins at one?",
)
class NetBatchnormGammaRegularised(Network):
    def loss(self, X, y=None):
        result = super().loss(X, y)
        if y is None:
            return result
        loss, grads = result
        for name, value in self.params.items():
            if name.startswith("gamma"):
                loss += 0.5 * self.reg * float(np.sum(value * value))
                grads[name] = grads[name] + self.reg * value
        return loss, grads


@network(
    "FullyConnectedNet-batchnorm",
    says="Only the first hidden layer is normalised.",
    asks="Which layers does your loop go over?",
)
class NetBatchnormInFirstLayerOnly(Network):
    def after(self, i):
        steps = super().after(i)
        return steps if i == 1 else [step for step in steps if step != "norm"]


@network(
    "FullyConnectedNet-batchnorm",
    says="gamma and beta got each other's gradient.",
    asks="In which order does the backward pass of the normalisation return them?",
)
class NetBatchnormGradientsSwapped(Network):
    def loss(self, X, y=None):
        result = super().loss(X, y)
        if y is None:
            return result
        loss, grads = result
        other = {"gamma": "beta", "beta": "gamma"}

        def swapped(name):
            kind = name.rstrip("0123456789")
            return other.get(kind, kind) + name[len(kind) :]

        return loss, {swapped(name): g for name, g in grads.items()}


@network(
    "FullyConnectedNet-batchnorm",
    says="`normalization` has no effect.",
    asks="Which values can `normalization` have, and which of them does your code "
    "know?",
)
class NetBatchnormIgnored(Network):
    def after(self, i):
        return [step for step in super().after(i) if step != "norm"]


@network(
    "FullyConnectedNet-layernorm",
    says='Asked for "layernorm", the network does batch normalisation.',
    asks="Should the score of one input depend on the others in its batch?",
)
class NetLayernormIsBatchnorm(Network):
    def _norm(self, x, i):
        if self.normalization is None:
            return x
        names = (f"gamma{i}", f"beta{i}")
        result = layers.batchnorm_forward(
            x, *(self.params[name] for name in names), {"mode": "train"}
        )
        return self._record("norm", i, layers.batchnorm_backward, result, *names)


@network(
    "FullyConnectedNet-layernorm",
    says='Asked for "layernorm", the network normalises nothing.',
    asks="Which values can `normalization` have, and which of them does your code "
    "know?",
)
class NetLayernormIgnored(Network):
    def after(self, i):
        return [step for step in super().after(i) if step != "norm"]


@network(
    "FullyConnectedNet-layernorm",
    says="The normalisation comes after the ReLU, where it should come before.",
    asks="In which order does the exercise name the parts of a hidden layer?",
)
class NetLayernormAfterRelu(Network):
    def after(self, i):
        return ["relu", "norm", "dropout"] if i < self.num_layers else []


@network(
    "FullyConnectedNet-layernorm",
    says="The scores are normalised, too.",
    asks="Should the network be free to be very sure of one class?",
)
class NetLayernormOnScores(NetBatchnormOnScores):
    pass


@network(
    "FullyConnectedNet-layernorm",
    says="gamma and beta are never used: each layer is normalised, neither scaled nor "
    "shifted.",
    asks="Which of the network's parameters does the normalisation need?",
    hidden=True,
)
class NetLayernormWithoutScaleAndShift(Network):
    def _norm(self, x, i):
        if self.normalization is None:
            return x
        ones, zeros = np.ones(x.shape[1], x.dtype), np.zeros(x.shape[1], x.dtype)
        result = layers.layernorm_forward(x, ones, zeros, {})
        names = (f"gamma{i}", f"beta{i}")
        return self._record("norm", i, layers.layernorm_backward, result, *names)
