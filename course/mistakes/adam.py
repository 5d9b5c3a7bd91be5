"""Mistakes in Adam."""

import numpy as np

from course.mistakes.registry import mistake
from course.mistakes.update_rules import completed, root_then_epsilon
from ece662 import optim


def _adam(w, dw, config, correct=None, root=None, square=np.square, t=1):
    """Run Adam, one of its steps replaced.

    Args:
        w, dw, config: as `optim.adam`.
        correct: `correct(m, v, beta1, beta2, t)`, which returns m_hat and v_hat.
        root: `root(v_hat, epsilon)`, what m_hat is divided by.
        square: what v averages.
        t: by how much the step count grows before it is used.
    """
    config = completed(
        config,
        w,
        learning_rate=1e-3,
        beta1=0.9,
        beta2=0.999,
        epsilon=1e-8,
        m=None,
        v=None,
        t=0,
    )
    beta1, beta2 = config["beta1"], config["beta2"]
    config["t"] += t
    config["m"] = beta1 * config["m"] + (1 - beta1) * dw
    config["v"] = beta2 * config["v"] + (1 - beta2) * square(dw)
    m, v = (correct or _correct)(config["m"], config["v"], beta1, beta2, config["t"])
    divisor = (root or root_then_epsilon)(v, config["epsilon"])
    return w - config["learning_rate"] * m / divisor, config


def _correct(m, v, beta1, beta2, t):
    return m / (1 - beta1**t), v / (1 - beta2**t)


@mistake(
    "adam",
    says="m and v are used as they are. They begin at zero and so are far too small "
    "in the first steps, v more than m.",
    asks="After one step, what is m, compared with the gradient that it is to "
    "estimate?",
)
def adam_without_bias_correction(w, dw, config=None):
    return _adam(w, dw, config, lambda m, v, beta1, beta2, t: (m, v))


@mistake(
    "adam",
    says="Every step uses the same count: it goes up inside the function and is not "
    "kept for the next call.",
    asks="Where does the next call find out how many steps there have been?",
)
def adam_count_never_stored(w, dw, config=None):
    before = completed(config, w, t=0)["t"]
    next_w, config = _adam(w, dw, config)
    config["t"] = before
    return next_w, config


@mistake(
    "adam",
    says="Every step is corrected as if it were the first: the count in `t` has no "
    "effect.",
    asks="After ten thousand steps, is there still anything to correct?",
)
def adam_correction_without_power(w, dw, config=None):
    return _adam(
        w,
        dw,
        config,
        lambda m, v, beta1, beta2, t: (m / (1 - beta1), v / (1 - beta2)),
    )


@mistake(
    "adam",
    says="epsilon is added under the root. With the usual tiny one the difference is "
    "too small to be seen; the formula of this course adds it after the root.",
    asks="Is sqrt(v) + e the same as sqrt(v + e)? Try v = 0.",
)
def adam_epsilon_inside_root(w, dw, config=None):
    return _adam(w, dw, config, root=lambda v, epsilon: np.sqrt(v + epsilon))


@mistake(
    "adam",
    says="The count goes up after it was used, so each step is corrected as the one "
    "before it should have been.",
    asks="Which number has the first step, and what is 1 - beta to the power of zero?",
)
def adam_count_after_use(w, dw, config=None):
    with np.errstate(all="ignore"):
        next_w, config = _adam(w, dw, config, t=0)
    config["t"] += 1
    return next_w, config


@mistake(
    "adam",
    says="From a fresh start every step is right; a count that is handed in is used "
    "before it goes up.",
    asks="If the count says that five steps were made, which number has this one?",
)
def adam_count_begins_at_one(w, dw, config=None):
    config = completed(config, w, t=1)
    next_w, config = _adam(w, dw, config, t=0)
    config["t"] += 1
    return next_w, config


