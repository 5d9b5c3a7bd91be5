"""Training runs with PyTorch's layers and optimizers; see `_settings`."""

from collections.abc import Mapping
from contextlib import AbstractContextManager

import numpy as np
import torch
from torch import nn, optim

from ece662.frameworks.torch_tools import TorchModel, choose_device
from ece662.widgets._errors import finished
from ece662.widgets._settings import (
    HIDDEN_DIM,
    NETS,
    SEED,
    Call,
    Settings,
    call_of,
    count_classes,
    first_pictures,
    make_solver,
    solver_code,
)

__all__ = ["as_code", "build_solver", "own_random_numbers"]

# The rules of ece662.optim, with its numbers where PyTorch has others.
OPTIMIZERS = {
    "sgd": Call("SGD"),
    "sgd_momentum": Call("SGD", words={"momentum": 0.9}),
    "rmsprop": Call("RMSprop", words={"alpha": 0.99}),
    "adam": Call("Adam"),
}
NORM_LAYERS = {"batchnorm": "BatchNorm1d", "layernorm": "LayerNorm"}


def build_solver(settings: Settings, data: Mapping, callbacks=(), networks=None):
    """Draw the network's first weights and make the Solver that trains it."""
    np.random.seed(SEED)
    torch.manual_seed(SEED)
    part = first_pictures(data, settings.pictures)
    if settings.net in NETS:
        model = nn.Sequential(*(layer.make(nn) for layer in _layers(settings, data)))
        _draw_weights(model, settings.weight_scale)
    else:
        call, place = call_of(networks[settings.net])
        model = finished(call.name, call.make(place))
        shape = (1, *data["X_train"].shape[1:])
        finished(call.name, model.eval()(torch.zeros(shape)))  # a forward pass?
    model.to(choose_device())
    rule = OPTIMIZERS[settings.rule]
    optimizer = rule.make(optim, model.parameters(), settings.learning_rate)
    model = TorchModel(model, optimizer, settings.reg, np.std(part["X_train"]))
    return make_solver(settings, model, part, callbacks)


def as_code(settings: Settings, data: Mapping, networks=None) -> str:
    """Write a run as the cell that repeats it, number for number."""
    if settings.net in NETS:
        layers = (f"    {layer.write('nn')},\n" for layer in _layers(settings, data))
        model = (
            f"model = nn.Sequential(\n{''.join(layers)})\n"
            "for layer in model:\n"
            "    if isinstance(layer, nn.Linear | nn.Conv2d):\n"
            f"        nn.init.normal_(layer.weight, std={settings.weight_scale!r})\n"
            "        nn.init.zeros_(layer.bias)\n"
        )
    else:
        call, _ = call_of(networks[settings.net])
        model = f"model = {call.write()}\n"
    rate = f"lr={settings.learning_rate!r}"
    rule = OPTIMIZERS[settings.rule].write("optim", "model.parameters()", rate)
    scale = f'np.std(data["X_train"][:{settings.pictures}])'
    return (
        "from ece662.solver import Solver\n\n"
        f"np.random.seed({SEED})\ntorch.manual_seed({SEED})\n{model}"
        f"model.to(choose_device())\noptimizer = {rule}\nscale = {scale}\n"
    ) + solver_code(
        settings, f"TorchModel(model, optimizer, reg={settings.reg!r}, scale=scale)"
    )


def own_random_numbers() -> AbstractContextManager:
    """Leave the notebook's own random numbers, PyTorch's, as they were."""
    return torch.random.fork_rng()


def _layers(settings, data):
    """Return the layers of `FullyConnectedNet` or `ThreeLayerConvNet`, as calls."""
    C, H, W = data["X_train"].shape[1:]
    size, classes = NETS[settings.net], count_classes(data)
    if not settings.takes_layers:
        return [
            Call("Conv2d", (C, size, 5), {"padding": 2}),
            *(Call("ReLU"), Call("MaxPool2d", (2,)), Call("Flatten")),
            Call("Linear", (size * (H // 2) * (W // 2), HIDDEN_DIM)),
            Call("ReLU"),
            Call("Linear", (HIDDEN_DIM, classes)),
        ]
    layers, inputs = [Call("Flatten")], C * H * W
    for hidden in size:
        layers.append(Call("Linear", (inputs, hidden)))
        if settings.normalization:
            layers.append(Call(NORM_LAYERS[settings.normalization], (hidden,)))
        layers.append(Call("ReLU"))
        if settings.dropout < 1:  # PyTorch's p is what is dropped, ours what is kept
            layers.append(Call("Dropout", (round(1 - settings.dropout, 6),)))
        inputs = hidden
    return [*layers, Call("Linear", (inputs, classes))]


def _draw_weights(model, weight_scale):
    for layer in model:
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.normal_(layer.weight, std=weight_scale)
            nn.init.zeros_(layer.bias)
