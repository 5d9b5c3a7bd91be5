"""Load TensorFlow before the walls close, once for all exercises of a submission.

This file is copied into the student's copy of the package as
`ece662.check._with_tensorflow`. No thread is started by importing it: the processes
that the server forks would not have them.
"""

import os
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors only
try:
    tempfile.gettempdir()
except FileNotFoundError:  # nothing can be written anywhere; importing needs a name
    tempfile.tempdir = "/"

import tensorflow as tf

__all__ = ["try_it"]

# To translate a function, AutoGraph would write a file, and says each time that it
# cannot. The functions run as they are.
tf.get_logger().setLevel("ERROR")


def try_it(inputs):
    """Take a step of gradient descent, compiled, which takes threads."""
    x = tf.Variable(inputs["x"])

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(x**2)
        x.assign_sub(0.5 * tape.gradient(loss, x))

    step()
    return {"x": x.numpy()}
