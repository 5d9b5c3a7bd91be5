"""Sandwich layers: common chains of layers under one name.

Each keeps the contract of `ece662.layers`; a sandwich's cache is the tuple of the
caches of its layers, and its backward pass runs their backward passes in reverse.
Convolution and pooling are the fast ones of `ece662.fast_layers`; so are spatial batch
normalisation and the ReLU after it, where `bn_param` holds `"fast": True`.

A network's first layer needs no dx: its inputs are images, and only parameters are
trained. The backwards that end in an affine layer take `needs_dx=False` and return None
for it, which saves a third of the layer's work. (Convolutions find it in `conv_param`.)
"""

from ece662._checks import Array, Cache, InputGradient
from ece662.fast_layers import (
    conv_backward_fast,
    conv_forward_fast,
    max_pool_backward_fast,
    max_pool_forward_fast,
    spatial_batchnorm_relu_backward_fast,
    spatial_batchnorm_relu_forward_fast,
)
from ece662.layers import (
    affine_backward,
    affine_forward,
    batchnorm_backward_alt,
    batchnorm_forward,
    layernorm_backward,
    layernorm_forward,
    relu_backward,
    relu_forward,
    spatial_batchnorm_backward,
    spatial_batchnorm_forward,
)

__all__ = [
    "affine_bn_relu_backward",
    "affine_bn_relu_forward",
    "affine_ln_relu_backward",
    "affine_ln_relu_forward",
    "affine_relu_backward",
    "affine_relu_forward",
    "conv_bn_relu_backward",
    "conv_bn_relu_forward",
    "conv_bn_relu_pool_backward",
    "conv_bn_relu_pool_forward",
    "conv_relu_backward",
    "conv_relu_forward",
    "conv_relu_pool_backward",
    "conv_relu_pool_forward",
]


def affine_relu_forward(x: Array, w: Array, b: Array) -> tuple[Array, Cache]:
    """Chain affine and ReLU; arguments as `affine_forward`.

    Returns:
        out: (N, M).
        cache: for `affine_relu_backward`.
    """
    a, affine_cache = affine_forward(x, w, b)
    out, relu_cache = relu_forward(a)
    return out, (affine_cache, relu_cache)


def affine_relu_backward(
    dout: Array, cache: Cache, needs_dx: bool = True
) -> tuple[InputGradient, Array, Array]:
    """Take the gradient back through affine and ReLU.

    Returns:
        dx, dw, db.
    """
    affine_cache, relu_cache = cache
    da = relu_backward(dout, relu_cache)
    return _affine_gradients(da, affine_cache, needs_dx)


def affine_bn_relu_forward(
    x: Array, w: Array, b: Array, gamma: Array, beta: Array, bn_param: dict
) -> tuple[Array, Cache]:
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


def affine_bn_relu_backward(
    dout: Array, cache: Cache, needs_dx: bool = True
) -> tuple[InputGradient, Array, Array, Array, Array]:
    """Take the gradient back through affine, batch normalisation and ReLU.

    Returns:
        dx, dw, db, dgamma, dbeta.
    """
    affine_cache, bn_cache, relu_cache = cache
    da_norm = relu_backward(dout, relu_cache)
    da, dgamma, dbeta = batchnorm_backward_alt(da_norm, bn_cache)
    return *_affine_gradients(da, affine_cache, needs_dx), dgamma, dbeta


def affine_ln_relu_forward(
    x: Array, w: Array, b: Array, gamma: Array, beta: Array, ln_param: dict
) -> tuple[Array, Cache]:
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


def affine_ln_relu_backward(
    dout: Array, cache: Cache, needs_dx: bool = True
) -> tuple[InputGradient, Array, Array, Array, Array]:
    """Take the gradient back through affine, layer normalisation and ReLU.

    Returns:
        dx, dw, db, dgamma, dbeta.
    """
    affine_cache, ln_cache, relu_cache = cache
    da_norm = relu_backward(dout, relu_cache)
    da, dgamma, dbeta = layernorm_backward(da_norm, ln_cache)
    return *_affine_gradients(da, affine_cache, needs_dx), dgamma, dbeta


def conv_relu_forward(
    x: Array, w: Array, b: Array, conv_param: dict
) -> tuple[Array, Cache]:
    """Chain convolution and ReLU; arguments as `conv_forward_naive`.

    Returns:
        out: (N, F, H_out, W_out).
        cache: for `conv_relu_backward`.
    """
    a, conv_cache = conv_forward_fast(x, w, b, conv_param)
    out, relu_cache = relu_forward(a)
    return out, (conv_cache, relu_cache)


def conv_relu_backward(dout: Array, cache: Cache) -> tuple[InputGradient, Array, Array]:
    """Take the gradient back through convolution and ReLU.

    Returns:
        dx, dw, db.
    """
    conv_cache, relu_cache = cache
    da = relu_backward(dout, relu_cache)
    return conv_backward_fast(da, conv_cache)


