"""Recipes of the networks: initialisation, scores, loss, gradients.

Weights may be drawn in any way, as only their spread is judged. For everything else the
recipe sets parameters of its own. Gradients are first compared with the network's own
loss.
"""

import copy
from functools import partial

import numpy as np

from ece662.check.diagnosis import Diagnosis
from ece662.check.recipe import (
    Misfit,
    Recipe,
    array_of,
    copies,
    noting_calls,
    own_slopes,
    slopes_agree,
    unpack,
    without_prints,
)
from ece662.check.terms import Kind, Role, read_output

__all__ = ["RECIPES"]

WEIGHT_SCALE = 0.02
BEGINNING = "initialisation"  # the case that looks at the parameters as they were drawn

# By kind of network: its name and, case by case, what it is made with.
TWO_LAYERS = {
    BEGINNING: {"input_dim": 60, "hidden_dim": 50, "num_classes": 7},
    "no regularisation": {"input_dim": 12, "hidden_dim": 5, "num_classes": 4},
    "regularised": {"input_dim": 12, "hidden_dim": 5, "num_classes": 4, "reg": 0.7},
}
DEEP = {
    BEGINNING: {"hidden_dims": [50, 40], "input_dim": 60, "num_classes": 7},
    "one hidden layer": {"hidden_dims": [5], "input_dim": 12, "num_classes": 3},
    "three hidden layers": {
        "hidden_dims": [6, 4, 5],
        "input_dim": 12,
        "num_classes": 3,
        "reg": 0.7,
    },
    "two equal layers": {"hidden_dims": [5, 5], "input_dim": 12, "num_classes": 3},
}
CONVNET = {
    BEGINNING: {
        "input_dim": [2, 8, 6],  # not the 3 channels of a photograph
        "num_filters": 30,
        "filter_size": 5,
        "hidden_dim": 40,
        "num_classes": 7,
    },
    "no regularisation": {
        "input_dim": [2, 4, 6],
        "num_filters": 3,
        "filter_size": 3,
        "hidden_dim": 5,
        "num_classes": 4,
    },
}
CONVNET["regularised"] = CONVNET["no regularisation"] | {"reg": 0.7, "filter_size": 5}
IMAGE = (3, 2, 2)  # inputs of 12 numbers come as images of this shape


def with_setting(cases, **setting):
    """Return the same cases with further arguments for the network."""
    return {case: {**made_with, **setting} for case, made_with in cases.items()}


KINDS = {
    "TwoLayerNet": ("TwoLayerNet", TWO_LAYERS),
    "FullyConnectedNet": ("FullyConnectedNet", DEEP),
    "FullyConnectedNet-batchnorm": (
        "FullyConnectedNet",
        with_setting(DEEP, normalization="batchnorm"),
    ),
    "FullyConnectedNet-layernorm": (
        "FullyConnectedNet",
        with_setting(DEEP, normalization="layernorm"),
    ),
    "ThreeLayerConvNet": ("ThreeLayerConvNet", CONVNET),
}


