"""The layers: pure functions on NumPy arrays, each with its backward pass.

Every layer keeps one contract:

    out, cache = layer_forward(x, ..., param)
    dx, dw, ... = layer_backward(dout, cache)

`forward` computes the output and keeps in `cache` whatever `backward` will need.
`backward` takes the gradient of the loss with respect to `out` and returns the
gradients with respect to the forward's array arguments, in their order. No argument
is changed, but for the running statistics in `bn_param`. The results have the
type of the input: float32 in, float32 out. (Integers are computed with in float64,
float16 in float32; lists serve as arrays.) Arguments whose shapes do not fit raise a
ValueError that says what was expected and what came.

Shapes: N images or rows, D inputs, M outputs, C classes; for images (N, C, H, W), C
channels of H x W pixels, and F filters of HH x WW pixels.

Papers:
    batch normalisation: Ioffe and Szegedy 2015, arXiv 1502.03167
    layer normalisation: Ba, Kiros and Hinton 2016, arXiv 1607.06450
    dropout: Srivastava et al. 2014, JMLR 15
    group normalisation: Wu and He 2018, arXiv 1803.08494
"""

from typing import NamedTuple

import numpy as np

from ece662._checks import (
    Array,
    Cache,
    as_floats,
    check_batch,
    check_channels,
    check_columns,
    check_dout,
    check_groups,
    check_labels,
    check_mode,
    check_train_cache,
    conv_output_size,
    keep_probability,
    pool_output_size,
)

__all__ = [
    "affine_backward",
    "affine_forward",
    "batchnorm_backward",
    "batchnorm_backward_alt",
    "batchnorm_forward",
    "conv_backward_naive",
    "conv_forward_naive",
    "dropout_backward",
    "dropout_forward",
    "layernorm_backward",
    "layernorm_forward",
    "max_pool_backward_naive",
    "max_pool_forward_naive",
    "relu_backward",
    "relu_forward",
    "softmax_loss",
    "spatial_batchnorm_backward",
    "spatial_batchnorm_forward",
    "spatial_groupnorm_backward",
    "spatial_groupnorm_forward",
    "svm_loss",
]


def affine_forward(x: Array, w: Array, b: Array) -> tuple[Array, Cache]:
    """Map each input linearly to M outputs: `out = x w + b`.

    Args:
        x: (N, d_1, ..., d_k) inputs; each is flattened to D = d_1 * ... * d_k.
        w: (D, M) weights.
        b: (M,) biases.

    Returns:
        out: (N, M) outputs.
        cache: (x, w, b).
    """
    x, w, b = as_floats(x), as_floats(w, "w"), as_floats(b, "b")
    D = int(np.prod(x.shape[1:]))
    if w.ndim != 2 or w.shape[0] != D:
        raise ValueError(f"w must be ({D}, M) for x of shape {x.shape}, got {w.shape}")
    if b.shape != w.shape[1:]:
        raise ValueError(f"b must be {w.shape[1:]} for w of {w.shape}, got {b.shape}")
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    out = x.reshape(len(x), D) @ w + b
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    cache = (x, w, b)
    return out, cache