def conv_relu_pool_forward(
    x: Array, w: Array, b: Array, conv_param: dict, pool_param: dict
) -> tuple[Array, Cache]:
    """Chain convolution, ReLU and max pooling.

    ReLU comes after the pooling here, where fewer numbers are left. The result is the
    same: the largest of some numbers is cut off where all of them are.

    Args:
        x, w, b, conv_param: as `conv_forward_naive`.
        pool_param: as `max_pool_forward_naive`.

    Returns:
        out: (N, F, H_out, W_out), the size after pooling.
        cache: for `conv_relu_pool_backward`.
    """
    a, conv_cache = conv_forward_fast(x, w, b, conv_param)
    a_pooled, pool_cache = max_pool_forward_fast(a, pool_param)
    out, relu_cache = relu_forward(a_pooled)
    return out, (conv_cache, pool_cache, relu_cache)


def conv_relu_pool_backward(
    dout: Array, cache: Cache
) -> tuple[InputGradient, Array, Array]:
    """Take the gradient back through convolution, ReLU and max pooling.

    Returns:
        dx, dw, db.
    """
    conv_cache, pool_cache, relu_cache = cache
    da_pooled = relu_backward(dout, relu_cache)
    da = max_pool_backward_fast(da_pooled, pool_cache)
    return conv_backward_fast(da, conv_cache)


def conv_bn_relu_forward(
    x: Array,
    w: Array,
    b: Array,
    gamma: Array,
    beta: Array,
    conv_param: dict,
    bn_param: dict,
) -> tuple[Array, Cache]:
    """Chain convolution, spatial batch normalisation and ReLU.

    Args:
        x, w, b, conv_param: as `conv_forward_naive`.
        gamma, beta: (F,) scales and shifts.
        bn_param: as `spatial_batchnorm_forward`, and "fast", whether the fast layer
            takes the place of `spatial_batchnorm_forward` and `relu_forward` (False).

    Returns:
        out: (N, F, H_out, W_out).
        cache: for `conv_bn_relu_backward`.
    """
    a, conv_cache = conv_forward_fast(x, w, b, conv_param)
    if bn_param.get("fast", False):
        out, norm_cache = spatial_batchnorm_relu_forward_fast(a, gamma, beta, bn_param)
        return out, (conv_cache, norm_cache)
    a_norm, bn_cache = spatial_batchnorm_forward(a, gamma, beta, bn_param)
    out, relu_cache = relu_forward(a_norm)
    return out, (conv_cache, bn_cache, relu_cache)


def conv_bn_relu_backward(
    dout: Array, cache: Cache
) -> tuple[InputGradient, Array, Array, Array, Array]:
    """Take the gradient back through convolution, batch normalisation and ReLU.

    Returns:
        dx, dw, db, dgamma, dbeta.
    """
    conv_cache, bn_cache, *relu_cache = cache
    if relu_cache:
        da_norm = relu_backward(dout, *relu_cache)
        da, dgamma, dbeta = spatial_batchnorm_backward(da_norm, bn_cache)
    else:
        da, dgamma, dbeta = spatial_batchnorm_relu_backward_fast(dout, bn_cache)
    return *conv_backward_fast(da, conv_cache), dgamma, dbeta


def conv_bn_relu_pool_forward(
    x: Array,
    w: Array,
    b: Array,
    gamma: Array,
    beta: Array,
    conv_param: dict,
    bn_param: dict,
    pool_param: dict,
) -> tuple[Array, Cache]:
    """Chain convolution, spatial batch normalisation, ReLU and max pooling.

    Args:
        x, w, b, gamma, beta, conv_param, bn_param: as `conv_bn_relu_forward`.
        pool_param: as `max_pool_forward_naive`.

    Returns:
        out: (N, F, H_out, W_out), the size after pooling.
        cache: for `conv_bn_relu_pool_backward`.
    """
    a, conv_cache = conv_bn_relu_forward(x, w, b, gamma, beta, conv_param, bn_param)
    out, pool_cache = max_pool_forward_fast(a, pool_param)
    return out, (conv_cache, pool_cache)


def conv_bn_relu_pool_backward(
    dout: Array, cache: Cache
) -> tuple[InputGradient, Array, Array, Array, Array]:
    """Take the gradient back through the four layers.

    Returns:
        dx, dw, db, dgamma, dbeta.
    """
    conv_cache, pool_cache = cache
    da = max_pool_backward_fast(dout, pool_cache)
    return conv_bn_relu_backward(da, conv_cache)


def _affine_gradients(
    dout: Array, cache: Cache, needs_dx: bool
) -> tuple[InputGradient, Array, Array]:
    if needs_dx:
        return affine_backward(dout, cache)
    x, w, _ = cache
    return None, x.reshape(-1, len(w)).T @ dout, dout.sum(axis=0)
