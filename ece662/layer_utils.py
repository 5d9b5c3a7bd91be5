"""Sandwich layers: common chains of layers under one name.

Each keeps the contract of `ece662.layers`; a sandwich's cache is the tuple of the
caches of its layers, and its backward pass runs their backward passes in reverse.
"""

from ece662.layers import (
    affine_backward,
    affine_forward,
    batchnorm_backward_alt,
    batchnorm_forward,
    layernorm_backward,
    layernorm_forward,
    relu_backward,
    relu_forward,
)

__all__ = [
    "affine_bn_relu_backward",
    "affine_bn_relu_forward",
    "affine_ln_relu_backward",
    "affine_ln_relu_forward",
    "affine_relu_backward",
    "affine_relu_forward",
]


def affine_relu_forward(x, w, b):
    """Chain affine and ReLU; arguments as `affine_forward`.

    Returns:
        out: (N, M).
        cache: for `affine_relu_backward`.
    """
    a, affine_cache = affine_forward(x, w, b)
    out, relu_cache = relu_forward(a)
    return out, (affine_cache, relu_cache)


def affine_relu_backward(dout, cache):
    """Take the gradient back through affine and ReLU.

    Returns:
        dx, dw, db.
    """
    affine_cache, relu_cache = cache
    da = relu_backward(dout, relu_cache)
    return affine_backward(da, affine_cache)


def affine_bn_relu_forward(x, w, b, gamma, beta, bn_param):
    """Chain affine, batch normalisation and ReLU.

    Args:
        x, w, b: as `affine_forward`.
        gamma, beta: (M,) scales and shifts.
        bn_param: as `batchnorm_forward`.

    Returns:
        out: (N, M).
        cache: for `affine_bn_relu_backward`.
    """
    a, affine_cache = affine_forward(x, w, b)
    a_norm, bn_cache = batchnorm_forward(a, gamma, beta, bn_param)
    out, relu_cache = relu_forward(a_norm)
    return out, (affine_cache, bn_cache, relu_cache)


def affine_bn_relu_backward(dout, cache):
    """Take the gradient back through affine, batch normalisation and ReLU.

    Returns:
        dx, dw, db, dgamma, dbeta.
    """
    affine_cache, bn_cache, relu_cache = cache
    da_norm = relu_backward(dout, relu_cache)
    da, dgamma, dbeta = batchnorm_backward_alt(da_norm, bn_cache)
    return *affine_backward(da, affine_cache), dgamma, dbeta


def affine_ln_relu_forward(x, w, b, gamma, beta, ln_param):
    """Chain affine, layer normalisation and ReLU.

    Args:
        x, w, b: as `affine_forward`.
        gamma, beta: (M,) scales and shifts.
        ln_param: as `layernorm_forward`.

    Returns:
        out: (N, M).
        cache: for `affine_ln_relu_backward`.
    """
    a, affine_cache = affine_forward(x, w, b)
    a_norm, ln_cache = layernorm_forward(a, gamma, beta, ln_param)
    out, relu_cache = relu_forward(a_norm)
    return out, (affine_cache, ln_cache, relu_cache)


def affine_ln_relu_backward(dout, cache):
    """Take the gradient back through affine, layer normalisation and ReLU.

    Returns:
        dx, dw, db, dgamma, dbeta.
    """
    affine_cache, ln_cache, relu_cache = cache
    da_norm = relu_backward(dout, relu_cache)
    da, dgamma, dbeta = layernorm_backward(da_norm, ln_cache)
    return *affine_backward(da, affine_cache), dgamma, dbeta
