"""A small ConvNet as a Keras model, in many hands.

The wrong ones stand beside what is true of them: the diagnosis, and words of its
message.
"""

from typing import ClassVar

import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

from tests.course.frameworks.hands import right, wrong

__all__ = ["RIGHT", "WRONG"]

RIGHT, WRONG = {}, {}


class Base(keras.Model):
    """The network, of which solutions change a part."""

    settings: ClassVar = {"padding": "same", "activation": "relu"}

    def __init__(self, channel_1, channel_2, num_classes):
        super().__init__()
        self.conv1 = layers.Conv2D(channel_1, 5, **self.settings)
        self.conv2 = layers.Conv2D(channel_2, 3, **self.settings)
        self.flatten = layers.Flatten()
        self.fc = layers.Dense(num_classes)

    def maps(self, x):
        return self.conv2(self.conv1(x))

    def call(self, x, training=False):
        return self.fc(self.flatten(self.maps(x)))


@right(RIGHT)
class Plain(Base):
    """As most write it."""


@right(RIGHT)
class OneSequence(keras.Model):
    """All layers in one keras.Sequential."""

    def __init__(self, channel_1, channel_2, num_classes):
        super().__init__()
        self.net = keras.Sequential()
        self.net.add(layers.Conv2D(channel_1, (5, 5), padding="same"))
        self.net.add(layers.ReLU())
        self.net.add(layers.Conv2D(channel_2, (3, 3), padding="same"))
        self.net.add(layers.ReLU())
        self.net.add(layers.Flatten())
        self.net.add(layers.Dense(num_classes))

    def call(self, x, training=False):
        return self.net(x, training=training)


@right(RIGHT)
class ActivationsApart(Base):
    """The ReLUs called as functions."""

    settings: ClassVar = {"padding": "same"}

    def maps(self, x):
        return tf.nn.relu(self.conv2(tf.nn.relu(self.conv1(x))))


