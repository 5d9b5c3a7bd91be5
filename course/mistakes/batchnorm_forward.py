"""Mistakes in the forward pass of batch normalisation."""

import numpy as np

from course.mistakes.registry import mistake
from ece662 import layers


def _forward(x, gamma, beta, bn_param, **changed):
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


@mistake(
    "batchnorm_forward",
    says="The running averages forget the past and follow the last batch: momentum is "
    "on the wrong one of the two.",
    asks="With a momentum of 0.9, how much of the old average should survive a step?",
)
def batchnorm_momentum_reversed(x, gamma, beta, bn_param):
    def keep(running, batch, momentum):
        return (1 - momentum) * running + momentum * batch

    return _forward(x, gamma, beta, bn_param, keep_mean=keep, keep_var=keep)


@mistake(
    "batchnorm_forward",
    says="The columns were divided by their variance, which leaves them on any scale "
    "but one.",
    asks="If x is measured in metres, in what is its variance measured?",
)
def batchnorm_divides_by_variance(x, gamma, beta, bn_param):
    return _forward(x, gamma, beta, bn_param, scale=lambda var, eps: var + eps)


@mistake(
    "batchnorm_forward",
    says="In test mode the batch is still normalised with its own statistics; the "
    "running averages are not looked at.",
    asks="What would your layer return for a test batch of one single image?",
)
def batchnorm_test_uses_batch(x, gamma, beta, bn_param):
    if bn_param["mode"] == "train":
        return layers.batchnorm_forward(x, gamma, beta, bn_param)
    train_param = {"mode": "train", "eps": bn_param.get("eps", 1e-5)}
    return layers.batchnorm_forward(x, gamma, beta, train_param)[0], None


@mistake(
    "batchnorm_forward",
    says="Training leaves no trace: the running averages are the same after a batch "
    "as before it.",
    asks="Where will test mode find the mean that it takes off?",
)
def batchnorm_running_never_stored(x, gamma, beta, bn_param):
    def keep(running, batch, momentum):
        return running

    return _forward(x, gamma, beta, bn_param, keep_mean=keep, keep_var=keep)


@mistake(
    "batchnorm_forward",
    says="The running averages are those of the last batch alone; nothing is averaged.",
    asks="If the last batch of training is a strange one, what will the network do in "
    "test mode?",
)
def batchnorm_running_without_decay(x, gamma, beta, bn_param):
    def keep(running, batch, momentum):
        return batch

    return _forward(x, gamma, beta, bn_param, keep_mean=keep, keep_var=keep)


@mistake(
    "batchnorm_forward",
    says="`running_var` collects standard deviations, and test mode takes their root "
    "once more.",
    asks="Which of the two is kept under the name `running_var`, and who takes the "
    "root?",
)
def batchnorm_running_var_keeps_std(x, gamma, beta, bn_param):
    def keep(running, var, momentum):
        return momentum * running + (1 - momentum) * np.sqrt(var)

    return _forward(x, gamma, beta, bn_param, keep_var=keep)


@mistake(
    "batchnorm_forward",
    says="`running_var` collects the root of the variance with eps in it, which is "
    "what the layer divides by and not the variance.",
    asks="Which of the two is kept under the name `running_var`, and who takes the "
    "root?",
    hidden=True,
)
def batchnorm_running_var_keeps_divisor(x, gamma, beta, bn_param):
    def keep(running, var, momentum):
        eps = bn_param.get("eps", 1e-5)
        return momentum * running + (1 - momentum) * np.sqrt(var + eps)

    return _forward(x, gamma, beta, bn_param, keep_var=keep)


