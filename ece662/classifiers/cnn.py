"""Convolutional networks: three layers first, then a deep one with normalisation.

The notebooks start with `from ece662.classifiers.cnn import *` and find the layers and
the sandwiches beside the networks.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from ece662 import layer_utils, layers
from ece662._checks import Array, Cache, float_dtype
from ece662.classifiers.base import Classifier
from ece662.layer_utils import *  # noqa: F403 (the notebooks expect them from here)
from ece662.layer_utils import (
    affine_relu_backward,
    affine_relu_forward,
    conv_bn_relu_backward,
    conv_bn_relu_forward,
    conv_bn_relu_pool_backward,
    conv_bn_relu_pool_forward,
    conv_relu_pool_backward,
    conv_relu_pool_forward,
)
from ece662.layers import *  # noqa: F403 (the notebooks expect them from here)
from ece662.layers import affine_backward, affine_forward, softmax_loss

__all__ = [
    "ConvNet",
    "ThreeLayerConvNet",
    *layers.__all__,
    *layer_utils.__all__,
]

HALVE = {"pool_height": 2, "pool_width": 2, "stride": 2}


class ThreeLayerConvNet(Classifier):
    """A network of three layers, the first of them a convolution.

    conv - relu - 2x2 max pool - affine - relu - affine - softmax

    Attributes:
        params: W1 (num_filters, C, filter_size, filter_size), b1,
            W2 (num_filters * H/2 * W/2, hidden_dim), b2, W3 (hidden_dim, num_classes),
            b3.
    """

    def __init__(
        self,
        input_dim: tuple[int, int, int] = (3, 32, 32),
        num_filters: int = 32,
        filter_size: int = 7,
        hidden_dim: int = 100,
        num_classes: int = 10,
        weight_scale: float = 1e-3,
        reg: float = 0.0,
        dtype: DTypeLike = np.float32,
    ) -> None:
        """Draw the weights, in the order of the layers; the biases start at zero.

        Args:
            input_dim: (C, H, W) of one image.
            num_filters: filters of the convolution.
            filter_size: their height and width; odd, so that the padding can keep the
                size of the images.
            hidden_dim: units in the hidden affine layer.
            num_classes: classes to tell apart.
            weight_scale: standard deviation of the initial weights.
            reg: strength of the L2 regularisation.
            dtype: floating type of all computation.

        Raises:
            ValueError: filter_size is even.
        """
        if filter_size % 2 == 0:
            raise ValueError(f"filter_size must be odd, got {filter_size}")
        self.params = {}
        self.reg = reg
        self.dtype = float_dtype(dtype)
        # Nothing before the images is trained: fast_layers can leave dx out.
        self.conv_param = {
            "stride": 1,
            "pad": (filter_size - 1) // 2,
            "needs_dx": False,
        }
        self.pool_param = dict(HALVE)
        # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        C, H, W = input_dim
        shapes = {
            "1": (num_filters, C, filter_size, filter_size),
            "2": (num_filters * (H // 2) * (W // 2), hidden_dim),
            "3": (hidden_dim, num_classes),
        }
        for i, shape in shapes.items():
            self.params["W" + i] = weight_scale * np.random.randn(*shape)
        self.params["b1"] = np.zeros(num_filters)
        self.params["b2"] = np.zeros(hidden_dim)
        self.params["b3"] = np.zeros(num_classes)
        # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        for name, value in self.params.items():
            self.params[name] = value.astype(self.dtype)

    def loss(
        self, X: Array, y: Array | None = None
    ) -> Array | tuple[float, dict[str, Array]]:
        """Compute the scores, or the loss and its gradients.

        Args:
            X: (N, C, H, W) images.
            y: (N,) the true classes, or None.

        Returns:
            scores (N, num_classes) where y is None, else
            (loss, grads), with grads[name] of the shape of params[name]. The loss
            adds `0.5 * reg * sum(W * W)` for every W; the biases are not regularised.
        """
        X = np.asarray(X, dtype=self.dtype)
        W1, W2, W3 = (self.params[name] for name in ("W1", "W2", "W3"))
        b1, b2, b3 = (self.params[name] for name in ("b1", "b2", "b3"))
        scores = None
        # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        maps, maps_cache = conv_relu_pool_forward(
            X, W1, b1, self.conv_param, self.pool_param
        )
        hidden, hidden_cache = affine_relu_forward(maps, W2, b2)
        scores, scores_cache = affine_forward(hidden, W3, b3)
        # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        if y is None:
            return scores

        loss, grads = 0.0, {}
        reg = float(self.reg)  # a NumPy float64 would turn float32 gradients float64
        # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        loss, dscores = softmax_loss(scores, y)
        dhidden, grads["W3"], grads["b3"] = affine_backward(dscores, scores_cache)
        dmaps, grads["W2"], grads["b2"] = affine_relu_backward(dhidden, hidden_cache)
        _, grads["W1"], grads["b1"] = conv_relu_pool_backward(dmaps, maps_cache)
        if reg:
            for name, W in (("W1", W1), ("W2", W2), ("W3", W3)):
                loss += 0.5 * reg * float(np.sum(W * W))
                grads[name] += reg * W
        # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        return loss, grads


class ConvNet(Classifier):
    """A deep network of convolutions.

    {{conv - batchnorm - relu} x n - 2x2 max pool} x stages - affine - softmax

    Batch normalisation with ReLU, like convolution and pooling, is the fast layer of
    `ece662.fast_layers`, unless your own layers are asked for; they give the same
    numbers.

    Each stage halves the height and width of the images. The filters are 3 x 3; their
    initial scale is that of He et al. 2015 (arXiv 1502.01852), sqrt(2 / fan-in), which
    keeps the size of the activations through any number of ReLU layers.

    Attributes:
        params: for the i-th convolution Wi (F, C, 3, 3), gammai and betai (F,), all
            counted through from 1; W and b of the affine layer under the next number.
            The convolutions have no bias: batch normalisation would take it off again.
    """

    def __init__(
        self,
        input_dim: tuple[int, int, int] = (3, 32, 32),
        stages: Sequence[Sequence[int]] = ((32, 32), (64, 64), (128, 128)),
        num_classes: int = 10,
        reg: float = 0.0,
        dtype: DTypeLike = np.float32,
        own_layers: bool = False,
    ) -> None:
        """Draw the weights, in the order of the layers.

        Args:
            input_dim: (C, H, W) of one image; H and W must be divisible by
                2**len(stages).
            stages: for each stage the numbers of filters of its convolutions.
            num_classes: classes to tell apart.
            reg: strength of the L2 regularisation, of the convolutions and the affine
                layer.
            dtype: floating type of all computation.
            own_layers: whether `spatial_batchnorm_*` and `relu_*` of `ece662.layers`
                run, in place of the fast layer.

        Raises:
            ValueError: a stage is empty, or H and W cannot be halved so often.
        """
        (C, *size), shrunk = input_dim, 2 ** len(stages)
        H, W = size
        if not all(stages):
            raise ValueError(f"each stage must list its filters, got {stages}")
        if H % shrunk or W % shrunk:
            raise ValueError(
                f"{len(stages)} stages need a height and width divisible by {shrunk}, "
                f"got {H} x {W}"
            )
        self.reg = reg
        self.dtype = float_dtype(dtype)
        self.ends_stage = [i == len(s) - 1 for s in stages for i in range(len(s))]
        self.conv_params = [
            {"stride": 1, "pad": 1, "needs_dx": i > 0}  # images are not trained
            for i in range(len(self.ends_stage))
        ]
        self.pool_param = dict(HALVE)
        self.bn_params = [
            {"mode": "train", "fast": not own_layers} for _ in self.ends_stage
        ]

        self.params = {}
        for i, F in enumerate((F for stage in stages for F in stage), start=1):
            self.params[f"W{i}"] = np.random.randn(F, C, 3, 3) * np.sqrt(2 / (9 * C))
            self.params[f"gamma{i}"] = np.ones(F)
            self.params[f"beta{i}"] = np.zeros(F)
            C = F
        D, i = C * (H // shrunk) * (W // shrunk), len(self.ends_stage) + 1
        self.params[f"W{i}"] = np.random.randn(D, num_classes) * np.sqrt(1 / D)
        self.params[f"b{i}"] = np.zeros(num_classes)
        for name, value in self.params.items():
            self.params[name] = value.astype(self.dtype)

    def loss(
        self, X: Array, y: Array | None = None
    ) -> Array | tuple[float, dict[str, Array]]:
        """Compute the scores, or the loss and its gradients.

        Without labels the network is in test mode: batch normalisation uses its running
        averages.

        Args:
            X: (N, C, H, W) images.
            y: (N,) the true classes, or None.

        Returns:
            scores (N, num_classes) where y is None, else
            (loss, grads), with grads[name] of the shape of params[name]. The loss
            adds `0.5 * reg * sum(W * W)` for every W.
        """
        out, block_caches = np.asarray(X, dtype=self.dtype), []
        for i, bn_param in enumerate(self.bn_params, start=1):
            bn_param["mode"] = "test" if y is None else "train"
            out, cache = self._convolve(out, i, bn_param)
            block_caches.append(cache)
        last = len(block_caches) + 1
        weights, biases = self.params[f"W{last}"], self.params[f"b{last}"]
        scores, scores_cache = affine_forward(out, weights, biases)
        if y is None:
            return scores

        data_loss, dscores = softmax_loss(scores, y)
        dout, dW, db = affine_backward(dscores, scores_cache)
        grads = {f"W{last}": dW, f"b{last}": db}
        for i in reversed(range(1, last)):
            ends_stage = self.ends_stage[i - 1]
            back = conv_bn_relu_pool_backward if ends_stage else conv_bn_relu_backward
            dout, dW, _, dgamma, dbeta = back(dout, block_caches.pop())
            grads |= {f"W{i}": dW, f"gamma{i}": dgamma, f"beta{i}": dbeta}
        return data_loss + self._regularise(grads), grads

    def _convolve(self, x: Array, i: int, bn_param: dict) -> tuple[Array, Cache]:
        """Run the i-th convolution and what follows it, pooling at a stage's end."""
        W, gamma, beta = (self.params[f"{name}{i}"] for name in ("W", "gamma", "beta"))
        no_bias = np.zeros(len(W), self.dtype)
        conv_param = self.conv_params[i - 1]
        arguments = (x, W, no_bias, gamma, beta, conv_param, bn_param)
        if self.ends_stage[i - 1]:
            return conv_bn_relu_pool_forward(*arguments, self.pool_param)
        return conv_bn_relu_forward(*arguments)

    def _regularise(self, grads: dict[str, Array]) -> float:
        """Add the gradient of `0.5 * reg * sum(W * W)` for every W; return the sum."""
        penalty, reg = 0.0, float(self.reg)
        for name, value in self.params.items():
            if reg and name.startswith("W"):
                penalty += 0.5 * reg * float(np.sum(value * value))
                grads[name] += reg * value
        return penalty
