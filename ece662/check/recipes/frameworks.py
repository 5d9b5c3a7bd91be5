"""Recipes of Q5's networks, in PyTorch and in TensorFlow.

The parts are tried with weights of the recipe's own, put in by their shapes: whatever a
student calls the layers, conv 5x5 - relu - conv 3x3 - relu - affine gives one answer.
Frameworks are imported when a recipe runs.
"""

from functools import partial

import numpy as np

from ece662.check.recipe import Recipe, Rule
from ece662.check.recipes.keras_models import (
    keras_momentum_of,
    keras_scores,
    run_keras_challenge,
    run_keras_class,
    run_keras_function,
    run_keras_init,
    run_keras_sequential,
)
from ece662.check.recipes.parameters import LEARNING, PICTURES, SMALL
from ece662.check.recipes.torch_models import (
    IDLE,
    MOVED,
    barebones_scores,
    run_torch_challenge,
    run_torch_class,
    run_torch_function,
    run_torch_model,
    torch_scores,
)
from ece662.check.recipes.training import CASE, make_nothing
from ece662.check.terms import How

__all__ = ["RECIPES"]

ROUNDING = Rule(tolerance=1e-4)  # Keras computes in float32
COURSE = (3, 32, 16, 32, 32, 6)


def make_inputs(rng, case, sizes, channels_last=False, turned=False):
    """Draw images and the weights of the network.

    Args:
        rng: where from.
        case: not used; there is one.
        sizes: as SMALL.
        channels_last: lay images and filters out as TensorFlow does.
        turned: the affine weights as (C, D), as nn.Linear keeps them.
    """
    C, F1, F2, H, W, classes = sizes
    drawn = {
        "x": (2, C, H, W),
        "conv_w1": (F1, C, 5, 5),
        "conv_b1": (F1,),
        "conv_w2": (F2, F1, 3, 3),
        "conv_b2": (F2,),
        "fc_w": (F2 * H * W, classes),
        "fc_b": (classes,),
    }
    inputs = {}
    for name, shape in drawn.items():
        values = rng.standard_normal(shape)
        if len(shape) > 1 and name != "x":
            values /= np.sqrt(values.size / (shape[-1] if name == "fc_w" else shape[0]))
        inputs[name] = values
    if channels_last:
        inputs["x"] = inputs["x"].transpose(0, 2, 3, 1).copy()
        for name in ("conv_w1", "conv_w2"):
            inputs[name] = inputs[name].transpose(2, 3, 1, 0).copy()
    if turned:
        inputs["fc_w"] = inputs["fc_w"].T.copy()
    return inputs


def _left_behind(code, *names):
    """Return what a cell left; NotImplementedError where it left nothing."""
    found = [getattr(code, name, None) for name in names]
    if any(value is None for value in found):
        raise NotImplementedError
    return found


def look_at_params(inputs, outputs):
    """Tell shapes of parameters and how widely they were drawn."""
    facts = {"number of params": np.array(len(outputs))}
    for name, array in outputs.items():
        facts[f"shape of {name}"] = np.array(array.shape)
        if array.ndim == 1:
            facts[f"{name} is zero"] = np.array(not array.any())
            continue
        fan_in = array.size / array.shape[-1]
        spread = array.std() / np.sqrt(2 / fan_in)
        facts[f"spread of {name}"] = np.array(round(float(spread), 1))
    return facts


def look_at_scores(inputs, outputs):
    """Tell of scores that nobody can foresee whether they are what scores are."""
    facts = dict(outputs)
    scores = facts.pop("scores")
    facts["shape of scores"] = np.array(scores.shape)
    facts["scores are numbers"] = np.array(bool(np.isfinite(scores).all()))
    return facts


def make_pictures(rng, case, channels_last=False):
    """Draw pictures of the course's size."""
    shape = (2, 32, 32, 3) if channels_last else (2, 3, 32, 32)
    return {"x": rng.standard_normal(shape)}