@mistake(
    "batchnorm_forward",
    says="Each row was normalised over its features; batch normalisation looks down "
    "the columns, one feature over all inputs.",
    asks="Which axis counts the members of the batch?",
)
def batchnorm_over_rows(x, gamma, beta, bn_param):
    return _forward(
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
    return _forward(x, np.ones_like(gamma), np.zeros_like(beta), bn_param)


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
    return _forward(
        x, gamma, beta, bn_param, test_scale=lambda var, eps: np.sqrt(var) + eps
    )


@mistake(
    "batchnorm_forward",
    says="eps is added after the root, in training as in test mode.",
    asks="Is sqrt(v) + e the same as sqrt(v + e)? Try v = 0.",
)
def batchnorm_eps_outside_root(x, gamma, beta, bn_param):
    return _forward(x, gamma, beta, bn_param, scale=lambda var, eps: np.sqrt(var) + eps)


@mistake(
    "batchnorm_forward",
    says="In test mode the numbers are those of an eps of zero: the eps that is given "
    "has no effect there.",
    asks="What does test mode do with a feature that never varied in training?",
)
def batchnorm_test_without_eps(x, gamma, beta, bn_param):
    return _forward(x, gamma, beta, bn_param, test_scale=lambda var, eps: np.sqrt(var))


@mistake(
    "batchnorm_forward",
    says="In training the numbers are those of an eps of zero: the eps that is given "
    "has no effect there.",
    asks="What does your layer return for a column of equal numbers?",
)
def batchnorm_train_without_eps(x, gamma, beta, bn_param):
    with np.errstate(all="ignore"):
        return _forward(
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
        return _forward(x, gamma, beta, bn_param, scale=lambda var, eps: np.sqrt(var))


@mistake(
    "batchnorm_forward",
    says="The batch's variance was divided by N - 1; batch normalisation takes the "
    "plain mean of the squares.",
    asks="With your variance, is the mean of x_hat squared exactly one?",
)
def batchnorm_unbiased_variance(x, gamma, beta, bn_param):
    return _forward(x, gamma, beta, bn_param, var=lambda x: x.var(axis=0, ddof=1))


@mistake(
    "batchnorm_forward",
    says="`running_var` collects variances divided by N - 1 while the batch itself is "
    "normalised with N. PyTorch does so; this course keeps one variance for both.",
    asks="Which variance does the formula for the running average name?",
)
def batchnorm_running_var_unbiased(x, gamma, beta, bn_param):
    def keep(running, var, momentum):
        return momentum * running + (1 - momentum) * var * len(x) / (len(x) - 1)

    return _forward(x, gamma, beta, bn_param, keep_var=keep)


@mistake(
    "batchnorm_forward",
    says="The outputs are right, but the running averages are kept as a matrix of one "
    "row, where a plain vector is due.",
    asks="What does `keepdims=True` keep?",
)
def batchnorm_running_keeps_its_row(x, gamma, beta, bn_param):
    return _forward(
        x,
        gamma,
        beta,
        bn_param,
        mean=lambda x: x.mean(axis=0, keepdims=True),
        var=lambda x: x.var(axis=0, keepdims=True),
    )


@mistake(
    "batchnorm_forward",
    says="`running_var` keeps the variance with eps added, so test mode adds it for a "
    "second time.",
    asks="What is a good name for `var + eps`, so that the two are not mixed up?",
)
def batchnorm_running_var_with_eps(x, gamma, beta, bn_param):
    def keep(running, var, momentum):
        eps = bn_param.get("eps", 1e-5)
        return momentum * running + (1 - momentum) * (var + eps)

    return _forward(x, gamma, beta, bn_param, keep_var=keep)


@mistake(
    "batchnorm_forward",
    says="Test mode goes on learning: it moves the running averages.",
    asks="Should the answer for one test image depend on which were tested before?",
)
def batchnorm_test_moves_the_averages(x, gamma, beta, bn_param):
    mode = bn_param["mode"]
    out, cache = layers.batchnorm_forward(x, gamma, beta, bn_param)
    if mode == "test":
        bn_param["mode"] = "train"
        layers.batchnorm_forward(x, gamma, beta, bn_param)
        bn_param["mode"] = "test"
    return out, cache


@mistake(
    "batchnorm_forward",
    says="The variance was taken around zero, not around the mean of the column.",
    asks="What is the variance of a column that holds only sevens?",
)
def batchnorm_variance_around_zero(x, gamma, beta, bn_param):
    return _forward(x, gamma, beta, bn_param, var=lambda x: np.mean(x**2, axis=0))


@mistake(
    "batchnorm_forward",
    says="`running_mean` follows the batches, `running_var` stays where it began.",
    asks="Which two numbers of each column does test mode need?",
)
def batchnorm_running_var_forgotten(x, gamma, beta, bn_param):
    def keep(running, var, momentum):
        return running

    return _forward(x, gamma, beta, bn_param, keep_var=keep)


@mistake(
    "batchnorm_forward",
    says="Test mode divides by the running variance and not by its root.",
    asks="What do training and test mode divide by, side by side?",
)
def batchnorm_test_divides_by_variance(x, gamma, beta, bn_param):
    return _forward(x, gamma, beta, bn_param, test_scale=lambda var, eps: var + eps)


@mistake(
    "batchnorm_forward",
    says="The batch is normalised with the running averages in training, too.",
    asks="Which mean has to be taken off for the columns of THIS batch to have mean "
    "zero?",
)
def batchnorm_train_uses_running(x, gamma, beta, bn_param):
    _, cache = layers.batchnorm_forward(x, gamma, beta, bn_param)
    return _forward(x, gamma, beta, {**bn_param, "mode": "test"})[0], cache


@mistake(
    "batchnorm_forward",
    says="The columns are scaled, but their mean is still in them.",
    asks="What is the mean of a column of x_hat supposed to be?",
)
def batchnorm_mean_not_removed(x, gamma, beta, bn_param):
    def zero(x):
        return np.zeros(x.shape[1], x.dtype)

    return _forward(x, gamma, beta, bn_param, mean=zero, var=lambda x: x.var(axis=0))


@mistake(
    "batchnorm_forward",
    says="The columns have mean zero, but whatever spread they came with.",
    asks="Batch normalisation takes two things off a column: which one is left?",
)
def batchnorm_not_scaled(x, gamma, beta, bn_param):
    return _forward(x, gamma, beta, bn_param, scale=lambda var, eps: np.ones_like(var))


@mistake(
    "batchnorm_forward",
    says="`running_mean` collects sums over the batch, where a mean is due.",
    asks="If the batch size doubles, should the running mean double?",
    hidden=True,
)
def batchnorm_running_mean_sums(x, gamma, beta, bn_param):
    def keep(running, mean, momentum):
        return momentum * running + (1 - momentum) * mean * len(x)

    return _forward(x, gamma, beta, bn_param, keep_mean=keep)


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
    return _forward(
        x, gamma, beta, bn_param, scale=lambda var, eps: np.sqrt(var + 1e-5)
    )


@mistake(
    "batchnorm_forward",
    says="The running averages are those of a momentum of 0.9 whatever is given: "
    "`momentum` in `bn_param` has no effect.",
    asks="Who decides about the momentum, your line or whoever calls the layer?",
)
def batchnorm_momentum_always_the_same(x, gamma, beta, bn_param):
    def keep(running, batch, momentum):
        return 0.9 * running + 0.1 * batch

    return _forward(x, gamma, beta, bn_param, keep_mean=keep, keep_var=keep)
