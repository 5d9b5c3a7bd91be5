"""Mistakes in spatial batch normalisation."""

import numpy as np

from course.mistakes.registry import mistake
from ece662 import layers

PER_CHANNEL = (0, 2, 3)


def _column(v):
    """Turn (C,) into (1, C, 1, 1)."""
    return np.reshape(v, (1, -1, 1, 1))


def _forward(x, gamma, beta, bn_param, axis, keepdims=True):
    """Normalise images with statistics, also the running ones, over other axes."""
    eps, momentum = bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
    zeros = np.zeros(x.shape[1], x.dtype)
    running = [bn_param.get(name, zeros) for name in ("running_mean", "running_var")]
    mean, var = (r if np.ndim(r) > 1 else _column(r) for r in running)
    cache = None
    if bn_param["mode"] == "train":
        kept_mean, kept_var = mean, var
        mean = x.mean(axis=axis, keepdims=keepdims)
        var = x.var(axis=axis, keepdims=keepdims)
        if not keepdims and kept_mean.shape[0] == 1:
            kept_mean, kept_var = kept_mean[0], kept_var[0]
        bn_param["running_mean"] = momentum * kept_mean + (1 - momentum) * mean
        bn_param["running_var"] = momentum * kept_var + (1 - momentum) * var
        _, cache = layers.spatial_batchnorm_forward(x, gamma, beta, _fresh(bn_param))
    x_hat = (x - mean) / np.sqrt(var + eps)
    return _column(gamma) * x_hat + _column(beta), cache


def _fresh(bn_param):
    """Return new parameters with the same eps, for a pass that changes no others."""
    return {"mode": "train", "eps": bn_param.get("eps", 1e-5)}


@mistake(
    "spatial_batchnorm_forward",
    says="The channels are mixed up: a reshape alone does not bring the channel to "
    "the end, it only cuts the row of numbers elsewhere.",
    asks="In memory, which number follows a pixel of channel 0: the same pixel of "
    "channel 1, or its neighbour?",
)
def spatial_reshape_without_transpose(x, gamma, beta, bn_param):
    rows = x.reshape(-1, x.shape[1])
    out, cache = layers.batchnorm_forward(rows, gamma, beta, bn_param)
    return out.reshape(x.shape), cache


@mistake(
    "spatial_batchnorm_forward",
    says="The way in is right; on the way out the channels were not put back where "
    "they came from.",
    asks="In which order do the axes stand after your first transpose, and into which "
    "shape does that have to be folded first?",
)
def spatial_not_transposed_back(x, gamma, beta, bn_param):
    N, C, H, W = x.shape
    rows = x.transpose(0, 2, 3, 1).reshape(-1, C)
    out, cache = layers.batchnorm_forward(rows, gamma, beta, bn_param)
    return out.reshape(N, C, H, W), cache


@mistake(
    "spatial_batchnorm_forward",
    says="Each position has statistics of its own; all pixels of a channel should "
    "share theirs.",
    asks="Over how many numbers should the mean of one channel go?",
)
def spatial_statistics_per_position(x, gamma, beta, bn_param):
    return _forward(x, gamma, beta, bn_param, axis=0, keepdims=False)


@mistake(
    "spatial_batchnorm_forward",
    says="Each image has statistics of its own; nothing is shared by the batch.",
    asks="What would be left of the 'batch' in batch normalisation?",
)
def spatial_statistics_per_image(x, gamma, beta, bn_param):
    return _forward(x, gamma, beta, bn_param, axis=(2, 3))


@mistake(
    "spatial_batchnorm_forward",
    says="All channels share one mean and one variance.",
    asks="How many means does a batch of images with C channels need?",
)
def spatial_statistics_of_everything(x, gamma, beta, bn_param):
    return _forward(x, gamma, beta, bn_param, axis=(0, 1, 2, 3))


@mistake(
    "spatial_batchnorm_forward",
    says="The outputs are right, but the running averages are kept with four axes, "
    "where a plain vector of C numbers is due.",
    asks="What does `keepdims=True` keep?",
)
def spatial_running_keeps_its_axes(x, gamma, beta, bn_param):
    return _forward(x, gamma, beta, bn_param, axis=PER_CHANNEL)


