"""Mistakes in dropout. Masks are random, so each mistake draws its own."""

import numpy as np

from course.mistakes.registry import mistake
from ece662 import layers


def _forward(x, dropout_param, draw, test=lambda x, p: x):
    """Run dropout: `draw(shape, p)` makes the mask, `test(x, p)` is mode "test"."""
    if dropout_param.get("seed") is not None:
        np.random.seed(dropout_param["seed"])
    if dropout_param["mode"] == "test":
        return test(x, dropout_param["p"]), (dropout_param, None)
    mask = np.asarray(draw(x.shape, dropout_param["p"]), x.dtype)
    return x * mask, (dropout_param, mask)


@mistake(
    "dropout_forward",
    says="p was read as the probability to drop a unit; in this course it is the "
    "probability to keep it.",
    asks="With p = 0.9, how many of a hundred units should survive?",
)
def dropout_p_drops(x, dropout_param):
    return _forward(x, dropout_param, lambda s, p: (np.random.rand(*s) > p) / (1 - p))


@mistake(
    "dropout_forward",
    says="p was read as the probability to drop a unit, where it is the probability to "
    "keep it; and what stays is divided by p all the same.",
    asks="With p = 0.9, how many of a hundred units should survive, and by how much "
    "must they grow?",
)
def dropout_p_drops_but_scales_by_p(x, dropout_param):
    return _forward(x, dropout_param, lambda s, p: (np.random.rand(*s) > p) / p)


@mistake(
    "dropout_forward",
    says="The units that stay are left as large as they were, so on average the next "
    "layer gets less than it will in test mode.",
    asks="What is the expected value of a unit that is kept with probability p?",
)
def dropout_never_scaled(x, dropout_param):
    return _forward(x, dropout_param, lambda s, p: np.random.rand(*s) < p)


@mistake(
    "dropout_forward",
    says="Units are dropped in test mode, too.",
    asks="Should a trained network give two answers to one picture?",
)
def dropout_in_test_mode(x, dropout_param):
    def test(x, p):
        return x * (np.random.rand(*x.shape) < p) / p

    def draw(shape, p):
        return (np.random.rand(*shape) < p) / p

    return _forward(x, dropout_param, draw, test)


@mistake(
    "dropout_forward",
    says="This is the older form of dropout: training does not scale, and test mode "
    "multiplies by p. Here training divides by p, and test mode does nothing.",
    asks="Which of the two forms lets a network be used without knowing its p?",
)
def dropout_scales_in_test_mode(x, dropout_param):
    return _forward(
        x, dropout_param, lambda s, p: np.random.rand(*s) < p, lambda x, p: x * p
    )


@mistake(
    "dropout_forward",
    says="The scale is right in training, but test mode multiplies by p once more.",
    asks="After training with the division by p in place, what is left to make up for?",
)
def dropout_scales_in_both_modes(x, dropout_param):
    return _forward(
        x, dropout_param, lambda s, p: (np.random.rand(*s) < p) / p, lambda x, p: x * p
    )


@mistake(
    "dropout_forward",
    says="The random numbers are normal ones, not uniform, so the share of units that "
    "stay is not p.",
    asks="Which of NumPy's random numbers lie evenly between 0 and 1?",
)
def dropout_normal_for_uniform(x, dropout_param):
    return _forward(x, dropout_param, lambda s, p: (np.random.randn(*s) < p) / p)


@mistake(
    "dropout_forward",
    says="What stays is multiplied by p, where it has to be divided by it.",
    asks="If half of the units are dropped, must the others grow or shrink to keep the "
    "sum?",
)
def dropout_multiplies_by_p(x, dropout_param):
    return _forward(x, dropout_param, lambda s, p: (np.random.rand(*s) < p) * p)


@mistake(
    "dropout_forward",
    says="Units are kept with probability p, but scaled by 1 - p.",
    asks="If 80 of a hundred units stay, by how much must they grow to keep the sum?",
)
def dropout_scales_by_one_minus_p(x, dropout_param):
    return _forward(x, dropout_param, lambda s, p: (np.random.rand(*s) < p) / (1 - p))


