"""The residual network in Keras: built from its description, trained, evaluated.

It computes what the one in PyTorch computes: with the weights of one, the other gives
the same scores. Hence the padding by hand where the stride is 2: of itself TensorFlow
would pad on one side only.
"""

from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from ece662.frameworks.images import invert_ch
from ece662.pruning.architecture import Architecture
from ece662.pruning.store import require_fit
from ece662.pruning.training import SCALE, TrainingPlan, batches, progress

__all__ = [
    "build",
    "get_weights",
    "keep_masks",
    "predict",
    "prunable",
    "set_weights",
    "train",
]


def build(architecture: Architecture, seed: int | None = None) -> keras.Model:
    """Return the network that an Architecture describes, for (N, 32, 32, 3) pictures.

    Args:
        architecture: its description, kept as the attribute `architecture`.
        seed: of the initial weights; None for what Keras's generator gives next.
    """
    if seed is not None:
        keras.utils.set_random_seed(seed)
    convs = iter(architecture.convs())
    pictures = keras.Input((32, 32, 3))
    x = layers.ReLU()(_conv_norm(next(convs), layers.Rescaling(1 / SCALE)(pictures)))
    for block in architecture.blocks:
        out = layers.ReLU()(_conv_norm(next(convs), x))
        out = _conv_norm(next(convs), out)
        shortcut = _conv_norm(next(convs), x) if block.project else x
        x = layers.ReLU()(layers.Add()([out, shortcut]))
    x = layers.GlobalAveragePooling2D()(x)
    scores = layers.Dense(architecture.num_classes, name="head")(x)
    model = keras.Model(pictures, scores)
    model.architecture = architecture
    return model


def _conv_norm(conv, x):
    """Return a convolution without bias and batch normalisation, applied to x."""
    padding, stride = "same", conv.stride
    if conv.kernel == 1:
        # The pixels first, then stride 1: see ece662/frameworks/pointwise.py.
        x, stride = x[:, ::stride, ::stride], 1
    elif stride > 1:
        padding = "valid"
        x = layers.ZeroPadding2D(conv.kernel // 2)(x)
    x = layers.Conv2D(
        conv.filters,
        conv.kernel,
        stride,
        padding,
        use_bias=False,
        kernel_initializer="he_normal",
        name=conv.name,
    )(x)
    return layers.BatchNormalization(
        momentum=0.9, epsilon=1e-5, name=f"{conv.name}.norm"
    )(x)


def get_weights(model: keras.Model) -> dict[str, np.ndarray]:
    """Return copies of all that the network has learnt, by name."""
    return {v.path: v.numpy() for v in model.weights}


def set_weights(model: keras.Model, weights: Mapping[str, np.ndarray]) -> None:
    """Copy arrays into the network; ValueError where names or shapes differ."""
    require_fit({v.path: v.shape for v in model.weights}, weights)
    for variable in model.weights:
        variable.assign(weights[variable.path])


def prunable(model: keras.Model) -> dict[str, np.ndarray]:
    """Return copies of the weights that pruning is about: of convolutions and head."""
    return {name: variable.numpy() for name, variable in _kernels(model).items()}


def _kernels(model):
    return {v.path: v for v in model.trainable_variables if v.path.endswith("kernel")}


def keep_masks(model: keras.Model, masks: Mapping[str, np.ndarray]):
    """Set weights to zero, and return the function that does it again.

    Args:
        model: the network.
        masks: by the names of `prunable`, True where a weight stays.

    Returns:
        hold: to be called after every step of training, which moves all weights.
    """
    places = _kernels(model)
    pairs = [(places[name], tf.constant(m, tf.float32)) for name, m in masks.items()]

    @tf.function
    def hold():
        for weight, mask in pairs:
            weight.assign(weight.value * mask)

    hold()
    return hold


def train(model, X, y, plan: TrainingPlan, after_step=None, what="training") -> None:
    """Train the network where it stands, from the weights that it has.

    Args:
        model: what `build` returns.
        X: (N, 3, H, W) float32 pictures, channels first.
        y: (N,) labels.
        plan: how.
        after_step: called without arguments after every step, to hold masks in place.
        what: the progress bar's words.
    """
    optimizer = keras.optimizers.SGD(momentum=0.9, nesterov=True)
    optimizer.build(model.trainable_variables)
    step = _make_step(model, optimizer, plan)
    steps = batches(X, y, plan)
    for images, labels, rate in progress(steps, plan.steps(len(y)), what):
        optimizer.learning_rate.assign(rate)
        step(tf.constant(invert_ch(images)), tf.constant(labels))
        if after_step is not None:
            after_step()


def _make_step(model, optimizer, plan):
    """Return the function that takes one step, compiled at its first call."""
    loss_of = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=plan.label_smoothing
    )
    decayed = {id(v) for v in _kernels(model).values()}

    @tf.function
    def step(images, labels):
        with tf.GradientTape() as tape:
            scores = model(images, training=True)
            loss = loss_of(tf.one_hot(labels, scores.shape[1]), scores)
        variables = model.trainable_variables
        grads = tape.gradient(loss, [v.value for v in variables])
        # Weight decay as torch's SGD understands it: a part of the gradient.
        grads = [
            g + plan.weight_decay * v.value if id(v) in decayed else g
            for g, v in zip(grads, variables, strict=True)
        ]
        optimizer.apply(grads)

    return step


def predict(model, X, batch_size: int = 500) -> np.ndarray:
    """Return the class that the network chooses for each of (N, 3, H, W) pictures."""
    parts = [
        np.argmax(model(invert_ch(X[i : i + batch_size]), training=False), axis=1)
        for i in range(0, len(X), batch_size)
    ]
    return np.concatenate(parts)
