"""The synthetic data set as a whole: its classes, splits and order.

Six classes with the names of the real ones, 32x32 colour pictures, 8,400 in all, drawn
in a few seconds. They are cartoons, made so that the course's lessons work without a
download; no number measured on them says anything about real photographs.

A picture's content depends only on VERSION, its split, its class and its place among
the pictures of that class.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ece662.data.classes import CLASSES
from ece662.data.synthetic import animals, machines
from ece662.data.synthetic.drawing import Canvas
from ece662.data.synthetic.scenery import backdrop, develop, scatter

__all__ = ["COUNTS", "SUBJECTS", "VERSION", "draw_block", "draw_split", "generate"]

# The recipe's name: one more whenever a change alters a single byte of the pictures.
VERSION = 1

COUNTS = {"train": 6000, "val": 1200, "test": 1200}

# Pictures drawn in step. With 10, NumPy's cost per call makes the whole 1.4 times as
# slow; with 100 it takes as long as with 25, and more memory.
BLOCK = 25


class View(NamedTuple):
    """One way in which a class is seen."""

    draw: Callable[[Canvas], None]
    scale: tuple[float, float]  # pixels to a drawing unit, from and to
    tilt: float  # largest turn, as Canvas.place takes it


class Subject(NamedTuple):
    """A class: its views, drawn equally often, and where it is met."""

    views: tuple[View, ...]
    habitat: tuple[int, ...]  # per cent of sky, street, forest, meadow, room


LEVEL, TILTED, ANY = 0.12, 0.3, 1.0

# In label order.
SUBJECTS = (
    Subject(
        (
            View(machines.airplane_side, (9, 15), TILTED),
            View(machines.airplane_plan, (9, 14), ANY),
        ),
        habitat=(60, 10, 10, 10, 10),
    ),
    Subject(
        (
            View(machines.automobile_side, (9, 15), LEVEL),
            View(machines.automobile_front, (10, 16), LEVEL),
        ),
        habitat=(10, 55, 10, 15, 10),
    ),
    Subject(
        (
            View(animals.bird_perched, (9, 15), LEVEL),
            View(animals.bird_flying, (9, 15), TILTED),
        ),
        habitat=(35, 10, 30, 15, 10),
    ),
    Subject(
        (
            View(animals.cat_face, (9, 15), LEVEL),
            View(animals.cat_standing, (10, 15), LEVEL),
        ),
        habitat=(10, 20, 10, 15, 45),
    ),
    Subject(
        (
            View(animals.deer_standing, (10, 15), LEVEL),
            View(animals.deer_face, (10, 15), LEVEL),
        ),
        habitat=(10, 10, 40, 35, 5),
    ),
    Subject(
        (
            View(animals.dog_face, (10, 15), LEVEL),
            View(animals.dog_standing, (10, 15), LEVEL),
        ),
        habitat=(10, 20, 10, 35, 25),
    ),
)


def generate() -> dict[str, np.ndarray]:
    """Draw the whole set.

    Returns:
        X_train (6000, 3, 32, 32), X_val and X_test (1200, 3, 32, 32), uint8; y_train,
        y_val, y_test of matching length, uint8 labels: indices into CLASSES. Every
        class has the same number of pictures in each split, in random order.
    """
    data = {}
    for number, (split, count) in enumerate(COUNTS.items()):
        X, y = draw_split(number, count)
        data[f"X_{split}"], data[f"y_{split}"] = X, y
    return data


def draw_split(
    split: int | tuple[int, ...], count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw one split with `count` pictures, the same number of each class, shuffled.

    Args:
        split: its number, as in COUNTS; several numbers below 2**32 name a further one.
        count: how many pictures.
    """
    each = count // len(CLASSES)
    blocks = [
        draw_block(split, label, block)
        for label in range(len(CLASSES))
        for block in range(each // BLOCK)
    ]
    X = np.concatenate(blocks)
    y = np.repeat(np.arange(len(CLASSES), dtype=np.uint8), each)
    lots = np.random.RandomState((VERSION, *_numbers(split))).random_sample(count)
    order = np.argsort(lots, kind="stable")
    return X[order], y[order]


def draw_block(split: int | tuple[int, ...], label: int, block: int) -> np.ndarray:
    """Draw BLOCK pictures of one class, all in the same view; uint8.

    Each block has a random stream of its own, so that a change to one class leaves the
    pictures of the others alone.
    """
    stream = np.random.RandomState((VERSION, *_numbers(split), label, block))
    canvas = Canvas(stream, BLOCK)
    subject = SUBJECTS[label]
    view = subject.views[block % len(subject.views)]
    backdrop(canvas, subject.habitat)
    canvas.place(
        x=canvas.between(-5, 5),
        y=canvas.between(-5, 5),
        scale=canvas.between(*view.scale),
        tilt=canvas.between(-view.tilt, view.tilt),
        mirror=1.0 - 2.0 * canvas.chance(0.5),
    )
    canvas.illuminate(
        across=canvas.between(-0.15, 0.15),
        down=canvas.between(-0.35, 0.0),
        coat=canvas.between(0, 0.2),
    )
    view.draw(canvas)
    scatter(canvas, block, 0.3)
    return develop(canvas)


def _numbers(split: int | tuple[int, ...]) -> tuple[int, ...]:
    return split if isinstance(split, tuple) else (split,)