def affine_backward(dout: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """Take the gradient back through `affine_forward`.

    Args:
        dout: (N, M) gradient of the loss with respect to `out`.
        cache: (x, w, b) from `affine_forward`.

    Returns:
        dx: (N, d_1, ..., d_k), the shape of x.
        dw: (D, M).
        db: (M,).
    """
    x, w, _ = cache
    dout = check_dout(dout, (len(x), w.shape[1]))
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    # out[n, m] sums x[n, d] w[d, m] over d: each gradient has the only shape it can.
    dx = (dout @ w.T).reshape(x.shape)
    dw = x.reshape(len(x), len(w)).T @ dout
    db = dout.sum(axis=0)
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return dx, dw, db


def relu_forward(x: Array) -> tuple[Array, Cache]:
    """Cut off what is negative: `out = max(0, x)`.

    Args:
        x: inputs, of any shape.

    Returns:
        out: the shape of x.
        cache: x.
    """
    x = as_floats(x)
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    out = np.maximum(x, 0)
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    cache = x
    return out, cache


def relu_backward(dout: Array, cache: Cache) -> Array:
    """Take the gradient back through `relu_forward`.

    Args:
        dout: gradient of the loss with respect to `out`, of any shape.
        cache: x, of the same shape.

    Returns:
        dx: the shape of x.
    """
    x = np.asarray(cache)
    dout = check_dout(dout, x.shape)
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    # The slope is 1 where x passed and 0 where it was cut (at 0 itself: 0).
    dx = dout * (x > 0)
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return dx


def svm_loss(x: Array, y: Array) -> tuple[float, Array]:
    """Compute the multiclass hinge loss, with margin 1, and its gradient.

    `loss = 1/N * sum over n and j != y_n of max(0, x[n, j] - x[n, y_n] + 1)`

    Args:
        x: (N, C) scores.
        y: (N,) the true classes, integers from 0 to C - 1.

    Returns:
        loss: float, the mean over the N rows.
        dx: (N, C) gradient of the loss with respect to the scores.

    Raises:
        ValueError: a label is no integer, or out of range.
    """
    x, y = check_labels(x, y)
    N = len(x)
    rows = np.arange(N)
    margins = np.maximum(0, x - x[rows, y][:, np.newaxis] + 1)
    margins[rows, y] = 0
    loss = float(margins.sum() / N)

    # Each violated margin pushes its class down and the true class up, by one.
    dx = (margins > 0).astype(x.dtype)
    dx[rows, y] = -dx.sum(axis=1)
    dx /= N
    return loss, dx


def softmax_loss(x: Array, y: Array) -> tuple[float, Array]:
    """Compute the cross-entropy of the softmax of the scores, and its gradient.

    `loss = -1/N * sum over n of log(exp(x[n, y_n]) / sum over j of exp(x[n, j]))`

    Args:
        x: (N, C) scores.
        y: (N,) the true classes, integers from 0 to C - 1.

    Returns:
        loss: float, the mean over the N rows.
        dx: (N, C) gradient of the loss with respect to the scores.

    Raises:
        ValueError: a label is no integer, or out of range.
    """
    x, y = check_labels(x, y)
    N = len(x)
    rows = np.arange(N)
    # The softmax does not change when a row is shifted, but exp must not overflow.
    shifted = x - x.max(axis=1, keepdims=True)
    exps = np.exp(shifted)
    sums = exps.sum(axis=1, keepdims=True)
    loss = float((np.log(sums[:, 0]) - shifted[rows, y]).sum() / N)

    dx = exps / sums
    dx[rows, y] -= 1
    dx /= N
    return loss, dx


class BatchNormCache(NamedTuple):
    """What `batchnorm_forward` keeps for its backward passes."""

    x_centred: np.ndarray  # (N, D) x minus the mean of its column
    x_hat: np.ndarray  # (N, D) the normalised x
    inv_std: np.ndarray  # (D,) 1 / sqrt(var + eps)
    gamma: np.ndarray  # (D,)


def batchnorm_forward(
    x: Array, gamma: Array, beta: Array, bn_param: dict
) -> tuple[Array, Cache]:
    """Normalise each column over the batch, then scale and shift it.

    `out = gamma * (x - mean) / sqrt(var + eps) + beta`

    In mode "train" the mean and the (biased) variance are those of the batch, and
    the running averages follow: `running = momentum * running + (1 - momentum) *
    batch`. In mode "test" the running averages take the place of the batch's.

    Args:
        x: (N, D) inputs.
        gamma: (D,) scales.
        beta: (D,) shifts.
        bn_param: dict with "mode" ("train" or "test"), and optionally "eps" (1e-5),
            "momentum" (0.9), "running_mean" and "running_var" (each (D,); written
            back in mode "train").

    Returns:
        out: (N, D).
        cache: what `batchnorm_backward` needs; None in mode "test".

    Raises:
        ValueError: unknown mode, or an empty batch in mode "train".
    """
    mode = check_mode(bn_param, "bn_param")
    x, gamma, beta = check_columns(x, gamma, beta)
    check_batch(x, mode)
    eps = float(bn_param.get("eps", 1e-5))
    momentum = float(bn_param.get("momentum", 0.9))
    zeros = np.zeros(x.shape[1])
    running_mean = np.asarray(bn_param.get("running_mean", zeros), x.dtype)
    running_var = np.asarray(bn_param.get("running_var", zeros), x.dtype)

    out, cache = None, None
    if mode == "train":
        # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        mean = x.mean(axis=0)
        x_centred = x - mean
        var = np.mean(x_centred**2, axis=0)
        inv_std = 1 / np.sqrt(var + eps)
        x_hat = x_centred * inv_std
        out = gamma * x_hat + beta
        cache = BatchNormCache(x_centred, x_hat, inv_std, gamma)
        running_mean = momentum * running_mean + (1 - momentum) * mean
        running_var = momentum * running_var + (1 - momentum) * var
        # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    else:
        # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        x_hat = (x - running_mean) / np.sqrt(running_var + eps)
        out = gamma * x_hat + beta
        # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****

    bn_param["running_mean"] = running_mean
    bn_param["running_var"] = running_var
    return out, cache


def batchnorm_backward(dout: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """Take the gradient back through `batchnorm_forward`, one step at a time.

    Follows the computation graph from `out` to x. The mean and the variance depend
    on x as well, so three paths meet in dx.

    Args:
        dout: (N, D) gradient of the loss with respect to `out`.
        cache: from `batchnorm_forward` in mode "train".

    Returns:
        dx: (N, D).
        dgamma: (D,).
        dbeta: (D,).

    Raises:
        ValueError: the cache is that of a forward pass in mode "test".
    """
    check_train_cache(cache, "batchnorm")
    dout = as_floats(dout, "dout")
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    x_centred, x_hat, inv_std, gamma = cache
    N = len(dout)
    # out = gamma * x_hat + beta
    dbeta = dout.sum(axis=0)
    dgamma = (dout * x_hat).sum(axis=0)
    dx_hat = dout * gamma
    # x_hat = x_centred * inv_std: the first path to x_centred
    dx_centred = dx_hat * inv_std
    dinv_std = (dx_hat * x_centred).sum(axis=0)
    # inv_std = (var + eps)^(-1/2) and var = mean(x_centred^2): the second path
    dvar = -0.5 * inv_std**3 * dinv_std
    dx_centred += 2 / N * x_centred * dvar
    # x_centred = x - mean(x): straight through, and the third path by the mean
    dx = dx_centred - dx_centred.mean(axis=0)
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return dx, dgamma, dbeta


def batchnorm_backward_alt(dout: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """Take the gradient back through `batchnorm_forward` in closed form.

    The three paths of `batchnorm_backward`, added up on paper:
    `dx = gamma / sqrt(var + eps) * (dout - mean(dout) - x_hat * mean(dout * x_hat))`.
    Arguments, results and errors are the same; it passes over the data fewer times.
    """
    check_train_cache(cache, "batchnorm")
    dout = as_floats(dout, "dout")
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    _, x_hat, inv_std, gamma = cache
    N = len(dout)
    dbeta = dout.sum(axis=0)
    dgamma = (dout * x_hat).sum(axis=0)
    dx = gamma * inv_std * (dout - dbeta / N - x_hat * (dgamma / N))
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return dx, dgamma, dbeta


def layernorm_forward(
    x: Array, gamma: Array, beta: Array, ln_param: dict
) -> tuple[Array, Cache]:
    """Normalise each row over its features, then scale and shift the columns.

    As batch normalisation, but each input is normalised on its own: no batch, no
    running averages, no difference between training and test.

    Args:
        x: (N, D) inputs.
        gamma: (D,) scales.
        beta: (D,) shifts.
        ln_param: dict, optionally with "eps" (1e-5).

    Returns:
        out: (N, D).
        cache: (x_hat, inv_std, gamma), with inv_std of shape (N, 1).
    """
    x, gamma, beta = check_columns(x, gamma, beta)
    eps = float(ln_param.get("eps", 1e-5))
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    x_centred = x - x.mean(axis=1, keepdims=True)
    var = np.mean(x_centred**2, axis=1, keepdims=True)
    inv_std = 1 / np.sqrt(var + eps)  # (N, 1)
    x_hat = x_centred * inv_std
    out = gamma * x_hat + beta
    cache = (x_hat, inv_std, gamma)
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return out, cache


def layernorm_backward(dout: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """Take the gradient back through `layernorm_forward`.

    The closed form of batch normalisation with rows and columns exchanged in dx;
    gamma and beta still belong to the columns.

    Args:
        dout: (N, D) gradient of the loss with respect to `out`.
        cache: from `layernorm_forward`.

    Returns:
        dx: (N, D).
        dgamma: (D,).
        dbeta: (D,).
    """
    dout = as_floats(dout, "dout")
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    x_hat, inv_std, gamma = cache
    dbeta = dout.sum(axis=0)
    dgamma = (dout * x_hat).sum(axis=0)
    dx_hat = dout * gamma  # inside the row's means, as gamma varies along the row
    mean_dx_hat = dx_hat.mean(axis=1, keepdims=True)
    mean_along_x_hat = np.mean(dx_hat * x_hat, axis=1, keepdims=True)
    dx = inv_std * (dx_hat - mean_dx_hat - x_hat * mean_along_x_hat)
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return dx, dgamma, dbeta


def dropout_forward(x: Array, dropout_param: dict) -> tuple[Array, Cache]:
    """Drop inputs at random in training, and make up for it: inverted dropout.

    Each input is kept with probability p and then divided by p, so that its
    expected value stays; in mode "test" nothing is dropped.

    Args:
        x: inputs, of any shape.
        dropout_param: dict with "p" (the probability of KEEPING a unit, 0 < p <= 1),
            "mode" ("train" or "test"), and optionally "seed" (makes the mask the
            same at each call, for gradient checks).

    Returns:
        out: the shape of x.
        cache: (dropout_param, mask), mask being None in mode "test".

    Raises:
        ValueError: unknown mode, or p outside (0, 1].
    """
    mode = check_mode(dropout_param, "dropout_param")
    p = keep_probability(dropout_param)
    x = as_floats(x)
    if dropout_param.get("seed") is not None:
        np.random.seed(dropout_param["seed"])

    mask, out = None, None
    if mode == "train":
        # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        # The mask takes the type of x: a float64 mask would make the net float64.
        mask = ((np.random.rand(*x.shape) < p) / p).astype(x.dtype, copy=False)
        out = x * mask
        # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    else:
        # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
        out = x
        # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    cache = (dropout_param, mask)
    return out, cache


def dropout_backward(dout: Array, cache: Cache) -> Array:
    """Take the gradient back through `dropout_forward`.

    Args:
        dout: gradient of the loss with respect to `out`, of any shape.
        cache: (dropout_param, mask) from `dropout_forward`.

    Returns:
        dx: the shape of dout.
    """
    dropout_param, mask = cache
    dout = as_floats(dout, "dout")
    if dropout_param["mode"] == "test":
        return dout
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    dx = dout * mask
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return dx


def conv_forward_naive(
    x: Array, w: Array, b: Array, conv_param: dict
) -> tuple[Array, Cache]:
    """Slide F filters over each image, in a loop that shows every step.

    Each output is the sum of the products of a filter and the window below it, over all
    channels, plus the filter's bias. The images are padded with zeros all around.

    Args:
        x: (N, C, H, W) images.
        w: (F, C, HH, WW) filters.
        b: (F,) biases.
        conv_param: dict with "stride" (pixels from one window to the next) and "pad"
            (rows and columns of zeros on each side).

    Returns:
        out: (N, F, H_out, W_out), where H_out = (H + 2 pad - HH) // stride + 1 and
            W_out likewise.
        cache: (x, w, b, conv_param), as that of the fast layers.

    Raises:
        ValueError: stride or pad is missing or out of range, or a filter too large.
    """
    x, w, b = as_floats(x), as_floats(w, "w"), as_floats(b, "b")
    H_out, W_out = conv_output_size(x, w, b, conv_param)
    stride, pad = conv_param["stride"], conv_param["pad"]
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    N, (F, _, HH, WW) = len(x), w.shape
    x_padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    out = np.empty((N, F, H_out, W_out), np.result_type(x, w, b))
    for n, f, i, j in np.ndindex(out.shape):
        top, left = i * stride, j * stride
        window = x_padded[n, :, top : top + HH, left : left + WW]
        out[n, f, i, j] = np.sum(window * w[f]) + b[f]
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    cache = (x, w, b, conv_param)
    return out, cache


def conv_backward_naive(dout: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """Take the gradient back through `conv_forward_naive`.

    Args:
        dout: (N, F, H_out, W_out) gradient of the loss with respect to `out`.
        cache: (x, w, b, conv_param) from `conv_forward_naive`.

    Returns:
        dx: (N, C, H, W).
        dw: (F, C, HH, WW).
        db: (F,).
    """
    x, w, b, conv_param = cache
    H_out, W_out = conv_output_size(x, w, b, conv_param)
    dout = check_dout(dout, (len(x), len(w), H_out, W_out))
    stride, pad = conv_param["stride"], conv_param["pad"]
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    (H, W), (HH, WW) = x.shape[2:], w.shape[2:]
    x_padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dx_padded, dw = np.zeros(x_padded.shape, dout.dtype), np.zeros(w.shape, dout.dtype)
    db = dout.sum(axis=(0, 2, 3))
    # An output depends on one window and one filter: its gradient goes to these two.
    for n, f, i, j in np.ndindex(dout.shape):
        top, left = i * stride, j * stride
        window = (n, slice(None), slice(top, top + HH), slice(left, left + WW))
        dw[f] += dout[n, f, i, j] * x_padded[window]
        dx_padded[window] += dout[n, f, i, j] * w[f]
    # Not pad:-pad, which is empty at pad 0.
    dx = dx_padded[:, :, pad : pad + H, pad : pad + W]
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return dx, dw, db


def max_pool_forward_naive(x: Array, pool_param: dict) -> tuple[Array, Cache]:
    """Keep the largest value of each window, channel by channel.

    Args:
        x: (N, C, H, W) images.
        pool_param: dict with "pool_height", "pool_width" (the window) and "stride"
            (pixels from one window to the next; windows may overlap or leave gaps).

    Returns:
        out: (N, C, H_out, W_out), where H_out = (H - pool_height) // stride + 1 and
            W_out likewise.
        cache: (x, pool_param).

    Raises:
        ValueError: a parameter is missing or out of range, or the window too large.
    """
    x = as_floats(x)
    H_out, W_out = pool_output_size(x, pool_param)
    height, width = pool_param["pool_height"], pool_param["pool_width"]
    stride = pool_param["stride"]
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    out = np.empty((*x.shape[:2], H_out, W_out), x.dtype)
    for n, c, i, j in np.ndindex(out.shape):
        top, left = i * stride, j * stride
        out[n, c, i, j] = np.max(x[n, c, top : top + height, left : left + width])
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    cache = (x, pool_param)
    return out, cache


def max_pool_backward_naive(dout: Array, cache: Cache) -> Array:
    """Take the gradient back through `max_pool_forward_naive`.

    Args:
        dout: (N, C, H_out, W_out) gradient of the loss with respect to `out`.
        cache: (x, pool_param) from `max_pool_forward_naive`.

    Returns:
        dx: (N, C, H, W). Where a window holds its maximum twice, the first one, row
            by row, takes the whole gradient.
    """
    x, pool_param = cache
    H_out, W_out = pool_output_size(x, pool_param)
    dout = check_dout(dout, (*x.shape[:2], H_out, W_out))
    height, width = pool_param["pool_height"], pool_param["pool_width"]
    stride = pool_param["stride"]
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    dx = np.zeros(x.shape, dout.dtype)
    for n, c, i, j in np.ndindex(dout.shape):
        top, left = i * stride, j * stride
        window = x[n, c, top : top + height, left : left + width]
        row, column = np.unravel_index(np.argmax(window), window.shape)
        # A pixel may be the maximum of several overlapping windows: +=, not =.
        dx[n, c, top + row, left + column] += dout[n, c, i, j]
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return dx


def spatial_batchnorm_forward(
    x: Array, gamma: Array, beta: Array, bn_param: dict
) -> tuple[Array, Cache]:
    """Normalise each channel over all pixels of all images: batchnorm for images.

    Args:
        x: (N, C, H, W) images.
        gamma: (C,) scales.
        beta: (C,) shifts.
        bn_param: as `batchnorm_forward`; the running averages are (C,).

    Returns:
        out: (N, C, H, W).
        cache: what `spatial_batchnorm_backward` needs; None in mode "test".

    Raises:
        ValueError: unknown mode, or an empty batch in mode "train".
    """
    x, gamma, beta = check_channels(x, gamma, beta)
    check_batch(x, check_mode(bn_param, "bn_param"))
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    # Every pixel is a row of C features: a matrix with a row for each channel, turned.
    N, C, H, W = x.shape
    pixels = x.transpose(1, 0, 2, 3).reshape(C, -1).T  # (N * H * W, C)
    out, cache = batchnorm_forward(pixels, gamma, beta, bn_param)
    out = out.T.reshape(C, N, H, W).transpose(1, 0, 2, 3)
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return out, cache


def spatial_batchnorm_backward(dout: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """Take the gradient back through `spatial_batchnorm_forward`.

    Args:
        dout: (N, C, H, W) gradient of the loss with respect to `out`.
        cache: from `spatial_batchnorm_forward` in mode "train" (not None).

    Returns:
        dx: (N, C, H, W).
        dgamma: (C,).
        dbeta: (C,).
    """
    dout = as_floats(dout, "dout")
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    N, C, H, W = dout.shape
    dpixels = dout.transpose(1, 0, 2, 3).reshape(C, -1).T
    dpixels, dgamma, dbeta = batchnorm_backward_alt(dpixels, cache)
    dx = dpixels.T.reshape(C, N, H, W).transpose(1, 0, 2, 3)
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return dx, dgamma, dbeta


def spatial_groupnorm_forward(
    x: Array, gamma: Array, beta: Array, G: int, gn_param: dict
) -> tuple[Array, Cache]:
    """Normalise each image's channels in G groups, then scale and shift each channel.

    A group is C / G neighbouring channels of one image with all their pixels.

    Args:
        x: (N, C, H, W) images.
        gamma: (1, C, 1, 1) scales.
        beta: (1, C, 1, 1) shifts.
        G: number of groups, a divisor of C.
        gn_param: dict, optionally with "eps" (1e-5).

    Returns:
        out: (N, C, H, W).
        cache: (x_hat, gamma, and the cache of `layernorm_forward`).

    Raises:
        ValueError: G does not divide C.
    """
    x, gamma, beta = check_groups(x, gamma, beta, G)
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    # Each group is a row of layer normalisation; gamma and beta are for the channels.
    N, C, H, W = x.shape
    groups = x.reshape(N * G, C // G * H * W)
    ones, zeros = np.ones(groups.shape[1], x.dtype), np.zeros(groups.shape[1], x.dtype)
    x_hat, ln_cache = layernorm_forward(groups, ones, zeros, gn_param)
    x_hat = x_hat.reshape(x.shape)
    out = gamma * x_hat + beta
    cache = (x_hat, gamma, ln_cache)
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return out, cache


def spatial_groupnorm_backward(dout: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """Take the gradient back through `spatial_groupnorm_forward`.

    Args:
        dout: (N, C, H, W) gradient of the loss with respect to `out`.
        cache: from `spatial_groupnorm_forward`.

    Returns:
        dx: (N, C, H, W).
        dgamma: (1, C, 1, 1).
        dbeta: (1, C, 1, 1).
    """
    dout = as_floats(dout, "dout")
    # *****START OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    x_hat, gamma, ln_cache = cache
    dbeta = dout.sum(axis=(0, 2, 3), keepdims=True)
    dgamma = (dout * x_hat).sum(axis=(0, 2, 3), keepdims=True)
    dgroups = (dout * gamma).reshape(ln_cache[0].shape)
    dx = layernorm_backward(dgroups, ln_cache)[0].reshape(dout.shape)
    # *****END OF YOUR CODE (DO NOT DELETE/MODIFY THIS LINE)*****
    return dx, dgamma, dbeta
