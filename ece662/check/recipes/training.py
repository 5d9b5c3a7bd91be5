"""Recipes of cells that train: what is judged is the network that came of it.

The recipe looks at the names that the cell leaves behind. Accuracies are measured again
here, not taken from the histories, but for those of an epoch whose weights are gone.
"""

from functools import partial

import numpy as np

from ece662.check.recipe import Misfit, Recipe, Rule
from ece662.check.terms import How
from ece662.training.accuracy import count_right

__all__ = ["CASE", "RECIPES", "left_behind", "make_nothing"]

CASE = "as trained"
BATCH = 500  # images in one forward pass


def run_validated(code, inputs, model_name):
    """Measure a trained network on the whole validation set."""
    model, solver = left_behind(code, model_name, "solver")
    history = _history_of(solver)
    _require_network(model, model_name)
    accuracy = accuracy_of(model, code.data["X_val"], code.data["y_val"])
    outputs = {"validation accuracy": np.array(accuracy)}
    return outputs | history | _state(model.state_dict())


def run_overfitted(code, inputs):
    """Measure how many of a few training pictures a network classifies correctly.

    The Solver hands back the weights that were best in validation, which says nothing
    here; so the best epoch counts as it was measured, and the last weights go along.
    """
    model, solver = left_behind(code, "model", "solver")
    history = _history_of(solver)
    _require_network(model, "model")
    outputs = {
        "training accuracy": np.array(max(solver.train_acc_history)),
        "layers": np.array(float(model.num_layers)),
    }
    last = getattr(solver, "_latest_state", None) or model.state_dict()
    return outputs | history | _state(last)


def left_behind(code, *names) -> list:
    """Return what a cell left under some names, all of which it has first set to None.

    Raises:
        NotImplementedError: it has not run, or nothing is written in it.
        Misfit: some of the names are None still.
    """
    if not all(hasattr(code, name) for name in names):
        raise NotImplementedError
    found = [getattr(code, name) for name in names]
    missing = [n for n, value in zip(names, found, strict=True) if value is None]
    if len(missing) == len(names):
        raise NotImplementedError
    if missing:
        raise Misfit(f"{missing[0]} is None: the cell has to give it a value")
    return found


def _require_network(model, name) -> None:
    if isinstance(model, type) or not hasattr(model, "state_dict"):
        what = "a class" if isinstance(model, type) else f"a {type(model).__name__}"
        raise Misfit(f"{name} should be a network that was made; it is {what}")


def _history_of(solver) -> dict:
    """Return the first and the last losses, for the diagnosis."""
    if not hasattr(solver, "loss_history"):
        raise Misfit(f"solver should be a Solver; it is a {type(solver).__name__}")
    losses = np.array(solver.loss_history, float)
    if not losses.size:
        raise Misfit("the solver has not taken a step: its train() does that")
    tenth = max(1, losses.size // 10)
    return {
        "first losses": np.array(losses[:tenth].mean()),
        "last losses": np.array(losses[-tenth:].mean()),
        "training accuracy at the end": np.array(solver.train_acc_history[-1]),
    }


def _state(state) -> dict:
    """Return the weights, so that a grader can measure the network itself."""
    return {f"state {name}": np.array(value) for name, value in state.items()}


def accuracy_of(model, X, y) -> float:
    """Return how often the highest score is the true class."""
    hits = 0
    for start in range(0, len(y), BATCH):
        part = slice(start, start + BATCH)
        hits += count_right(model.loss(np.asarray(X[part])), y[part])
    return hits / len(y)


def make_nothing(rng, case):
    """Return no inputs: the notebook has them."""
    return {}


def validated(model_name, at_least):
    """Return the recipe of a cell that trains for validation accuracy."""
    rules = {"validation accuracy": Rule(How.AT_LEAST, at_least)}
    run = partial(run_validated, model_name=model_name)
    return Recipe(run, make_nothing, (CASE,), rules, fixed=False)


def overfitted(layers, at_least):
    """Return the recipe of a cell that learns some pictures by heart."""
    rules = {
        "training accuracy": Rule(How.AT_LEAST, at_least),
        "layers": Rule(How.AT_LEAST, layers, f"It takes a network of {layers} layers."),
    }
    return Recipe(run_overfitted, make_nothing, (CASE,), rules, fixed=False)


RECIPES = {
    "trained_to_validate": validated("model", 0.40),
    "best_to_validate": validated("best_model", 0.40),
    "overfits_with_three_layers": overfitted(3, 0.90),
    "overfits_with_five_layers": overfitted(5, 1.00),
}
