"""Mistakes in the two backward passes of batch normalisation."""

import numpy as np

from course.mistakes.registry import mistake
from ece662 import layers


def _paths(dout, cache, centre=np.mean, dvar_factor=-0.5, power=3, inner=2):
    """Return dx along the graph, with the constants of its two side paths as given.

    Args:
        dout, cache: as `layers.batchnorm_backward`.
        centre: function that takes the gradient of the mean off, called with axis=0.
        dvar_factor, power: the slope of inv_std in var is
            `dvar_factor * inv_std**power`.
        inner: the slope of var in x_centred is `inner / N * x_centred`.
    """
    x_centred, _, inv_std, gamma = cache
    dx_hat = dout * gamma
    dvar = dvar_factor * inv_std**power * (dx_hat * x_centred).sum(axis=0)
    dx_centred = dx_hat * inv_std + inner / len(dout) * x_centred * dvar
    return dx_centred - centre(dx_centred, axis=0)


def _with_dx(dout, cache, dx):
    return dx, *layers.batchnorm_backward(dout, cache)[1:]


@mistake(
    "batchnorm_backward",
    says="Mean and variance were treated as constants, but both are made of x, so the "
    "gradient reaches x through them as well.",
    asks="If you add 1 to one entry of x, which entries of the output change?",
)
def batchnorm_statistics_as_constants(dout, cache):
    return _with_dx(dout, cache, dout * cache.gamma * cache.inv_std)


@mistake(
    "batchnorm_backward",
    says="The gradient that flows through the mean is missing.",
    asks="If all entries of a column grow by the same amount, what does the output "
    "do, and what does that say about the sum of dx down the column?",
)
def batchnorm_mean_path_missing(dout, cache):
    dx = _paths(dout, cache, centre=lambda g, axis: 0)
    return _with_dx(dout, cache, dx)


@mistake(
    "batchnorm_backward",
    says="The gradient that flows through the variance is missing.",
    asks="If a whole column of x is doubled, what does the output do, and what does "
    "that say about the sum of x times dx?",
)
def batchnorm_variance_path_missing(dout, cache):
    return _with_dx(dout, cache, _paths(dout, cache, dvar_factor=0))


@mistake(
    "batchnorm_backward",
    says="gamma is missing in dx.",
    asks="What lies between the output and x_hat on the way back?",
)
def batchnorm_gamma_missing_in_dx(dout, cache):
    plain = cache._replace(gamma=np.ones_like(cache.gamma))
    return _with_dx(dout, cache, _paths(dout, plain))


@mistake(
    "batchnorm_backward",
    says="dgamma was formed with the centred x; gamma multiplies the normalised one.",
    asks="In out = gamma * (...) + beta, what exactly stands in the brackets?",
)
def batchnorm_dgamma_from_centred(dout, cache):
    dx, _, dbeta = layers.batchnorm_backward(dout, cache)
    return dx, (dout * cache.x_centred).sum(axis=0), dbeta


@mistake(
    "batchnorm_backward",
    says="dgamma and dbeta are right and come back in each other's place.",
    asks="Which of the two does the caller expect first?",
)
def batchnorm_dgamma_dbeta_swapped(dout, cache):
    dx, dgamma, dbeta = layers.batchnorm_backward(dout, cache)
    return dx, dbeta, dgamma


@mistake(
    "batchnorm_backward",
    says="Both side paths are too strong by the size of the batch: the mean and the "
    "variance are means, and their slopes carry a 1/N.",
    asks="How much does the mean of N numbers change when one of them grows by 1?",
)
def batchnorm_paths_without_n(dout, cache):
    dx = _paths(dout, cache, centre=np.sum, inner=2 * len(dout))
    return _with_dx(dout, cache, dx)


@mistake(
    "batchnorm_backward",
    says="The path through the mean is too strong by the size of the batch.",
    asks="How much does the mean of N numbers change when one of them grows by 1?",
)
def batchnorm_mean_path_without_n(dout, cache):
    return _with_dx(dout, cache, _paths(dout, cache, centre=np.sum))


@mistake(
    "batchnorm_backward",
    says="The path through the variance is too strong by the size of the batch.",
    asks="How much does a mean of N squares change when one of them grows by 1?",
)
def batchnorm_variance_path_without_n(dout, cache):
    dx = _paths(dout, cache, inner=2 * len(dout))
    return _with_dx(dout, cache, dx)


@mistake(
    "batchnorm_backward",
    says="dgamma and dbeta have the right numbers in matrices of one row, where gamma "
    "and beta are plain vectors.",
    asks="What does `keepdims=True` keep?",
)
def batchnorm_parameters_keep_their_row(dout, cache):
    dx, dgamma, dbeta = layers.batchnorm_backward(dout, cache)
    return dx, dgamma[np.newaxis], dbeta[np.newaxis]


