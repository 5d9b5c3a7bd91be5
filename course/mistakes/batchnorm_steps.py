"""The forward pass of batch normalisation in steps, each of which can be replaced."""

import numpy as np

from ece662 import layers

__all__ = ["forward"]


def forward(x, gamma, beta, bn_param, **changed):
    """Run batch normalisation in steps, each of which can be replaced.

    Args:
        x, gamma, beta, bn_param: as `layers.batchnorm_forward`.
        changed: `mean(x)` and `var(x)`, the batch's statistics; `scale(var, eps)`, what
            the centred x is divided by, and `test_scale(var, eps)` for mode "test";
            `keep_mean(running, mean, momentum)` and `keep_var` likewise, what is kept
            of the batch's statistics.
    """

    def root(var, eps):
        return np.sqrt(var + eps)

    def keep(running, batch, momentum):
        return momentum * running + (1 - momentum) * batch

    scale = changed.get("scale", root)
    test_scale = changed.get("test_scale", scale)
    eps, momentum = bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
    zeros = np.zeros(x.shape[1], x.dtype)
    running_mean = bn_param.get("running_mean", zeros)
    running_var = bn_param.get("running_var", zeros)
    if bn_param["mode"] == "test":
        x_hat = (x - running_mean) / test_scale(running_var, eps)
        return gamma * x_hat + beta, None
    mean = changed.get("mean", lambda x: x.mean(axis=0))(x)
    var = changed.get("var", lambda x: x.var(axis=0))(x)
    divisor = scale(var, eps)
    x_hat = (x - mean) / divisor
    bn_param["running_mean"] = changed.get("keep_mean", keep)(
        running_mean, mean, momentum
    )
    bn_param["running_var"] = changed.get("keep_var", keep)(running_var, var, momentum)
    cache = layers.BatchNormCache(x - mean, x_hat, 1 / divisor, gamma)
    return gamma * x_hat + beta, cache