@mistake(
    "spatial_batchnorm_forward",
    says="In test mode the images are still normalised with their own statistics.",
    asks="What would your layer return for a test batch of one single image?",
)
def spatial_test_uses_batch(x, gamma, beta, bn_param):
    if bn_param["mode"] == "train":
        return layers.spatial_batchnorm_forward(x, gamma, beta, bn_param)
    out, _ = layers.spatial_batchnorm_forward(x, gamma, beta, _fresh(bn_param))
    return out, None


@mistake(
    "spatial_batchnorm_forward",
    says="Height and width have changed places in the output.",
    asks="If the axes went into the order (0, 3, 2, 1), which order brings them back?",
)
def spatial_height_and_width_swapped(x, gamma, beta, bn_param):
    out, cache = layers.spatial_batchnorm_forward(x, gamma, beta, bn_param)
    return out.transpose(0, 1, 3, 2), cache


@mistake(
    "spatial_batchnorm_forward",
    says="The channels are normalised, and that is where it ends: gamma and beta have "
    "no effect.",
    asks="How could the network undo the normalisation where it does harm?",
)
def spatial_without_scale_and_shift(x, gamma, beta, bn_param):
    ones, zeros = np.ones_like(gamma), np.zeros_like(beta)
    out, cache = layers.spatial_batchnorm_forward(x, ones, zeros, bn_param)
    return out, cache and cache._replace(gamma=gamma)


@mistake(
    "spatial_batchnorm_forward",
    says="The running averages forget the past and follow the last batch: momentum is "
    "on the wrong one of the two.",
    asks="With a momentum of 0.9, how much of the old average should survive a step?",
)
def spatial_momentum_reversed(x, gamma, beta, bn_param):
    if bn_param["mode"] == "test":
        return layers.spatial_batchnorm_forward(x, gamma, beta, bn_param)
    reversed_param = {**bn_param, "momentum": 1 - bn_param.get("momentum", 0.9)}
    result = layers.spatial_batchnorm_forward(x, gamma, beta, reversed_param)
    for name in ("running_mean", "running_var"):
        bn_param[name] = reversed_param[name]
    return result


@mistake(
    "spatial_batchnorm_forward",
    says="Training leaves no trace: the running averages are the same after a batch "
    "as before it.",
    asks="The inner call keeps its averages in the dict that it is given: which dict "
    "was that?",
)
def spatial_running_never_stored(x, gamma, beta, bn_param):
    zeros = np.zeros(x.shape[1], x.dtype)
    result = layers.spatial_batchnorm_forward(x, gamma, beta, dict(bn_param))
    bn_param.setdefault("running_mean", zeros)
    bn_param.setdefault("running_var", zeros)
    return result


def _with_dx(dout, cache, dx):
    return dx, *layers.spatial_batchnorm_backward(dout, cache)[1:]


def _images(rows, shape):
    """Fold the rows of the reference's cache back into images."""
    N, C, H, W = shape
    return rows.T.reshape(C, N, H, W).transpose(1, 0, 2, 3)


def _dx(dout, cache, n=None, mean=1, projection=1, axis=PER_CHANNEL):
    """Return dx in closed form, with means over other axes or other terms."""
    x_hat = _images(cache.x_hat, dout.shape)
    n = n or len(cache.x_hat)
    mean_dout = dout.sum(axis=axis, keepdims=True) / n
    mean_along = (dout * x_hat).sum(axis=axis, keepdims=True) / n
    scale = _column(cache.gamma * cache.inv_std)
    return scale * (dout - mean * mean_dout - projection * x_hat * mean_along)


@mistake(
    "spatial_batchnorm_backward",
    says="dout was folded into rows without bringing the channel to the end, so the "
    "channels' gradients are mixed up.",
    asks="What did the forward pass do to x before it called batch normalisation?",
)
def spatial_back_without_transpose(dout, cache):
    N, C, H, W = dout.shape
    rows = dout.reshape(-1, C)
    dx, dgamma, dbeta = layers.batchnorm_backward(rows, _by_pixel(cache, dout.shape))
    return dx.reshape(N, C, H, W), dgamma, dbeta


@mistake(
    "spatial_batchnorm_backward",
    says="dx was computed rightly and then not put back: its channels are scattered "
    "over the images.",
    asks="In which order do the axes of your rows stand, and which one has to move?",
)
def spatial_dx_not_transposed_back(dout, cache):
    dx, dgamma, dbeta = layers.spatial_batchnorm_backward(dout, cache)
    return dx.transpose(0, 2, 3, 1).reshape(dout.shape), dgamma, dbeta


