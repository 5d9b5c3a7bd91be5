"""Mistakes in the forward pass of batch normalisation."""

import numpy as np

from course.mistakes.batchnorm_steps import forward
from course.mistakes.registry import mistake
from ece662 import layers


@mistake(
    "batchnorm_forward",
    says="The columns were divided by their variance, which leaves them on any scale "
    "but one.",
    asks="If x is measured in metres, in what is its variance measured?",
)
def batchnorm_divides_by_variance(x, gamma, beta, bn_param):
    return forward(x, gamma, beta, bn_param, scale=lambda var, eps: var + eps)


@mistake(
    "batchnorm_forward",
    says="Each row was normalised over its features; batch normalisation looks down "
    "the columns, one feature over all inputs.",
    asks="Which axis counts the members of the batch?",
)
def batchnorm_over_rows(x, gamma, beta, bn_param):
    return forward(
        x,
        gamma,
        beta,
        bn_param,
        mean=lambda x: x.mean(axis=1, keepdims=True),
        var=lambda x: x.var(axis=1, keepdims=True),
    )


@mistake(
    "batchnorm_forward",
    says="The columns are normalised, and that is where it ends: gamma and beta have "
    "no effect.",
    asks="How could the network undo the normalisation where it does harm?",
)
def batchnorm_without_scale_and_shift(x, gamma, beta, bn_param):
    return forward(x, np.ones_like(gamma), np.zeros_like(beta), bn_param)


@mistake(
    "batchnorm_forward",
    says="Test mode stops at the normalised x; gamma and beta are used in training "
    "only.",
    asks="The network has learnt with gamma and beta in place: what will its next "
    "layer expect when it is tested?",
)
def batchnorm_test_without_scale_and_shift(x, gamma, beta, bn_param):
    if bn_param["mode"] == "test":
        gamma, beta = np.ones_like(gamma), np.zeros_like(beta)
    return layers.batchnorm_forward(x, gamma, beta, bn_param)


@mistake(
    "batchnorm_forward",
    says="In test mode eps is added to the standard deviation; in training it sits "
    "under the root.",
    asks="Does the same x come out for the same statistics in both modes if eps is "
    "large?",
)
def batchnorm_test_eps_outside_root(x, gamma, beta, bn_param):
    return forward(
        x, gamma, beta, bn_param, test_scale=lambda var, eps: np.sqrt(var) + eps
    )


@mistake(
    "batchnorm_forward",
    says="eps is added after the root, in training as in test mode.",
    asks="Is sqrt(v) + e the same as sqrt(v + e)? Try v = 0.",
)
def batchnorm_eps_outside_root(x, gamma, beta, bn_param):
    return forward(x, gamma, beta, bn_param, scale=lambda var, eps: np.sqrt(var) + eps)


@mistake(
    "batchnorm_forward",
    says="In test mode the numbers are those of an eps of zero: the eps that is given "
    "has no effect there.",
    asks="What does test mode do with a feature that never varied in training?",
)
def batchnorm_test_without_eps(x, gamma, beta, bn_param):
    return forward(x, gamma, beta, bn_param, test_scale=lambda var, eps: np.sqrt(var))


@mistake(
    "batchnorm_forward",
    says="In training the numbers are those of an eps of zero: the eps that is given "
    "has no effect there.",
    asks="What does your layer return for a column of equal numbers?",
)
def batchnorm_train_without_eps(x, gamma, beta, bn_param):
    with np.errstate(all="ignore"):
        return forward(
            x,
            gamma,
            beta,
            bn_param,
            scale=lambda var, eps: np.sqrt(var),
            test_scale=lambda var, eps: np.sqrt(var + eps),
        )


@mistake(
    "batchnorm_forward",
    says="The numbers are those of an eps of zero, in both modes: the eps that is "
    "given has no effect.",
    asks="What does your layer return for a column of equal numbers?",
)
def batchnorm_without_eps(x, gamma, beta, bn_param):
    with np.errstate(all="ignore"):
        return forward(x, gamma, beta, bn_param, scale=lambda var, eps: np.sqrt(var))


@mistake(
    "batchnorm_forward",
    says="The batch's variance was divided by N - 1; batch normalisation takes the "
    "plain mean of the squares.",
    asks="With your variance, is the mean of x_hat squared exactly one?",
)
def batchnorm_unbiased_variance(x, gamma, beta, bn_param):
    return forward(x, gamma, beta, bn_param, var=lambda x: x.var(axis=0, ddof=1))


@mistake(
    "batchnorm_forward",
    says="The variance was taken around zero, not around the mean of the column.",
    asks="What is the variance of a column that holds only sevens?",
)
def batchnorm_variance_around_zero(x, gamma, beta, bn_param):
    return forward(x, gamma, beta, bn_param, var=lambda x: np.mean(x**2, axis=0))


@mistake(
    "batchnorm_forward",
    says="Test mode divides by the running variance and not by its root.",
    asks="What do training and test mode divide by, side by side?",
)
def batchnorm_test_divides_by_variance(x, gamma, beta, bn_param):
    return forward(x, gamma, beta, bn_param, test_scale=lambda var, eps: var + eps)


@mistake(
    "batchnorm_forward",
    says="The columns are scaled, but their mean is still in them.",
    asks="What is the mean of a column of x_hat supposed to be?",
)
def batchnorm_mean_not_removed(x, gamma, beta, bn_param):
    def zero(x):
        return np.zeros(x.shape[1], x.dtype)

    return forward(x, gamma, beta, bn_param, mean=zero, var=lambda x: x.var(axis=0))


@mistake(
    "batchnorm_forward",
    says="The columns have mean zero, but whatever spread they came with.",
    asks="Batch normalisation takes two things off a column: which one is left?",
)
def batchnorm_not_scaled(x, gamma, beta, bn_param):
    return forward(x, gamma, beta, bn_param, scale=lambda var, eps: np.ones_like(var))


@mistake(
    "batchnorm_forward",
    says="gamma shifts and beta scales: the two have changed places.",
    asks="Which of them starts at one, and why?",
    hidden=True,
)
def batchnorm_gamma_and_beta_swapped(x, gamma, beta, bn_param):
    return layers.batchnorm_forward(x, beta, gamma, bn_param)


@mistake(
    "batchnorm_forward",
    says="The numbers are those of an eps of 1e-5 whatever is given: `eps` in "
    "`bn_param` has no effect.",
    asks="Who decides about eps, your line or whoever calls the layer?",
)
def batchnorm_eps_always_the_same(x, gamma, beta, bn_param):
    return forward(x, gamma, beta, bn_param, scale=lambda var, eps: np.sqrt(var + 1e-5))
