"""Mistakes in RMSProp."""

import numpy as np

from course.mistakes.registry import mistake
from course.mistakes.update_rules import completed, root_then_epsilon
from ece662 import optim


def _rmsprop(w, dw, config, cache=None, root=None):
    """Run RMSProp with another `cache(old, dw, decay)` or `root(cache, epsilon)`."""
    config = completed(
        config, w, learning_rate=1e-2, decay_rate=0.99, epsilon=1e-8, cache=None
    )
    decay, old = config["decay_rate"], config["cache"]
    if cache:
        config["cache"] = cache(old, dw, decay)
    else:
        config["cache"] = decay * old + (1 - decay) * dw**2
    divisor = (root or root_then_epsilon)(config["cache"], config["epsilon"])
    return w - config["learning_rate"] * dw / divisor, config


@mistake(
    "rmsprop",
    says="The cache forgets the past and follows the last gradient: the decay rate is "
    "on the wrong one of the two.",
    asks="With a decay rate of 0.99, how much of the old cache should survive a step?",
)
def rmsprop_decay_reversed(w, dw, config=None):
    return _rmsprop(
        w, dw, config, lambda old, dw, decay: (1 - decay) * old + decay * dw**2
    )


@mistake(
    "rmsprop",
    says="The step is divided by the mean square, where its root is due.",
    asks="If all gradients are ten times as large, should the steps become smaller?",
)
def rmsprop_root_missing(w, dw, config=None):
    return _rmsprop(w, dw, config, root=lambda cache, epsilon: cache + epsilon)


@mistake(
    "rmsprop",
    says="epsilon is added under the root. With the usual tiny one the difference is "
    "too small to be seen; the formula of this course adds it after the root.",
    asks="Is sqrt(v) + e the same as sqrt(v + e)? Try v = 0.",
)
def rmsprop_epsilon_inside_root(w, dw, config=None):
    return _rmsprop(w, dw, config, root=lambda cache, epsilon: np.sqrt(cache + epsilon))


@mistake(
    "rmsprop",
    says="Each step begins with the cache of the first: the new one is used and then "
    "forgotten.",
    asks="Where does the next call find the cache of this one?",
)
def rmsprop_cache_never_stored(w, dw, config=None):
    config = completed(config, w, cache=None)
    old = config["cache"]
    next_w, config = optim.rmsprop(w, dw, config)
    config["cache"] = old
    return next_w, config


@mistake(
    "rmsprop",
    says="The new square enters at full strength, so the cache grows far beyond a "
    "mean.",
    asks="Do the two weights of your average add up to one?",
)
def rmsprop_square_not_weighted(w, dw, config=None):
    return _rmsprop(w, dw, config, lambda old, dw, decay: decay * old + dw**2)


@mistake(
    "rmsprop",
    says="The cache only grows and nothing is forgotten: this is AdaGrad.",
    asks="What will the steps look like after a million of them?",
)
def rmsprop_is_adagrad(w, dw, config=None):
    return _rmsprop(w, dw, config, lambda old, dw, decay: old + dw**2)


@mistake(
    "rmsprop",
    says="The step is divided by the cache from before; the new one is kept for the "
    "next step.",
    asks="What is the very first gradient divided by?",
)
def rmsprop_divides_by_old_cache(w, dw, config=None):
    config = completed(config, w, learning_rate=1e-2, epsilon=1e-8, cache=None)
    divisor = root_then_epsilon(config["cache"], config["epsilon"])
    _, config = optim.rmsprop(w, dw, config)
    return w - config["learning_rate"] * dw / divisor, config


@mistake(
    "rmsprop",
    says="The cache collects the gradients themselves, where their squares are due.",
    asks="What do gradients of +1 and -1 in turn average to, and is that their size?",
)
def rmsprop_gradient_not_squared(w, dw, config=None):
    with np.errstate(invalid="ignore"):
        return _rmsprop(
            w, dw, config, lambda old, dw, decay: decay * old + (1 - decay) * dw
        )


@mistake(
    "rmsprop",
    says="The numbers are those of an epsilon of zero: the one that is given has no "
    "effect.",
    asks="What happens to a weight whose gradient has always been zero?",
)
def rmsprop_without_epsilon(w, dw, config=None):
    with np.errstate(all="ignore"):
        return _rmsprop(w, dw, config, root=lambda cache, epsilon: np.sqrt(cache))


@mistake(
    "rmsprop",
    says="The parameter climbs: the step is added.",
    asks="In which direction does the loss fall?",
)
def rmsprop_climbs(w, dw, config=None):
    next_w, config = optim.rmsprop(w, dw, config)
    return 2 * w - next_w, config


@mistake(
    "rmsprop",
    says="What is kept as the cache is the root already.",
    asks="The cache averages squares: what happens if a root is mixed in?",
    hidden=True,
)
def rmsprop_cache_keeps_root(w, dw, config=None):
    next_w, config = optim.rmsprop(w, dw, config)
    config["cache"] = np.sqrt(config["cache"])
    return next_w, config
