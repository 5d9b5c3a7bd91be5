"""Mistakes in layer normalisation."""

import numpy as np

from course.mistakes.registry import mistake
from ece662 import layers


def _forward(x, gamma, beta, ln_param, mean=None, var=None, scale=None):
    """Run layer normalisation with other statistics, or another divisor."""
    eps = ln_param.get("eps", 1e-5)
    mean = x.mean(axis=1, keepdims=True) if mean is None else mean
    var = x.var(axis=1, keepdims=True) if var is None else var
    divisor = np.sqrt(var + eps) if scale is None else scale(var, eps)
    x_hat = (x - mean) / divisor
    return gamma * x_hat + beta, (x_hat, 1 / divisor, gamma)


@mistake(
    "layernorm_forward",
    says="This is still batch normalisation: the statistics are those of the columns, "
    "where each row should have its own.",
    asks="What should the layer return for a batch of one single input?",
)
def layernorm_over_columns(x, gamma, beta, ln_param):
    return _forward(x, gamma, beta, ln_param, x.mean(axis=0), x.var(axis=0))


@mistake(
    "layernorm_forward",
    says="One mean and one variance serve the whole array, so what comes out for one "
    "input depends on the others.",
    asks="How many means does a batch of N inputs need?",
)
def layernorm_over_everything(x, gamma, beta, ln_param):
    return _forward(x, gamma, beta, ln_param, x.mean(), x.var())


@mistake(
    "layernorm_forward",
    says="The rows were divided by their variance and not by its root.",
    asks="If x is measured in metres, in what is its variance measured?",
)
def layernorm_divides_by_variance(x, gamma, beta, ln_param):
    return _forward(x, gamma, beta, ln_param, scale=lambda var, eps: var + eps)


@mistake(
    "layernorm_forward",
    says="eps is added after the root.",
    asks="Is sqrt(v) + e the same as sqrt(v + e)? Try v = 0.",
)
def layernorm_eps_outside_root(x, gamma, beta, ln_param):
    return _forward(x, gamma, beta, ln_param, scale=lambda var, eps: np.sqrt(var) + eps)


@mistake(
    "layernorm_forward",
    says="The numbers are those of an eps of zero: the eps that is given has no "
    "effect.",
    asks="What does your layer return for a row of equal numbers?",
)
def layernorm_without_eps(x, gamma, beta, ln_param):
    with np.errstate(all="ignore"):
        return _forward(x, gamma, beta, ln_param, scale=lambda var, eps: np.sqrt(var))


@mistake(
    "layernorm_forward",
    says="The rows are normalised, and that is where it ends: gamma and beta have no "
    "effect.",
    asks="What are the two parameters of this layer for?",
)
def layernorm_without_scale_and_shift(x, gamma, beta, ln_param):
    out, cache = _forward(x, np.ones_like(gamma), np.zeros_like(beta), ln_param)
    return out, (*cache[:2], gamma)


@mistake(
    "layernorm_forward",
    says="The variance was divided by D - 1; it should be the plain mean of the "
    "squared deviations.",
    asks="With your variance, is the mean of x_hat squared along a row exactly one?",
)
def layernorm_unbiased_variance(x, gamma, beta, ln_param):
    var = x.var(axis=1, ddof=1, keepdims=True)
    return _forward(x, gamma, beta, ln_param, var=var)


@mistake(
    "layernorm_forward",
    says="The rows were scaled without taking their mean off first.",
    asks="What is the mean of a row of x_hat supposed to be?",
)
def layernorm_not_centred(x, gamma, beta, ln_param):
    square = np.mean(x**2, axis=1, keepdims=True)
    return _forward(x, gamma, beta, ln_param, mean=0, var=square)


@mistake(
    "layernorm_forward",
    says="The mean was taken along the rows, the variance down the columns.",
    asks="Which numbers does the variance of one input go over?",
)
def layernorm_variance_over_columns(x, gamma, beta, ln_param):
    return _forward(x, gamma, beta, ln_param, var=x.var(axis=0))


@mistake(
    "layernorm_forward",
    says="The rows have mean zero, but they were not divided by their standard "
    "deviation.",
    asks="Normalising takes two things off a row: which one is left?",
    hidden=True,
)
def layernorm_not_scaled(x, gamma, beta, ln_param):
    return _forward(x, gamma, beta, ln_param, scale=lambda var, eps: np.ones_like(var))


def _along(g, x_hat, axis, n=None, mean=1, projection=1):
    """Return `g - mean(g) - x_hat * mean(g * x_hat)`, the means as given."""
    n = n or g.shape[axis]
    mean_g = g.sum(axis=axis, keepdims=True) / n
    mean_along = (g * x_hat).sum(axis=axis, keepdims=True) / n
    return g - mean * mean_g - projection * x_hat * mean_along


def _with_dx(dout, cache, dx):
    return dx, *layers.layernorm_backward(dout, cache)[1:]


@mistake(
    "layernorm_backward",
    says="The means in dx were divided by the number of rows, but they go along a row "
    "and so over its features.",
    asks="How many numbers are there in one row?",
)
def layernorm_divides_by_rows(dout, cache):
    x_hat, inv_std, gamma = cache
    return _with_dx(dout, cache, inv_std * _along(dout * gamma, x_hat, 1, n=len(dout)))


@mistake(
    "layernorm_backward",
    says="dgamma and dbeta were summed along the rows. Only the statistics belong to "
    "the rows in layer normalisation; gamma and beta still belong to the columns.",
    asks="Which outputs does one entry of gamma reach?",
)
def layernorm_parameters_over_rows(dout, cache):
    x_hat = cache[0]
    dx, _, _ = layers.layernorm_backward(dout, cache)
    return dx, (dout * x_hat).sum(axis=1), dout.sum(axis=1)