@right(RIGHT)
class LayersInAList(keras.Model):
    """A list of layers, and a loop."""

    def __init__(self, channel_1, channel_2, num_classes):
        super().__init__()
        self.steps = [
            layers.Conv2D(channel_1, 5, padding="same", activation="relu"),
            layers.Conv2D(channel_2, 3, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(num_classes, activation=None),
        ]

    def call(self, x, training=False):
        for step in self.steps:
            x = step(x)
        return x


@right(RIGHT)
class Initialised(Base):
    """He's initialisation, by an object."""

    settings: ClassVar = {
        "padding": "same",
        "activation": keras.activations.relu,
        "kernel_initializer": keras.initializers.HeNormal(seed=1),
    }


@right(RIGHT)
class PaddingLayers(keras.Model):
    """ZeroPadding2D, and convolutions without padding."""

    def __init__(self, channel_1, channel_2, num_classes):
        super().__init__()
        self.pad1, self.pad2 = layers.ZeroPadding2D(2), layers.ZeroPadding2D(1)
        self.conv1 = layers.Conv2D(channel_1, 5, activation="relu")
        self.conv2 = layers.Conv2D(channel_2, 3, activation="relu")
        self.fc = layers.Dense(num_classes)

    def call(self, x, training=False):
        x = self.conv2(self.pad2(self.conv1(self.pad1(x))))
        size = x.shape[1] * x.shape[2] * x.shape[3]
        return self.fc(tf.reshape(x, (tf.shape(x)[0], size)))


@right(RIGHT)
class OwnWeights(keras.Model):
    """add_weight and tf.nn."""

    def __init__(self, channel_1, channel_2, num_classes):
        super().__init__()
        self.sizes = (channel_1, channel_2, num_classes)

    def build(self, shape):
        _, H, W, C = shape
        F1, F2, classes = self.sizes
        self.w1, self.b1 = self.pair((5, 5, C, F1))
        self.w2, self.b2 = self.pair((3, 3, F1, F2))
        self.fw, self.fb = self.pair((H * W * F2, classes))

    def pair(self, shape):
        return self.add_weight(shape=shape), self.add_weight(shape=shape[-1:])

    def call(self, x, training=False):
        x = tf.nn.relu(tf.nn.conv2d(x, self.w1, 1, "SAME") + self.b1)
        x = tf.nn.relu(tf.nn.conv2d(x, self.w2, 1, "SAME") + self.b2)
        return tf.reshape(x, (tf.shape(x)[0], self.fw.shape[0])) @ self.fw + self.fb


@right(RIGHT)
class DropsNothingInTest(Base):
    """A dropout layer, which is idle in test mode."""

    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.drop = layers.Dropout(0.5)

    def call(self, x, training=False):
        return self.fc(self.drop(self.flatten(self.maps(x)), training=training))


@wrong(WRONG, "keras-without-relu")
class NoRelu(Base):
    settings: ClassVar = {"padding": "same"}


@wrong(WRONG, "keras-second-relu-missing")
class OneRelu(Base):
    settings: ClassVar = {"padding": "same"}

    def maps(self, x):
        return self.conv2(tf.nn.relu(self.conv1(x)))


@wrong(WRONG, "keras-softmax-on-scores")
class Softmax(Base):
    def call(self, x, training=False):
        return tf.nn.softmax(super().call(x))


@wrong(WRONG, "keras-relu-on-scores")
class ReluOnScores(Base):
    def call(self, x, training=False):
        return tf.nn.relu(super().call(x))


@wrong(WRONG, "error", "line ", "output size would be zero or negative")
class NoPadding(Base):
    settings: ClassVar = {"activation": "relu"}


@wrong(WRONG, "misfit", "parameter of shape")
class WrongFilter(Base):
    def __init__(self, channel_1, channel_2, num_classes):
        super().__init__(channel_1, channel_2, num_classes)
        self.conv2 = layers.Conv2D(channel_2, 5, **self.settings)


@wrong(WRONG, "misfit", "there is no parameter of shape")
class NoBias(Base):
    settings: ClassVar = {**Base.settings, "use_bias": False}


@wrong(WRONG, "misfit", "parameter of shape")
class PooledBetween(Base):
    def maps(self, x):
        return self.conv2(tf.nn.max_pool2d(self.conv1(x), 2, 2, "VALID"))


@wrong(WRONG, "misfit", "parameter of shape")
class NeverFlattened(Base):
    def call(self, x, training=False):
        return self.fc(self.maps(x))


@wrong(WRONG, None, "scores")
class Turned(Base):
    def call(self, x, training=False):
        return self.fc(self.flatten(tf.transpose(self.maps(x), (0, 2, 1, 3))))


@wrong(WRONG, None, "scores")
class DropsInTest(Base):
    def call(self, x, training=False):
        return self.fc(tf.nn.dropout(self.flatten(self.maps(x)), 0.5, seed=1))


@wrong(WRONG, "error", "keras_classes.py, line ", "`super().__init__()`: it makes")
class NoSuper(keras.Model):
    def __init__(self, channel_1, channel_2, num_classes):
        self.conv1 = layers.Conv2D(channel_1, 5, padding="same")

    def call(self, x, training=False):
        return self.conv1(x)


@wrong(WRONG, "error", "(`class NoCall(keras.Model):`)", "has no method `call`")
class NoCall(keras.Model):
    def __init__(self, channel_1, channel_2, num_classes):
        super().__init__()
        self.conv1 = layers.Conv2D(channel_1, 5, padding="same")

        def call(self, x):
            return self.conv1(x)


@wrong(WRONG, "error", "line ", "is `forward` meant to be it?")
class ForwardForCall(keras.Model):
    def __init__(self, channel_1, channel_2, num_classes):
        super().__init__()
        self.conv1 = layers.Conv2D(channel_1, 5, padding="same")

    def forward(self, x):
        return self.conv1(x)


@wrong(WRONG, "error", "line ", "Layers are made once, in `__init__`")
class LayersMadeInCall(Base):
    def call(self, x, training=False):
        self.extra = layers.Dense(3)
        return super().call(x)


@wrong(WRONG, "misfit", "the model knows of no weights")
class LayersNeverKept(keras.Model):
    def __init__(self, channel_1, channel_2, num_classes):
        super().__init__()
        self.sizes = (channel_1, channel_2, num_classes)

    def call(self, x, training=False):
        F1, F2, classes = self.sizes
        x = layers.Conv2D(F1, 5, padding="same", activation="relu")(x)
        x = layers.Conv2D(F2, 3, padding="same", activation="relu")(x)
        return layers.Dense(classes)(layers.Flatten()(x))


@wrong(WRONG, "misfit", "has no method `__init__`", "is `__int__` meant to be it?")
class InitMisspelt(keras.Model):
    def __int__(self, channel_1, channel_2, num_classes):
        super().__init__()

    def call(self, x, training=False):
        return x


@wrong(WRONG, "misfit", "scores is None")
class NothingReturned(Base):
    def call(self, x, training=False):
        super().call(x)


@wrong(WRONG, "misfit", "should be a Keras model; it is a NoModel")
class NoModel:
    def __init__(self, channel_1, channel_2, num_classes):
        super().__init__()


@wrong(WRONG, None, "scores")
class LeakyRelu(Base):
    settings: ClassVar = {"padding": "same", "activation": "leaky_relu"}


@wrong(WRONG, "not-so", "every parameter gets a gradient")
class ScoresInNumPy(Base):
    def call(self, x, training=False):
        return super().call(x).numpy()


@wrong(WRONG, "misfit", "line ", "arguments that the course gives it")
class CallWithoutX(Base):
    def call(self):
        return self.fc(self.flatten(self.maps(self.x)))


@wrong(WRONG, "misfit", "line ", "arguments that the course gives it", "'labels'")
class CallWithLabels(Base):
    def call(self, x, labels):
        return super().call(x)


@wrong(WRONG, "error", "line ", "has to be `super().__init__()`")
class SuperNamedAndNotCalled(Base):
    def __init__(self, channel_1, channel_2, num_classes):
        super().__init__  # noqa: B018
        self.sizes = (channel_1, channel_2, num_classes)
