"""Mistakes that can be made in each of the three networks.

Most concern the regularisation, `0.5 * reg * sum(W * W)` for every W, the others the
initialisation of the weights.
"""

import numpy as np

from course.mistakes.registry import mistake
from ece662.classifiers.cnn import ThreeLayerConvNet
from ece662.classifiers.fc_net import FullyConnectedNet, TwoLayerNet

NETWORKS = (TwoLayerNet, FullyConnectedNet, ThreeLayerConvNet)


def after_loss(*, says, asks, hidden=False, networks=NETWORKS):
    """Register `change(model, loss, grads) -> (loss, grads)` for every network."""

    def enter(change):
        for network in networks:

            def loss(self, X, y=None, network=network):
                result = network.loss(self, X, y)
                return result if y is None else change(self, *result)

            _enter(network, change, {"loss": loss}, says, asks, hidden)
        return change

    return enter


def after_init(*, says, asks, hidden=False):
    """Register `change(model, weight_scale)` for every network."""

    def enter(change):
        for network in NETWORKS:

            def __init__(self, *args, network=network, weight_scale=1e-2, **kwargs):
                network.__init__(self, *args, weight_scale=weight_scale, **kwargs)
                change(self, weight_scale)

            _enter(network, change, {"__init__": __init__}, says, asks, hidden)
        return change

    return enter


def _enter(network, change, methods, says, asks, hidden):
    name = f"{network.__name__}_{change.__name__}"
    enter = mistake(network.__name__, says=says, asks=asks, hidden=hidden)
    enter(type(name, (network,), methods))


def _weights(model):
    return {name: W for name, W in model.params.items() if name.startswith("W")}


def _biases(model):
    return {name: b for name, b in model.params.items() if name.startswith("b")}


def _square(arrays):
    return sum(float(np.sum(a * a)) for a in arrays.values())


@after_loss(
    says="The regularisation in the loss is twice as strong as the one in the "
    "gradients: the half is missing.",
    asks="What is the derivative of w squared, and what does the half do to it?",
)
def reg_without_half(model, loss, grads):
    return loss + 0.5 * model.reg * _square(_weights(model)), grads


@after_loss(
    says="The regularisation is twice as strong as asked for, in loss and gradients "
    "alike: they agree, but the half is missing.",
    asks="Which factor stands before reg in the loss of this course?",
)
def reg_doubled(model, loss, grads):
    grads = {
        name: g + model.reg * model.params[name] if name.startswith("W") else g
        for name, g in grads.items()
    }
    return loss + 0.5 * model.reg * _square(_weights(model)), grads


@after_loss(
    says="The gradients of the regularisation are twice as strong as its loss.",
    asks="With the half in the loss, what is left of the 2 in its derivative?",
)
def reg_gradient_doubled(model, loss, grads):
    return loss, {
        name: g + model.reg * model.params[name] if name.startswith("W") else g
        for name, g in grads.items()
    }


@after_loss(
    says="The biases are regularised as well.",
    asks="Why keep the weights small, and does that reason hold for a bias?",
)
def biases_regularised(model, loss, grads):
    biases = {n: b for n, b in _biases(model).items() if not n.startswith("beta")}
    grads = {
        n: g + model.reg * biases[n] if n in biases else g for n, g in grads.items()
    }
    return loss + 0.5 * model.reg * _square(biases), grads


@after_loss(
    says="The loss is regularised, its gradients are not.",
    asks="Of which part of the loss do your gradients lack the derivative?",
)
def reg_gradient_missing(model, loss, grads):
    return loss, {
        name: g - model.reg * model.params[name] if name.startswith("W") else g
        for name, g in grads.items()
    }


@after_loss(
    says="The gradients are regularised, the loss is not.",
    asks="Your gradients pull the weights towards zero: does the loss say why?",
)
def reg_loss_missing(model, loss, grads):
    return loss - 0.5 * model.reg * _square(_weights(model)), grads


@after_loss(
    says="There is no regularisation at all; `reg` has no effect.",
    asks="What should a network of huge weights and reg 1000 report as its loss?",
)
def reg_ignored(model, loss, grads):
    loss, grads = reg_gradient_missing(model, loss, grads)
    return reg_loss_missing(model, loss, grads)


