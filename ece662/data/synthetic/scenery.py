"""What stands behind and in front of the objects of the synthetic set.

A scene is two colours that meet at a horizon, roughened by smooth noise and littered
with shapes that belong to no class. Every class is seen in every scene, in some more
often than in others: as in photographs, the background is a hint that a linear model
picks up at once and that a good model must learn to ignore.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ece662.data.synthetic.drawing import SIZE, Canvas

__all__ = ["SCENES", "backdrop", "develop", "scatter"]


class Scene(NamedTuple):
    """How one kind of background looks."""

    upper: tuple  # four colours, one of which is seen above the horizon
    lower: tuple  # four for below it
    haze: float  # height of the zone, in pixels, over which the two mix
    bumps: float  # strength of the coarse noise: clouds, bushes, stains
    grain: float  # strength of the fine noise: leaves, gravel, fabric


SKY = Scene(
    upper=((0.38, 0.6, 0.88), (0.55, 0.68, 0.82), (0.72, 0.74, 0.78), (0.5, 0.5, 0.68)),
    lower=((0.75, 0.85, 0.95), (0.82, 0.84, 0.86), (0.93, 0.75, 0.6), (0.6, 0.7, 0.8)),
    haze=24,
    bumps=0.3,
    grain=0.04,
)
STREET = Scene(
    upper=((0.6, 0.6, 0.62), (0.62, 0.48, 0.4), (0.75, 0.7, 0.6), (0.5, 0.6, 0.7)),
    lower=(
        (0.42, 0.42, 0.44),
        (0.55, 0.54, 0.53),
        (0.66, 0.64, 0.6),
        (0.35, 0.34, 0.36),
    ),
    haze=2,
    bumps=0.15,
    grain=0.12,
)
FOREST = Scene(
    upper=((0.2, 0.32, 0.16), (0.32, 0.38, 0.22), (0.42, 0.46, 0.36), (0.62, 0.6, 0.4)),
    lower=((0.3, 0.36, 0.18), (0.42, 0.34, 0.22), (0.52, 0.48, 0.34), (0.25, 0.3, 0.2)),
    haze=8,
    bumps=0.35,
    grain=0.25,
)
MEADOW = Scene(
    upper=((0.55, 0.72, 0.9), (0.75, 0.78, 0.8), (0.3, 0.42, 0.25), (0.5, 0.55, 0.45)),
    lower=(
        (0.35, 0.52, 0.2),
        (0.5, 0.58, 0.28),
        (0.65, 0.58, 0.35),
        (0.85, 0.86, 0.88),
    ),
    haze=3,
    bumps=0.2,
    grain=0.2,
)
ROOM = Scene(
    upper=((0.78, 0.72, 0.62), (0.6, 0.5, 0.42), (0.55, 0.58, 0.62), (0.7, 0.45, 0.42)),
    lower=((0.6, 0.42, 0.28), (0.48, 0.4, 0.36), (0.7, 0.66, 0.6), (0.4, 0.42, 0.55)),
    haze=1,
    bumps=0.2,
    grain=0.08,
)
SCENES = (SKY, STREET, FOREST, MEADOW, ROOM)

LITTER = (
    (0.9, 0.9, 0.88), (0.15, 0.15, 0.15), (0.7, 0.25, 0.2), (0.3, 0.5, 0.25),
    (0.35, 0.4, 0.65), (0.6, 0.5, 0.35), (0.85, 0.75, 0.4), (0.45, 0.32, 0.22),
)  # fmt: skip


def backdrop(canvas: Canvas, habitat: Sequence[int], litter: int = 4) -> None:
    """Paint a scene over each picture.

    Args:
        canvas: whose pictures are painted over.
        habitat: how often each of SCENES is seen, in their order and in per cent.
        litter: number of boxes, blobs and poles that may stand about.
    """
    scene = pick_scenes(canvas, habitat)
    canvas.fill_frame()
    horizon = canvas.between(0.3, 0.75) * SIZE
    row = np.arange(SIZE)[:, None]
    below = np.clip((row - horizon) / scene.haze + 0.5, 0, 1)
    rough = canvas.between(0.5, 1.5) * (
        scene.bumps * (canvas.noise(4) - 0.5) + scene.grain * (canvas.noise(16) - 0.5)
    )
    canvas.rgb[:] = scene.upper
    canvas.blend(below, scene.lower)
    canvas.rgb += rough[:, None]
    for kind in range(litter):
        scatter(canvas, kind, 0.5)


def pick_scenes(canvas: Canvas, habitat: Sequence[int]) -> Scene:
    """Draw a scene for each picture; the fields then hold one entry a picture."""
    urn = np.repeat(np.arange(len(SCENES)), habitat)
    ticket = np.floor(len(urn) * canvas.rng.random_sample(canvas.n))
    drawn = urn[ticket.astype(np.intp)]
    upper, lower, *numbers = (
        np.array(field)[drawn] for field in zip(*SCENES, strict=True)
    )
    numbers = (values.reshape(-1, 1, 1) for values in numbers)
    return Scene(canvas.pick(upper), canvas.pick(lower), *numbers)


def scatter(canvas: Canvas, kind: int, probability: float) -> None:
    """Paint a shape of no meaning anywhere.

    Args:
        canvas: whose pictures get one.
        kind: chooses between a box, a blob and a pole.
        probability: that a picture gets it.
    """
    canvas.place(
        x=canvas.between(-18, 18),
        y=canvas.between(-16, 16),
        scale=canvas.between(3, 9),
        tilt=canvas.between(-0.15, 0.15),
    )
    colour = canvas.pick(LITTER, spread=0.15)
    opacity = canvas.between(0.3, 0.9) * canvas.chance(probability)
    w, h = canvas.between(0.4, 1.2), canvas.between(0.4, 1.2)
    if kind % 3 == 0:
        canvas.polygon([(-w, -h), (w, -h), (w, h), (-w, h)], colour, opacity)
    elif kind % 3 == 1:
        canvas.ellipse(0.0, 0.0, w, h, colour, opacity)
    else:
        canvas.stroke((0.0, -2.0), (3 * w - 2, 3 * h), 0.15, colour, opacity)


def develop(canvas: Canvas, exposure: float = 0.25, noise: float = 0.06) -> np.ndarray:
    """Turn drawings into photographs: exposure, tint, contrast, sensor noise.

    Args:
        canvas: the finished drawings.
        exposure: by how much brightness and contrast may be off, up and down.
        noise: strongest deviation of a single pixel.

    Returns:
        (n, 3, SIZE, SIZE) uint8.
    """
    n = canvas.n
    tint = 0.06 * (2 * canvas.rng.random_sample((n, 3, 1, 1)) - 1)
    contrast = canvas.between(1 - exposure, 1 + exposure)[:, None]
    brightness = canvas.between(-exposure, exposure)[:, None] / 2
    slope = canvas.between(-0.008, 0.008)
    light = 1 + slope * (np.arange(SIZE) - SIZE / 2)  # a window at one side
    rgb = (canvas.rgb - 0.5) * contrast + 0.5 + brightness + tint
    rgb = rgb * light[:, None]
    # Two uniform numbers taken together: near enough to the noise of a sensor.
    grain = canvas.rng.random_sample(rgb.shape) - canvas.rng.random_sample(rgb.shape)
    rgb = rgb + noise * canvas.between(0.3, 1.0)[:, None] * grain
    return np.floor(np.clip(rgb, 0, 1) * 255 + 0.5).astype(np.uint8)
