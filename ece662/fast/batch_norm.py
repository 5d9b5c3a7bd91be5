"""Spatial batch normalisation in NumPy, with ReLU or without, and nothing turned.

    out = gamma * (x - mean) / sqrt(variance + eps) + beta,  or  max(0, out)

A channel's numbers lie in a plane of each image. The mean over the axes (0, 2, 3) needs
no other order, and a (C, 1, 1) array of means, scales or shifts meets each pixel of its
channel. `ece662.fast_layers` uses these two functions where there are no kernels;
`ece662/fast/_kernels/batch_norm.h` computes the same with fewer passes over memory.
"""

from typing import NamedTuple

import numpy as np

from ece662._checks import Array

__all__ = ["NormCache", "normalise", "normalise_backward"]

PIXELS = (0, 2, 3)


class NormCache(NamedTuple):
    """What the backward pass of spatial batch normalisation needs."""

    x: Array  # (N, C, H, W)
    gamma: Array  # (C,)
    beta: Array  # (C,)
    moments: tuple[Array, Array]  # mean and variance of each channel
    eps: float
    relu: bool  # whether ReLU followed


def normalise(x, gamma, beta, moments, eps, relu):
    """Normalise each channel.

    Args:
        x: (N, C, H, W).
        gamma, beta: (C,).
        moments: the mean and variance (each (C,)) to normalise with; None for x's.
        eps: added to the variance.
        relu: whether ReLU follows.

    Returns:
        out: (N, C, H, W).
        moments: those that were used.
    """
    mean, variance = moments or (x.mean(axis=PIXELS), x.var(axis=PIXELS))
    scale = gamma / np.sqrt(variance + eps)
    out = (x - _channels(mean)) * _channels(scale) + _channels(beta)
    return np.maximum(out, 0) if relu else out, (mean, variance)


def normalise_backward(dout, x, gamma, beta, moments, eps, relu):
    """Take the gradient back; arguments as `normalise`, moments as it returned them.

    Returns:
        dx (N, C, H, W), dgamma (C,), dbeta (C,).
    """
    mean, variance = moments
    inv_std = 1 / np.sqrt(variance + eps)
    x_hat = (x - _channels(mean)) * _channels(inv_std)
    if relu:
        out, _ = normalise(x, gamma, beta, moments, eps, relu=False)
        dout = dout * (out > 0)
    dbeta, dgamma = dout.sum(axis=PIXELS), (dout * x_hat).sum(axis=PIXELS)
    pixels = x.size // len(gamma)
    through_moments = _channels(dbeta) + x_hat * _channels(dgamma)
    dx = _channels(gamma * inv_std) * (dout - through_moments / pixels)
    return dx, dgamma, dbeta


def _channels(values):
    return values[:, np.newaxis, np.newaxis]
