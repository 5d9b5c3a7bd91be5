"""Recipes of Q5's networks, in PyTorch and in TensorFlow.

The parts are tried with weights of the recipe's own, put in by their shapes: whatever a
student calls the layers, conv 5x5 - relu - conv 3x3 - relu - affine gives one answer.
Frameworks are imported when a recipe runs.
"""

import copy
from functools import partial

import numpy as np

from ece662.check.recipe import Misfit, Recipe, Rule, array_of
from ece662.check.recipes.training import CASE, make_nothing
from ece662.check.terms import How

__all__ = ["RECIPES"]

PARAMS = ("conv_w1", "conv_b1", "conv_w2", "conv_b2", "fc_w", "fc_b")
ROUNDING = Rule(tolerance=1e-4)  # Keras computes in float32
# Channels in, of both convolutions, height, width, classes. No two are the same, or
# weights could not be told apart by their shapes.
SMALL = (3, 4, 2, 6, 5, 7)
PICTURES = (2, 4, 3, 32, 32, 5)
COURSE = (3, 32, 16, 32, 32, 6)
IDLE = "parameters that no gradient reaches"


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


def run_torch_function(code, inputs):
    """Try a forward pass in tensors."""
    import torch

    x, *params = (torch.tensor(inputs[name]) for name in ("x", *PARAMS))
    with torch.no_grad():
        scores = code.three_layer_convnet(x, params)
    return {"scores": _numpy(scores, "scores")}


def run_torch_class(code, inputs):
    """Try a module."""
    import torch

    C, F1, F2, *_, classes = PICTURES
    with torch.random.fork_rng(devices=[]):
        model = code.ThreeLayerConvNet(C, F1, F2, classes)
    return _run_module(model, inputs)


def run_torch_model(code, inputs):
    """Try a model that a cell has left behind, and look at its optimizer."""
    model, optimizer = _left_behind(code, "model", "optimizer")
    [group, *_] = optimizer.param_groups
    return {
        **_run_module(copy.deepcopy(model).cpu(), inputs),
        "momentum": np.array(float(group.get("momentum", 0))),
        "Nesterov momentum": np.array(bool(group.get("nesterov", False))),
    }


def _run_module(model, inputs):
    import torch

    model = model.double()
    with torch.no_grad():
        _put(
            {name: inputs[name] for name in PARAMS},
            [
                (tuple(p.shape), lambda a, p=p: p.copy_(torch.from_numpy(a)))
                for p in model.parameters()
            ],
        )
    scores = model(torch.tensor(inputs["x"]))
    if not isinstance(scores, torch.Tensor):
        raise Misfit(f"forward should return a tensor, not a {type(scores).__name__}")
    scores.sum().backward()
    learning = all(p.grad is not None for p in model.parameters())
    return {
        "scores": _numpy(scores, "scores"),
        "every parameter gets a gradient": np.array(learning),
    }


def run_keras_function(code, inputs):
    """Try a forward pass with images of channels last."""
    x, *params = (inputs[name].astype(np.float32) for name in ("x", *PARAMS))
    return {"scores": _numpy(code.three_layer_convnet(x, params), "scores")}


def run_keras_init(code, inputs):
    """Take the first parameters of the network."""
    params = code.three_layer_convnet_init()
    if params is None:
        raise NotImplementedError
    return {f"params[{i}]": _numpy(value, "params") for i, value in enumerate(params)}


def look_at_params(inputs, outputs):
    """Tell shapes of parameters and how widely they were drawn."""
    facts = {}
    for name, array in outputs.items():
        facts[f"shape of {name}"] = np.array(array.shape)
        if array.ndim == 1:
            facts[f"{name} is zero"] = np.array(not array.any())
            continue
        fan_in = array.size / array.shape[-1]
        spread = array.std() / np.sqrt(2 / fan_in)
        facts[f"spread of {name}"] = np.array(round(float(spread), 1))
    return facts


def run_keras_class(code, inputs):
    """Try a model class."""
    _, F1, F2, *_, classes = SMALL
    return _run_keras(code.ThreeLayerConvNet(F1, F2, classes), inputs)


def run_keras_sequential(code, inputs):
    """Try a function that makes a model."""
    C, F1, F2, H, W, classes = SMALL
    return _run_keras(code.make_convnet((H, W, C), F1, F2, classes), inputs)


def _run_keras(model, inputs):
    if model is None:
        raise NotImplementedError
    x = inputs["x"].astype(np.float32)
    model(x)  # which makes the weights
    _put(
        {name: inputs[name] for name in PARAMS},
        [(tuple(w.shape), w.assign) for w in model.weights],
    )
    return {"scores": _numpy(model(x), "scores")}


