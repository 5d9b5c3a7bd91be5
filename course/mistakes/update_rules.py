"""What the mistakes in the update rules share."""

import numpy as np

__all__ = ["completed", "root_then_epsilon"]


def completed(config, w, **defaults):
    """Fill in what a rule's config does not say; None stands for zeros."""
    config = {} if config is None else config
    for key, value in defaults.items():
        config.setdefault(key, np.zeros_like(w) if value is None else value)
    return config


def root_then_epsilon(cache, epsilon):
    """Return what RMSProp and Adam divide by."""
    return np.sqrt(cache) + epsilon
