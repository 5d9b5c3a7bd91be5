"""How Q5's networks in PyTorch are tried: functions of tensors, classes, models."""

import copy

import numpy as np

from ece662.check.models import in_model
from ece662.check.recipe import Misfit
from ece662.check.recipes.parameters import (
    LEARNING,
    PARAMS,
    PICTURES,
    numpy_of,
    put,
    require,
    written,
)
from ece662.check.recipes.training import left_behind

__all__ = [
    "IDLE",
    "MOVED",
    "barebones_scores",
    "run_torch_challenge",
    "run_torch_class",
    "run_torch_function",
    "run_torch_model",
    "torch_scores",
]

IDLE = "parameters that no gradient reaches"
MOVED = "the optimizer moves the parameters of this model"


def run_torch_function(code, inputs):
    """Try a forward pass in tensors."""
    import torch

    x, *params = (torch.tensor(inputs[name]) for name in ("x", *PARAMS))
    function = written(code, "three_layer_convnet")
    with torch.no_grad():
        scores = function(x, params)
    return {"scores": numpy_of(scores, "scores")}


def run_torch_class(code, inputs):
    """Try a module."""
    import torch

    C, F1, F2, *_, classes = PICTURES
    make = written(code, "ThreeLayerConvNet")
    with torch.random.fork_rng(devices=[]), in_model(make):
        model = make(C, F1, F2, classes)
    return _run_module(model, inputs)


def run_torch_model(code, inputs):
    """Try a model that a cell has left behind, and look at its optimizer."""
    import torch

    model, optimizer = left_behind(code, "model", "optimizer")
    require(model, torch.nn.Module, "model", "a model of torch.nn")
    require(optimizer, torch.optim.Optimizer, "optimizer", "one of torch.optim")
    groups = optimizer.param_groups
    moved = {id(p) for group in groups for p in group["params"]}
    return {
        **_run_module(copy.deepcopy(model).cpu(), inputs),
        "momentum": np.array(min(float(g.get("momentum", 0)) for g in groups)),
        "Nesterov momentum": np.array(all(g.get("nesterov", False) for g in groups)),
        MOVED: np.array(moved == {id(p) for p in model.parameters()}),
    }


def _run_module(model, inputs):
    import torch

    require(model, torch.nn.Module, "the model", "a torch.nn.Module")
    try:
        return _scores_of_module(model, inputs, torch.float64)
    except RuntimeError as error:
        if "type" not in str(error):
            raise
        # A forward that turns what it gets into float32 is right all the same.
        return _scores_of_module(model, inputs, torch.float32)


def _scores_of_module(model, inputs, dtype):
    import torch

    with in_model(model):
        model.to(dtype)
        _find_hidden_layers(model)
    with torch.no_grad():
        put(
            {name: inputs[name] for name in PARAMS},
            [
                (tuple(p.shape), lambda a, p=p: p.copy_(torch.from_numpy(a)))
                for p in model.parameters()
            ],
        )
    with in_model(model):
        scores = model(torch.tensor(inputs["x"], dtype=dtype))
        require(scores, torch.Tensor, "what forward returns", "a tensor")
        if scores.requires_grad:
            scores.sum().backward()
    learning = all(p.grad is not None for p in model.parameters())
    return {
        "scores": numpy_of(scores, "scores"),
        LEARNING: np.array(learning),
    }


def _find_hidden_layers(model):
    """Raise Misfit where a module keeps layers in a way that hides them from it."""
    import torch

    known = {id(p) for p in model.parameters()}
    for name, value in vars(model).items():
        if name.startswith("_") or not isinstance(value, list | tuple | dict):
            continue
        parts = value.values() if isinstance(value, dict) else value
        layers = [part for part in parts if isinstance(part, torch.nn.Module)]
        if any(id(p) not in known for layer in layers for p in layer.parameters()):
            kind = type(value).__name__
            known_as = "nn.ModuleDict" if isinstance(value, dict) else "nn.ModuleList"
            raise Misfit(
                f"`self.{name}` is a plain {kind}: the model does not know the layers "
                f"in it, and no optimizer moves them; {known_as} makes them known"
            )
    if not known:
        raise Misfit(
            "the model knows of no parameters: layers that it should train are made in "
            "`__init__` and kept as attributes of `self`"
        )


def run_torch_challenge(code, inputs):
    """Send a few pictures through a network of the student's own, there and back."""
    import torch

    from ece662.frameworks.pointwise import avoid_crash

    make = written(code, "ChallengeNet")
    with torch.random.fork_rng(devices=[]), in_model(make):
        net = make(8)
        require(net, torch.nn.Module, "the network", "a torch.nn.Module")
        _find_hidden_layers(net)
        net = avoid_crash(net.to("cpu"))
        scores = net(torch.tensor(inputs["x"], dtype=torch.float32))
        require(scores, torch.Tensor, "what forward returns", "a tensor")
        scores = scores.float()
        if scores.requires_grad:
            scores.sum().backward()
    parameters = list(net.parameters())
    # A layer may be meant to stay as it is, but not all of them.
    learning = [p for p in parameters if p.requires_grad] or parameters
    idle = sum(p.grad is None for p in learning)
    return {"scores": numpy_of(scores, "scores"), IDLE: np.array(idle)}


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
    return numpy_of(torch.cat(scores), "scores")