@mistake(
    "dropout_forward",
    says="One mask serves every input of the batch: whole columns are dropped at once.",
    asks="How many random numbers does a batch of N inputs with D units need?",
)
def dropout_one_mask_for_all_inputs(x, dropout_param):
    def draw(shape, p):
        return np.broadcast_to((np.random.rand(*shape[1:]) < p) / p, shape)

    return _forward(x, dropout_param, draw)


@mistake(
    "dropout_forward",
    says="In training x comes out as it is: nothing is dropped, and nothing is scaled.",
    asks="Is a mask drawn in mode 'train', and which of its numbers should pass?",
)
def dropout_mask_never_drops(x, dropout_param):
    return _forward(x, dropout_param, lambda s, p: np.random.rand(*s) < 1)


@mistake(
    "dropout_forward",
    says="Nothing is dropped, but everything is divided by p.",
    asks="Which of the two parts of dropout is missing?",
    hidden=True,
)
def dropout_scales_but_never_drops(x, dropout_param):
    return _forward(x, dropout_param, lambda s, p: np.ones(s) / p)


@mistake(
    "dropout_forward",
    says="The output is right, but x itself was changed: the layer has overwritten "
    "the caller's array.",
    asks="Does `*=` make a new array?",
)
def dropout_overwrites_its_input(x, dropout_param):
    out, cache = layers.dropout_forward(x, dropout_param)
    x[...] = out
    return out, cache


@mistake(
    "dropout_backward",
    says="The gradient flows through units that had been dropped.",
    asks="If a unit is multiplied by zero, how does the loss depend on it?",
)
def dropout_back_ignores_mask(dout, cache):
    return dout.copy()


@mistake(
    "dropout_backward",
    says="The right units pass, but the factor that they were scaled with is missing.",
    asks="If out is x times a number, what is the slope of out in x?",
)
def dropout_back_not_scaled(dout, cache):
    return dout * (cache[1] != 0)


@mistake(
    "dropout_backward",
    says="A new mask was drawn on the way back, so the gradient passes through other "
    "units than the output did.",
    asks="Which units did the loss get to see?",
)
def dropout_back_draws_anew(dout, cache):
    p = cache[0]["p"]
    return dout * (np.random.rand(*dout.shape) < p) / p


@mistake(
    "dropout_backward",
    says="The gradient is divided by p once more, though the mask contains that "
    "factor.",
    asks="Print your mask: what are its two values?",
)
def dropout_back_scaled_twice(dout, cache):
    return dout * cache[1] / cache[0]["p"]


@mistake(
    "dropout_backward",
    says="The gradient passes exactly where the units were dropped.",
    asks="Which units did the loss get to see?",
)
def dropout_back_mask_inverted(dout, cache):
    return dout * (cache[1] == 0)


@mistake(
    "dropout_backward",
    says="The gradient is multiplied by p everywhere, and the mask is not used.",
    asks="Did every unit pass on the same share of its value?",
)
def dropout_back_scales_by_p(dout, cache):
    return dout * cache[0]["p"]


@mistake(
    "dropout_backward",
    says="What comes back is the mask alone; the gradient from above was not "
    "multiplied in.",
    asks="If dout were twice as large, what should happen to dx?",
    hidden=True,
)
def dropout_back_returns_mask(dout, cache):
    return cache[1].copy()


@mistake(
    "dropout_forward",
    says="p was read as the probability to drop a unit, where it is the probability to "
    "keep it; and what stays is left as large as it was.",
    asks="With p = 0.9, how many of a hundred units should survive, and by how much "
    "must they grow?",
)
def dropout_p_drops_and_is_never_scaled(x, dropout_param):
    return _forward(x, dropout_param, lambda s, p: np.random.rand(*s) > p)


@mistake(
    "dropout_backward",
    says="The gradient is divided by p everywhere, and the mask is not used.",
    asks="Did every unit pass on the same share of its value?",
)
def dropout_back_divides_by_p(dout, cache):
    return dout / cache[0]["p"]