@mistake(
    "batchnorm_backward",
    says="The derivative of one over the root has the wrong power in it.",
    asks="Write 1 / sqrt(v) as a power of v: what is its derivative?",
)
def batchnorm_power_of_the_root(dout, cache):
    return _with_dx(dout, cache, _paths(dout, cache, power=1))


@mistake(
    "batchnorm_backward",
    says="The path through the variance has the wrong sign.",
    asks="When the variance grows, does x_hat grow or shrink?",
)
def batchnorm_variance_path_sign(dout, cache):
    return _with_dx(dout, cache, _paths(dout, cache, dvar_factor=0.5))


@mistake(
    "batchnorm_backward",
    says="The path through the mean has the wrong sign.",
    asks="When the mean grows, does the centred x grow or shrink?",
)
def batchnorm_mean_path_sign(dout, cache):
    dx = _paths(dout, cache, centre=lambda g, axis: -np.mean(g, axis=axis))
    return _with_dx(dout, cache, dx)


@mistake(
    "batchnorm_backward",
    says="The path through the variance is half as strong as it should be.",
    asks="What is the derivative of a square?",
)
def batchnorm_variance_path_halved(dout, cache):
    return _with_dx(dout, cache, _paths(dout, cache, inner=1))


@mistake(
    "batchnorm_backward",
    says="The path through the variance is twice as strong as it should be.",
    asks="What is the derivative of v to the power of minus one half? Mind the factor "
    "in front.",
)
def batchnorm_variance_path_doubled(dout, cache):
    return _with_dx(dout, cache, _paths(dout, cache, dvar_factor=-1))


@mistake(
    "batchnorm_backward",
    says="dgamma and dbeta are averaged over the batch, though each input adds its "
    "own share.",
    asks="The loss already contains the 1/N: where would a second one come from?",
)
def batchnorm_parameters_averaged(dout, cache):
    dx, dgamma, dbeta = layers.batchnorm_backward(dout, cache)
    return dx, dgamma / len(dout), dbeta / len(dout)


@mistake(
    "batchnorm_backward",
    says="dgamma and dbeta were summed along the rows: a number for each input, where "
    "one for each column is due.",
    asks="Which outputs does one entry of gamma reach?",
)
def batchnorm_parameters_over_rows(dout, cache):
    dx, _, _ = layers.batchnorm_backward(dout, cache)
    return dx, (dout * cache.x_hat).sum(axis=1), dout.sum(axis=1)


@mistake(
    "batchnorm_backward",
    says="dx was never divided by the standard deviation.",
    asks="If the columns of x vary by thousands, how strongly can the output depend "
    "on one entry?",
)
def batchnorm_dx_not_scaled(dout, cache):
    return _with_dx(dout, cache, _paths(dout, cache) / cache.inv_std)


@mistake(
    "batchnorm_backward",
    says="dx is divided by the variance, where its root is due.",
    asks="How often does the standard deviation divide on the way from x to x_hat?",
)
def batchnorm_dx_over_variance(dout, cache):
    return _with_dx(dout, cache, _paths(dout, cache) * cache.inv_std)


def _without_eps(cache):
    """Return a cache whose standard deviation was computed again, without eps."""
    std = np.sqrt(np.mean(cache.x_centred**2, axis=0))
    return cache._replace(inv_std=1 / std)


@mistake(
    "batchnorm_backward",
    says="The forward pass divides by a root with eps in it, and these gradients by "
    "one without.",
    asks="By what exactly did the forward pass divide?",
)
def batchnorm_back_without_eps(dout, cache):
    return _with_dx(dout, cache, _paths(dout, _without_eps(cache)))


@mistake(
    "batchnorm_backward",
    says="Two entries of the cache have changed places: the centred x is taken for "
    "the normalised one, and the other way round.",
    asks="In which order did the forward pass pack what you unpack here?",
)
def batchnorm_cache_mixed_up(dout, cache):
    mixed = cache._replace(x_centred=cache.x_hat, x_hat=cache.x_centred)
    return layers.batchnorm_backward(dout, mixed)


@mistake(
    "batchnorm_backward",
    says="gamma is multiplied in twice on the way to dx.",
    asks="Once the gradient has passed gamma, is gamma needed again?",
    hidden=True,
)
def batchnorm_gamma_twice_in_dx(dout, cache):
    return _with_dx(dout, cache, _paths(dout * cache.gamma, cache))


@mistake(
    "batchnorm_backward",
    says="The side paths were divided by the number of columns, where the number of "
    "rows is due.",
    asks="Over how many numbers does the mean of one column go?",
)
def batchnorm_divides_by_columns(dout, cache):
    return _with_dx(dout, cache, _closed(dout, cache, n=dout.shape[1]))


