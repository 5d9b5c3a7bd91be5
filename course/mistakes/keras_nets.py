"""Mistakes in the small ConvNets of Q5-Tensorflow.

The framework is imported when a mistake is run, so that the staff's tools start fast.
"""

from functools import partial

from course.mistakes.convnet_words import (
    CUT,
    NO_BIAS,
    NO_RELU,
    ONE_RELU,
    RELU_ON_SCORES,
    SOFTMAX,
    TURNED,
)
from course.mistakes.registry import mistake

function = partial(mistake, "q5-tf-convnet-forward", replaces="three_layer_convnet")
network = partial(mistake, "q5-tf-convnet-class", replaces="ThreeLayerConvNet")
sequential = partial(mistake, "q5-tf-convnet-sequential", replaces="make_convnet")


def _tf(x, params, padding="SAME", relus=(True, True), maps=None, biases=True):
    """Run the network on TensorFlow tensors; `padding` is that of the second layer."""
    import tensorflow as tf

    conv_w1, conv_b1, conv_w2, conv_b2, fc_w, fc_b = params
    layers = ((conv_w1, conv_b1, "SAME"), (conv_w2, conv_b2, padding))
    for (w, b, pad), relu in zip(layers, relus, strict=True):
        x = tf.nn.conv2d(x, w, strides=1, padding=pad) + (b if biases else 0)
        x = tf.nn.relu(x) if relu else x
    flat = tf.reshape(maps(x) if maps else x, (x.shape[0], -1))
    return flat @ fc_w[: flat.shape[1]] + fc_b


def _keras(sizes, activations=("relu", "relu"), last=None):
    """Make the network in Keras, with these activations."""
    from tensorflow import keras

    F1, F2, classes = sizes
    first, second = activations
    return keras.Sequential(
        [
            keras.layers.Conv2D(F1, 5, padding="same", activation=first),
            keras.layers.Conv2D(F2, 3, padding="same", activation=second),
            keras.layers.Flatten(),
            keras.layers.Dense(classes, activation=last),
        ]
    )


@function(**CUT)
def tf_second_padding_missing(x, params):
    return _tf(x, params, padding="VALID")


@function(**NO_RELU)
def tf_without_relu(x, params):
    return _tf(x, params, relus=(False, False))


@function(**ONE_RELU)
def tf_second_relu_missing(x, params):
    return _tf(x, params, relus=(True, False))


@function(**NO_BIAS)
def tf_without_biases(x, params):
    return _tf(x, params, biases=False)


@function(**SOFTMAX)
def tf_softmax_on_scores(x, params):
    import tensorflow as tf

    return tf.nn.softmax(_tf(x, params))


@function(**RELU_ON_SCORES)
def tf_relu_on_scores(x, params):
    import tensorflow as tf

    return tf.nn.relu(_tf(x, params))


@function(**TURNED)
def tf_height_and_width_swapped(x, params):
    import tensorflow as tf

    return _tf(x, params, maps=lambda maps: tf.transpose(maps, (0, 2, 1, 3)))


@function(
    says="The maps were flattened with the channels first, but TensorFlow keeps them "
    "last, and so do the affine weights.",
    asks="In which order do the axes of an image stand in TensorFlow, and in PyTorch?",
)
def tf_flattened_channels_first(x, params):
    import tensorflow as tf

    return _tf(x, params, maps=lambda maps: tf.transpose(maps, (0, 3, 1, 2)))


@network(**NO_RELU)
def keras_without_relu(*sizes):
    return _keras(sizes, activations=(None, None))


@network(**ONE_RELU)
def keras_second_relu_missing(*sizes):
    return _keras(sizes, activations=("relu", None))


@network(**SOFTMAX)
def keras_softmax_on_scores(*sizes):
    return _keras(sizes, last="softmax")


@network(**RELU_ON_SCORES)
def keras_relu_on_scores(*sizes):
    return _keras(sizes, last="relu")


@sequential(**NO_RELU)
def keras_sequential_without_relu(shape, *sizes):
    return _keras(sizes, activations=(None, None))


@sequential(**ONE_RELU)
def keras_sequential_second_relu_missing(shape, *sizes):
    return _keras(sizes, activations=("relu", None))


@sequential(**SOFTMAX)
def keras_sequential_softmax_on_scores(shape, *sizes):
    return _keras(sizes, last="softmax")


@sequential(**RELU_ON_SCORES)
def keras_sequential_relu_on_scores(shape, *sizes):
    return _keras(sizes, last="relu")
