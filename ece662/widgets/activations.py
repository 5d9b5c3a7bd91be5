"""Activations through depth: does the signal survive, and does the gradient return?

A stack of affine, normalisation and ReLU layers with random weights, made of the
student's own functions in `ece662.layers`. No training: what is seen here decides
whether training can begin.
"""

from typing import NamedTuple

import numpy as np
from matplotlib.collections import PolyCollection

from ece662 import layers
from ece662.figures.style import COLOURS
from ece662.widgets._base import Dashboard, Drawing, choice, log_slider, panel, slider
from ece662.widgets._errors import finished

__all__ = ["NORMALISATIONS", "Signals", "activations_through_depth", "send_signal"]

NORMALISATIONS = {
    "none": "none",
    "batch normalisation": "batchnorm",
    "layer normalisation": "layernorm",
}
LOWEST, HIGHEST = -9, 5  # powers of ten that are shown; what is beyond piles up there


class Signals(NamedTuple):
    """What each layer puts out, and the gradient that comes back to it; (N, D) each."""

    activations: list[np.ndarray]
    gradients: list[np.ndarray]


def send_signal(
    normalisation: str, weight_scale: float, depth: int, N=100, D=100
) -> Signals:
    """Send random inputs up a stack of layers, and a random gradient back down.

    Args:
        normalisation: "batchnorm", "layernorm" or "none".
        weight_scale: standard deviation of the weights.
        depth: number of layers.
        N, D: inputs, and units in each layer.
    """
    out, gradient = np.random.randn(N, D), np.random.randn(N, D)
    activations, tape = [], []
    for _ in range(depth):
        arguments = (weight_scale * np.random.randn(D, D), np.zeros(D))
        out = _forward("affine", tape, out, *arguments)
        if normalisation != "none":
            arguments = (np.ones(D), np.zeros(D), {"mode": "train"})
            out = _forward(normalisation, tape, out, *arguments)
        out = _forward("relu", tape, out)
        activations.append(out)
    gradients = []
    for name, cache in reversed(tape):
        if name == "relu":
            gradients.append(gradient)
        backward = getattr(layers, f"{name}_backward")
        result = finished(f"{name}_backward", backward(gradient, cache))
        gradient = result if name == "relu" else result[0]
    return Signals(activations, gradients[::-1])


def _forward(name, tape, *arguments):
    """Run a layer, keep its cache on the tape, and return its output."""
    forward = getattr(layers, f"{name}_forward")
    out, cache = finished(f"{name}_forward", forward(*arguments))
    tape.append((name, cache))
    return out


def activations_through_depth(**start) -> Dashboard:
    """Show the sizes of activations and gradients in every layer.

    Args:
        **start: the dials' first values: `scale`, `normalisation` ("none", "batchnorm"
            or "layernorm"), `depth`.
    """
    dials = {
        "scale": log_slider("weight scale", 1e-4, 10, 0.05),
        "normalisation": choice("normalisation", NORMALISATIONS),
        "depth": slider("layers", 1, 12, 8),
    }
    return Dashboard("Activations through depth", dials, draw_signals, start)


def draw_signals(scale, normalisation, depth) -> Drawing:
    """Draw a histogram of every layer's activations, and one of its gradients."""
    signals = send_signal(normalisation, scale, depth)
    panels = [
        _ridges("Activations, forward", signals.activations, COLOURS[0]),
        _ridges("Gradients, backward", signals.gradients, COLOURS[1]),
    ]
    last, first = signals.activations[-1].std(), signals.gradients[0].std()
    text = (
        f"The inputs have a standard deviation of 1; the last layer's outputs "
        f"{last:.1e}. The gradient starts with 1 and reaches layer 1 with {first:.1e}. "
        f"{_judge(min(last, first), max(last, first))}"
    )
    return Drawing(panels, text)


def _judge(smallest, largest):
    if largest > 100:
        return "It explodes."
    return "It vanishes." if smallest < 0.01 else "It stays alive."


def _ridges(title, by_layer, colour):
    """Draw histograms of log10 |value| above each other, layer 1 at the top."""
    labels = {"xlabel": "size of a value", "ylabel": "layer"}
    figure, ax = panel(title, 5.6, 4.4, **labels)
    edges = np.linspace(LOWEST, HIGHEST, 85)
    middles = (edges[1:] + edges[:-1]) / 2
    hills = []
    for number, values in enumerate(by_layer, start=1):
        sizes = np.abs(values[values != 0])
        exponents = np.clip(np.log10(sizes), LOWEST + 0.01, HIGHEST - 0.01)
        counts = np.histogram(exponents, edges)[0] / values.size
        height = np.minimum(6 * counts, 1.1)  # narrow ones would cover other layers
        hills.append(np.column_stack([middles, number - height]))
        zero = np.mean(values == 0)
        if zero:
            place = {"ha": "right", "fontsize": 10, "color": "0.25", "zorder": 3}
            ax.text(HIGHEST, number - 0.1, f"{zero:.0%} are 0", **place)
    look = {"facecolors": colour, "edgecolors": colour, "alpha": 0.6}
    ax.add_collection(PolyCollection(hills, zorder=2, **look))
    ticks = range(LOWEST + 1, HIGHEST + 1, 2)
    ax.set_xticks(ticks, labels=[f"1e{e}" if e else "1" for e in ticks])
    ax.set_yticks(range(1, len(by_layer) + 1))
    ax.set(xlim=(LOWEST, HIGHEST), ylim=(len(by_layer) + 0.2, -0.2))
    ax.axvline(0, color="black", linestyle=":", linewidth=1.2)
    return figure
