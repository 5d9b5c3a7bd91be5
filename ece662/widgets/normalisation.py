"""Normalisation: which values share a mean, and what the batch does to an image.

The outputs are those of the student's own layers. For images these are
`spatial_batchnorm_forward` and `spatial_groupnorm_forward`: layer normalisation is one
group of all channels, instance normalisation a group for each. Without pixels, channels
are plain features, for `batchnorm_forward` and `layernorm_forward`.
"""

from functools import partial

import numpy as np
from matplotlib.collections import PolyCollection

from ece662 import layers
from ece662.figures.style import COLOURS
from ece662.widgets._base import Dashboard, Drawing, choice, panel, slider
from ece662.widgets._errors import finished

__all__ = ["KINDS", "normalisation_cube", "normalise_in_batches", "sharing"]

KINDS = ("batch", "layer", "instance", "group")
C, PIXELS = 6, 4  # channels, and pixels of an image (2 x 2)
BATCHES = 60


def sharing(kind: str, N: int, G: int = 2) -> np.ndarray:
    """Number the sets of values that share a mean and a variance.

    Args:
        kind: one of KINDS.
        N: images in the batch.
        G: groups of group normalisation.

    Returns:
        numbers: (N, C), the same for all pixels of a channel of an image.
    """
    image, channel = np.indices((N, C))
    numbers = {
        "batch": channel,
        "layer": image,
        "instance": image * C + channel,
        "group": image * G + channel * G // C,
    }
    return numbers[kind]


def normalise_in_batches(
    kind: str, N: int, G: int, mode: str, shape: tuple[int, ...] = (C, 2, 2)
) -> np.ndarray:
    """Normalise the same image together with ever other images.

    Args:
        kind: one of KINDS.
        N: images in a batch.
        G: groups of group normalisation.
        mode: "train" or "test", for batch normalisation.
        shape: of an image, or (C,) for features without pixels.

    Returns:
        outputs: (BATCHES,), what becomes of one and the same number of the image.
    """
    image = 3 + 2 * np.random.randn(1, *shape)
    image.flat[0] = 6.0
    bn_param = {"mode": "train"}
    batches = [
        np.concatenate([image, 3 + 2 * np.random.randn(N - 1, *shape)])
        for _ in range(BATCHES)
    ]
    if kind == "batch" and mode == "test":  # the running averages come from training
        for batch in batches:
            _normalise(kind, batch, G, bn_param)
        bn_param["mode"] = "test"
    outputs = [_normalise(kind, batch, G, bn_param) for batch in batches]
    return np.array([out.flat[0] for out in outputs])


def _normalise(kind, x, G, bn_param):
    spatial = "spatial_" if x.ndim == 4 else ""
    if kind == "batch":
        name = f"{spatial}batchnorm_forward"
        arguments = (np.ones(C), np.zeros(C), bn_param)
    elif spatial:
        name = "spatial_groupnorm_forward"
        groups = {"layer": 1, "instance": C, "group": G}[kind]
        arguments = (np.ones((1, C, 1, 1)), np.zeros((1, C, 1, 1)), groups, {})
    else:
        name = "layernorm_forward"
        arguments = (np.ones(C), np.zeros(C), {})
    return finished(name, getattr(layers, name)(x, *arguments))[0]


def normalisation_cube(pixels: bool = True, **start) -> Dashboard:
    """Show which values share a mean, and how an image depends on its batch.

    Args:
        pixels: False for plain features, with batch and layer normalisation only.
        **start: the dials' first values: `kind` (of KINDS), `N`, `G`, `mode`.
    """
    dials = {
        "kind": choice("normalisation", KINDS if pixels else KINDS[:2]),
        "N": slider("batch size", 1, 32, 4),
        "G": choice("groups", (1, 2, 3, 6), 2),
        "mode": choice("mode", ("train", "test")),
    }

    def fit(dials):
        dials["G"].disabled = dials["kind"].value != "group"
        dials["mode"].disabled = dials["kind"].value != "batch"

    draw = partial(draw_normalisation, shape=(C, 2, 2) if pixels else (C,))
    return Dashboard("Who shares a mean?", dials, draw, start, adjust=fit)


