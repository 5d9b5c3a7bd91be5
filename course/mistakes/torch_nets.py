"""Mistakes in the small ConvNets of Q5-Pytorch.

The framework is imported when a mistake is run, so that the staff's tools start fast.
"""

from functools import partial

from course.mistakes.convnet_words import (
    CUT,
    NO_BIAS,
    NO_RELU,
    ONE_RELU,
    RELU_ON_SCORES,
    SHORT,
    SOFTMAX,
    TURNED,
)
from course.mistakes.registry import mistake

function = partial(
    mistake, "q5-torch-barebones-convnet-forward", replaces="three_layer_convnet"
)
network = partial(
    mistake, "q5-torch-module-convnet-class", replaces="ThreeLayerConvNet"
)

sequential = partial(
    mistake, "q5-torch-sequential-convnet-model", leaves=("model", "optimizer")
)


def _torch(x, params, pads=(2, 1), relus=(True, True), maps=None, biases=True):
    """Run the network on torch tensors, with its parts changed as given.

    Args:
        x, params: as `three_layer_convnet`.
        pads: padding of the two convolutions. Where it is too small, the affine weights
            are cut to what is left.
        relus: whether a ReLU follows each of them.
        maps: function that rearranges the maps before they are flattened.
        biases: whether the convolutions have theirs.
    """
    from torch.nn.functional import conv2d

    conv_w1, conv_b1, conv_w2, conv_b2, fc_w, fc_b = params
    layers = ((conv_w1, conv_b1), (conv_w2, conv_b2))
    for (w, b), pad, relu in zip(layers, pads, relus, strict=True):
        x = conv2d(x, w, b if biases else None, padding=pad)
        x = x.clamp(min=0) if relu else x
    flat = (maps(x) if maps else x).flatten(1)
    return flat @ fc_w[: flat.shape[1]] + fc_b


def _module(sizes, relus=(True, True), last=None):
    """Make the network as a torch module; `last` is a layer after the scores."""
    from torch import nn

    C, F1, F2, classes = sizes
    parts = [nn.Conv2d(C, F1, 5, padding=2), nn.Conv2d(F1, F2, 3, padding=1)]
    for i, relu in reversed(list(enumerate(relus, start=1))):
        parts.insert(i, nn.ReLU() if relu else nn.Identity())
    parts += [nn.Flatten(), nn.Linear(F2 * 32 * 32, classes)]
    return nn.Sequential(*parts, last(nn) if last else nn.Identity())


@function(**CUT)
def torch_second_padding_missing(x, params):
    return _torch(x, params, pads=(2, 0))


@function(**SHORT)
def torch_first_padding_too_small(x, params):
    return _torch(x, params, pads=(1, 1))


@function(**NO_RELU)
def torch_without_relu(x, params):
    return _torch(x, params, relus=(False, False))


@function(**ONE_RELU)
def torch_second_relu_missing(x, params):
    return _torch(x, params, relus=(True, False))


@function(**NO_BIAS)
def torch_without_biases(x, params):
    return _torch(x, params, biases=False)


@function(**SOFTMAX)
def torch_softmax_on_scores(x, params):
    return _torch(x, params).softmax(dim=1)


@function(**RELU_ON_SCORES)
def torch_relu_on_scores(x, params):
    return _torch(x, params).clamp(min=0)


@function(**TURNED)
def torch_height_and_width_swapped(x, params):
    return _torch(x, params, maps=lambda maps: maps.transpose(2, 3))


@function(
    says="The maps were flattened with the channels last, but the affine weights "
    "expect them first, as PyTorch keeps its images.",
    asks="In which order do the axes of an image stand in PyTorch, and in TensorFlow?",
)
def torch_flattened_channels_last(x, params):
    return _torch(x, params, maps=lambda maps: maps.permute(0, 2, 3, 1))


@network(**NO_RELU)
def torch_module_without_relu(*sizes):
    return _module(sizes, relus=(False, False))


@network(**ONE_RELU)
def torch_module_second_relu_missing(*sizes):
    return _module(sizes, relus=(True, False))


@network(**SOFTMAX)
def torch_module_softmax_on_scores(*sizes):
    return _module(sizes, last=lambda nn: nn.Softmax(dim=1))


@network(**RELU_ON_SCORES)
def torch_module_relu_on_scores(*sizes):
    return _module(sizes, last=lambda nn: nn.ReLU())


def _trained(**changed):
    """Make the model of the course's size, and the optimizer that is asked for."""
    from torch import optim

    model = _module((3, 32, 16, 6), **changed)
    return model, optim.SGD(model.parameters(), lr=3e-3, momentum=0.9, nesterov=True)


@sequential(**NO_RELU)
def torch_sequential_without_relu():
    return _trained(relus=(False, False))


@sequential(**ONE_RELU)
def torch_sequential_second_relu_missing():
    return _trained(relus=(True, False))


@sequential(**SOFTMAX)
def torch_sequential_softmax_on_scores():
    return _trained(last=lambda nn: nn.Softmax(dim=1))


@sequential(**RELU_ON_SCORES)
def torch_sequential_relu_on_scores():
    return _trained(last=lambda nn: nn.ReLU())
