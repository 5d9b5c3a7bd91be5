"""The forward pass of a small ConvNet in TensorFlow, in many hands.

The wrong ones stand beside what is true of them: the diagnosis, and words of its
message.
"""

import numpy as np
import tensorflow as tf

from tests.course.frameworks.hands import right, wrong

__all__ = ["RIGHT", "WRONG"]

RIGHT, WRONG = {}, {}


@right(RIGHT)
def with_bias_add(x, params):
    w1, b1, w2, b2, fw, fb = params
    x = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, w1, 1, "SAME"), b1))
    x = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, w2, 1, "SAME"), b2))
    return tf.matmul(tf.reshape(x, [tf.shape(x)[0], -1]), fw) + fb


@right(RIGHT)
def padded_by_hand(x, params):
    w1, b1, w2, b2, fw, fb = params
    x = tf.pad(x, [[0, 0], [2, 2], [2, 2], [0, 0]])
    x = tf.nn.relu(tf.nn.conv2d(x, w1, strides=[1, 1, 1, 1], padding="VALID") + b1)
    x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
    x = tf.nn.relu(tf.nn.conv2d(x, w2, strides=[1, 1, 1, 1], padding="VALID") + b2)
    return tf.reshape(x, (x.shape[0], -1)) @ fw + fb


@right(RIGHT)
def explicit_paddings(x, params):
    w1, b1, w2, b2, fw, fb = params
    for w, b, pad in ((w1, b1, 2), (w2, b2, 1)):
        paddings = [[0, 0], [pad, pad], [pad, pad], [0, 0]]
        x = tf.maximum(tf.nn.conv2d(x, w, 1, paddings) + b, 0)
    return tf.linalg.matmul(tf.reshape(x, (len(x), -1)), fw) + fb


@right(RIGHT)
def by_keras_backend(x, params):
    w1, b1, w2, b2, fw, fb = params
    x = tf.keras.ops.relu(tf.keras.ops.conv(x, w1, padding="same") + b1)
    x = tf.keras.ops.relu(tf.keras.ops.conv(x, w2, padding="same") + b2)
    return tf.keras.ops.matmul(tf.keras.ops.reshape(x, (len(x), -1)), fw) + fb


@right(RIGHT)
def by_einsum(x, params):
    w1, b1, w2, b2, fw, fb = params
    x = tf.nn.relu(tf.nn.convolution(x, w1, padding="SAME") + b1)
    x = tf.nn.relu(tf.nn.convolution(x, w2, padding="SAME") + b2)
    return tf.einsum("nd,dc->nc", tf.reshape(x, (x.shape[0], fw.shape[0])), fw) + fb


@right(RIGHT)
def variables_first(x, params):
    w1, b1, w2, b2, fw, fb = [tf.Variable(p) for p in params]
    x = tf.nn.relu(tf.nn.conv2d(tf.Variable(x), w1, 1, "SAME") + b1)
    x = tf.nn.relu(tf.nn.conv2d(x, w2, 1, "SAME") + b2)
    return tf.reshape(x, (x.shape[0], -1)) @ fw + fb


@right(RIGHT)
def as_a_graph(x, params):
    @tf.function
    def compute(x, w1, b1, w2, b2, fw, fb):
        x = tf.nn.relu(tf.nn.conv2d(x, w1, 1, "SAME") + b1)
        x = tf.nn.relu(tf.nn.conv2d(x, w2, 1, "SAME") + b2)
        return tf.reshape(x, (tf.shape(x)[0], -1)) @ fw + fb

    return compute(x, *params)


@right(RIGHT)
def in_patches(x, params):
    w1, b1, w2, b2, fw, fb = params
    for w, b in ((w1, b1), (w2, b2)):
        size = w.shape[0]
        patches = tf.image.extract_patches(
            x, [1, size, size, 1], [1, 1, 1, 1], [1, 1, 1, 1], "SAME"
        )
        x = tf.nn.relu(patches @ tf.reshape(w, (-1, w.shape[3])) + b)
    return tf.reshape(x, (x.shape[0], -1)) @ fw + fb


@right(RIGHT)
def returned_as_numpy(x, params):
    return with_bias_add(x, params).numpy()


def forward(x, params, pads=("SAME", "SAME"), after=tf.nn.relu, maps=None, last=None):
    """Run the network, with parts changed as given; the affine weights are cut."""
    w1, b1, w2, b2, fw, fb = params
    x = after(tf.nn.conv2d(x, w1, 1, pads[0]) + b1)
    x = after(tf.nn.conv2d(x, w2, 1, pads[1]) + b2)
    flat = tf.reshape(maps(x) if maps else x, (x.shape[0], -1))
    scores = flat @ fw[: flat.shape[1]] + fb
    return last(scores) if last else scores


@wrong(WRONG, "tf-second-padding-missing")
def weights_cut_to_what_is_left(x, params):
    return forward(x, params, pads=("SAME", "VALID"))


@wrong(WRONG, "tf-without-relu")
def nothing_between_the_layers(x, params):
    return forward(x, params, after=tf.identity)


@wrong(WRONG, "tf-second-relu-missing")
def relu_after_the_first_alone(x, params):
    w1, b1, w2, b2, fw, fb = params
    x = tf.nn.relu(tf.nn.conv2d(x, w1, 1, "SAME") + b1)
    x = tf.nn.conv2d(x, w2, 1, "SAME") + b2
    return tf.reshape(x, (x.shape[0], -1)) @ fw + fb


@wrong(WRONG, "tf-without-biases")
def biases_left_out(x, params):
    w1, b1, w2, b2, fw, fb = params
    return forward(x, [w1, 0 * b1, w2, 0 * b2, fw, fb])


@wrong(WRONG, "tf-softmax-on-scores")
def softmax_before_the_loss(x, params):
    return forward(x, params, last=tf.nn.softmax)


@wrong(WRONG, "tf-height-and-width-swapped")
def pictures_turned(x, params):
    return forward(x, params, maps=lambda x: tf.transpose(x, (0, 2, 1, 3)))


@wrong(WRONG, "tf-flattened-channels-first")
def flattened_as_torch_does(x, params):
    return forward(x, params, maps=lambda x: tf.transpose(x, (0, 3, 1, 2)))


@wrong(WRONG, "error", "line ")
def padding_forgotten(x, params):
    w1, b1, w2, b2, fw, fb = params
    x = tf.nn.relu(tf.nn.conv2d(x, w1, 1, "VALID") + b1)
    x = tf.nn.relu(tf.nn.conv2d(x, w2, 1, "VALID") + b2)
    return tf.reshape(x, (x.shape[0], -1)) @ fw + fb


@wrong(WRONG, "error", "line ")
def channels_first(x, params):
    return forward(tf.transpose(x, (0, 3, 1, 2)), params)


@wrong(WRONG, "tf-relu-on-scores")
def relu_on_the_scores(x, params):
    return forward(x, params, last=tf.nn.relu)


@wrong(WRONG, None, "scores")
def sigmoid_for_relu(x, params):
    return forward(x, params, after=tf.nn.sigmoid)


@wrong(WRONG, None, "scores")
def bias_of_the_scores_left_out(x, params):
    *others, fb = params
    return forward(x, [*others, np.zeros_like(fb)])


@wrong(WRONG, None, "scores")
def filters_turned(x, params):
    w1, *others = params
    return forward(x, [w1[::-1, ::-1], *others])