def draw_normalisation(kind, N, G, mode, shape) -> Drawing:
    """Draw the cube of images, channels and pixels, and one number in many batches."""
    sets = len(np.unique(sharing(kind, N, G)))
    together = N * int(np.prod(shape)) // sets
    outputs = normalise_in_batches(kind, N, G, mode, shape)
    text = (
        f"{kind} normalisation: {sets} mean{'s' * (sets > 1)}, each of {together} "
        f"numbers. The same number in {BATCHES} batches ({mode} mode): mean output "
        f"{outputs.mean():.2f}, standard deviation {outputs.std():.2f}."
    )
    cube = _draw_cube(kind, min(N, 8), G, pixels=PIXELS if len(shape) > 1 else 1)
    return Drawing((cube, _draw_outputs(kind, N, mode, outputs)), text)


def _draw_cube(kind, N, G, pixels):
    """Draw three faces of the cube in slanting projection; a colour shares a mean."""
    figure, ax = panel("One colour, one mean and variance", 5.6, 4.2)
    numbers = sharing(kind, N, G)
    faces, colours = [], []

    def add(corners, image, channel, shade):
        faces.append([(n + 0.5 * c, p + 0.45 * c) for n, c, p in corners])
        colour = COLOURS[_colour_number(kind, numbers, image, channel)]
        rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        colours.append(rgb * shade + (1 - shade))

    for n in range(N):
        for p in range(pixels):  # the front: channel 0
            around = ((n, 0, p), (n + 1, 0, p), (n + 1, 0, p + 1), (n, 0, p + 1))
            add(around, n, 0, 0.75)
        for c in range(C):  # the top
            P = pixels
            around = ((n, c, P), (n + 1, c, P), (n + 1, c + 1, P), (n, c + 1, P))
            add(around, n, c, 0.55)
    for c in range(C):  # the right side: the last image
        for p in range(pixels):
            around = ((N, c, p), (N, c + 1, p), (N, c + 1, p + 1), (N, c, p + 1))
            add(around, N - 1, c, 0.9)
    ax.add_collection(
        PolyCollection(faces, facecolors=colours, edgecolors="white", linewidths=1)
    )
    ax.set(xlim=(-0.9, N + 3.4), ylim=(-0.9, pixels + 0.45 * C + 0.3), aspect="equal")
    ax.text(N / 2, -0.2, f"{N} images", ha="center", va="top")
    if pixels > 1:
        ax.text(-0.2, pixels / 2, "pixels", rotation=90, ha="right", va="center")
    deep = f"{C} {'channels' if pixels > 1 else 'features'}"
    ax.text(N + 1.9, 1.0, deep, rotation=40, ha="center", va="center")
    ax.axis("off")
    return figure


def _colour_number(kind, numbers, image, channel):
    """Choose a colour so that neighbours that do not share a mean differ."""
    number = numbers[image, channel]
    if kind in ("instance", "group"):
        within = number - numbers[image, 0]
        return (within + 2 * image) % len(COLOURS)
    return number % len(COLOURS)


def _draw_outputs(kind, N, mode, outputs):
    title = "The same number of the same image"
    labels = {"xlabel": "batch", "ylabel": "its normalised value"}
    figure, ax = panel(title, 5.0, 4.2, **labels)
    ax.plot(np.arange(1, BATCHES + 1), outputs, "o", markersize=5, color=COLOURS[0])
    ax.axhline(outputs.mean(), color=COLOURS[1], linestyle="--", label="mean")
    ax.set(ylim=(-1, 4), xlim=(0, BATCHES + 1))
    ax.legend(loc="upper right")
    said = f"{kind}, batches of {N}, {mode} mode"
    ax.text(0.02, 0.03, said, transform=ax.transAxes, fontsize=11)
    return figure
