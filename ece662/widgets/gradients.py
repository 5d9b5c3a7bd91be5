"""Gradient checker: where the analytic and the numerical gradient differ.

A check says "error 0.3, expected below 1e-8". This one shows where: a wrong border, a
whole column, every second entry, all of it. The layers are looked up in `ece662.layers`
at each drawing.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from matplotlib.ticker import MaxNLocator

from ece662 import layers
from ece662.gradient_check import eval_numerical_gradient_array, rel_error
from ece662.widgets._base import Dashboard, Drawing, choice, log_slider, panel, slider
from ece662.widgets._errors import finished

__all__ = ["LAYERS", "Gradients", "check_gradient", "gradient_checker"]

POOL = {"pool_height": 2, "pool_width": 3, "stride": 1}


class Layer(NamedTuple):
    """A layer to check: its two functions, its arrays, its settings."""

    forward: str
    backward: str
    shapes: dict[str, tuple[int, ...]]  # of the arrays that have gradients, in order
    settings: Callable[[], tuple] = tuple  # further arguments of forward, made anew


def _normalising(name, backward=None, settings=lambda: ({"mode": "train"},)):
    shapes = {"x": (7, 5), "gamma": (5,), "beta": (5,)}
    return Layer(f"{name}_forward", backward or f"{name}_backward", shapes, settings)


# Odd shapes, and no two sizes alike, so that a mistake has nowhere to hide.
LAYERS = {
    "affine": Layer(
        "affine_forward", "affine_backward", {"x": (6, 4), "w": (4, 5), "b": (5,)}
    ),
    "relu": Layer("relu_forward", "relu_backward", {"x": (6, 9)}),
    "batchnorm": _normalising("batchnorm"),
    "batchnorm, closed form": _normalising("batchnorm", "batchnorm_backward_alt"),
    "layernorm": _normalising("layernorm", settings=lambda: ({},)),
    "dropout": Layer(
        "dropout_forward",
        "dropout_backward",
        {"x": (6, 9)},
        lambda: ({"mode": "train", "p": 0.6, "seed": 231},),
    ),
    "convolution": Layer(
        "conv_forward_naive",
        "conv_backward_naive",
        {"x": (2, 2, 5, 4), "w": (3, 2, 3, 2), "b": (3,)},
        lambda: ({"stride": 1, "pad": 1},),
    ),
    "max pooling": Layer(
        "max_pool_forward_naive",
        "max_pool_backward_naive",
        {"x": (2, 2, 4, 5)},
        lambda: (dict(POOL),),
    ),
    "spatial batchnorm": Layer(
        "spatial_batchnorm_forward",
        "spatial_batchnorm_backward",
        {"x": (2, 3, 4, 5), "gamma": (3,), "beta": (3,)},
        lambda: ({"mode": "train"},),
    ),
    "group norm": Layer(
        "spatial_groupnorm_forward",
        "spatial_groupnorm_backward",
        {"x": (2, 4, 3, 5), "gamma": (1, 4, 1, 1), "beta": (1, 4, 1, 1)},
        lambda: (2, {}),
    ),
}


class Gradients(NamedTuple):
    """Both gradients of one array, of its shape, and where they differ."""

    analytic: np.ndarray
    numerical: np.ndarray

    @property
    def errors(self) -> np.ndarray:
        """The relative error of each entry, as `rel_error` takes it."""
        difference = np.abs(self.analytic - self.numerical)
        size = np.abs(self.analytic) + np.abs(self.numerical)
        return difference / np.maximum(1e-8, size)


def check_gradient(layer: str, of: str, seed: int = 231, h: float = 1e-5) -> Gradients:
    """Compute one gradient of a layer both ways.

    Args:
        layer: a name in LAYERS.
        of: the array to take the gradient of, such as "x".
        seed: of the random inputs.
        h: half the step of the numerical gradient.

    Raises:
        ValueError: the backward's gradient does not have the shape of its array.
    """
    pair = LAYERS[layer]
    if of not in pair.shapes:
        raise ValueError(f"{layer} has gradients of {', '.join(pair.shapes)}, not {of}")
    forward, backward = getattr(layers, pair.forward), getattr(layers, pair.backward)
    rng = np.random.default_rng(seed)
    arrays = {name: rng.standard_normal(shape) for name, shape in pair.shapes.items()}

    def run(**changed):
        everything = {**arrays, **changed}
        return finished(pair.forward, forward(*everything.values(), *pair.settings()))

    out, cache = run()
    dout = rng.standard_normal(out.shape)
    gradients = finished(pair.backward, backward(dout, cache))
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    place = list(pair.shapes).index(of)
    analytic = finished(f"d{of} of {pair.backward}", gradients[place])
    if np.shape(analytic) != pair.shapes[of]:
        raise ValueError(
            f"d{of} must be of the shape of {of}, {pair.shapes[of]}, "
            f"got {np.shape(analytic)}"
        )
    x = arrays[of].copy()
    numerical = eval_numerical_gradient_array(lambda x: run(**{of: x})[0], x, dout, h)
    return Gradients(np.asarray(analytic, dtype=float), numerical)


def gradient_checker(**start) -> Dashboard:
    """Show where a layer's gradient is wrong, entry by entry.

    Args:
        **start: the dials' first values: `layer` (of LAYERS), `of` ("x", "w", ...),
            `seed`, `h`.
    """
    dials = {
        "layer": choice("layer", list(LAYERS)),
        "of": choice("gradient of", list(LAYERS["affine"].shapes)),
        "seed": slider("random inputs", 0, 300, 231, live=False),
        "h": log_slider("nudge h", 1e-12, 1, 1e-5, live=False),
    }
    return Dashboard("Gradient checker", dials, draw_check, start, adjust=_offer)


def _offer(dials):
    """Offer the gradients that the chosen layer has."""
    arrays = tuple(LAYERS[dials["layer"].value].shapes)
    if dials["of"].options != arrays:
        dials["of"].options = arrays
        dials["of"].value = arrays[0]


def draw_check(layer: str, of: str, seed: int, h: float) -> Drawing:
    """Draw both gradients and the relative error of each entry as heat maps."""
    gradients = check_gradient(layer, of, seed, h)
    limit = max(np.abs(gradients.numerical).max(), 1e-12)
    colours = {"cmap": "PuOr", "vmin": -limit, "vmax": limit}
    panels = [
        _heat_map(f"d{of}, your backward pass", gradients.analytic, False, **colours),
        _heat_map(f"d{of}, numerical", gradients.numerical, **colours),
    ]
    exponents = np.log10(np.maximum(gradients.errors, 1e-12))
    colours = {"cmap": "cividis", "vmin": -12, "vmax": 0}
    panels.append(_heat_map("relative error, as 10^…", exponents, **colours))
    return Drawing(panels, _verdict(layer, of, gradients))


def _verdict(layer, of, gradients):
    worst = float(rel_error(gradients.analytic, gradients.numerical))
    wrong = int(np.sum(gradients.errors > 1e-6))
    size = gradients.errors.size
    place = np.unravel_index(gradients.errors.argmax(), gradients.errors.shape)
    place = ", ".join(map(str, place))
    said = f"{layer}, d{of}: largest error {worst:.0e}, expected below 1e-06"
    if not wrong:
        return f"{said}. All {size} entries agree."
    return f"{said}. {wrong} of {size} entries differ, most of all [{place}]."


def _heat_map(title, array, bar=True, **colours):
    """Draw an array as rows of its last axis, its first axes below each other."""
    rows = array.reshape(-1, array.shape[-1] if array.ndim > 1 else array.size)
    if array.shape[1:] and array.size == array.shape[1]:  # (1, C, 1, 1)
        rows = array.reshape(1, -1)
    figure, ax = panel(title, width=4.2 if bar else 3.7, height=3.9)
    image = ax.imshow(rows, aspect="auto", **colours)
    if bar:
        figure.colorbar(image, ax=ax)
    ax.grid(False)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(5, integer=True))
    ax.set_xlabel("last axis" if array.ndim > 1 else "entry")
    if array.ndim > 2 and len(rows) > 1:
        block = array.shape[-2]
        for edge in range(block, len(rows), block):
            ax.axhline(edge - 0.5, color="black", linewidth=1)
        ax.set_ylabel("the other axes, one after the other")
    elif len(rows) > 1:
        ax.set_ylabel("first axis")
    else:
        ax.set_yticks([])
    return figure
