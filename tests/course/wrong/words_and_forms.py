"""Wrong solutions that were once told something that is not true of them."""

import numpy as np

from ece662.classifiers.cnn import ThreeLayerConvNet as ConvNet
from ece662.classifiers.fc_net import FullyConnectedNet as Net
from ece662.layers import (
    batchnorm_backward,
    batchnorm_backward_alt,
    batchnorm_forward,
    dropout_forward,
    spatial_batchnorm_backward,
)
from ece662.optim import adam, sgd_momentum
from ece662.pruning import by_hand
from tests.course.wrong.registry import wrong


@wrong(
    "batchnorm_forward",
    "misfit",
    "bn_param['running_mean'] is not there after the call",
    "'one batch'",
)
def averages_under_another_name():
    def forward(x, gamma, beta, bn_param):
        own = dict(bn_param)
        out = batchnorm_forward(x, gamma, beta, own)
        bn_param["runing_mean"] = own["running_mean"]
        return out

    return {"batchnorm_forward": forward}


@wrong("sgd_momentum", "misfit", "config['velocity'] is not there after the call")
def velocity_under_another_name():
    def rule(w, dw, config=None):
        w, config = sgd_momentum(w, dw, config)
        config["v"] = config.pop("velocity")
        return w, config

    return {"sgd_momentum": rule}


@wrong(
    "batchnorm_forward",
    "factor",
    "In the case 'one batch' running_mean is 9 times what it should be",
)
def only_the_mean_is_reversed():
    """What test mode gives follows from it, and is not what is to be mended."""

    def forward(x, gamma, beta, bn_param):
        m = bn_param.get("momentum", 0.9)
        before = bn_param.get("running_mean", np.zeros(x.shape[1]))
        out, cache = batchnorm_forward(x, gamma, beta, bn_param)
        if bn_param["mode"] == "train":
            bn_param["running_mean"] = (1 - m) * before + m * x.mean(axis=0)
        return out, cache

    return {"batchnorm_forward": forward}


@wrong(
    "batchnorm_backward_alt",
    "zero+input-changed",
    "dbeta is zero everywhere",
    "dout is not what it was before the call",
)
def centres_dout_in_place():
    def backward(dout, cache):
        dx = batchnorm_backward_alt(dout.copy(), cache)[0]
        dout -= dout.mean(axis=0)
        return dx, *batchnorm_backward(dout, cache)[1:]

    return {"batchnorm_backward_alt": backward}


@wrong(
    "spatial_batchnorm_backward",
    "factor-along-axis",
    "along axes 0, 2 and 3 (of shape (2, 4, 3, 5)",
    "and differs along axis 1",
)
def one_factor_for_each_channel():
    def backward(dout, cache):
        dx, dgamma, dbeta = spatial_batchnorm_backward(dout, cache)
        return dx * (1.5 + np.arange(dx.shape[1]))[:, None, None], dgamma, dbeta

    return {"spatial_batchnorm_backward": backward}


@wrong(
    "sgd_momentum",
    "factor",
    "In the case 'from the start' velocity is 20 times what it should be",
)
def velocity_without_a_rate():
    def rule(w, dw, config=None):
        config = {"momentum": 0.9, **(config or {})}
        v = config["momentum"] * config.get("velocity", 0 * w) - dw
        return w + v, {**config, "velocity": v}

    return {"sgd_momentum": rule}


@wrong("adam", "only-where", "no settings are given, and so the defaults count")
def another_default():
    def rule(w, dw, config=None):
        return adam(w, dw, {"beta2": 0.99, **(config or {})})

    return {"adam": rule}


@wrong("dropout_forward", "dropout-mask-never-drops", "x comes out as it is")
def another_word_for_the_mode():
    def forward(x, dropout_param):
        if dropout_param["mode"] == "training":
            return dropout_forward(x, dropout_param)
        return x, (dropout_param, None)

    return {"dropout_forward": forward}


@wrong(
    "dropout_backward",
    "back-kept+back-dropped",
    "Where x was kept, dx is -2.333 times dout; on the way there x was multiplied by",
    "Where x was dropped, dx is 1 times dout",
)
def one_minus_the_mask():
    def forward(x, dropout_param):
        out, _ = dropout_forward(x, dropout_param)
        return out, (out / x)

    def backward(dout, cache):
        return dout * (1 - cache)

    return {"dropout_forward": forward, "dropout_backward": backward}


class DropsWithP(Net):
    def __init__(self, *sizes, dropout=1, **settings):
        super().__init__(*sizes, dropout=dropout, **settings)
        if dropout != 1:
            self.dropout_param["p"] = 1 - dropout


@wrong(
    "FullyConnectedNet-dropout",
    "layers-dropped",
    "In training the scores vary as much as if",
    "where 2 should (in the case 'after every relu')",
)
def p_reversed_in_the_network():
    return {"FullyConnectedNet": DropsWithP}


class DividesAgain(Net):
    def loss(self, X, y=None):
        found = super().loss(X, y)
        if y is not None and self.use_dropout:
            found[1]["W1"] = found[1]["W1"] / self.dropout_param["p"]
        return found


@wrong(
    "FullyConnectedNet-dropout",
    "not-slopes",
    "dW1 is not the slope of the loss that came back with the gradients",
)
def divides_by_p_on_the_way_back():
    return {"FullyConnectedNet": DividesAgain}


class InSinglePrecision(Net):
    def loss(self, X, y=None):
        return super().loss(np.float32(X), y)


@wrong("FullyConnectedNet", "loss-at-fault+float32", "right to about seven digits")
def pictures_in_single_precision():
    return {"FullyConnectedNet": InSinglePrecision}


class ThreeChannels(ConvNet):
    def __init__(self, *sizes, **settings):
        super().__init__(*sizes, **settings)
        F, _, HH, WW = self.params["W1"].shape
        drawn = np.random.standard_normal((F, 3, HH, WW)) * settings["weight_scale"]
        self.params["W1"] = drawn.astype(self.dtype)


@wrong(
    "ThreeLayerConvNet", "count", "shape of W1 is (30, 3, 5, 5), where (30, 2, 5, 5)"
)
def channels_of_a_photograph():
    return {"ThreeLayerConvNet": ThreeChannels}


@wrong("magnitude_masks", "misfit", "should hold 0 and 1", "as weights do")
def masked_weights_for_masks():
    def magnitude_masks(weights, share):
        masks = by_hand.magnitude_masks(weights, share)
        return {name: masks[name] * weights[name] for name in masks}

    return {"magnitude_masks": magnitude_masks}


@wrong(
    "spatial_batchnorm_backward",
    "error",
    "It stopped inside batchnorm_backward, which was called from ",
    "words_and_forms.py, line ",
    "(`return batchnorm_backward(dout, cache)`)",
)
def images_into_batchnorm():
    def backward(dout, cache):
        return batchnorm_backward(dout, cache)

    return {"spatial_batchnorm_backward": backward}