def _put(arrays, places):
    """Put each array where there is a parameter of its shape.

    Args:
        arrays: by name.
        places: (shape, function that takes the array) for each parameter.
    """
    left = dict(arrays)
    for shape, place in places:
        name = next((n for n, array in left.items() if array.shape == shape), None)
        if name is None:
            wanted = ", ".join(str(array.shape) for array in arrays.values())
            raise Misfit(f"there is a parameter of shape {shape}; expected {wanted}")
        place(left.pop(name))
    if left:
        missing = ", ".join(str(array.shape) for array in left.values())
        raise Misfit(f"there is no parameter of shape {missing}")


def _numpy(value, name):
    """Return a tensor of either framework as an array."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    return array_of(value.numpy() if hasattr(value, "numpy") else value, name)


def _left_behind(code, *names):
    """Return what a cell left; NotImplementedError where it left nothing."""
    found = [getattr(code, name, None) for name in names]
    if any(value is None for value in found):
        raise NotImplementedError
    return found


def run_torch_challenge(code, inputs):
    """Send a few pictures through a network of the student's own, there and back."""
    import torch

    from ece662.frameworks.pointwise import avoid_crash

    with torch.random.fork_rng(devices=[]):
        net = avoid_crash(code.ChallengeNet(8).to("cpu"))
        scores = net(torch.tensor(inputs["x"], dtype=torch.float32)).float()
    scores.sum().backward()
    idle = sum(p.grad is None for p in net.parameters())
    return {"scores": _numpy(scores, "scores"), IDLE: np.array(idle)}


def run_keras_challenge(code, inputs):
    """Send a few pictures through a network of the student's own."""
    scores = code.make_challenge_net(8)(inputs["x"])
    return {"scores": _numpy(scores, "scores")}


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


def run_logged(code, inputs, log, network, scores_of):
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
    if "pictures" in inputs:
        data = _as_test_set(code, inputs["pictures"])
        outputs["scores"] = scores_of(code, network, data)
    return outputs


def _as_test_set(code, pictures) -> dict:
    """Put pictures without labels in the place of the notebook's test set."""
    unknown = np.zeros(len(pictures), np.int64)
    return {**code.data, "X_test": pictures, "y_test": unknown}


def torch_scores(code, model, data):
    """Ask a module about the test set."""
    from ece662.frameworks.torch_tools import make_loaders, probabilities_of

    return probabilities_of(model, make_loaders(data)[2])[0]


def barebones_scores(code, params, data):
    """Ask a function of tensors and their parameters about the test set."""
    import torch

    from ece662.frameworks.torch_tools import make_loaders

    with torch.no_grad():
        scores = [code.three_layer_convnet(x, params) for x, _ in make_loaders(data)[2]]
    return _numpy(torch.cat(scores), "scores")


def keras_scores(code, model, data):
    """Ask a Keras model about the test set."""
    from ece662.frameworks.tf_tools import make_datasets, probabilities_of

    return probabilities_of(model, make_datasets(data)[2])


def network(run, sizes, known=None, **layout):
    """Return the recipe of a network whose scores are compared."""
    make = partial(make_inputs, sizes=sizes, **layout)
    rules = {"scores": ROUNDING}
    return Recipe(run, make, (CASE,), rules, known=known or {})


def logged(log, at_least, network, scores_of):
    """Return the recipe of a cell that trains and leaves a log and a network.

    Args:
        log: the name of the TrainingLog.
        at_least: the validation accuracy to reach.
        network: the name of what was trained.
        scores_of: asks it about pictures.
    """
    rules = {"validation accuracy": Rule(How.AT_LEAST, at_least)}
    run = partial(run_logged, log=log, network=network, scores_of=scores_of)
    return Recipe(run, make_nothing, (CASE,), rules, fixed=False)


KERAS_INIT = {
    "shape of params[0]": (5, 5, 3, 32),
    "shape of params[1]": (32,),
    "shape of params[2]": (3, 3, 32, 16),
    "shape of params[3]": (16,),
    "shape of params[4]": (32 * 32 * 16, 6),
    "shape of params[5]": (6,),
    **{f"spread of params[{i}]": 1.0 for i in (0, 2, 4)},
    **{f"params[{i}] is zero": True for i in (1, 3, 5)},
}
LEARNS = {"every parameter gets a gradient": True}
NESTEROV = LEARNS | {"momentum": 0.9, "Nesterov momentum": True}
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
        run_torch_model, COURSE, NESTEROV, turned=True
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
    "q5-tf-convnet-class": network(run_keras_class, SMALL, channels_last=True),
    "q5-tf-nesterov-train": logged("nesterov_log", 0.35, "model", keras_scores),
    "q5-tf-convnet-sequential": network(
        run_keras_sequential, SMALL, channels_last=True
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
