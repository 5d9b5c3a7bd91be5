"""A function that makes a small ConvNet in Keras, in many hands.

The wrong ones stand beside what is true of them: the diagnosis, and words of its
message.
"""

import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

from tests.course.frameworks.hands import right, wrong

__all__ = ["RIGHT", "WRONG"]

RIGHT, WRONG = {}, {}
SETTINGS = {"padding": "same", "activation": "relu"}


def made_of(*parts):
    return keras.Sequential(list(parts))


@right(RIGHT)
def layers_in_a_list(input_shape, channel_1, channel_2, num_classes):
    return keras.Sequential(
        [
            keras.Input(input_shape),
            layers.Conv2D(channel_1, (5, 5), **SETTINGS),
            layers.Conv2D(channel_2, (3, 3), **SETTINGS),
            layers.Flatten(),
            layers.Dense(num_classes),
        ]
    )


@right(RIGHT)
def added_one_by_one(input_shape, channel_1, channel_2, num_classes):
    model = keras.models.Sequential(name="convnet")
    model.add(layers.InputLayer(shape=input_shape))
    model.add(layers.Conv2D(channel_1, 5, 1, "same"))
    model.add(layers.ReLU())
    model.add(layers.Conv2D(channel_2, 3, 1, "same"))
    model.add(layers.ReLU())
    model.add(layers.Flatten())
    model.add(layers.Dense(num_classes, activation=None))
    return model


@right(RIGHT)
def shape_in_the_first_layer(input_shape, channel_1, channel_2, num_classes):
    first = layers.Conv2D(channel_1, 5, input_shape=input_shape, **SETTINGS)
    second = layers.Conv2D(channel_2, 3, **SETTINGS)
    return made_of(first, second, layers.Flatten(), layers.Dense(num_classes))


@right(RIGHT)
def never_built(input_shape, channel_1, channel_2, num_classes):
    first, second = (
        layers.Conv2D(channels, size, **SETTINGS)
        for channels, size in ((channel_1, 5), (channel_2, 3))
    )
    return made_of(first, second, layers.Flatten(), layers.Dense(num_classes))


@right(RIGHT)
def built_and_compiled(input_shape, *sizes):
    model = never_built(input_shape, *sizes)
    model.build((None, *input_shape))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(1e-3, 0.9, True), loss, metrics=["accuracy"])
    return model


@right(RIGHT)
def as_a_graph_of_calls(input_shape, channel_1, channel_2, num_classes):
    inputs = keras.Input(shape=input_shape)
    x = layers.Conv2D(channel_1, 5, padding="same")(inputs)
    x = layers.Conv2D(channel_2, 3, padding="same")(layers.Activation("relu")(x))
    x = layers.Flatten()(keras.activations.relu(x))
    return keras.Model(inputs=inputs, outputs=layers.Dense(num_classes)(x))


@right(RIGHT)
def padded_by_layers(input_shape, channel_1, channel_2, num_classes):
    return made_of(
        keras.Input(input_shape),
        layers.ZeroPadding2D(2),
        layers.Conv2D(channel_1, 5, activation=tf.nn.relu),
        layers.ZeroPadding2D(1),
        layers.Conv2D(channel_2, 3, activation=tf.nn.relu),
        layers.Reshape((-1,)),
        layers.Dense(num_classes, kernel_initializer="he_normal"),
    )


@right(RIGHT)
def two_models_in_one(input_shape, channel_1, channel_2, num_classes):
    body = made_of(
        layers.Conv2D(channel_1, 5, **SETTINGS), layers.Conv2D(channel_2, 3, **SETTINGS)
    )
    head = made_of(layers.Flatten(), layers.Dropout(0.3), layers.Dense(num_classes))
    return made_of(keras.Input(input_shape), body, head)


@right(RIGHT)
def in_a_loop(input_shape, channel_1, channel_2, num_classes):
    model = made_of(keras.Input(input_shape))
    same = {"padding": "same", "kernel_initializer": keras.initializers.HeUniform(3)}
    for channels, size in ((channel_1, 5), (channel_2, 3)):
        model.add(layers.Conv2D(channels, size, **same))
        model.add(layers.Activation(tf.nn.relu))
    model.add(layers.Flatten(data_format="channels_last"))
    model.add(layers.Dense(num_classes, activation="linear"))
    return model