def run_logged(code, inputs, log, network, scores_of, momentum_of=None):
    """Look at what a training loop has written into its log.

    Where there are `pictures` among the inputs, the network that was trained is also
    asked for their scores, so that a grader can count for itself.
    """
    log, network = _left_behind(code, log, network)
    losses = np.array(log.loss_history, float)
    tenth = max(1, losses.size // 10)
    outputs = {
        "validation accuracy": np.array(float(log.best_val_acc)),
        "first losses": np.array(losses[:tenth].mean()),
        "last losses": np.array(losses[-tenth:].mean()),
        "training accuracy at the end": np.array(float(log.train_acc_history[-1])),
    }
    if momentum_of is not None:
        outputs |= momentum_of(getattr(code, "optimizer", None))
    if "pictures" in inputs:
        data = _as_test_set(code, inputs["pictures"])
        outputs["scores"] = scores_of(code, network, data)
    return outputs


def _as_test_set(code, pictures) -> dict:
    """Put pictures without labels in the place of the notebook's test set."""
    unknown = np.zeros(len(pictures), np.int64)
    return {**code.data, "X_test": pictures, "y_test": unknown}


def network(run, sizes, known=None, **layout):
    """Return the recipe of a network whose scores are compared."""
    make = partial(make_inputs, sizes=sizes, **layout)
    rules = {"scores": ROUNDING}
    return Recipe(run, make, (CASE,), rules, known=known or {})


def logged(log, at_least, network, scores_of, momentum_of=None):
    """Return the recipe of a cell that trains and leaves a log and a network.

    Args:
        log: the name of the TrainingLog.
        at_least: the validation accuracy to reach.
        network: the name of what was trained.
        scores_of: asks it about pictures.
        momentum_of: looks at the optimizer, where Nesterov momentum is asked for.
    """
    rules = {"validation accuracy": Rule(How.AT_LEAST, at_least)}
    run = partial(run_logged, log=log, network=network, scores_of=scores_of)
    if momentum_of is None:
        return Recipe(run, make_nothing, (CASE,), rules, fixed=False)
    run = partial(run, momentum_of=momentum_of)
    return Recipe(run, make_nothing, (CASE,), rules, known=NESTEROV, fixed=False)


KERAS_INIT = {
    "number of params": 6,
    "shape of params[0]": (5, 5, 3, 32),
    "shape of params[1]": (32,),
    "shape of params[2]": (3, 3, 32, 16),
    "shape of params[3]": (16,),
    "shape of params[4]": (32 * 32 * 16, 6),
    "shape of params[5]": (6,),
    **{f"spread of params[{i}]": 1.0 for i in (0, 2, 4)},
    **{f"params[{i}] is zero": True for i in (1, 3, 5)},
}
LEARNS = {LEARNING: True}
NESTEROV = {"momentum": 0.9, "Nesterov momentum": True}
SENSIBLE = {"shape of scores": (2, 6), "scores are numbers": True}

RECIPES = {
    "q5-torch-barebones-convnet-forward": network(run_torch_function, SMALL),
    "q5-torch-barebones-convnet-train": logged(
        "barebones_log", 0.30, "params", barebones_scores
    ),
    "q5-torch-module-convnet-class": network(
        run_torch_class, PICTURES, LEARNS, turned=True
    ),
    "q5-torch-module-convnet-train": logged("module_log", 0.30, "model", torch_scores),
    "q5-torch-sequential-convnet-model": network(
        run_torch_model, COURSE, LEARNS | NESTEROV | {MOVED: True}, turned=True
    ),
    "q5-torch-challenge-network": Recipe(
        run_torch_challenge,
        make_pictures,
        (CASE,),
        derive=look_at_scores,
        known=SENSIBLE | {IDLE: 0},
        fixed=False,
    ),
    "q5-torch-challenge-train": logged(
        "challenge_log", 0.60, "challenge", torch_scores
    ),
    "q5-tf-convnet-forward": network(run_keras_function, SMALL, channels_last=True),
    "q5-tf-convnet-init": Recipe(
        run_keras_init,
        make_nothing,
        (CASE,),
        derive=look_at_params,
        known=KERAS_INIT,
        fixed=False,
    ),
    "q5-tf-convnet-class": network(run_keras_class, SMALL, LEARNS, channels_last=True),
    "q5-tf-nesterov-train": logged(
        "nesterov_log", 0.35, "model", keras_scores, keras_momentum_of
    ),
    "q5-tf-convnet-sequential": network(
        run_keras_sequential, SMALL, LEARNS, channels_last=True
    ),
    "q5-tf-challenge-net": Recipe(
        run_keras_challenge,
        partial(make_pictures, channels_last=True),
        (CASE,),
        derive=look_at_scores,
        known=SENSIBLE,
        fixed=False,
    ),
    "q5-tf-challenge-train": logged(
        "challenge_log", 0.60, "challenge_net", keras_scores
    ),
}
