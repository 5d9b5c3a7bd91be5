"""Mistakes in the affine layer and in ReLU."""

import numpy as np

from course.mistakes.registry import mistake
from ece662 import layers


def _rows(x):
    return x.reshape(len(x), -1)


@mistake(
    "affine_forward",
    says="The inputs meet the weights, but the biases never arrive in the output.",
    asks="What should the layer return for an input that is zero everywhere?",
)
def affine_without_bias(x, w, b):
    return _rows(x) @ w, (x, w, b)


@mistake(
    "affine_forward",
    says="The output has the right shape, but the flattening has dealt the numbers of "
    "each image out over all rows.",
    asks="Flatten an array of two tiny images that you can tell apart: does each row "
    "still hold one image?",
)
def affine_flattened_across_images(x, w, b):
    return x.reshape(-1, len(x)).T @ w + b, (x, w, b)


@mistake(
    "affine_forward",
    says="The output lies on its side: a row for each unit, where a row for each "
    "input is due.",
    asks="Which of the two axes of `out` is to count the inputs?",
)
def affine_output_transposed(x, w, b):
    return (_rows(x) @ w + b).T, (x, w, b)


@mistake(
    "affine_forward",
    says="The numbers of an image were read column by column, so each meets the "
    "weight of another.",
    asks="In which order does NumPy read an array unless it is asked for another?",
    hidden=True,
)
def affine_flattened_by_columns(x, w, b):
    return x.reshape(len(x), -1, order="F") @ w + b, (x, w, b)


@mistake(
    "affine_forward",
    says="The output is that of an affine layer divided by the number of inputs, "
    "though no input should know how many others there are.",
    asks="If you put each input in twice, what should happen to the output?",
    hidden=True,
)
def affine_output_averaged(x, w, b):
    return (_rows(x) @ w + b) / len(x), (x, w, b)


@mistake(
    "affine_backward",
    says="The numbers of dx are right, but it came back flat: the layer flattened its "
    "input on the way in, and that was not undone on the way out.",
    asks="What shape must a gradient have, compared with the array it belongs to?",
)
def affine_dx_left_flat(dout, cache):
    dx, dw, db = layers.affine_backward(dout, cache)
    return _rows(dx), dw, db


@mistake(
    "affine_backward",
    says="db is averaged over the inputs, though each of them adds its own share.",
    asks="The loss already contains the 1/N: where would a second one come from?",
)
def affine_db_averaged(dout, cache):
    dx, dw, _ = layers.affine_backward(dout, cache)
    return dx, dw, dout.mean(axis=0)


@mistake(
    "affine_backward",
    says="db has the right numbers in a matrix of one row, where the biases are a "
    "plain vector.",
    asks="What does the sum do with the axis that it has summed over?",
)
def affine_db_keeps_its_row(dout, cache):
    dx, dw, db = layers.affine_backward(dout, cache)
    return dx, dw, db[np.newaxis]


@mistake(
    "affine_backward",
    says="dw is divided by the number of inputs once more than it should be.",
    asks="Which part of the network takes the mean over the batch, and how often is "
    "that to be done?",
)
def affine_dw_averaged(dout, cache):
    dx, dw, db = layers.affine_backward(dout, cache)
    return dx, dw / len(dout), db


@mistake(
    "affine_backward",
    says="db was summed over the outputs of each input, so there is one number for "
    "each input rather than for each bias.",
    asks="Which outputs does a single bias reach?",
)
def affine_db_over_outputs(dout, cache):
    dx, dw, _ = layers.affine_backward(dout, cache)
    return dx, dw, dout.sum(axis=1)


@mistake(
    "affine_backward",
    says="All biases share one number: the sum went over the outputs as well as over "
    "the inputs.",
    asks="How many biases are there, and how many gradients do they need?",
)
def affine_db_one_number(dout, cache):
    dx, dw, _ = layers.affine_backward(dout, cache)
    return dx, dw, dout.sum()


@mistake(
    "affine_backward",
    says="dw lies on its side: its rows belong to the outputs, those of w to the "
    "inputs.",
    asks="Of the two orders in which x and dout can be multiplied, which gives the "
    "shape of w?",
)
def affine_dw_transposed(dout, cache):
    dx, dw, db = layers.affine_backward(dout, cache)
    return dx, dw.T, db


