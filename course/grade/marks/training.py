"""Notebook cells: what goes into the sandbox, and how its outputs are measured.

Accuracies reported by a student's process are not trusted. A NumPy network is returned
as its weights, which are loaded into the reference's network and measured there. A
network in PyTorch or TensorFlow can have any architecture; it returns its scores for
pictures that are drawn for this run and whose labels stay outside. Networks to be
pruned are drawn for this run, too.
"""

import functools
import importlib
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from course.grade.marks import frameworks
from course.grade.secret import Secret
from course.sandbox.client import Limits
from ece662.check.cells import sources_of
from ece662.check.recipes import pruning
from ece662.check.recipes.training import accuracy_of
from ece662.check.running import facts, recipe_of
from ece662.check.terms import Role, read_output
from ece662.classifiers.fc_net import FullyConnectedNet
from ece662.data import synthetic
from ece662.data_utils import find_data_set, get_CINIC10_data
from ece662.exercises import Exercise
from ece662.exercises.reading import Place
from ece662.exercises.regions import fill
from ece662.frameworks.tf_tools import quietly
from ece662.pruning.training import course_network
from ece662.pruning_helper import MODES
from ece662.training.accuracy import accuracy

__all__ = ["asked", "cells_of", "facts_of", "limits_of", "measured", "served"]

# Right solutions need a tenth of it. After one exercise has used all its time, the
# others of the submission get no more than that tenth.
LIMITS = Limits(cpu=300, wall=1800.0, memory=4 << 30)
PICTURES = 1200  # to measure accuracy on
# Accuracies on two sets of 1,200 pictures differ by less than this in 99 of 100 cases,
# so a student whose network reached the limit in the notebook is granted it.
MARGIN = 0.05
# Exercises that prune, and the outputs of their recipes for the unpruned network.
WHOLE_OF = {
    "q6-unstructured-exercise": functools.partial(
        pruning.whole_weights, weights_of=pruning.torch_weights
    ),
    "q6-tensorflow-exercise": functools.partial(
        pruning.whole_weights, weights_of=pruning.keras_weights
    ),
    "q6-filters-exercise": pruning.whole_filters,
}
VALIDATION = "validation accuracy"
MAX_WEIGHTS = 20_000_000  # ten times what the widest network of the course has
SMALL = 50  # training pictures of the exercise that overfits on purpose


@functools.lru_cache(maxsize=1)
def data_set() -> dict[str, np.ndarray]:
    """Return the pictures that every copy of the course can draw."""
    return get_CINIC10_data(source="synthetic", verbose=False)


def cells_of(
    exercise: Exercise, notebook: str, bodies: Mapping[Place, str]
) -> list[tuple[str, str]]:
    """Return id and source of the cells to run: the context's, then the exercise's.

    Args:
        exercise: one that is written in cells.
        notebook: the text of its notebook, as handed out.
        bodies: the student's, by place.

    Raises:
        NotImplementedError: a cell is not written yet; names it.
    """
    mine = {
        (owner, number): body
        for (file, owner, number), body in bodies.items()
        if file == exercise.file
    }
    filled = fill(notebook, exercise.file, mine)
    return list(sources_of(exercise, filled).items())


def limits_of(exercise: Exercise, in_full: bool = True) -> Limits:
    """Return what the cells of an exercise may use.

    Args:
        exercise: which one.
        in_full: False if another exercise of the submission has reached its limit.
    """
    needs = exercise.frameworks
    limits = frameworks.LIMITS[needs[0]] if needs else LIMITS
    if in_full:
        return limits
    tenth = limits.waiting / 10
    return limits._replace(cpu=limits.cpu // 10, waiting=tenth, wall=limits.wall / 10)


def served(exercise: Exercise, cells: list[tuple[str, str]], secret: Secret) -> dict:
    """Return the arrays that `inside.run_cells` needs for an exercise.

    Args:
        exercise: which one.
        cells: from `cells_of`.
        secret: of this run.
    """
    arrays = {}
    if any("get_CINIC10_data(" in source for _, source in cells):
        arrays |= {f"data/{name}": array for name, array in data_set().items()}
    if exercise.id in WHOLE_OF:
        for mode in exercise.frameworks:
            weights = framework(mode).get_weights(network(mode, secret))
            arrays |= {f"{mode}/{name}": array for name, array in weights.items()}
    return arrays


def asked(exercise: Exercise, secret: Secret) -> dict[str, np.ndarray]:
    """Return the pictures for which a network in a framework has to return scores."""
    trains = VALIDATION in recipe_of(exercise).rules
    return {"pictures": pictures(secret)[0]} if trains and exercise.frameworks else {}


def framework(mode: str) -> Any:
    """Return the module that has the pruning network in PyTorch or TensorFlow."""
    with quietly():
        return importlib.import_module(MODES[mode])


@functools.lru_cache(maxsize=2)
def network(mode: str, secret: Secret) -> Any:
    """Return the network to be pruned in this run, with new random weights."""
    architecture, _ = course_network(mode, full=False)
    return framework(mode).build(architecture, secret.of(f"weights/{mode}").number())


@functools.lru_cache(maxsize=1)
def pictures(secret: Secret) -> tuple[np.ndarray, np.ndarray]:
    """Draw pictures that are in no data set, and their labels.

    Their order is drawn separately: whoever knew it could tell the labels.
    """
    X, y = synthetic.draw_split(secret.of("pictures").words(), PICTURES)
    rng = np.random.RandomState(secret.of("order of the pictures").words())
    order = rng.permutation(PICTURES)
    return np.float32(X[order] - find_data_set("synthetic").mean_image), y[order]


def facts_of(
    exercise: Exercise,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, np.ndarray],
    secret: Secret,
) -> dict[str, np.ndarray]:
    """Return the facts by which an exercise in cells is judged.

    Args:
        exercise: which one.
        inputs: of its recipe.
        outputs: of its recipe, from the sandbox.
        secret: of this run.

    Raises:
        ValueError: as `measured`.
    """
    given = {}
    if exercise.id in WHOLE_OF:
        given = WHOLE_OF[exercise.id](network(exercise.frameworks[0], secret))
    found = measured(facts(exercise, inputs, {**outputs, **given}), secret)
    whole = (np.array_equal(outputs.get(name), array) for name, array in given.items())
    return found if all(whole) else found | {pruning.WHOLE: np.array(False)}


