"""Helpers that the mistakes in the update rules share."""

import numpy as np

__all__ = ["completed", "root_then_epsilon"]


def completed(config, w, **defaults):
    """Return a rule's config with defaults; None stands for an array of zeros."""
    config = {} if config is None else config
    for key, value in defaults.items():
        config.setdefault(key, np.zeros_like(w) if value is None else value)
    return config


def root_then_epsilon(cache, epsilon):
    """Return the divisor of RMSProp and Adam."""
    return np.sqrt(cache) + epsilon
