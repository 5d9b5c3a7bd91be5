"""What the Solver asks of its arguments, and says where it does not get it."""

import numpy as np

from ece662 import fast_optim, optim

__all__ = [
    "check_data",
    "check_grads",
    "check_labels",
    "check_optim_config",
    "check_positive",
    "check_update",
    "find_rule",
]

CONFIG_KEYS = {
    *("learning_rate", "momentum", "velocity", "decay_rate", "epsilon", "cache"),
    *("beta1", "beta2", "m", "v", "t"),
}


def check_data(data, split):
    """Return X and y of one split, y as an array."""
    missing = {f"X_{split}", f"y_{split}"} - set(data)
    if missing:
        raise ValueError(f"data must have {sorted(missing)}, got {sorted(data)}")
    X, y = data[f"X_{split}"], np.asarray(data[f"y_{split}"])
    if y.ndim != 1 or len(X) != len(y):
        raise ValueError(
            f"X_{split} and y_{split} must be (N, ...) and (N,), "
            f"got {X.shape} and {y.shape}"
        )
    if len(y) == 0:
        raise ValueError(f"the {split} set must not be empty, got {X.shape}")
    if not np.issubdtype(y.dtype, np.integer):
        raise ValueError(f"y_{split} must hold integers, got {y.dtype}")
    return X, y


def check_labels(y, split, C):
    """Refuse labels that a model with C classes has no score for."""
    if not 0 <= y.min() <= y.max() < C:
        raise ValueError(
            f"y_{split} must lie between 0 and {C - 1} for a model with {C} classes, "
            f"got {y.min()} to {y.max()}"
        )


def check_positive(name, value):
    """Return a count as an int."""
    if int(value) != value or value < 1:
        raise ValueError(f"{name} must be a whole number from 1 on, got {value!r}")
    return int(value)


def find_rule(rule):
    """Return the update rule of that name; a function is its own."""
    if callable(rule):
        return rule
    for module in (optim, fast_optim):
        if rule in module.__all__:
            return getattr(module, rule)
    known = [*optim.__all__, *fast_optim.__all__]
    raise ValueError(f"update_rule must be one of {known}, got {rule!r}")


def check_optim_config(config, rule):
    """Return a copy; refuse a misspelt setting, which a rule would pass over."""
    config = dict(config or {})
    unknown = set(config) - CONFIG_KEYS
    if unknown and not callable(rule):
        raise ValueError(
            f"optim_config must hold some of {sorted(CONFIG_KEYS)}, "
            f"got {sorted(unknown)}"
        )
    return config


def check_grads(grads, params):
    """Refuse gradients that are missing, unknown or of another shape."""
    if grads.keys() != params.keys():
        raise ValueError(
            f"loss must give a gradient for each of {sorted(params)}, "
            f"got {sorted(grads)}"
        )
    for name, grad in grads.items():
        if np.shape(grad) != params[name].shape:
            raise ValueError(
                f"grads[{name!r}] must have the shape of the parameter, "
                f"{params[name].shape}, got {np.shape(grad)}"
            )


def check_update(result, name, w):
    """Return next_w and config of a rule, next_w in the type of w.

    A rule of a student's may owe one of them, or give next_w another shape or type.
    """
    if not isinstance(result, tuple) or len(result) != 2 or result[0] is None:
        raise ValueError(
            f"the update rule must return (next_w, config), got {_outline(result)} "
            f"for {name}"
        )
    next_w, config = result
    if np.shape(next_w) != w.shape:
        raise ValueError(
            f"the update rule must return a next_w of the shape of {name}, {w.shape}, "
            f"got {np.shape(next_w)}"
        )
    if not isinstance(config, dict):
        raise ValueError(
            f"the update rule must return its config, a dict, for the next step of "
            f"{name}, got {_outline(config)}"
        )
    return np.asarray(next_w, dtype=w.dtype), config


def _outline(value):
    """Describe a value in a few words: an array's shape, not its numbers."""
    if isinstance(value, tuple):
        return f"({', '.join(map(_outline, value))})"
    if value is None:
        return "None"
    kind = type(value).__name__
    return f"{kind} {value.shape}" if isinstance(value, np.ndarray) else kind