@after_loss(
    says="Only the first layer's weights are regularised.",
    asks="How many weight matrices does your network have?",
)
def reg_of_first_layer_only(model, loss, grads):
    others = {name: W for name, W in _weights(model).items() if name != "W1"}
    grads = {
        n: g - model.reg * others[n] if n in others else g for n, g in grads.items()
    }
    return loss - 0.5 * model.reg * _square(others), grads


@after_loss(
    says="The weights of the last layer are left out of the regularisation, in loss "
    "and gradients alike.",
    asks="How many weight matrices does your network have?",
    networks=(FullyConnectedNet, ThreeLayerConvNet),  # of two, only the first is left
)
def reg_without_last_layer(model, loss, grads):
    name, W = _last(model)
    grads = {**grads, name: grads[name] - model.reg * W}
    return loss - 0.5 * model.reg * float(np.sum(W * W)), grads


@after_loss(
    says="The loss regularises the weights of the last layer, their gradient does not.",
    asks="For which of your weights does the gradient include the regularisation?",
)
def reg_gradient_missing_in_last_layer(model, loss, grads):
    name, W = _last(model)
    return loss, {**grads, name: grads[name] - model.reg * W}


@after_loss(
    says="The loss regularises the weights of the first layer, their gradient "
    "does not.",
    asks="For which of your weights does the gradient include the regularisation?",
)
def reg_gradient_missing_in_first_layer(model, loss, grads):
    return loss, {**grads, "W1": grads["W1"] - model.reg * model.params["W1"]}


@after_loss(
    says="The gradients regularise every weight, the loss leaves out those of the last "
    "layer.",
    asks="Which weights are in your sum of squares?",
)
def reg_loss_missing_in_last_layer(model, loss, grads):
    _, W = _last(model)
    return loss - 0.5 * model.reg * float(np.sum(W * W)), grads


def _last(model):
    weights = _weights(model)
    name = max(weights, key=lambda name: int(name[1:]))
    return name, weights[name]


@after_loss(
    says="The regularisation adds the weights themselves, where it should add their "
    "squares.",
    asks="Can your loss become smaller by making a weight very negative?",
    hidden=True,
)
def reg_sums_weights(model, loss, grads):
    weights = _weights(model)
    total = sum(float(np.sum(W)) for W in weights.values())
    return loss + 0.5 * model.reg * (total - _square(weights)), grads


@after_loss(
    says="The gradients of the biases are missing, so the biases will never learn.",
    asks="Which parameters does the Solver find in `grads`?",
)
def bias_gradients_missing(model, loss, grads):
    return loss, {n: g for n, g in grads.items() if n not in _biases(model)}


@after_init(
    says="The weights are drawn, but not scaled: `weight_scale` has no effect.",
    asks="What standard deviation do NumPy's normal numbers have by themselves?",
)
def weights_not_scaled(model, weight_scale):
    for name, W in _weights(model).items():
        model.params[name] = (W / weight_scale).astype(W.dtype)


@after_init(
    says="All weights begin at zero, so all hidden units are alike and stay so.",
    asks="If two units begin with the same weights, what could ever tell them apart?",
)
def weights_begin_at_zero(model, weight_scale):
    for name, W in _weights(model).items():
        model.params[name] = np.zeros_like(W)


@after_init(
    says="The weights are drawn evenly between 0 and the scale, so none is negative.",
    asks="What mean and what standard deviation should the weights have?",
)
def weights_all_positive(model, weight_scale):
    for name, W in _weights(model).items():
        drawn = weight_scale * np.random.rand(*W.shape)
        model.params[name] = drawn.astype(W.dtype)


@after_init(
    says="The biases do not begin at zero.",
    asks="The weights have to differ from each other; do the biases?",
)
def biases_begin_at_random(model, weight_scale):
    for name, b in _biases(model).items():
        if not name.startswith("beta"):
            model.params[name] = np.random.randn(*b.shape).astype(b.dtype)


@after_init(
    says="The scale was used as a variance: the weights have its root as their "
    "standard deviation.",
    asks="If normal numbers are multiplied by s, what is their standard deviation?",
    hidden=True,
)
def scale_taken_as_variance(model, weight_scale):
    for name, W in _weights(model).items():
        model.params[name] = (W / np.sqrt(weight_scale)).astype(W.dtype)


@after_init(
    says="The parameters are float64, whatever `dtype` says, and so is all that is "
    "computed with them.",
    asks="What do you get by multiplying a float32 and a float64 array?",
)
def parameters_in_float64(model, weight_scale):
    for name, value in model.params.items():
        model.params[name] = value.astype(np.float64)
