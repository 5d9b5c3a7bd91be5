"""What the Solver asks of its arguments, and says where it does not get it."""

import functools
import inspect
import math
import operator
from collections.abc import Iterable, Mapping
from numbers import Real

import numpy as np

from ece662 import optim
from ece662.fast import fast_optim

__all__ = [
    "check_callbacks",
    "check_count",
    "check_count_or_none",
    "check_data",
    "check_factor",
    "check_grads",
    "check_labels",
    "check_model",
    "check_optim_config",
    "check_own_steps",
    "check_pair",
    "check_scores",
    "check_update",
    "describe_divergence",
    "describe_rule",
    "find_rule",
    "name_of_rule",
]

NUMBERS = {"learning_rate", "momentum", "decay_rate", "epsilon", "beta1", "beta2"}
HOOKS = ("on_train_begin", "on_batch_end", "on_epoch_end", "on_train_end")
CONFIG_KEYS = {*NUMBERS, "velocity", "cache", "m", "v", "t"}


def check_model(model):
    """Return True where a model takes its steps itself; refuse what cannot be trained.

    Parameters that are integers would lose what a step adds to them.
    """
    if not callable(getattr(model, "loss", None)):
        raise ValueError(f"model must have loss(X, y), got {type(model).__name__}")
    if callable(getattr(model, "step", None)):
        return True
    params = getattr(model, "params", None)
    if not isinstance(params, dict) or not params:
        raise ValueError(
            "model must have params, a dict of arrays, or step(X, y), got "
            f"{type(model).__name__} with params {_outline(params)}"
        )
    for name, value in params.items():
        if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
            what = getattr(value, "dtype", type(value).__name__)
            raise ValueError(f"params[{name!r}] must be an array of floats, got {what}")
    return False


def check_own_steps(rule, config, lr_decay, checkpoint_name):
    """Refuse what a model that takes its steps itself has no use for."""
    given = {
        "update_rule": rule != "sgd",
        "optim_config": bool(config),
        "lr_decay": lr_decay != 1,
        "checkpoint_name": checkpoint_name is not None,
    }
    useless = [name for name, is_given in given.items() if is_given]
    if useless:
        raise ValueError(
            "a model with step(X, y) has an optimizer of its own, which the Solver "
            f"can neither set nor save: expected no {' or '.join(useless)}"
        )


def check_data(data, split):
    """Return X and y of one split, as arrays (but lazy images as they are)."""
    if not isinstance(data, Mapping):
        raise ValueError(
            f"data must be a dict of X_train, y_train, X_val and y_val, "
            f"got {_outline(data)}"
        )
    missing = {f"X_{split}", f"y_{split}"} - set(data)
    if missing:
        raise ValueError(f"data must have {sorted(missing)}, got {sorted(data)}")
    names = (f"X_{split}", f"y_{split}")
    return check_pair(*(data[name] for name in names), *names)


def check_pair(X, y, X_name, y_name):
    """Return images and labels that belong together; refuse others, and none at all."""
    X = X if hasattr(X, "shape") else np.asarray(X)
    y = np.asarray(y)
    if y.ndim != 1 or X.shape[:1] != y.shape:
        raise ValueError(
            f"{X_name} and {y_name} must be (N, ...) and (N,), "
            f"got {tuple(X.shape)} and {y.shape}"
        )
    if len(y) == 0:
        split = X_name.removeprefix("X_")
        what = "X" if split == X_name else f"the {split} set"
        raise ValueError(f"{what} must not be empty, got {tuple(X.shape)}")
    if not np.issubdtype(y.dtype, np.integer):
        raise ValueError(f"{y_name} must hold integers, got {y.dtype}")
    return X, y


def check_scores(scores, N):
    """Return what `model.loss(X)` gave, if it is (N, C) scores."""
    if np.ndim(scores) != 2 or len(scores) != N:
        raise ValueError(
            f"model.loss(X) must return scores (N, C), ({N}, C) for {N} of the "
            f"images, got {_outline(scores)}"
        )
    return scores


def check_labels(y, split, C):
    """Refuse labels that a model with C classes has no score for."""
    if not 0 <= y.min() <= y.max() < C:
        raise ValueError(
            f"y_{split} must lie between 0 and {C - 1} for a model with {C} classes, "
            f"got {y.min()} to {y.max()}"
        )


def check_count(name, value):
    """Return a whole number from 1 on, of Python or NumPy, as an int."""
    count = _number(value)
    if not (count >= 1 and math.isfinite(count) and count == int(count)):
        raise ValueError(f"{name} must be a whole number from 1 on, got {value!r}")
    return int(count)


