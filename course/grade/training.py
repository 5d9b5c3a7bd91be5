"""Cells that train: what goes into the sandbox, and what is measured of what comes out.

A student's process says what it reached, and is not believed. Its weights come back as
arrays; they are put into the reference's network, and that is what is measured.
"""

import functools
import json
from collections.abc import Mapping

import numpy as np

from course.grade.pieces import Place
from course.sandbox.client import Limits
from ece662.check.recipes.training import accuracy_of
from ece662.classifiers.fc_net import FullyConnectedNet
from ece662.data_utils import get_CINIC10_data
from ece662.exercises import Exercise
from ece662.regions import fill

__all__ = ["LIMITS", "cells_of", "data_set", "measured"]

LIMITS = Limits(cpu=900, wall=3600.0, memory=6 << 30)
STATE = "state "  # in front of the names of weights
SMALL = 50  # pictures that are to be learned by heart


@functools.lru_cache(maxsize=1)
def data_set() -> dict[str, np.ndarray]:
    """Return the pictures that every copy of the course can draw."""
    return get_CINIC10_data(source="synthetic", verbose=False)


def cells_of(
    exercise: Exercise, notebook: str, bodies: Mapping[Place, str]
) -> list[tuple[str, str]]:
    """Return id and source of the cells to run: the context's, then the exercise's.

    Args:
        exercise: a training exercise.
        notebook: the text of its notebook, as handed out.
        bodies: the student's, by place.
    """
    mine = {
        (owner, number): body
        for (file, owner, number), body in bodies.items()
        if file == exercise.file
    }
    cells = json.loads(fill(notebook, exercise.file, mine))["cells"]
    sources = {cell["id"]: "".join(cell["source"]) for cell in cells}
    return [(id, sources[id]) for id in (*exercise.context, exercise.id)]


def measured(outputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return a trained exercise's facts, with accuracies measured anew.

    Args:
        outputs: of a recipe in `ece662.check.recipes.training`.

    Raises:
        ValueError: the weights are not those of a fully connected network.
    """
    state = {
        name.removeprefix(STATE): array
        for name, array in outputs.items()
        if name.startswith(STATE)
    }
    facts = {k: v for k, v in outputs.items() if not k.startswith(STATE)}
    if not state:
        return facts
    model, data = _rebuilt(state), data_set()
    for name, X, y in (
        ("validation accuracy", data["X_val"], data["y_val"]),
        ("training accuracy", data["X_train"][:SMALL], data["y_train"][:SMALL]),
    ):
        if name in facts:
            with np.errstate(all="ignore"):
                facts[name] = np.array(accuracy_of(model, X, y))
    if "layers" in facts:
        facts["layers"] = np.array(float(model.num_layers))
    return facts


def _rebuilt(state: Mapping[str, np.ndarray]) -> FullyConnectedNet:
    """Return the reference's network with somebody's weights in it."""
    depth = sum(name.startswith("W") for name in state)
    if not depth or any(array.dtype.kind != "f" for array in state.values()):
        raise ValueError("these are no weights")
    try:
        weights = [state[f"W{i}"] for i in range(1, depth + 1)]
        widths = [W.shape[1] for W in weights]
        kind = None
        if "gamma1" in state:
            running = any(name.startswith("bn_params.") for name in state)
            kind = "batchnorm" if running else "layernorm"
        model = FullyConnectedNet(
            widths[:-1],
            input_dim=len(weights[0]),
            num_classes=widths[-1],
            normalization=kind,
            dtype=np.float64,
        )
        model.load_state_dict(state)
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f"these are no weights of such a network: {error}") from None
    return model
