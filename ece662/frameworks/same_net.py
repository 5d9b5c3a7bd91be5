"""One small network in NumPy, PyTorch and TensorFlow, trained side by side (Q5).

Given the same initial weights and the same batches, three libraries must take the same
steps. The network is that of Q4 (`ThreeLayerConvNet`: conv - relu - 2x2 max pool -
affine - relu - affine - softmax), the rule gradient descent with momentum. There is a
function for each library,

    losses = numpy_losses(start)    # of every step

and where two of them differ by more than rounding, one is wrong. Numbers are float64:
in float32 rounding alone makes max pooling choose another pixel now and then, and from
there on two correct runs drift apart.
"""

from typing import NamedTuple

import numpy as np

from ece662.frameworks.images import invert_ch
from ece662.optim import sgd_momentum

__all__ = [
    "Start",
    "draw_start",
    "numpy_losses",
    "tensorflow_losses",
    "torch_losses",
]

SIZES = {"num_filters": 8, "filter_size": 5, "hidden_dim": 32, "num_classes": 6}


class Start(NamedTuple):
    """All that decides how training goes.

    Attributes:
        params: W1 (F, 3, HH, WW), W2 (F * H/2 * W/2, M), W3 (M, C), and b1, b2, b3, as
            in `ThreeLayerConvNet`: W2 expects the channels of an image one after the
            other, and all its rows belong to the first channel before the second.
        batches: for each step X (N, 3, H, W) and y (N,).
        learning_rate, momentum: of `ece662.optim.sgd_momentum`. Frameworks that keep
            the velocity without the learning rate in it take the same steps, as long
            as the rate does not change.
    """

    params: dict[str, np.ndarray]
    batches: list[tuple[np.ndarray, np.ndarray]]
    learning_rate: float = 0.05
    momentum: float = 0.9


def draw_start(data, steps: int = 20, batch_size: int = 100, seed: int = 231) -> Start:
    """Draw initial weights, and cut batches from the first training images.

    Args:
        data: from `get_CINIC10_data`.
        steps: batches to cut.
        batch_size: images in each.
        seed: of the weights.

    Raises:
        ValueError: there are too few images.
    """
    from ece662.classifiers.cnn import ThreeLayerConvNet

    wanted, there = steps * batch_size, len(data["y_train"])
    if wanted > there:
        raise ValueError(f"{steps} batches need {wanted} images, got {there}")
    # Pixels of about -2 to 2: initial weights are chosen with such sizes in mind.
    X = data["X_train"][:wanted].astype(np.float64) / 64
    y = data["y_train"][:wanted]
    np.random.seed(seed)
    net = ThreeLayerConvNet(weight_scale=0.05, dtype=np.float64, **SIZES)
    batches = list(zip(np.split(X, steps), np.split(y, steps), strict=True))
    return Start(net.state_dict(), batches)


def numpy_losses(start: Start) -> list[float]:
    """Train the net of Q4, with your own layers, and return the loss of each step."""
    from ece662.classifiers.cnn import ThreeLayerConvNet

    net = ThreeLayerConvNet(dtype=np.float64, **SIZES)
    net.load_state_dict(start.params)
    settings = {"learning_rate": start.learning_rate, "momentum": start.momentum}
    configs = {name: dict(settings) for name in net.params}
    losses = []
    for X, y in start.batches:
        loss, grads = net.loss(X, y)
        losses.append(float(loss))
        for name, w in net.params.items():
            net.params[name], _ = sgd_momentum(w, grads[name], configs[name])
    return losses


def torch_losses(start: Start) -> list[float]:
    """Train the same net in PyTorch, and return the loss of each step.

    The weights are taken as they are: PyTorch's images and filters have the axes of
    ours. Only the affine layers are written as a product, because `nn.Linear` keeps
    its weights transposed.
    """
    import torch
    import torch.nn.functional as F

    params = {
        name: torch.tensor(value, requires_grad=True)
        for name, value in start.params.items()
    }
    W1, W2, W3 = (params[name] for name in ("W1", "W2", "W3"))
    b1, b2, b3 = (params[name] for name in ("b1", "b2", "b3"))
    optimizer = torch.optim.SGD(
        params.values(), lr=start.learning_rate, momentum=start.momentum
    )
    losses = []
    for X, y in start.batches:
        maps = F.relu(F.conv2d(torch.from_numpy(X), W1, b1, padding="same"))
        hidden = F.relu(F.max_pool2d(maps, 2).flatten(1) @ W2 + b2)
        loss = F.cross_entropy(hidden @ W3 + b3, torch.from_numpy(y))
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses


def tensorflow_losses(start: Start) -> list[float]:
    """Train the same net in TensorFlow, and return the loss of each step.

    TensorFlow's images have their channels last, and so have its filters. The affine
    layer's rows follow: the channels of a pixel now come one after the other.
    """
    import keras
    import tensorflow as tf

    F, (H, W) = len(start.params["W1"]), start.batches[0][0].shape[2:]
    rows = start.params["W2"].reshape(F, H // 2, W // 2, -1).transpose(1, 2, 0, 3)
    arrays = start.params | {
        "W1": start.params["W1"].transpose(2, 3, 1, 0),  # (HH, WW, C, F)
        "W2": rows.reshape(start.params["W2"].shape),
    }
    params = {name: tf.Variable(value) for name, value in arrays.items()}
    W1, W2, W3 = (params[name] for name in ("W1", "W2", "W3"))
    b1, b2, b3 = (params[name] for name in ("b1", "b2", "b3"))
    optimizer = keras.optimizers.SGD(start.learning_rate, momentum=start.momentum)
    losses = []
    for X, y in start.batches:
        with tf.GradientTape() as tape:
            maps = tf.nn.relu(tf.nn.conv2d(invert_ch(X), W1, 1, "SAME") + b1)
            pooled = tf.nn.max_pool2d(maps, 2, 2, "VALID")
            hidden = tf.nn.relu(tf.reshape(pooled, (len(X), -1)) @ W2 + b2)
            scores = hidden @ W3 + b3
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=scores)
            )
        losses.append(float(loss))
        gradients = tape.gradient(loss, params)
        optimizer.apply(list(gradients.values()), list(params.values()))
    return losses
