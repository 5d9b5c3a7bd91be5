"""Training runs with Keras's layers and optimizers; see `_settings`."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext

import numpy as np

from ece662.frameworks.tf_tools import KerasModel, quietly
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

with quietly():
    from tensorflow import keras

__all__ = ["as_code", "build_solver", "own_random_numbers"]

# The rules of ece662.optim, with its numbers where Keras has others. RMSprop's epsilon
# stands under the root here: it is the square of ours.
OPTIMIZERS = {
    "sgd": Call("SGD"),
    "sgd_momentum": Call("SGD", words={"momentum": 0.9}),
    "rmsprop": Call("RMSprop", words={"rho": 0.99, "epsilon": 1e-16}),
    "adam": Call("Adam", words={"epsilon": 1e-8}),
}
NORM_LAYERS = {
    "batchnorm": Call("BatchNormalization", words={"momentum": 0.9, "epsilon": 1e-5}),
    "layernorm": Call("LayerNormalization", words={"epsilon": 1e-5}),
}


def build_solver(settings: Settings, data: Mapping, callbacks=(), networks=None):
    """Draw the network's first weights and make the Solver that trains it."""
    keras.utils.set_random_seed(SEED)  # NumPy's too
    part = first_pictures(data, settings.pictures)
    C, H, W = data["X_train"].shape[1:]
    if settings.net in NETS:
        layers = [layer.make(keras.layers) for layer in _layers(settings, data)]
        model = keras.Sequential([keras.Input((H, W, C)), *layers])
        _draw_weights(model, settings.weight_scale)
    else:
        call, place = call_of(networks[settings.net])
        model = finished(call.name, call.make(place))
        finished(call.name, model(np.zeros((1, H, W, C), np.float32)))
    rule = OPTIMIZERS[settings.rule]
    optimizer = rule.make(keras.optimizers, settings.learning_rate)
    model = KerasModel(model, optimizer, settings.reg, np.std(part["X_train"]))
    return make_solver(settings, model, part, callbacks)


def as_code(settings: Settings, data: Mapping, networks=None) -> str:
    """Write a run as the cell that repeats it, number for number."""
    C, H, W = data["X_train"].shape[1:]
    if settings.net in NETS:
        calls = _layers(settings, data)
        lines = (f"        {call.write('keras.layers')},\n" for call in calls)
        model = (
            f"model = keras.Sequential(\n    [\n        keras.Input({(H, W, C)}),\n"
            f"{''.join(lines)}    ]\n)\n"
            "for layer in model.layers:\n"
            '    if hasattr(layer, "kernel"):\n'
            "        shape = layer.kernel.shape\n"
            f"        kernel = keras.random.normal(shape, stddev="
            f"{settings.weight_scale!r})\n"
            "        layer.kernel.assign(kernel)\n"
        )
    else:
        call, _ = call_of(networks[settings.net])
        zeros = f"np.zeros({(1, H, W, C)}, np.float32)"
        model = f"model = {call.write()}\nmodel({zeros})  # draws the weights\n"
    rule = OPTIMIZERS[settings.rule]
    rule = rule.write("keras.optimizers", repr(settings.learning_rate))
    scale = f'np.std(data["X_train"][:{settings.pictures}])'
    return (
        "from ece662.solver import Solver\n\n"
        f"keras.utils.set_random_seed({SEED})\n{model}"
        f"optimizer = {rule}\nscale = {scale}\n"
    ) + solver_code(
        settings, f"KerasModel(model, optimizer, reg={settings.reg!r}, scale=scale)"
    )


def own_random_numbers() -> AbstractContextManager:
    """Do nothing: TensorFlow's generator can be seeded, but not put back."""
    return nullcontext()


def _layers(settings, data):
    """Return the layers of `FullyConnectedNet` or `ThreeLayerConvNet`, as calls."""
    size, classes = NETS[settings.net], count_classes(data)
    if not settings.takes_layers:
        return [
            Call("Conv2D", (size, 5), {"padding": "same"}),
            *(Call("ReLU"), Call("MaxPooling2D"), Call("Flatten")),
            *(Call("Dense", (HIDDEN_DIM,)), Call("ReLU"), Call("Dense", (classes,))),
        ]
    layers = [Call("Flatten")]
    for hidden in size:
        layers.append(Call("Dense", (hidden,)))
        if settings.normalization:
            layers.append(NORM_LAYERS[settings.normalization])
        layers.append(Call("ReLU"))
        if settings.dropout < 1:  # Keras's rate is what is dropped, ours what is kept
            layers.append(Call("Dropout", (round(1 - settings.dropout, 6),)))
    return [*layers, Call("Dense", (classes,))]


def _draw_weights(model, weight_scale):
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            kernel = keras.random.normal(layer.kernel.shape, stddev=weight_scale)
            layer.kernel.assign(kernel)