@mistake(
    "adam",
    says="beta1 and beta2 have changed places.",
    asks="Which of the two averages is to remember longer?",
)
def adam_betas_swapped(w, dw, config=None):
    config = completed(config, w, beta1=0.9, beta2=0.999)
    beta1, beta2 = config["beta1"], config["beta2"]
    config.update(beta1=beta2, beta2=beta1)
    next_w, config = _adam(w, dw, config)
    config.update(beta1=beta1, beta2=beta2)
    return next_w, config


@mistake(
    "adam",
    says="The step is divided by v, where its root is due.",
    asks="If all gradients are ten times as large, should the steps become smaller?",
)
def adam_root_missing(w, dw, config=None):
    return _adam(w, dw, config, root=lambda v, epsilon: v + epsilon)


@mistake(
    "adam",
    says="The first step is right; after it m and v begin anew, as they are never "
    "kept.",
    asks="What do m and v remember, and where?",
)
def adam_averages_never_stored(w, dw, config=None):
    config = completed(config, w, m=None, v=None)
    m, v = config["m"], config["v"]
    next_w, config = _adam(w, dw, config)
    config.update(m=m, v=v)
    return next_w, config


@mistake(
    "adam",
    says="The corrected averages are kept, so each step corrects what has been "
    "corrected already.",
    asks="Which m does the next step average with its gradient: the plain or the "
    "corrected one?",
)
def adam_keeps_corrected_averages(w, dw, config=None):
    next_w, config = _adam(w, dw, config)
    m, v = _correct(*(config[k] for k in ("m", "v", "beta1", "beta2", "t")))
    config.update(m=m, v=v)
    return next_w, config


@mistake(
    "adam",
    says="m is corrected and v is not.",
    asks="Which of the two averages begins at zero?",
)
def adam_only_m_corrected(w, dw, config=None):
    return _adam(w, dw, config, lambda m, v, beta1, beta2, t: (m / (1 - beta1**t), v))


@mistake(
    "adam",
    says="v is corrected and m is not.",
    asks="Which of the two averages begins at zero?",
)
def adam_only_v_corrected(w, dw, config=None):
    return _adam(w, dw, config, lambda m, v, beta1, beta2, t: (m, v / (1 - beta2**t)))


@mistake(
    "adam",
    says="The numbers are those of an epsilon of zero: the one that is given has no "
    "effect.",
    asks="What happens to a weight whose gradient has always been zero?",
)
def adam_without_epsilon(w, dw, config=None):
    with np.errstate(all="ignore"):
        return _adam(w, dw, config, root=lambda v, epsilon: np.sqrt(v))


@mistake(
    "adam",
    says="v averages the gradients themselves, where their squares are due.",
    asks="What do gradients of +1 and -1 in turn average to, and is that their size?",
)
def adam_gradient_not_squared(w, dw, config=None):
    with np.errstate(invalid="ignore"):
        return _adam(w, dw, config, square=lambda dw: dw)


@mistake(
    "adam",
    says="The parameter climbs: the step is added.",
    asks="In which direction does the loss fall?",
)
def adam_climbs(w, dw, config=None):
    next_w, config = optim.adam(w, dw, config)
    return 2 * w - next_w, config


@mistake(
    "adam",
    says="The gradient itself is divided by the root of v; its average m is kept and "
    "never used.",
    asks="What would be left of Adam, compared with RMSProp?",
    hidden=True,
)
def adam_steps_without_m(w, dw, config=None):
    return _adam(w, dw, config, lambda m, v, beta1, beta2, t: (dw, v / (1 - beta2**t)))


@mistake(
    "adam",
    says="The corrections use the count that is in config, and nothing ever raises "
    "it: it stays what it was, and at 0 they divide by zero.",
    asks="Which step is the first one, and who writes that down?",
)
def adam_count_stands_still(w, dw, config=None):
    return _adam(w, dw, config, t=0)


@mistake(
    "adam",
    says="The corrections use the count that is in config, which begins at 1 and never "
    "moves.",
    asks="After ten steps, which number should stand there?",
)
def adam_count_stands_at_one(w, dw, config=None):
    config = completed(config, w, t=1)
    return _adam(w, dw, config, t=0)