@mistake(
    "affine_backward",
    says="dw has the right shape, but x was reshaped where it should have been "
    "turned, so its numbers meet the gradients of other inputs.",
    asks="Do reshaping and transposing a 2 x 3 matrix into 3 x 2 give the same matrix?",
)
def affine_dw_reshaped_for_turned(dout, cache):
    x, _, _ = cache
    dx, _, db = layers.affine_backward(dout, cache)
    return dx, x.reshape(-1, len(x)) @ dout, db


@mistake(
    "affine_backward",
    says="The gradients of x and w are right and come back in each other's place.",
    asks="In which order does the forward pass take its arguments?",
)
def affine_gradients_in_other_order(dout, cache):
    dx, dw, db = layers.affine_backward(dout, cache)
    return dw, dx, db


@mistake(
    "affine_backward",
    says="db counts the inputs and never looks at the gradient that arrives.",
    asks="By the chain rule, what does the slope of out in b get multiplied with?",
)
def affine_db_ignores_dout(dout, cache):
    dx, dw, _ = layers.affine_backward(dout, cache)
    return dx, dw, np.full(dout.shape[1], len(dout), dout.dtype)


@mistake(
    "affine_backward",
    says="All three gradients are too small by the number of inputs.",
    asks="Who has already divided by N before dout arrives here?",
    hidden=True,
)
def affine_gradients_averaged(dout, cache):
    return tuple(g / len(dout) for g in layers.affine_backward(dout, cache))


@mistake(
    "relu_forward",
    says="The output is right, but the negative numbers of the caller's own array are "
    "gone: the layer has overwritten its input.",
    asks="After `out = x`, how many arrays are there?",
)
def relu_overwrites_its_input(x):
    out = x
    out[out < 0] = 0
    return out, x


@mistake(
    "relu_forward",
    says="Negative numbers come out positive: their sign was dropped instead of them.",
    asks="What does ReLU give for -3?",
)
def relu_takes_absolute_value(x):
    return np.abs(x), x


@mistake(
    "relu_forward",
    says="A little of every negative number leaks through; this layer cuts them off "
    "altogether.",
    asks="Which relative of ReLU have you written, and what is the slope of ReLU "
    "below zero?",
)
def relu_leaks(x):
    return np.where(x > 0, x, 0.01 * x), x


@mistake(
    "relu_forward",
    says="The output says which inputs pass, but not how large they are.",
    asks="What should become of an input of 2.5?",
)
def relu_returns_its_mask(x):
    return (x > 0).astype(x.dtype), x


@mistake(
    "relu_forward",
    says="The wrong half survived: negative numbers pass and positive ones are cut.",
    asks="Which of the two bounds x from below at zero: the larger or the smaller of "
    "x and 0?",
)
def relu_keeps_the_negative(x):
    return np.minimum(x, 0), x


@mistake(
    "relu_forward",
    says="The maximum was taken down the columns, not between each number and zero.",
    asks="NumPy has one function for the largest entry along an axis and another for "
    "the larger of two arrays: which one do you need?",
)
def relu_maximum_along_axis(x):
    return np.max(x, 0), x


@mistake(
    "relu_forward",
    says="Small inputs are right, but nothing larger than one comes through.",
    asks="Does ReLU have a ceiling?",
    hidden=True,
)
def relu_with_a_ceiling(x):
    return np.clip(x, 0, 1), x


@mistake(
    "relu_backward",
    says="The gate was set by the sign of the gradient; it is the input that decided "
    "what passed.",
    asks="What do you have in the cache, and what for?",
)
def relu_gate_from_dout(dout, cache):
    return dout * (dout > 0)


@mistake(
    "relu_backward",
    says="What comes back is the local slope alone; the gradient from above was not "
    "multiplied in.",
    asks="If dout were twice as large, what should happen to dx?",
)
def relu_slope_without_dout(dout, cache):
    return (cache > 0).astype(dout.dtype)


@mistake(
    "relu_backward",
    says="The whole gradient passes, also through units that were cut off.",
    asks="If x is -1 and moves by a tiny bit, what does the output do?",
)
def relu_passes_every_gradient(dout, cache):
    return dout.copy()


@mistake(
    "relu_backward",
    says="The gradient is multiplied by the value of the output, where its slope is "
    "due.",
    asks="What is the derivative of x with respect to x?",
)
def relu_value_for_slope(dout, cache):
    return dout * np.maximum(cache, 0)


@mistake(
    "relu_backward",
    says="The gate is the wrong way round: the gradient passes where x was cut off.",
    asks="For which inputs does the output follow the input?",
)
def relu_gate_inverted(dout, cache):
    return dout * (cache < 0)