def shapes_of(kind, made_with) -> dict[str, tuple]:
    """Return the shapes that the parameters should have."""
    classes = made_with["num_classes"]
    if kind == "ThreeLayerConvNet":
        (C, H, W), F = made_with["input_dim"], made_with["num_filters"]
        side, hidden = made_with["filter_size"], made_with["hidden_dim"]
        return {
            "W1": (F, C, side, side),
            "b1": (F,),
            "W2": (F * (H // 2) * (W // 2), hidden),
            "b2": (hidden,),
            "W3": (hidden, classes),
            "b3": (classes,),
        }
    hidden = made_with.get("hidden_dims") or [made_with["hidden_dim"]]
    dims = [made_with["input_dim"], *hidden, classes]
    shapes = {}
    for i in range(1, len(dims)):
        shapes |= {f"W{i}": (dims[i - 1], dims[i]), f"b{i}": (dims[i],)}
        if made_with.get("normalization") and i < len(dims) - 1:
            shapes |= {f"gamma{i}": (dims[i],), f"beta{i}": (dims[i],)}
    return shapes


def make_inputs(rng, case, kind):
    """Draw parameters, images and labels; the first case has none of them."""
    made_with = copy.deepcopy(KINDS[kind][1][case])
    inputs = {"made_with": made_with}
    if case == BEGINNING:
        return inputs
    for name, shape in shapes_of(kind, made_with).items():
        size = 0.3 if name[0] == "W" else 0.5
        inputs[name] = size * rng.standard_normal(shape) + name.startswith("gamma")
    dim = made_with["input_dim"]
    N, C = 5, made_with["num_classes"]
    inputs["X"] = rng.standard_normal((N, *(IMAGE if isinstance(dim, int) else dim)))
    inputs["y"] = rng.randint(C, size=N)
    return inputs


def run_net(code, inputs, kind):
    """Try a network."""
    if "X" not in inputs:
        model = _build(code, inputs, kind, dtype=np.float32)
        return _beginning(model, inputs, kind)
    model = _build(code, inputs, kind)
    params = [name for name in inputs if name in shapes_of(kind, inputs["made_with"])]
    _set(model, inputs, params)
    outputs = {"scores": array_of(model.loss(*copies(inputs, "X")), "scores")}
    with noting_calls(outputs):
        result = model.loss(*copies(inputs, "X", "y"))
    loss, grads = unpack(result, "loss(X, y)", "loss", "grads")
    outputs["loss"] = array_of(loss, "loss")
    gradients = _gradients(grads, params)
    outputs |= {f"d{name}": gradient for name, gradient in gradients.items()}
    if inputs["made_with"].get("normalization"):
        scores = model.loss(*copies(inputs, "X"))
        outputs["scores in test mode, after a step"] = array_of(scores, "scores")

    def loss_of(*now):
        _set(model, dict(zip(gradients, now, strict=True)), gradients)
        return model.loss(*copies(inputs, "X", "y"))[0]

    arrays = {name: inputs[name] for name in gradients}
    outputs |= own_slopes(loss_of, arrays, 1.0, gradients)
    return outputs


def _build(code, inputs, kind, **more):
    """Make the network, in float64 unless the case has another dtype."""
    made_with = {"weight_scale": WEIGHT_SCALE, "dtype": np.float64}
    # A copy, as the student's code may change the list of hidden layers.
    made_with |= copy.deepcopy(inputs["made_with"]) | more
    if isinstance(made_with["input_dim"], list):
        made_with["input_dim"] = tuple(made_with["input_dim"])
    name = "FullyConnectedNet" if kind == "dropout" else KINDS[kind][0]
    return getattr(code, name)(**made_with)


def _beginning(model, inputs, kind):
    """Return the initial parameters, as far as they exist."""
    outputs = {}
    for name in shapes_of(kind, inputs["made_with"]):
        if name in model.params:
            value = array_of(model.params[name], name)
            outputs |= {f"shape of {name}": np.array(value.shape), name: value}
    outputs["number of parameters"] = np.array(len(model.params))
    float32 = [np.asarray(value).dtype == np.float32 for value in model.params.values()]
    outputs["parameters have the type asked for"] = np.array(all(float32))
    return outputs


def derive_beginning(inputs, outputs):
    """Replace weights, which are random, by their spread divided by weight_scale.

    A spread far from 1 is rounded to one digit, as further ones are random.
    """
    if "X" in inputs:
        return outputs
    found = {}
    for name, value in outputs.items():
        if name.startswith("W"):
            spread, mean = value.std() / WEIGHT_SCALE, value.mean() / WEIGHT_SCALE
            # Of n numbers the spread is off by 0.7 / sqrt(n), the mean by 1 / sqrt(n).
            near = 5 / np.sqrt(value.size)
            found[f"spread of {name}"] = _unless_near(spread, 1.0, near)
            found[f"mean of {name}"] = _unless_near(mean, 0.0, near)
        elif name.startswith("b") and not name.startswith("beta"):
            found[f"{name} begins at zero"] = np.array(not np.any(value))
        else:
            found[name] = value
    return found


def _unless_near(value, target, near):
    """Return the target where the value is near it, else the value to one digit."""
    return np.array(target if abs(value - target) < near else float(f"{value:.1g}"))


def _set(model, values, names):
    for name in names:
        if name not in model.params:
            raise Misfit(f"params should hold {name}")
        model.params[name] = np.array(values[name])


def _gradients(grads, names):
    """Return the gradients that exist."""
    if not isinstance(grads, dict):
        raise Misfit("loss(X, y) should return (loss, grads), grads being a dict")
    there = [name for name in names if name in grads]
    if not there:
        held = ", ".join(map(str, grads)) or "nothing"
        raise Misfit(f"grads should hold {', '.join(names)}; it holds {held}")
    return {name: array_of(grads[name], f"grads[{name!r}]") for name in there}


LAYERS, FITS = "layers with dropout", "fits the loss: "
# Dropout in a network: what is random is judged by its spread.
WIDTH = 50
# The number of layers with dropout is counted by a variance, whose relative error from
# n trials is sqrt(2 / n). These keep it below half a layer by more than five sigmas:
# of two layers, and of the one whose dropout comes after the last normalisation.
TRIALS = {None: 1000, "layernorm": 300}
DROPOUT = {
    "gradients": {
        "hidden_dims": [6, 5],
        "input_dim": 12,
        "num_classes": 3,
        "dropout": 0.6,
        "seed": 123,
    },
    "after every relu": {
        "hidden_dims": [WIDTH, WIDTH],
        "input_dim": 2,
        "num_classes": 2,
        "dropout": 0.6,
    },
}
DROPOUT["after the normalisation"] = DROPOUT["after every relu"] | {
    "normalization": "layernorm"
}


def make_dropout_inputs(rng, case):
    """Draw parameters, or make a net whose score is 1 and varies by dropout alone."""
    made_with = copy.deepcopy(DROPOUT[case])
    inputs = {"made_with": made_with}
    shapes = shapes_of("dropout", made_with)
    if case == "gradients":
        inputs |= {name: 0.4 * rng.standard_normal(s) for name, s in shapes.items()}
        inputs |= {"X": rng.standard_normal((5, *IMAGE)), "y": rng.randint(3, size=5)}
        return inputs
    # Every unit computes 1; the score of class 0 is 1, that of class 1 is 0. With
    # gamma 0 and beta 1 the output of a normalisation is 1 everywhere, whatever was
    # dropped before it.
    for name, shape in shapes.items():
        value = 1 / shape[0] if name[0] == "W" else float(name.startswith("beta"))
        inputs[name] = np.full(shape, value)
    inputs["W3"][:, 1] = 0
    inputs |= {"X": np.ones((1, 2)), "y": np.zeros(1, int)}
    return inputs


def run_dropout_net(code, inputs):
    """Try dropout in a `FullyConnectedNet`."""
    model = _build(code, inputs, "dropout")
    params = [n for n in inputs if n in shapes_of("dropout", inputs["made_with"])]
    _set(model, inputs, params)
    outputs = {
        "scores in test mode": array_of(model.loss(inputs["X"].copy()), "scores")
    }
    if "seed" not in inputs["made_with"]:
        with without_prints():
            trials = range(TRIALS[inputs["made_with"].get("normalization")])
            losses = [model.loss(*copies(inputs, "X", "y"))[0] for _ in trials]
        return outputs | {"losses": array_of(losses, "losses")}
    with noting_calls(outputs):
        result = model.loss(*copies(inputs, "X", "y"))
    _, grads = unpack(result, "loss(X, y)", "loss", "grads")
    gradients = _gradients(grads, params)

    def loss_of(*now):
        _set(model, dict(zip(gradients, now, strict=True)), gradients)
        return model.loss(*copies(inputs, "X", "y"))[0]

    arrays = {name: inputs[name] for name in gradients}
    slopes = own_slopes(loss_of, arrays, 1.0, gradients)
    return outputs | {f"slopes of d{n[5:]}": s for n, s in slopes.items()}


def derive_dropout_net(inputs, outputs):
    """Turn random outputs into facts that can be compared."""
    found = {"scores in test mode": outputs["scores in test mode"]}
    if "losses" in outputs:
        # loss = log(1 + exp(-score)). A mean over n units, each kept with probability
        # p and divided by it, has the variance (1 - p) / p / n: once for each layer.
        scores = -np.log(np.expm1(outputs["losses"]))
        p = inputs["made_with"]["dropout"]
        layers = scores.var() / ((1 - p) / p / WIDTH)
        mean = scores.mean()
        return found | {
            LAYERS: np.array(float(np.round(layers))),
            MEAN: np.array(1.0 if abs(mean - 1) < 0.06 else mean),
        }
    for name, slopes in outputs.items():
        if name.startswith("slopes of "):
            fits = slopes_agree(*slopes)
            found[name.replace("slopes of ", FITS)] = np.array(fits)
        elif read_output(name).role is Role.CALLED:
            found[name] = slopes
    return found


TEST_SCORES, MEAN = "scores in test mode", "mean score in training"
SAID = {
    TEST_SCORES: "The scores that come back without labels are wrong.",
    MEAN: "In training the scores have another mean than without dropout.",
}


def describe_dropout_net(failed, inputs) -> list[Diagnosis]:
    """Diagnose how many layers drop units, and which gradients do not fit the loss."""
    first = {c.name: c for c in reversed(failed)}
    found = [
        Diagnosis(Kind.NOT_SO, says=says)
        for name, says in SAID.items()
        if name in first
    ]
    if LAYERS in first:
        c = first[LAYERS]
        facts = {"got": float(c.got), "want": float(c.want), "case": c.case}
        found.insert(0, Diagnosis(Kind.LAYERS_DROPPED, facts))
    slopes = [c.name.removeprefix(FITS) for c in failed if c.name.startswith(FITS)]
    if slopes:
        found.append(Diagnosis(Kind.NOT_SLOPES, {"names": slopes}))
    return found


RECIPES = {
    kind: Recipe(
        partial(run_net, kind=kind),
        partial(make_inputs, kind=kind),
        tuple(cases),
        derive=derive_beginning,
        forward="loss",
    )
    for kind, (_, cases) in KINDS.items()
} | {
    "FullyConnectedNet-dropout": Recipe(
        run_dropout_net,
        make_dropout_inputs,
        tuple(DROPOUT),
        derive=derive_dropout_net,
        describe=describe_dropout_net,
    )
}