def _by_pixel(cache, shape):
    """Return the reference's cache with its rows in the usual order (N, H, W)."""
    C = shape[1]
    return cache._replace(
        **{
            name: _images(getattr(cache, name), shape)
            .transpose(0, 2, 3, 1)
            .reshape(-1, C)
            for name in ("x_centred", "x_hat")
        }
    )


@mistake(
    "spatial_batchnorm_backward",
    says="Mean and variance of the channels were treated as constants.",
    asks="If you add 1 to one pixel, which numbers of the output change?",
)
def spatial_statistics_as_constants(dout, cache):
    return _with_dx(dout, cache, dout * _column(cache.gamma * cache.inv_std))


@mistake(
    "spatial_batchnorm_backward",
    says="The gradient that flows through the mean of a channel is missing.",
    asks="What must dx sum to over a channel?",
)
def spatial_mean_path_missing(dout, cache):
    return _with_dx(dout, cache, _dx(dout, cache, mean=0))


@mistake(
    "spatial_batchnorm_backward",
    says="The gradient that flows through the variance of a channel is missing.",
    asks="If a whole channel of x is doubled, what does the output do?",
)
def spatial_variance_path_missing(dout, cache):
    return _with_dx(dout, cache, _dx(dout, cache, projection=0))


@mistake(
    "spatial_batchnorm_backward",
    says="The means in dx are divided by the number of images, but they go over all "
    "pixels of a channel.",
    asks="Over how many numbers did the forward pass take the mean of a channel?",
)
def spatial_divides_by_images(dout, cache):
    return _with_dx(dout, cache, _dx(dout, cache, n=len(dout)))


@mistake(
    "spatial_batchnorm_backward",
    says="The means in dx go over the images only, so each position is treated on its "
    "own.",
    asks="Over how many numbers did the forward pass take the mean of a channel?",
)
def spatial_means_per_position(dout, cache):
    return _with_dx(dout, cache, _dx(dout, cache, n=len(dout), axis=0))


@mistake(
    "spatial_batchnorm_backward",
    says="The means in dx go over each image on its own; the forward pass took the "
    "batch together.",
    asks="Over how many numbers did the forward pass take the mean of a channel?",
)
def spatial_means_per_image(dout, cache):
    n = dout.shape[2] * dout.shape[3]
    return _with_dx(dout, cache, _dx(dout, cache, n=n, axis=(2, 3)))


@mistake(
    "spatial_batchnorm_backward",
    says="dgamma and dbeta have the right numbers and four axes, where gamma and beta "
    "are plain vectors.",
    asks="What does `keepdims=True` keep?",
)
def spatial_parameters_keep_their_axes(dout, cache):
    dx, dgamma, dbeta = layers.spatial_batchnorm_backward(dout, cache)
    return dx, _column(dgamma), _column(dbeta)


@mistake(
    "spatial_batchnorm_backward",
    says="dgamma and dbeta were summed over the images only; each entry of gamma "
    "reaches every pixel of its channel.",
    asks="How many numbers has gamma, and how many has your dgamma?",
)
def spatial_parameters_per_position(dout, cache):
    x_hat = _images(cache.x_hat, dout.shape)
    dx, _, _ = layers.spatial_batchnorm_backward(dout, cache)
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)


@mistake(
    "spatial_batchnorm_backward",
    says="dgamma and dbeta are averaged over the pixels, though each pixel adds its "
    "own share.",
    asks="The loss already contains the 1/N: where would a second one come from?",
)
def spatial_parameters_averaged(dout, cache):
    dx, dgamma, dbeta = layers.spatial_batchnorm_backward(dout, cache)
    return dx, dgamma / len(cache.x_hat), dbeta / len(cache.x_hat)


@mistake(
    "spatial_batchnorm_backward",
    says="dgamma and dbeta are right and come back in each other's place.",
    asks="Which of the two does the caller expect first?",
)
def spatial_dgamma_dbeta_swapped(dout, cache):
    dx, dgamma, dbeta = layers.spatial_batchnorm_backward(dout, cache)
    return dx, dbeta, dgamma


@mistake(
    "spatial_batchnorm_backward",
    says="gamma is missing in dx.",
    asks="What lies between the output and x_hat on the way back?",
    hidden=True,
)
def spatial_gamma_missing_in_dx(dout, cache):
    plain = cache._replace(gamma=np.ones_like(cache.gamma))
    return _with_dx(dout, cache, _dx(dout, plain))
