"""Update rules: how a parameter moves, given its gradient.

Every rule keeps one contract:

    next_w, config = rule(w, dw, config)

    w: the parameter, an array of any shape.
    dw: the gradient of the loss with respect to w, of the same shape.
    config: dict with the rule's settings and whatever it remembers between steps
        (velocity, averages, step count), or None for the defaults. Missing entries
        are filled in; the same dict comes back and goes into the next call.
    next_w: the updated parameter, a new array: w itself is left alone.

A rule is called once a step for each parameter, and gets the whole of it: one of your
own may look at the norm of a gradient, say.

Papers:
    momentum: Polyak 1964; Sutskever et al. 2013
    RMSProp: Tieleman and Hinton 2012, Coursera lecture 6.5
    Adam: Kingma and Ba 2015, arXiv 1412.6980
"""

import numpy as np

from ece662._checks import Array

__all__ = ["adam", "rmsprop", "sgd", "sgd_momentum"]


def sgd(w: Array, dw: Array, config: dict | None = None) -> tuple[Array, dict]:
    """Step against the gradient: `w - learning_rate * dw`.

    Args:
        w: parameter.
        dw: its gradient.
        config: "learning_rate" (1e-2).

    Returns:
        next_w, config.
    """
    config = _complete(config, w, dw, learning_rate=1e-2)
    next_w = w - config["learning_rate"] * dw
    return next_w, config


def sgd_momentum(w: Array, dw: Array, config: dict | None = None) -> tuple[Array, dict]:
    """Step along a velocity that remembers earlier gradients.

    `velocity = momentum * velocity - learning_rate * dw`, then `w + velocity`.

    Args:
        w: parameter.
        dw: its gradient.
        config: "learning_rate" (1e-2), "momentum" (0.9, between 0 and 1), "velocity"
            (zeros, of the shape of w).

    Returns:
        next_w, config.
    """
    config = _complete(config, w, dw, learning_rate=1e-2, momentum=0.9)
    _remember(config, w, "velocity")
    next_w = None
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    v = config["momentum"] * config["velocity"] - config["learning_rate"] * dw
    next_w = w + v
    config["velocity"] = v
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return next_w, config


def rmsprop(w: Array, dw: Array, config: dict | None = None) -> tuple[Array, dict]:
    """Divide each step by a running root mean square of the weight's gradients.

    `cache = decay_rate * cache + (1 - decay_rate) * dw^2`, then
    `w - learning_rate * dw / (sqrt(cache) + epsilon)`.

    Args:
        w: parameter.
        dw: its gradient.
        config: "learning_rate" (1e-2), "decay_rate" (0.99), "epsilon" (1e-8), "cache"
            (zeros, of the shape of w).

    Returns:
        next_w, config.
    """
    config = _complete(config, w, dw, learning_rate=1e-2, decay_rate=0.99, epsilon=1e-8)
    _remember(config, w, "cache")
    next_w = None
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    decay = config["decay_rate"]
    config["cache"] = decay * config["cache"] + (1 - decay) * dw**2
    root = np.sqrt(config["cache"]) + config["epsilon"]
    next_w = w - config["learning_rate"] * dw / root
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return next_w, config


def adam(w: Array, dw: Array, config: dict | None = None) -> tuple[Array, dict]:
    """Step along a mean of the gradients, divided by their root mean square.

    With t counted up to the present step,
    `m = beta1 * m + (1 - beta1) * dw` and `v = beta2 * v + (1 - beta2) * dw^2`,
    then `w - learning_rate * m_hat / (sqrt(v_hat) + epsilon)`, where
    `m_hat = m / (1 - beta1^t)` and `v_hat = v / (1 - beta2^t)` undo the pull towards
    the zeros that m and v start from.

    Args:
        w: parameter.
        dw: its gradient.
        config: "learning_rate" (1e-3), "beta1" (0.9), "beta2" (0.999), "epsilon"
            (1e-8), "m" and "v" (zeros, of the shape of w), "t" (0).

    Returns:
        next_w, config.
    """
    config = _complete(
        config, w, dw, learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, t=0
    )
    _remember(config, w, "m", "v")
    next_w = None
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    beta1, beta2 = config["beta1"], config["beta2"]
    config["t"] += 1
    config["m"] = beta1 * config["m"] + (1 - beta1) * dw
    config["v"] = beta2 * config["v"] + (1 - beta2) * dw**2
    m_hat = config["m"] / (1 - beta1 ** config["t"])
    v_hat = config["v"] / (1 - beta2 ** config["t"])
    next_w = w - config["learning_rate"] * m_hat / (np.sqrt(v_hat) + config["epsilon"])
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return next_w, config


def _complete(config: dict | None, w: Array, dw: Array, **defaults: float) -> dict:
    """Fill in what config does not say, and make its numbers plain Python ones.

    A NumPy number such as `10 ** np.random.uniform(-4, -2)` is a float64 and would
    turn a float32 parameter into a float64 one.
    """
    if np.shape(w) != np.shape(dw):
        raise ValueError(
            f"dw must have the shape of w, {np.shape(w)}, got {np.shape(dw)}"
        )
    config = {} if config is None else config
    for key, value in defaults.items():
        config.setdefault(key, value)
    for key, value in config.items():
        if isinstance(value, np.generic):
            config[key] = value.item()
    return config


def _remember(config: dict, w: Array, *names: str) -> None:
    """Start what a rule remembers between steps at zero."""
    for name in names:
        if name not in config:
            config[name] = np.zeros_like(w)