@mistake(
    "layernorm_backward",
    says="gamma was multiplied in after the means were taken. In batch normalisation "
    "that is allowed; here gamma varies along the row that the mean is taken over.",
    asks="Along which axis is gamma constant, and along which one is the mean?",
)
def layernorm_gamma_outside_means(dout, cache):
    x_hat, inv_std, gamma = cache
    return _with_dx(dout, cache, gamma * inv_std * _along(dout, x_hat, 1))


@mistake(
    "layernorm_backward",
    says="Mean and variance of the row were treated as constants.",
    asks="If you add 1 to one entry of a row, which entries of the output change?",
)
def layernorm_statistics_as_constants(dout, cache):
    _, inv_std, gamma = cache
    return _with_dx(dout, cache, inv_std * dout * gamma)


@mistake(
    "layernorm_backward",
    says="The gradient that flows through the mean of the row is missing.",
    asks="What must dx sum to along each row?",
)
def layernorm_mean_path_missing(dout, cache):
    x_hat, inv_std, gamma = cache
    return _with_dx(dout, cache, inv_std * _along(dout * gamma, x_hat, 1, mean=0))


@mistake(
    "layernorm_backward",
    says="The gradient that flows through the variance of the row is missing.",
    asks="If a whole row of x is doubled, what does the output do?",
)
def layernorm_variance_path_missing(dout, cache):
    x_hat, inv_std, gamma = cache
    return _with_dx(dout, cache, inv_std * _along(dout * gamma, x_hat, 1, projection=0))


@mistake(
    "layernorm_backward",
    says="gamma is missing in dx.",
    asks="What lies between the output and x_hat on the way back?",
)
def layernorm_gamma_missing_in_dx(dout, cache):
    x_hat, inv_std, _ = cache
    return _with_dx(dout, cache, inv_std * _along(dout, x_hat, 1))


@mistake(
    "layernorm_backward",
    says="The means in dx still go down the columns, as in batch normalisation.",
    asks="Which numbers did the forward pass take together?",
)
def layernorm_means_over_columns(dout, cache):
    x_hat, inv_std, gamma = cache
    return _with_dx(dout, cache, inv_std * _along(dout * gamma, x_hat, 0))


@mistake(
    "layernorm_backward",
    says="The two correction terms are sums where they should be means.",
    asks="How much does the mean of D numbers change when one of them grows by 1?",
)
def layernorm_sums_for_means(dout, cache):
    x_hat, inv_std, gamma = cache
    return _with_dx(dout, cache, inv_std * _along(dout * gamma, x_hat, 1, n=1))


@mistake(
    "layernorm_backward",
    says="dgamma and dbeta are right and come back in each other's place.",
    asks="Which of the two does the caller expect first?",
)
def layernorm_dgamma_dbeta_swapped(dout, cache):
    dx, dgamma, dbeta = layers.layernorm_backward(dout, cache)
    return dx, dbeta, dgamma


@mistake(
    "layernorm_backward",
    says="dgamma and dbeta have the right numbers in matrices of one row, where gamma "
    "and beta are plain vectors.",
    asks="What does `keepdims=True` keep?",
)
def layernorm_parameters_keep_their_row(dout, cache):
    dx, dgamma, dbeta = layers.layernorm_backward(dout, cache)
    return dx, dgamma[np.newaxis], dbeta[np.newaxis]


@mistake(
    "layernorm_backward",
    says="dgamma was formed with the centred x; gamma multiplies the normalised one.",
    asks="In out = gamma * (...) + beta, what exactly stands in the brackets?",
)
def layernorm_dgamma_from_centred(dout, cache):
    x_hat, inv_std, _ = cache
    dx, _, dbeta = layers.layernorm_backward(dout, cache)
    return dx, (dout * x_hat / inv_std).sum(axis=0), dbeta


@mistake(
    "layernorm_backward",
    says="dx was never divided by the standard deviation of its row.",
    asks="If a row of x varies by thousands, how strongly can the output depend on "
    "one entry?",
    hidden=True,
)
def layernorm_dx_not_scaled(dout, cache):
    x_hat, _, gamma = cache
    return _with_dx(dout, cache, _along(dout * gamma, x_hat, 1))


@mistake(
    "layernorm_backward",
    says="The forward pass divides by a root with eps in it, and these gradients by "
    "one without.",
    asks="By what exactly did the forward pass divide?",
)
def layernorm_back_without_eps(dout, cache):
    x_hat, _, gamma = cache
    return _with_dx(dout, cache, _along(dout * gamma, x_hat, 1) * _inv_std_alone(cache))


def _inv_std_alone(cache):
    """Return 1 / std of the rows: x_hat is (x - mean) * inv_std, eps in it."""
    x_hat, inv_std, _ = cache
    return 1 / np.sqrt(np.mean((x_hat / inv_std) ** 2, axis=1, keepdims=True))


@mistake(
    "layernorm_forward",
    says="The numbers are those of an eps of 1e-5 whatever is given: `eps` in "
    "`ln_param` has no effect.",
    asks="Who decides about eps, your line or whoever calls the layer?",
)
def layernorm_eps_always_the_same(x, gamma, beta, ln_param):
    def scale(var, eps):
        return np.sqrt(var + 1e-5)

    return _forward(x, gamma, beta, ln_param, scale=scale)
