"""A fully connected network whose wiring can be changed, as a base for mistakes."""

import numpy as np

from course.mistakes.registry import mistake
from ece662 import layers
from ece662.classifiers.fc_net import FullyConnectedNet

__all__ = ["Network", "network"]


class Network(FullyConnectedNet):
    """The reference, with its wiring in methods that a mistake can override."""

    def after(self, i):
        """Return the steps that follow the i-th affine layer."""
        return ["norm", "relu", "dropout"] if i < self.num_layers else []

    def on_the_way_back(self, step, i):
        """Return whether the backward pass goes through this step of the forward."""
        return True

    def affine_layers(self):
        return range(1, self.num_layers + 1)

    def bn_param_of(self, i):
        return self.bn_params[i - 1]

    def set_modes(self, y):
        mode = "test" if y is None else "train"
        self.dropout_param["mode"] = mode
        for bn_param in self.bn_params:
            bn_param["mode"] = mode

    def loss(self, X, y=None):
        self.set_modes(y)
        self.tape, out = [], X.astype(self.dtype)
        for i in self.affine_layers():
            out = self._affine(out, i)
            for step in self.after(i):
                out = getattr(self, f"_{step}")(out, i)
        if y is None:
            return out
        loss, dout = layers.softmax_loss(out, y)
        grads = {}
        for backward, cache, names in reversed(self.tape):
            if names:
                dout, *gradients = backward(dout, cache)
                grads.update(zip(names, gradients, strict=True))
            else:
                dout = backward(dout, cache)
        for name, W in self.params.items():
            if name.startswith("W") and name in grads:
                loss += 0.5 * self.reg * float(np.sum(W * W))
                grads[name] = grads[name] + self.reg * W
        return loss, grads

    def _record(self, step, i, backward, result, *names):
        out, cache = result
        if self.on_the_way_back(step, i):
            self.tape.append((backward, cache, names))
        return out

    def _affine(self, x, i):
        names = (f"W{i}", f"b{i}")
        result = layers.affine_forward(x, *(self.params[name] for name in names))
        return self._record("affine", i, layers.affine_backward, result, *names)

    def _norm(self, x, i):
        if self.normalization is None:
            return x
        names = (f"gamma{i}", f"beta{i}")
        scale_and_shift = [self.params[name] for name in names]
        if self.normalization == "batchnorm":
            param = self.bn_param_of(i)
            result = layers.batchnorm_forward(x, *scale_and_shift, param)
            backward = layers.batchnorm_backward
        else:
            result = layers.layernorm_forward(x, *scale_and_shift, {})
            backward = layers.layernorm_backward
        return self._record("norm", i, backward, result, *names)

    def _relu(self, x, i):
        result = layers.relu_forward(x)
        return self._record("relu", i, layers.relu_backward, result)

    def _dropout(self, x, i):
        if not self.use_dropout:
            return x
        result = layers.dropout_forward(x, self.dropout_param)
        return self._record("dropout", i, layers.dropout_backward, result)


def network(exercise, *, says, asks, hidden=False):
    """Register a class as a mistake in FullyConnectedNet."""
    return mistake(
        exercise, says=says, asks=asks, replaces="FullyConnectedNet", hidden=hidden
    )