def _closed(dout, cache, n=None, mean=1, projection=1):
    """Return dx in closed form, its terms weighted as given."""
    _, x_hat, inv_std, gamma = cache
    n = n or len(dout)
    mean_dout, mean_along = dout.sum(axis=0) / n, (dout * x_hat).sum(axis=0) / n
    return gamma * inv_std * (dout - mean * mean_dout - projection * x_hat * mean_along)


@mistake(
    "batchnorm_backward_alt",
    says="Only the direct path is left of the closed form: the mean and the variance "
    "of the batch move with x, too.",
    asks="What does the output do if a whole column of x is shifted, and what then "
    "must the sum of dx down that column be?",
)
def batchnorm_alt_statistics_as_constants(dout, cache):
    return _with_dx(dout, cache, dout * cache.gamma * cache.inv_std)


@mistake(
    "batchnorm_backward_alt",
    says="The term that comes from the mean is missing in the closed form.",
    asks="Does dx sum to zero down each column, as it must?",
)
def batchnorm_alt_mean_term_missing(dout, cache):
    return _with_dx(dout, cache, _closed(dout, cache, mean=0))


@mistake(
    "batchnorm_backward_alt",
    says="The term that comes from the variance is missing in the closed form.",
    asks="What is the sum of x_hat times dx down each column, and what must it be?",
)
def batchnorm_alt_variance_term_missing(dout, cache):
    return _with_dx(dout, cache, _closed(dout, cache, projection=0))


@mistake(
    "batchnorm_backward_alt",
    says="The two correction terms are sums where they should be means.",
    asks="How much does the mean of N numbers change when one of them grows by 1?",
)
def batchnorm_alt_sums_for_means(dout, cache):
    return _with_dx(dout, cache, _closed(dout, cache, n=1))


@mistake(
    "batchnorm_backward_alt",
    says="The correction terms are divided by the number of columns, where the number "
    "of rows is due.",
    asks="Over how many numbers does the mean of one column go?",
)
def batchnorm_alt_divides_by_columns(dout, cache):
    return _with_dx(dout, cache, _closed(dout, cache, n=dout.shape[1]))


@mistake(
    "batchnorm_backward_alt",
    says="The term that comes from the variance has the wrong sign.",
    asks="dx must not point along x_hat: does your term take that part off or add to "
    "it?",
)
def batchnorm_alt_variance_term_sign(dout, cache):
    return _with_dx(dout, cache, _closed(dout, cache, projection=-1))


@mistake(
    "batchnorm_backward_alt",
    says="gamma is missing in dx.",
    asks="What lies between the output and x_hat on the way back?",
)
def batchnorm_alt_gamma_missing(dout, cache):
    plain = cache._replace(gamma=np.ones_like(cache.gamma))
    return _with_dx(dout, cache, _closed(dout, plain))


@mistake(
    "batchnorm_backward_alt",
    says="dx is divided by the variance, where its root is due.",
    asks="If x is multiplied by 10, by how much does dx shrink?",
)
def batchnorm_alt_dx_over_variance(dout, cache):
    return _with_dx(dout, cache, _closed(dout, cache) * cache.inv_std)


@mistake(
    "batchnorm_backward_alt",
    says="The term that comes from the variance was formed with the centred x in one "
    "place, where both places ask for the normalised one.",
    asks="Which of the two has no unit, and would your term survive a change of units?",
)
def batchnorm_alt_centred_for_normalised(dout, cache):
    x_centred, _, inv_std, gamma = cache
    _, dgamma, dbeta = layers.batchnorm_backward(dout, cache)
    inner = dout - dbeta / len(dout) - x_centred * dgamma / len(dout)
    return gamma * inv_std * inner, dgamma, dbeta


@mistake(
    "batchnorm_backward_alt",
    says="The forward pass divides by a root with eps in it, and these gradients by "
    "one without.",
    asks="By what exactly did the forward pass divide?",
)
def batchnorm_alt_without_eps(dout, cache):
    return _with_dx(dout, cache, _closed(dout, _without_eps(cache)))


@mistake(
    "batchnorm_backward_alt",
    says="dgamma and dbeta are right and come back in each other's place.",
    asks="Which of the two does the caller expect first?",
)
def batchnorm_alt_dgamma_dbeta_swapped(dout, cache):
    dx, dgamma, dbeta = layers.batchnorm_backward(dout, cache)
    return dx, dbeta, dgamma


@mistake(
    "batchnorm_backward_alt",
    says="dgamma and dbeta have the right numbers in matrices of one row, where gamma "
    "and beta are plain vectors.",
    asks="What does `keepdims=True` keep?",
)
def batchnorm_alt_parameters_keep_their_row(dout, cache):
    dx, dgamma, dbeta = layers.batchnorm_backward(dout, cache)
    return dx, dgamma[np.newaxis], dbeta[np.newaxis]
