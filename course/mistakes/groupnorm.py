"""Mistakes in spatial group normalisation."""

import numpy as np

from course.mistakes.registry import mistake
from ece662 import layers

PER_GROUP = (2, 3, 4)  # of (N, G, C / G, H, W)


def _split(x, G):
    """Show the groups of (N, C, H, W) as (N, G, C / G, H, W)."""
    N, C, H, W = x.shape
    return x.reshape(N, G, C // G, H, W)


def _normalise(groups, gn_param, axis, scale=None, **moments):
    """Normalise over these axes, with another divisor where one is given."""
    eps = gn_param.get("eps", 1e-5)
    mean = groups.mean(axis=axis, keepdims=True)
    var = groups.var(axis=axis, keepdims=True, **moments)
    return (groups - mean) / (scale(var, eps) if scale else np.sqrt(var + eps))


def _finish(x_hat, x, gamma, beta, G, gn_param):
    """Scale and shift; the cache is that of a correct forward pass."""
    cache = layers.spatial_groupnorm_forward(x, gamma, beta, G, gn_param)[1]
    return gamma * x_hat.reshape(x.shape) + beta, cache


def _forward(x, gamma, beta, G, gn_param, axis=PER_GROUP, **changed):
    x_hat = _normalise(_split(x, G), gn_param, axis, **changed)
    return _finish(x_hat, x, gamma, beta, G, gn_param)


@mistake(
    "spatial_groupnorm_forward",
    says="The numbers are right, but the output has five axes: gamma and beta were "
    "given axes that they have already.",
    asks="What shape do gamma and beta come in, and does it need to be changed at all?",
)
def groupnorm_output_has_five_axes(x, gamma, beta, G, gn_param):
    out, cache = layers.spatial_groupnorm_forward(x, gamma, beta, G, gn_param)
    return out[np.newaxis], cache


@mistake(
    "spatial_groupnorm_forward",
    says="The numbers are right, but the output has seven axes: gamma and beta were "
    "given axes that they have already.",
    asks="What shape do gamma and beta come in, and does it need to be changed at all?",
)
def groupnorm_output_has_seven_axes(x, gamma, beta, G, gn_param):
    out, cache = layers.spatial_groupnorm_forward(x, gamma, beta, G, gn_param)
    return out[np.newaxis, np.newaxis, np.newaxis], cache


@mistake(
    "spatial_groupnorm_forward",
    says="The groups are interleaved: every G-th channel was put into one group, where "
    "neighbouring channels should be.",
    asks="With six channels in two groups, which channels are in the first one?",
)
def groupnorm_groups_interleaved(x, gamma, beta, G, gn_param):
    N, C, H, W = x.shape
    x_hat = _normalise(x.reshape(N, C // G, G, H, W), gn_param, axis=(1, 3, 4))
    return _finish(x_hat, x, gamma, beta, G, gn_param)


@mistake(
    "spatial_groupnorm_forward",
    says="The images of the batch share their statistics.",
    asks="What is the advantage of group over batch normalisation for a batch of one?",
)
def groupnorm_statistics_over_batch(x, gamma, beta, G, gn_param):
    return _forward(x, gamma, beta, G, gn_param, axis=(0, 2, 3, 4))


@mistake(
    "spatial_groupnorm_forward",
    says="Each pixel was normalised on its own, over the channels of its group; a "
    "group's statistics go over all its pixels.",
    asks="How many numbers does one group of one image hold?",
)
def groupnorm_statistics_per_pixel(x, gamma, beta, G, gn_param):
    return _forward(x, gamma, beta, G, gn_param, axis=2)


@mistake(
    "spatial_groupnorm_forward",
    says="The image was cut into short rows of C / G numbers each, which are neither "
    "groups nor pixels, and each row was normalised.",
    asks="In memory, what do C / G numbers in a row belong to?",
)
def groupnorm_rows_of_neighbours(x, gamma, beta, G, gn_param):
    rows = x.reshape(-1, x.shape[1] // G)
    x_hat = _normalise(rows, gn_param, axis=1)
    return _finish(x_hat, x, gamma, beta, G, gn_param)


@mistake(
    "spatial_groupnorm_forward",
    says="All channels of an image went into one group, whatever G says.",
    asks="How many means does one image need if G is 3?",
)
def groupnorm_one_group_for_all(x, gamma, beta, G, gn_param):
    x_hat = _normalise(_split(x, 1), gn_param, axis=PER_GROUP)
    return _finish(x_hat, x, gamma, beta, G, gn_param)


@mistake(
    "spatial_groupnorm_forward",
    says="Each channel was normalised on its own; the members of a group do not share "
    "their statistics.",
    asks="How many means does one image need if G is 3?",
)
def groupnorm_every_channel_alone(x, gamma, beta, G, gn_param):
    return _forward(x, gamma, beta, G, gn_param, axis=(3, 4))


@mistake(
    "spatial_groupnorm_forward",
    says="G was read as the number of channels in a group; it is the number of groups.",
    asks="With six channels and G = 2, how many channels share their statistics?",
)
def groupnorm_g_is_the_group_size(x, gamma, beta, G, gn_param):
    x_hat = _normalise(_split(x, x.shape[1] // G), gn_param, axis=PER_GROUP)
    return _finish(x_hat, x, gamma, beta, G, gn_param)


@mistake(
    "spatial_groupnorm_forward",
    says="The groups were divided by their variance and not by its root.",
    asks="If x is measured in metres, in what is its variance measured?",
)
def groupnorm_divides_by_variance(x, gamma, beta, G, gn_param):
    return _forward(x, gamma, beta, G, gn_param, scale=lambda var, eps: var + eps)


@mistake(
    "spatial_groupnorm_forward",
    says="The groups are normalised, and that is where it ends: gamma and beta have "
    "no effect.",
    asks="What are the two parameters of this layer for?",
)
def groupnorm_without_scale_and_shift(x, gamma, beta, G, gn_param):
    out, cache = layers.spatial_groupnorm_forward(x, gamma, beta, G, gn_param)
    return (out - beta) / gamma, cache


@mistake(
    "spatial_groupnorm_forward",
    says="eps is added after the root.",
    asks="Is sqrt(v) + e the same as sqrt(v + e)? Try v = 0.",
)
def groupnorm_eps_outside_root(x, gamma, beta, G, gn_param):
    def scale(var, eps):
        return np.sqrt(var) + eps

    return _forward(x, gamma, beta, G, gn_param, scale=scale)


@mistake(
    "spatial_groupnorm_forward",
    says="The numbers are those of an eps of zero: the eps that is given has no "
    "effect.",
    asks="What does your layer return for a group of equal numbers?",
)
def groupnorm_without_eps(x, gamma, beta, G, gn_param):
    with np.errstate(all="ignore"):
        return _forward(
            x, gamma, beta, G, gn_param, scale=lambda var, eps: np.sqrt(var)
        )


@mistake(
    "spatial_groupnorm_forward",
    says="The variance was divided by one less than the size of the group.",
    asks="With your variance, is the mean of x_hat squared in a group exactly one?",
    hidden=True,
)
def groupnorm_unbiased_variance(x, gamma, beta, G, gn_param):
    return _forward(x, gamma, beta, G, gn_param, ddof=1)


def _unpack(dout, cache):
    """Return G, and x_hat, 1 / std (N, G, 1, 1, 1) and dx_hat as groups."""
    x_hat, gamma, (_, inv_std, _) = cache
    G = len(inv_std) // len(dout)
    inv_std = inv_std.reshape(-1, G, 1, 1, 1)
    return G, _split(x_hat, G), inv_std, _split(dout * gamma, G)


def _dx(dout, cache, n=None, mean=1, projection=1, axis=PER_GROUP):
    """Return dx in closed form, with means over other axes or other terms."""
    _, x_hat, inv_std, g = _unpack(dout, cache)
    n = n or np.prod([g.shape[a] for a in axis])
    mean_g = g.sum(axis=axis, keepdims=True) / n
    mean_along = (g * x_hat).sum(axis=axis, keepdims=True) / n
    dx = inv_std * (g - mean * mean_g - projection * x_hat * mean_along)
    return dx.reshape(dout.shape)


def _with_dx(dout, cache, dx):
    return dx, *layers.spatial_groupnorm_backward(dout, cache)[1:]


def _with_parameters(dout, cache, total):
    """Return the gradients, those of gamma and beta summed up by `total`."""
    dx, _, _ = layers.spatial_groupnorm_backward(dout, cache)
    return dx, total(dout * cache[0]), total(dout)


@mistake(
    "spatial_groupnorm_backward",
    says="dgamma and dbeta have the right numbers as plain vectors, but gamma and "
    "beta come with four axes here.",
    asks="What shape must a gradient have, compared with the array it belongs to?",
)
def groupnorm_parameters_as_vectors(dout, cache):
    return _with_parameters(dout, cache, lambda g: g.sum(axis=(0, 2, 3)))


@mistake(
    "spatial_groupnorm_backward",
    says="dgamma and dbeta were not summed over the images.",
    asks="Do two images of the batch have the same gamma or each its own?",
)
def groupnorm_parameters_per_image(dout, cache):
    return _with_parameters(dout, cache, lambda g: g.sum(axis=(2, 3), keepdims=True))


@mistake(
    "spatial_groupnorm_backward",
    says="dgamma and dbeta were summed over the images only.",
    asks="How many numbers of one image does one entry of gamma reach?",
)
def groupnorm_parameters_per_position(dout, cache):
    return _with_parameters(dout, cache, lambda g: g.sum(axis=0, keepdims=True))


@mistake(
    "spatial_groupnorm_backward",
    says="The channels of a group share one dgamma and one dbeta. They share their "
    "statistics, not their parameters.",
    asks="How many entries has gamma, and how many different ones has your dgamma?",
)
def groupnorm_parameters_per_group(dout, cache):
    G, shape = _unpack(dout, cache)[0], cache[1].shape

    def total(g):
        per_group = _split(g, G).sum(axis=(0, 2, 3, 4))
        return np.repeat(per_group, shape[1] // G).reshape(shape)

    return _with_parameters(dout, cache, total)


@mistake(
    "spatial_groupnorm_backward",
    says="All channels share one dgamma and one dbeta: the sums went over the "
    "channels as well.",
    asks="How many entries has gamma?",
)
def groupnorm_parameters_over_channels(dout, cache):
    return _with_parameters(dout, cache, lambda g: g.sum(axis=(0, 1, 2, 3)))


@mistake(
    "spatial_groupnorm_backward",
    says="Mean and variance of the groups were treated as constants.",
    asks="If you add 1 to one pixel, which numbers of the output change?",
)
def groupnorm_statistics_as_constants(dout, cache):
    return _with_dx(dout, cache, _dx(dout, cache, mean=0, projection=0))


@mistake(
    "spatial_groupnorm_backward",
    says="The gradient that flows through the mean of the group is missing.",
    asks="What must dx sum to over a group?",
)
def groupnorm_mean_path_missing(dout, cache):
    return _with_dx(dout, cache, _dx(dout, cache, mean=0))


@mistake(
    "spatial_groupnorm_backward",
    says="The gradient that flows through the variance of the group is missing.",
    asks="If a whole group of x is doubled, what does the output do?",
)
def groupnorm_variance_path_missing(dout, cache):
    return _with_dx(dout, cache, _dx(dout, cache, projection=0))


@mistake(
    "spatial_groupnorm_backward",
    says="gamma is missing in dx.",
    asks="What lies between the output and x_hat on the way back?",
)
def groupnorm_gamma_missing_in_dx(dout, cache):
    x_hat, gamma, ln_cache = cache
    plain = (x_hat, np.ones_like(gamma), ln_cache)
    return _with_dx(dout, cache, _dx(dout, plain))


@mistake(
    "spatial_groupnorm_backward",
    says="gamma was multiplied in after the means were taken, but it varies within a "
    "group, and so belongs inside them.",
    asks="Over which channels do the means in dx go, and is gamma the same for them?",
)
def groupnorm_gamma_outside_means(dout, cache):
    x_hat, gamma, ln_cache = cache
    plain = (x_hat, np.ones_like(gamma), ln_cache)
    return _with_dx(dout, cache, gamma * _dx(dout, plain))


@mistake(
    "spatial_groupnorm_backward",
    says="The means in dx are divided by the number of pixels, but a group has "
    "several channels of them.",
    asks="How many numbers does one group of one image hold?",
)
def groupnorm_divides_by_pixels(dout, cache):
    return _with_dx(dout, cache, _dx(dout, cache, n=dout.shape[2] * dout.shape[3]))


@mistake(
    "spatial_groupnorm_backward",
    says="The means in dx go over the images as well; in the forward pass each image "
    "was on its own.",
    asks="Which numbers did the forward pass take together?",
)
def groupnorm_means_over_batch(dout, cache):
    return _with_dx(dout, cache, _dx(dout, cache, axis=(0, 2, 3, 4)))


@mistake(
    "spatial_groupnorm_backward",
    says="The means in dx go over each channel on its own; the forward pass took the "
    "channels of a group together.",
    asks="Which numbers did the forward pass take together?",
)
def groupnorm_means_per_channel(dout, cache):
    return _with_dx(dout, cache, _dx(dout, cache, axis=(3, 4)))


@mistake(
    "spatial_groupnorm_backward",
    says="dgamma and dbeta are right and come back in each other's place.",
    asks="Which of the two does the caller expect first?",
)
def groupnorm_dgamma_dbeta_swapped(dout, cache):
    dx, dgamma, dbeta = layers.spatial_groupnorm_backward(dout, cache)
    return dx, dbeta, dgamma


@mistake(
    "spatial_groupnorm_forward",
    says="The numbers are those of an eps of 1e-5 whatever is given: `eps` in "
    "`gn_param` has no effect.",
    asks="Who decides about eps, your line or whoever calls the layer?",
)
def groupnorm_eps_always_the_same(x, gamma, beta, G, gn_param):
    def scale(var, eps):
        return np.sqrt(var + 1e-5)

    return _forward(x, gamma, beta, G, gn_param, scale=scale)
