"""How Q5's networks in TensorFlow are tried: functions of tensors, classes, models."""

import numpy as np

from ece662.check.models import in_model
from ece662.check.recipe import Misfit
from ece662.check.recipes.parameters import (
    LEARNING,
    PARAMS,
    SMALL,
    numpy_of,
    put,
    require,
    written,
)

__all__ = [
    "keras_momentum_of",
    "keras_scores",
    "run_keras_challenge",
    "run_keras_class",
    "run_keras_function",
    "run_keras_init",
    "run_keras_sequential",
]


def run_keras_function(code, inputs):
    """Try a forward pass with images of channels last."""
    x, *params = (inputs[name].astype(np.float32) for name in ("x", *PARAMS))
    scores = written(code, "three_layer_convnet")(x, params)
    return {"scores": numpy_of(scores, "scores")}


def run_keras_init(code, inputs):
    """Take the first parameters of the network."""
    params = written(code, "three_layer_convnet_init")()
    require(params, list | tuple, "what three_layer_convnet_init returns", "a list")
    return {f"params[{i}]": numpy_of(value, "params") for i, value in enumerate(params)}


def run_keras_class(code, inputs):
    """Try a model class."""
    _, F1, F2, *_, classes = SMALL
    make = written(code, "ThreeLayerConvNet")
    with in_model(make):
        model = make(F1, F2, classes)
    return _run_keras(model, inputs)


def run_keras_sequential(code, inputs):
    """Try a function that makes a model."""
    C, F1, F2, H, W, classes = SMALL
    make = written(code, "make_convnet")
    with in_model(make):
        return _run_keras(make((H, W, C), F1, F2, classes), inputs)


def _run_keras(model, inputs):
    import tensorflow as tf
    from tensorflow import keras

    require(model, keras.layers.Layer, "the model", "a Keras model")
    x = inputs["x"].astype(np.float32)
    with in_model(model):
        model(x)  # which makes the weights
    _require_weights(model)
    put(
        {name: inputs[name] for name in PARAMS},
        [(tuple(w.shape), w.assign) for w in model.weights],
    )
    with tf.GradientTape() as tape, in_model(model):
        scores = model(x)
    return _outputs(scores, model.weights, tape)


def _outputs(scores, parameters, tape):
    """Return scores, and whether a training step can move the parameters."""
    import tensorflow as tf

    array = numpy_of(scores, "scores")
    gradients = tape.gradient(scores, parameters) if tf.is_tensor(scores) else [None]
    reached = all(gradient is not None for gradient in gradients)
    return {"scores": array, LEARNING: np.array(reached)}


def run_keras_challenge(code, inputs):
    """Send a few pictures through a network of the student's own."""
    from tensorflow import keras

    make = written(code, "make_challenge_net")
    with in_model(make):
        net = make(8)
        require(net, keras.layers.Layer, "the network", "a Keras model")
        scores = net(inputs["x"])
    _require_weights(net)
    return {"scores": numpy_of(scores, "scores")}


def _require_weights(model):
    if not model.weights:
        raise Misfit(
            "the model knows of no weights: layers that it should train are made in "
            "`__init__` and kept as attributes of `self`"
        )


def keras_scores(code, model, data):
    """Ask a Keras model about the test set."""
    from ece662.frameworks.tf_tools import make_datasets, probabilities_of

    return probabilities_of(model, make_datasets(data)[2])


def keras_momentum_of(optimizer) -> dict:
    """Return the momentum of an optimizer, and whether it is Nesterov's."""
    momentum = float(getattr(optimizer, "momentum", None) or 0)
    is_nesterovs = bool(getattr(optimizer, "nesterov", False))
    return {"momentum": np.array(momentum), "Nesterov momentum": np.array(is_nesterovs)}