def measured(
    outputs: Mapping[str, np.ndarray], secret: Secret
) -> dict[str, np.ndarray]:
    """Return the facts of a cell that trains, with accuracies measured here.

    Args:
        outputs: of a recipe of cells that train.
        secret: of this run.

    Raises:
        ValueError: the weights are not those of a fully connected network, or the
            scores not those of the pictures.
    """
    state, said = {}, {}
    for name, array in outputs.items():
        output = read_output(name)
        if output.role is Role.STATE:
            state[output.of] = array
        else:
            said[name] = array
    facts = {name: array for name, array in said.items() if name not in MEASURES}
    if VALIDATION in said and "scores" in said:
        # The accuracy in the student's log is replaced by the one measured here.
        fresh = _right_share(facts.pop("scores"), pictures(secret)[1])
        return facts | {VALIDATION: np.array(fresh)}
    if state:
        model = _rebuilt(state)
        for name in MEASURES.keys() & said.keys():
            with np.errstate(all="ignore"):
                facts[name] = np.array(MEASURES[name](model, secret))
    return facts


def _validate(model: FullyConnectedNet, secret: Secret) -> float:
    data = data_set()
    own = accuracy_of(model, data["X_val"], data["y_val"])
    return _credible(own, accuracy_of(model, *pictures(secret)))


def _by_heart(model: FullyConnectedNet, secret: Secret) -> float:
    data = data_set()
    return accuracy_of(model, data["X_train"][:SMALL], data["y_train"][:SMALL])


# Facts that are measured on the weights, and never taken from the submission.
MEASURES = {
    VALIDATION: _validate,
    "training accuracy": _by_heart,
    "layers": lambda model, secret: float(model.num_layers),
}


def _right_share(scores: np.ndarray, y: np.ndarray) -> float:
    """Return how often the highest score is that of the true class."""
    if scores.ndim != 2 or len(scores) != len(y):
        raise ValueError(f"scores of shape {scores.shape} for {len(y)} pictures")
    return accuracy(scores, y)


def _credible(own: float, fresh: float) -> float:
    """Return the accuracy that counts: on the notebook's pictures, but limited.

    A network may have been trained on the notebook's validation set, so `own` counts
    only up to MARGIN above the accuracy on fresh pictures.
    """
    return max(fresh, min(own, fresh + MARGIN))


def _check_sizes(weights: list[np.ndarray]) -> None:
    """Raise a ValueError unless weights have plausible shapes.

    This is done before a network of these shapes is made: an array with a side of 0
    takes no memory, whatever its other side is.
    """
    fits = all(W.ndim == 2 and W.size for W in weights)
    if not fits or any(V.shape[1] != W.shape[0] for V, W in pairwise(weights)):
        raise ValueError(f"weights of shapes {[W.shape for W in weights][:10]}")
    if (size := sum(W.size for W in weights)) > MAX_WEIGHTS:
        raise ValueError(f"{size} weights, expected up to {MAX_WEIGHTS}")


def _rebuilt(state: Mapping[str, np.ndarray]) -> FullyConnectedNet:
    """Return the reference's network with a student's weights."""
    depth = sum(name.startswith("W") for name in state)
    if not depth or any(array.dtype.kind != "f" for array in state.values()):
        raise ValueError("these are no weights")
    try:
        weights = [state[f"W{i}"] for i in range(1, depth + 1)]
        _check_sizes(weights)
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
