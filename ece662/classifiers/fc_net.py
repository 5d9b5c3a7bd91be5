"""Fully connected networks: two layers first, then any number.

The notebooks start with `from ece662.classifiers.fc_net import *` and find the layers
and the sandwiches beside the networks.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import DTypeLike

from ece662 import layer_utils, layers
from ece662._checks import Array, float_dtype
from ece662.classifiers.base import Classifier
from ece662.layer_utils import *  # noqa: F403 (the notebooks expect them from here)
from ece662.layer_utils import (
    affine_bn_relu_backward,
    affine_bn_relu_forward,
    affine_ln_relu_backward,
    affine_ln_relu_forward,
    affine_relu_backward,
    affine_relu_forward,
)
from ece662.layers import *  # noqa: F403 (the notebooks expect them from here)
from ece662.layers import (
    affine_backward,
    affine_forward,
    dropout_backward,
    dropout_forward,
    softmax_loss,
)

__all__ = [
    "FullyConnectedNet",
    "TwoLayerNet",
    *layers.__all__,
    *layer_utils.__all__,
]


class TwoLayerNet(Classifier):
    """A network of two layers: affine - relu - affine - softmax.

    Attributes:
        params: W1 (input_dim, hidden_dim), b1, W2 (hidden_dim, num_classes), b2.
    """

    def __init__(
        self,
        input_dim: int = 3 * 32 * 32,
        hidden_dim: int = 100,
        num_classes: int = 10,
        weight_scale: float = 1e-3,
        reg: float = 0.0,
        dtype: DTypeLike = np.float64,
    ) -> None:
        """Draw the weights, in the order of the layers; the biases start at zero.

        Args:
            input_dim: numbers in one input.
            hidden_dim: units in the hidden layer.
            num_classes: classes to tell apart.
            weight_scale: standard deviation of the initial weights.
            reg: strength of the L2 regularisation.
            dtype: floating type of all computation.
        """
        self.params = {}
        self.reg = reg
        self.dtype = float_dtype(dtype)
        # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        self.params["W1"] = weight_scale * np.random.randn(input_dim, hidden_dim)
        self.params["b1"] = np.zeros(hidden_dim)
        self.params["W2"] = weight_scale * np.random.randn(hidden_dim, num_classes)
        self.params["b2"] = np.zeros(num_classes)
        # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        for name, value in self.params.items():
            self.params[name] = value.astype(self.dtype)

    def loss(
        self, X: Array, y: Array | None = None
    ) -> Array | tuple[float, dict[str, Array]]:
        """Compute the scores, or the loss and its gradients.

        The loss is the softmax loss plus `0.5 * reg * sum(W * W)` over both weights;
        the biases are not regularised.

        Args:
            X: (N, d_1, ..., d_k) inputs, with d_1 * ... * d_k = input_dim.
            y: (N,) the true classes, or None.

        Returns:
            scores (N, num_classes) where y is None, else
            (loss, grads), with grads[name] of the shape of params[name].
        """
        X = np.asarray(X, dtype=self.dtype)
        scores = None
        # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        W1, b1, W2, b2 = (self.params[name] for name in ("W1", "b1", "W2", "b2"))
        hidden, hidden_cache = affine_relu_forward(X, W1, b1)
        scores, scores_cache = affine_forward(hidden, W2, b2)
        # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        if y is None:
            return scores

        loss, grads = 0.0, {}
        reg = float(self.reg)  # a NumPy float64 would turn float32 gradients float64
        # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        loss, dscores = softmax_loss(scores, y)
        dhidden, grads["W2"], grads["b2"] = affine_backward(dscores, scores_cache)
        _, grads["W1"], grads["b1"] = affine_relu_backward(
            dhidden, hidden_cache, needs_dx=False
        )
        if reg:  # two passes over every weight, idle where reg is 0
            loss += 0.5 * reg * float(np.sum(W1 * W1) + np.sum(W2 * W2))
            grads["W1"] += reg * W1
            grads["W2"] += reg * W2
        # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        return loss, grads


class FullyConnectedNet(Classifier):
    """A network of any number of hidden layers.

    {affine - [batch or layer norm] - relu - [dropout]} x (L - 1) - affine - softmax

    Attributes:
        params: W1, b1 to WL, bL for the L affine layers; with normalisation also
            gamma1, beta1 to gamma(L-1), beta(L-1) for the hidden ones.
        num_layers: L.
    """

    def __init__(
        self,
        hidden_dims: Sequence[int],
        input_dim: int = 3 * 32 * 32,
        num_classes: int = 10,
        dropout: float = 1,
        normalization: str | None = None,
        reg: float = 0.0,
        weight_scale: float = 1e-2,
        dtype: DTypeLike = np.float32,
        seed: int | None = None,
    ) -> None:
        """Draw the weights, in the order of the layers.

        Biases and shifts start at zero, scales at one.

        Args:
            hidden_dims: list of the units in each hidden layer.
            input_dim: numbers in one input.
            num_classes: classes to tell apart.
            dropout: probability of KEEPING a hidden unit; 1 for no dropout.
            normalization: "batchnorm", "layernorm" or None.
            reg: strength of the L2 regularisation.
            weight_scale: standard deviation of the initial weights.
            dtype: floating type of all computation; float64 for gradient checks.
            seed: makes dropout draw the same masks at each call, for gradient
                checks; None in training.

        Raises:
            ValueError: unknown normalization, or dropout outside (0, 1].
        """
        if normalization not in ("batchnorm", "layernorm", None):
            raise ValueError(
                "normalization must be 'batchnorm', 'layernorm' or None, "
                f"got {normalization!r}"
            )
        if not 0 < dropout <= 1:
            raise ValueError(
                f"dropout is the probability to keep: 0 < p <= 1, got {dropout}"
            )
        self.normalization = normalization
        self.use_dropout = dropout != 1
        self.reg = reg
        self.num_layers = 1 + len(hidden_dims)
        self.dtype = float_dtype(dtype)
        self.params = {}

        # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        dims = [input_dim, *hidden_dims, num_classes]
        for i in range(1, self.num_layers + 1):
            weights = weight_scale * np.random.randn(dims[i - 1], dims[i])
            self.params[f"W{i}"] = weights
            self.params[f"b{i}"] = np.zeros(dims[i])
            if normalization and i < self.num_layers:
                self.params[f"gamma{i}"] = np.ones(dims[i])
                self.params[f"beta{i}"] = np.zeros(dims[i])
        # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        for name, value in self.params.items():
            self.params[name] = value.astype(self.dtype)

        # One dropout_param serves all layers; each batch normalisation keeps running
        # statistics of its own.
        self.dropout_param = {"mode": "train", "p": dropout, "seed": seed}
        hidden_layers = range(self.num_layers - 1)
        if normalization == "batchnorm":
            self.bn_params = [{"mode": "train"} for _ in hidden_layers]
        self.ln_params: list[dict] = [{} for _ in hidden_layers]

    def _sandwich(self) -> tuple[Callable, Callable]:
        """Return the forward and the backward of a hidden layer, up to its ReLU."""
        if self.normalization == "batchnorm":
            return affine_bn_relu_forward, affine_bn_relu_backward
        if self.normalization == "layernorm":
            return affine_ln_relu_forward, affine_ln_relu_backward
        return affine_relu_forward, affine_relu_backward

    def _names(self, i: int) -> list[str]:
        """Return the names of hidden layer i's parameters, in a sandwich's order."""
        letters = ("W", "b", "gamma", "beta") if self.normalization else ("W", "b")
        return [f"{letter}{i}" for letter in letters]

    def _norm_param(self, i: int) -> Sequence[dict]:
        """Return what a sandwich takes after the parameters: a dict, or nothing."""
        of_kind = {"batchnorm": self.bn_params, "layernorm": self.ln_params, None: ()}
        return of_kind[self.normalization][i - 1 : i]

    def loss(
        self, X: Array, y: Array | None = None
    ) -> Array | tuple[float, dict[str, Array]]:
        """Compute the scores, or the loss and its gradients.

        Without labels the network is in test mode: dropout keeps everything, batch
        normalisation uses its running averages.

        Args:
            X: (N, d_1, ..., d_k) inputs, with d_1 * ... * d_k = input_dim.
            y: (N,) the true classes, or None.

        Returns:
            scores (N, num_classes) where y is None, else
            (loss, grads), with grads[name] of the shape of params[name]. The loss
            adds `0.5 * reg * sum(W * W)` for every W; nothing else is regularised.
        """
        X = np.asarray(X, dtype=self.dtype)
        mode = "test" if y is None else "train"
        self.dropout_param["mode"] = mode
        for bn_param in self.bn_params:
            bn_param["mode"] = mode

        scores = None
        # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        hidden, _ = self._sandwich()
        out, caches, params, L = X, [], self.params, self.num_layers
        for i in range(1, L):
            weights = (params[name] for name in self._names(i))
            out, cache = hidden(out, *weights, *self._norm_param(i))
            caches.append(cache)
            if self.use_dropout:
                out, cache = dropout_forward(out, self.dropout_param)
                caches.append(cache)
        scores, cache = affine_forward(out, params[f"W{L}"], params[f"b{L}"])
        # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        if y is None:
            return scores

        loss, grads = 0.0, {}
        reg = float(self.reg)  # a NumPy float64 would turn float32 gradients float64
        # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        loss, dout = softmax_loss(scores, y)
        dout, grads[f"W{L}"], grads[f"b{L}"] = affine_backward(dout, cache)
        _, hidden_backward = self._sandwich()
        for i in reversed(range(1, L)):
            if self.use_dropout:
                dout = dropout_backward(dout, caches.pop())
            dout, *gradients = hidden_backward(dout, caches.pop(), needs_dx=i > 1)
            grads.update(zip(self._names(i), gradients, strict=True))
        if reg:  # two passes over every weight, idle where reg is 0
            for i in range(1, self.num_layers + 1):
                W = params[f"W{i}"]
                loss += 0.5 * reg * float(np.sum(W * W))
                grads[f"W{i}"] += reg * W
        # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        return loss, grads