def check_count_or_none(name, value):
    """Return a count as an int, or None, which stands for all."""
    if value is None:
        return None
    try:
        return check_count(name, value)
    except ValueError as error:
        raise ValueError(f"{error}; None takes all") from None


def check_factor(name, value):
    """Return a positive number, of Python or NumPy, as a float."""
    number = _number(value)
    if not (number > 0 and math.isfinite(number)):
        raise ValueError(f"{name} must be a positive number, got {value!r}")
    return float(number)


def _number(value):
    """Return a number as Python's; nan for what is none, truth values included."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        return math.nan
    return operator.index(value) if hasattr(value, "__index__") else float(value)


def check_callbacks(callbacks):
    """Return callbacks as a list; refuse what lacks one of the hooks."""
    if not isinstance(callbacks, Iterable):
        raise ValueError(f"callbacks must be a list of callbacks, got {callbacks!r}")
    callbacks = list(callbacks)
    for callback in callbacks:
        hooks = [getattr(callback, hook, None) for hook in HOOKS]
        if not all(map(callable, hooks)) or isinstance(callback, type):
            raise ValueError(
                "callbacks must be objects of a class made from "
                f"ece662.training.callbacks.Callback, got {callback!r}"
            )
    return callbacks


def find_rule(rule):
    """Return the update rule of that name; a function is its own.

    Raises:
        ValueError: there is no such rule, or the function takes other arguments.
    """
    if callable(rule):
        _check_call(rule)
        return rule
    rules = _named_rules()
    if not isinstance(rule, str) or rule not in rules:
        raise ValueError(
            f"update_rule must be one of {list(rules)} or a function "
            f"(w, dw, config) -> (next_w, config), got {rule!r}"
        )
    return rules[rule]


def _check_call(rule):
    """Refuse a function that cannot be called as rule(w, dw, config)."""
    try:
        arguments = inspect.signature(rule)
    except (TypeError, ValueError):  # compiled code, which need not have one
        return
    try:
        arguments.bind("w", "dw", "config")
    except TypeError:
        raise ValueError(
            "update_rule is called as rule(w, dw, config), got "
            f"{describe_rule(rule)} with the arguments {arguments}"
        ) from None


def name_of_rule(rule):
    """Return the name under which a rule is found again; None for one's own."""
    if not callable(rule):
        return str(rule)
    return next((n for n, known in _named_rules().items() if known is rule), None)


def describe_rule(rule):
    """Say in a few words which function a rule is."""
    if isinstance(rule, functools.partial):
        return f"a partial of {describe_rule(rule.func)}"
    return getattr(rule, "__name__", f"an object of class {type(rule).__name__}")


def _named_rules():
    modules = (optim, fast_optim)
    return {name: getattr(m, name) for m in modules for name in m.__all__}


def check_optim_config(config, rule):
    """Return a copy with plain Python numbers, which keep a parameter's dtype.

    A misspelt setting is refused: the rules of this package would ignore it silently.
    """
    if config is not None and not isinstance(config, Mapping):
        raise ValueError(f"optim_config must be a dict, got {_outline(config)}")
    config = {
        key: value.item() if getattr(value, "ndim", None) == 0 else value
        for key, value in (config or {}).items()
    }
    if callable(rule):
        return config
    unknown = set(config) - CONFIG_KEYS
    if unknown:
        raise ValueError(
            f"optim_config must hold some of {sorted(CONFIG_KEYS)}, "
            f"got {sorted(unknown)}"
        )
    for key in NUMBERS & set(config):
        if not math.isfinite(_number(config[key])):
            raise ValueError(
                f"optim_config[{key!r}] must be a number, got {config[key]!r}"
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


def describe_divergence(solver, loss):
    """Say that a loss is nan or infinite, where, and what the usual causes are."""
    # A model that takes its steps itself has no parameters here (TorchModel).
    config = next(iter(solver.optim_configs.values()), {})
    rate = config.get("learning_rate", "the default")
    return (
        f"training stopped at iteration {solver.iteration + 1} of "
        f"{solver.num_iterations}: the loss is {float(loss)}. Usual causes: a "
        f"learning rate too high (it was {rate}; try a tenth), initial weights "
        "too large, a wrong gradient (check it numerically), or nan or inf in "
        "the data."
    )


def _outline(value):
    """Describe a value in a few words: an array's shape, not its numbers."""
    if isinstance(value, tuple):
        return f"({', '.join(map(_outline, value))})"
    if value is None:
        return "None"
    kind = type(value).__name__
    return f"{kind} {value.shape}" if isinstance(value, np.ndarray) else kind
