"""Mistakes in the running averages of batch normalisation."""

import numpy as np

from course.mistakes.batchnorm_steps import forward
from course.mistakes.registry import mistake
from ece662 import layers


@mistake(
    "batchnorm_forward",
    says="The running averages forget the past and follow the last batch: momentum is "
    "on the wrong one of the two.",
    asks="With a momentum of 0.9, how much of the old average should survive a step?",
)
def batchnorm_momentum_reversed(x, gamma, beta, bn_param):
    def keep(running, batch, momentum):
        return (1 - momentum) * running + momentum * batch

    return forward(x, gamma, beta, bn_param, keep_mean=keep, keep_var=keep)


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

    return forward(x, gamma, beta, bn_param, keep_mean=keep, keep_var=keep)


@mistake(
    "batchnorm_forward",
    says="The running averages are those of the last batch alone; nothing is averaged.",
    asks="If the last batch of training is a strange one, what will the network do in "
    "test mode?",
)
def batchnorm_running_without_decay(x, gamma, beta, bn_param):
    def keep(running, batch, momentum):
        return batch

    return forward(x, gamma, beta, bn_param, keep_mean=keep, keep_var=keep)


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

    return forward(x, gamma, beta, bn_param, keep_var=keep)


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

    return forward(x, gamma, beta, bn_param, keep_var=keep)


@mistake(
    "batchnorm_forward",
    says="`running_var` collects variances divided by N - 1 while the batch itself is "
    "normalised with N. PyTorch does so; this course keeps one variance for both.",
    asks="Which variance does the formula for the running average name?",
)
def batchnorm_running_var_unbiased(x, gamma, beta, bn_param):
    def keep(running, var, momentum):
        return momentum * running + (1 - momentum) * var * len(x) / (len(x) - 1)

    return forward(x, gamma, beta, bn_param, keep_var=keep)


@mistake(
    "batchnorm_forward",
    says="The outputs are right, but the running averages are kept as a matrix of one "
    "row, where a plain vector is due.",
    asks="What does `keepdims=True` keep?",
)
def batchnorm_running_keeps_its_row(x, gamma, beta, bn_param):
    return forward(
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

    return forward(x, gamma, beta, bn_param, keep_var=keep)


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
    says="`running_mean` follows the batches, `running_var` stays where it began.",
    asks="Which two numbers of each column does test mode need?",
)
def batchnorm_running_var_forgotten(x, gamma, beta, bn_param):
    def keep(running, var, momentum):
        return running

    return forward(x, gamma, beta, bn_param, keep_var=keep)


@mistake(
    "batchnorm_forward",
    says="The batch is normalised with the running averages in training, too.",
    asks="Which mean has to be taken off for the columns of THIS batch to have mean "
    "zero?",
)
def batchnorm_train_uses_running(x, gamma, beta, bn_param):
    _, cache = layers.batchnorm_forward(x, gamma, beta, bn_param)
    return forward(x, gamma, beta, {**bn_param, "mode": "test"})[0], cache


@mistake(
    "batchnorm_forward",
    says="`running_mean` collects sums over the batch, where a mean is due.",
    asks="If the batch size doubles, should the running mean double?",
    hidden=True,
)
def batchnorm_running_mean_sums(x, gamma, beta, bn_param):
    def keep(running, mean, momentum):
        return momentum * running + (1 - momentum) * mean * len(x)

    return forward(x, gamma, beta, bn_param, keep_mean=keep)


@mistake(
    "batchnorm_forward",
    says="The running averages are those of a momentum of 0.9 whatever is given: "
    "`momentum` in `bn_param` has no effect.",
    asks="Who decides about the momentum, your line or whoever calls the layer?",
)
def batchnorm_momentum_always_the_same(x, gamma, beta, bn_param):
    def keep(running, batch, momentum):
        return 0.9 * running + 0.1 * batch

    return forward(x, gamma, beta, bn_param, keep_mean=keep, keep_var=keep)