def changed(sizes, first=None, second=None, head=None, last=None):
    """Make the network with some settings changed; `head` leads to the scores."""
    channel_1, channel_2, num_classes = sizes
    return made_of(
        layers.Conv2D(channel_1, 5, **(SETTINGS if first is None else first)),
        layers.Conv2D(channel_2, 3, **(SETTINGS if second is None else second)),
        *([layers.Flatten()] if head is None else head),
        layers.Dense(num_classes, activation=last),
    )


PADDED = {"padding": "same"}


@wrong(WRONG, "keras-sequential-without-relu")
def nothing_between_the_layers(input_shape, *sizes):
    return changed(sizes, first=PADDED, second=PADDED)


@wrong(WRONG, "keras-sequential-second-relu-missing")
def one_relu(input_shape, *sizes):
    return changed(sizes, second=PADDED)


@wrong(WRONG, "keras-sequential-softmax-on-scores")
def softmax_at_the_end(input_shape, *sizes):
    return changed(sizes, last="softmax")


@wrong(WRONG, "keras-sequential-relu-on-scores")
def relu_on_the_scores(input_shape, *sizes):
    return changed(sizes, last="relu")


@wrong(WRONG, None, "scores")
def leaky_relu(input_shape, *sizes):
    leaky = {**PADDED, "activation": "leaky_relu"}
    return changed(sizes, first=leaky, second=leaky)


@wrong(WRONG, None, "scores")
def dropout_that_never_rests(input_shape, *sizes):
    def drop(x):
        return tf.nn.dropout(x, 0.5, seed=1)

    return changed(sizes, head=[layers.Flatten(), layers.Lambda(drop)])


@wrong(WRONG, None, "scores")
def pictures_turned(input_shape, *sizes):
    return changed(sizes, head=[layers.Permute((2, 1, 3)), layers.Flatten()])


@wrong(WRONG, "error", "would be zero or negative", "line ", "(`def padding_forgotten(")
def padding_forgotten(input_shape, *sizes):
    return changed(sizes, first={"activation": "relu"}, second={"activation": "relu"})


@wrong(WRONG, "misfit", "parameter of shape (2, 7)")
def never_flattened(input_shape, *sizes):
    return changed(sizes, head=[])


@wrong(WRONG, "misfit", "parameter of shape (2, 7)")
def averaged_for_flattened(input_shape, *sizes):
    return changed(sizes, head=[layers.GlobalAveragePooling2D()])


@wrong(WRONG, "misfit", "parameter of shape (18, 7)")
def strides_of_two(input_shape, *sizes):
    return changed(sizes, first={**SETTINGS, "strides": 2}, second=SETTINGS)


@wrong(WRONG, "misfit", "there is no parameter of shape (4,)")
def bias_left_out(input_shape, *sizes):
    return changed(sizes, first={**SETTINGS, "use_bias": False})


@wrong(WRONG, "misfit", "the model should be a Keras model; it is None")
def never_returned(input_shape, *sizes):
    changed(sizes)


@wrong(WRONG, "misfit", "the model should be a Keras model; it is a list")
def layers_never_joined(input_shape, channel_1, channel_2, num_classes):
    convs = [layers.Conv2D(channel_1, 5), layers.Conv2D(channel_2, 3)]
    return [*convs, layers.Flatten(), layers.Dense(num_classes)]


@wrong(WRONG, "error", "incompatible with the layer", "(`def sizes_of_the_pictures_by")
def sizes_of_the_pictures_by_heart(input_shape, *sizes):
    return made_of(keras.Input((32, 32, 3)), changed(sizes))


@wrong(WRONG, "misfit", "parameter of shape")
def channels_by_heart(input_shape, channel_1, channel_2, num_classes):
    return changed((32, 16, 6))


@wrong(WRONG, "error", "line ")
def flattened_before_the_convolutions(input_shape, *sizes):
    flat = [keras.Input(input_shape), layers.Flatten()]
    return made_of(*flat, changed(sizes))
