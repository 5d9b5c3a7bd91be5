"""Training runs with the student's own layers, rules and networks; see `_settings`."""

import importlib
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext

import numpy as np

from ece662.widgets._settings import (
    NETS,
    SEED,
    Call,
    Settings,
    count_classes,
    first_pictures,
    make_solver,
    solver_code,
)

__all__ = ["as_code", "build_solver", "own_random_numbers"]


def build_solver(settings: Settings, data: Mapping, callbacks=(), networks=None):
    """Draw the network's first weights and make the Solver that trains it.

    The student's classes are looked up here, so that each run has the latest.
    """
    np.random.seed(SEED)
    module = "fc_net" if settings.takes_layers else "cnn"
    place = importlib.import_module(f"ece662.classifiers.{module}")
    return make_solver(
        settings,
        _network(settings, data).make(place),
        first_pictures(data, settings.pictures),
        callbacks,
        update_rule=settings.rule,
        optim_config={"learning_rate": settings.learning_rate},
    )


def as_code(settings: Settings, data: Mapping, networks=None) -> str:
    """Write a run as the cell that repeats it, number for number."""
    name, _, words = _network(settings, data)
    lines = "".join(f"    {key}={value!r},\n" for key, value in words.items())
    return f"np.random.seed({SEED})\nmodel = {name}(\n{lines})\n" + solver_code(
        settings,
        "model",
        f'update_rule="{settings.rule}"',
        f'optim_config={{"learning_rate": {settings.learning_rate!r}}}',
    )


def own_random_numbers() -> AbstractContextManager:
    """Do nothing: there are no random numbers but NumPy's."""
    return nullcontext()


def _network(settings, data):
    size = NETS[settings.net]
    both = {"weight_scale": settings.weight_scale, "reg": settings.reg}
    both["num_classes"] = count_classes(data)
    if not settings.takes_layers:
        shape = {"num_filters": size, "filter_size": 5}
        return Call("ThreeLayerConvNet", words=shape | both)
    layers = {"dropout": settings.dropout, "normalization": settings.normalization}
    shape = {"hidden_dims": list(size)}
    return Call("FullyConnectedNet", words=shape | layers | both)
