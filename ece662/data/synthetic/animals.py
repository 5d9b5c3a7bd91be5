"""How birds, cats, deer and dogs of the synthetic set are drawn.

One short function for each view of each, as in `machines`. What tells the animals apart
are small parts at the right place: a beak, whiskers, a hanging ear, antlers. The large
parts are shared: trunk, legs and neck are one drawing, `quadruped`, and the coats come
from one palette. Whoever looks at colours and rough outlines only will mix them up.
"""

import numpy as np

from ece662.data.synthetic.drawing import BLACK, WHITE, Canvas, Colour, Number, Point

__all__ = [
    "bird_flying",
    "bird_perched",
    "cat_face",
    "cat_standing",
    "deer_face",
    "deer_standing",
    "dog_face",
    "dog_standing",
]

PINK = (0.85, 0.5, 0.5)
PLUMAGE = (
    (0.45, 0.33, 0.22), (0.6, 0.55, 0.5), (0.25, 0.25, 0.28), (0.3, 0.42, 0.65),
    (0.75, 0.3, 0.2), (0.85, 0.75, 0.3), (0.9, 0.9, 0.88),
)  # fmt: skip
COATS = (
    (0.5, 0.35, 0.22), (0.68, 0.48, 0.28), (0.78, 0.65, 0.48), (0.35, 0.26, 0.2),
    (0.55, 0.52, 0.5), (0.22, 0.2, 0.2), (0.85, 0.82, 0.77),
)  # fmt: skip
BARK = ((0.35, 0.25, 0.17), (0.45, 0.38, 0.3), (0.25, 0.2, 0.16))
BILLS = ((0.9, 0.55, 0.15), (0.25, 0.22, 0.2), (0.85, 0.75, 0.4))
BONE = ((0.75, 0.65, 0.5), (0.5, 0.4, 0.3), (0.88, 0.82, 0.7))
EYES = ((0.55, 0.75, 0.3), (0.9, 0.75, 0.25))
COLLARS = ((0.8, 0.15, 0.15), (0.15, 0.3, 0.7), (0.9, 0.75, 0.2), (0.2, 0.45, 0.3))


def bird_perched(canvas: Canvas) -> None:
    """Draw a songbird on a branch."""
    coat, wing, belly = (canvas.pick(PLUMAGE) for _ in range(3))
    bill = canvas.pick(BILLS)
    plump = canvas.between(0.28, 0.38)
    left, right = (-1.6, canvas.between(0.6, 0.8)), (1.6, canvas.between(0.6, 0.85))
    canvas.stroke(left, right, 0.09, canvas.pick(BARK))
    for foot in (-0.02, 0.18):
        canvas.stroke((foot, 0.3), (foot + 0.05, 0.68), 0.035, bill)
    canvas.stroke((-0.3, 0.2), (-0.95, 0.55), 0.12, 0.8 * wing, tip=0.08)
    canvas.stroke((-0.25, 0.15), (0.22, -0.05), plump - 0.05, coat, tip=plump)
    canvas.ellipse(0.24, 0.1, plump - 0.1, plump - 0.08, belly)
    canvas.stroke((0.08, -0.02), (-0.5, 0.3), 0.2, wing, tip=0.06)
    canvas.polygon([(0.6, -0.56), (0.98, -0.4), (0.6, -0.32)], bill)
    canvas.ellipse(0.42, -0.44, 0.26, 0.24, coat)
    canvas.ellipse(0.5, -0.48, 0.06, 0.06, BLACK)


def bird_flying(canvas: Canvas) -> None:
    """Draw a bird in flight, wings raised."""
    coat, belly = canvas.pick(PLUMAGE), canvas.pick(PLUMAGE)
    bill = canvas.pick(BILLS)
    lift, back = canvas.between(0.6, 0.95), canvas.between(0.1, 0.5)
    canvas.polygon([(0.1, 0.0), (0.5 - back, -lift), (0.36, 0.05)], 0.7 * coat)
    canvas.polygon(
        [(-0.45, 0.02), (-0.45, 0.12), (-1.0, 0.3), (-0.98, 0.0)], 0.8 * coat
    )
    canvas.stroke((-0.5, 0.08), (0.35, 0.05), 0.09, coat, tip=0.2)
    canvas.stroke((-0.2, 0.16), (0.3, 0.16), 0.05, belly, tip=0.1)
    canvas.polygon([(0.66, -0.12), (0.98, 0.0), (0.66, 0.06)], bill)
    canvas.ellipse(0.54, -0.06, 0.19, 0.17, coat)
    canvas.ellipse(0.6, -0.1, 0.05, 0.05, BLACK)
    front, rear = (-0.2 - back, -lift + 0.08), (-0.55 - back, -lift)
    canvas.polygon([(-0.3, 0.05), rear, front, (0.25, 0.05)], 0.9 * coat)
    front, rear = (-0.3 - back, -lift + 0.1), (-0.5 - back, -lift + 0.03)
    canvas.stroke(rear, front, 0.06, 0.5 * coat)


def cat_face(canvas: Canvas) -> None:
    """Draw a cat's face: upright ears, slit eyes, whiskers."""
    coat, eye = canvas.pick(COATS), canvas.pick(EYES)
    muzzle, stripe = canvas.pick((WHITE, *COATS[:3])), 0.55 * coat
    spread, tip = canvas.between(0.5, 0.66), canvas.between(-1.0, -0.82)
    for side in (-1, 1):
        top = (side * (spread + 0.1), tip)
        canvas.polygon([(side * 0.78, -0.15), top, (side * 0.12, -0.5)], coat)
        top = (side * (spread + 0.06), tip + 0.2)
        canvas.polygon([(side * 0.66, -0.3), top, (side * 0.32, -0.5)], PINK)
    canvas.ellipse(0.0, 0.05, 0.82, 0.7, coat)
    striped = canvas.chance(0.6)
    for x in (-0.22, 0.0, 0.22):
        canvas.stroke((x, -0.6), (0.8 * x, -0.35), 0.05, stripe, striped)
    canvas.ellipse(0.0, 0.42, 0.34, 0.24, muzzle)
    for side in (-1, 1):
        canvas.ellipse(side * 0.36, -0.05, 0.19, 0.15, eye)
        canvas.ellipse(side * 0.36, -0.05, 0.06, 0.14, BLACK)
        for drop in (0.3, 0.46):
            canvas.stroke((side * 0.25, 0.38), (side * 1.1, drop), 0.025, WHITE, 0.8)
        canvas.stroke((0.0, 0.5), (side * 0.16, 0.46), 0.03, 0.4 * coat)
    canvas.polygon([(-0.11, 0.22), (0.11, 0.22), (0.0, 0.36)], PINK)


def cat_standing(canvas: Canvas) -> None:
    """Draw a cat from the side: tail up, upright ears, stripes."""
    coat = canvas.pick(COATS)
    tail = canvas.between(-1.0, -0.75)
    canvas.stroke((-0.62, 0.05), (-0.85, -0.4), 0.07, coat)
    canvas.stroke((-0.85, -0.4), (-0.7, tail), 0.07, coat, tip=0.05)
    x, y = quadruped(canvas, coat, legs=0.62, neck=(0.68, -0.3), girth=0.23)
    striped = canvas.chance(0.6)
    for at in (-0.35, -0.12, 0.1):
        canvas.stroke((at, -0.12), (at - 0.05, 0.15), 0.04, 0.55 * coat, striped)
    for ear in (-0.16, 0.14):
        root, tip = x + ear, (x + 1.3 * ear, y - 0.5)
        canvas.polygon([(root - 0.12, y - 0.1), tip, (root + 0.12, y - 0.1)], coat)
        tip = (x + 1.25 * ear, y - 0.36)
        canvas.polygon([(root - 0.05, y - 0.15), tip, (root + 0.05, y - 0.15)], PINK)
    canvas.ellipse(x, y, 0.3, 0.26, coat)
    for eye in (-0.06, 0.16):
        canvas.ellipse(x + eye, y - 0.04, 0.07, 0.07, (0.65, 0.78, 0.3))
        canvas.ellipse(x + eye, y - 0.04, 0.03, 0.07, BLACK)
    canvas.ellipse(x + 0.06, y + 0.1, 0.06, 0.04, PINK)
    for drop in (0.06, 0.16):
        canvas.stroke((x + 0.15, y + 0.1), (x + 0.5, y + drop), 0.02, WHITE, 0.8)


def deer_standing(canvas: Canvas) -> None:
    """Draw a deer from the side: long legs, long neck, antlers, white tail."""
    coat = canvas.pick(COATS)
    canvas.stroke((-0.62, -0.02), (-0.76, 0.1), 0.09, WHITE)
    x, y = quadruped(canvas, coat, legs=0.95, neck=(0.66, -0.5), girth=0.22)
    spotted = canvas.chance(0.5)
    for at, drop in ((-0.4, -0.05), (-0.2, 0.05), (0.0, -0.05), (0.15, 0.08)):
        canvas.ellipse(at, drop, 0.05, 0.04, WHITE, spotted)
    canvas.stroke((x - 0.1, y - 0.1), (x - 0.34, y - 0.16), 0.07, 0.8 * coat, tip=0.03)
    canvas.stroke((x - 0.04, y), (x + 0.28, y + 0.12), 0.14, coat, tip=0.08)
    canvas.ellipse(x + 0.32, y + 0.13, 0.05, 0.05, BLACK)
    canvas.ellipse(x + 0.06, y - 0.02, 0.04, 0.04, BLACK)
    for lean in (-0.3, 0.15):
        antler(canvas, x, y - 0.1, lean, 0.5)


def deer_face(canvas: Canvas) -> None:
    """Draw a deer that looks at the viewer: branching antlers, ears held out."""
    coat = canvas.pick(COATS)
    canvas.stroke((0.0, 0.5), (0.0, 1.5), 0.3, 0.85 * coat, tip=0.5)
    for side in (-1, 1):
        antler(canvas, side * 0.14, -0.15, side * 0.5, 0.8)
        canvas.stroke((side * 0.2, 0.0), (side * 0.66, -0.1), 0.12, coat, tip=0.05)
        canvas.stroke((side * 0.3, 0.0), (side * 0.55, -0.07), 0.06, PINK, tip=0.03)
    canvas.stroke((0.0, 0.08), (0.0, 0.7), 0.29, coat, tip=0.15)
    canvas.ellipse(0.0, 0.72, 0.17, 0.14, WHITE, canvas.between(0.3, 0.9))
    canvas.ellipse(0.0, 0.68, 0.1, 0.07, BLACK)
    for side in (-1, 1):
        canvas.ellipse(side * 0.2, 0.12, 0.07, 0.07, BLACK)


def antler(canvas: Canvas, x: Number, y: Number, lean: float, height: float) -> None:
    """Draw one antler: a beam that leans to one side, with two tines."""
    bone = canvas.pick(BONE)
    bend = (x + lean, y - 0.45 * height)
    top = (x + 1.1 * lean, y - height)
    canvas.stroke((x, y), bend, 0.055, bone)
    canvas.stroke(bend, top, 0.055, bone, tip=0.035)
    for share in (0.5, 0.95):
        root = (x + share * lean, y - 0.45 * share * height)
        canvas.stroke(root, (root[0] - 0.35 * lean, root[1] - 0.4 * height), 0.04, bone)


def dog_face(canvas: Canvas) -> None:
    """Draw a dog's face: hanging ears, broad muzzle, big nose, tongue."""
    coat, ear = canvas.pick(COATS), canvas.pick(COATS)
    muzzle = canvas.pick((WHITE, *COATS[:3]))
    reach = canvas.between(0.3, 0.6)
    canvas.ellipse(0.0, 0.0, 0.66, 0.72, coat)
    for side in (-1, 1):
        canvas.stroke((side * 0.56, -0.45), (side * 0.78, reach), 0.16, ear, tip=0.22)
        canvas.ellipse(side * 0.28, -0.14, 0.11, 0.11, BLACK)
        canvas.ellipse(side * 0.25, -0.18, 0.035, 0.035, WHITE)
    canvas.ellipse(0.0, 0.8, 0.16, 0.26, (0.9, 0.4, 0.45), canvas.chance(0.7))
    canvas.ellipse(0.0, 0.4, 0.42, 0.36, muzzle)
    canvas.stroke((0.0, 0.4), (0.0, 0.58), 0.03, BLACK)
    for side in (-1, 1):
        canvas.stroke((0.0, 0.58), (side * 0.24, 0.62), 0.03, BLACK)
    canvas.ellipse(0.0, 0.24, 0.2, 0.14, BLACK)


def dog_standing(canvas: Canvas) -> None:
    """Draw a dog from the side: hanging ear, long muzzle, collar."""
    coat, ear = canvas.pick(COATS), canvas.pick(COATS)
    tail = (-0.95, canvas.between(-0.6, 0.1))
    canvas.stroke((-0.6, -0.02), tail, 0.08, coat, tip=0.05)
    x, y = quadruped(canvas, coat, legs=0.68, neck=(0.62, -0.35), girth=0.26)
    canvas.stroke((0.36, -0.12), (0.6, 0.05), 0.06, canvas.pick(COLLARS))
    canvas.stroke((x, y + 0.02), (x + 0.36, y + 0.1), 0.2, coat, tip=0.13)
    canvas.ellipse(x, y, 0.26, 0.24, coat)
    canvas.ellipse(x + 0.45, y + 0.04, 0.08, 0.07, BLACK)
    canvas.stroke((x + 0.2, y + 0.2), (x + 0.4, y + 0.18), 0.025, BLACK)
    canvas.ellipse(x + 0.1, y - 0.06, 0.05, 0.05, BLACK)
    canvas.stroke((x - 0.1, y - 0.12), (x - 0.18, y + 0.25), 0.09, ear, tip=0.13)


def quadruped(
    canvas: Canvas, coat: Colour, legs: float, neck: tuple[float, float], girth: float
) -> Point:
    """Draw what four-legged animals share: trunk, legs and neck.

    Args:
        canvas: what to draw on.
        coat: colour of all of it.
        legs: where the feet stand, below the middle of the trunk.
        neck: (x, y) of its upper end.
        girth: half the height of the trunk.

    Returns:
        (x, y) where the head belongs.
    """
    feet = legs * canvas.between(0.88, 1.08)
    stride = canvas.between(-0.14, 0.14)
    for hip, far in ((-0.38, True), (0.32, True), (-0.52, False), (0.45, False)):
        colour = 0.7 * coat if far else coat
        step = -stride if far else stride
        canvas.stroke((hip, 0.1), (hip + step, feet), 0.11, colour, tip=0.06)
    canvas.stroke((-0.45, 0.0), (0.4, 0.02), girth, coat)
    canvas.ellipse(0.0, 0.16, 0.4, 0.08, np.minimum(1.25 * coat, 1), 0.6)
    x = neck[0] + canvas.between(-0.08, 0.08)
    y = neck[1] + canvas.between(-0.08, 0.08)
    canvas.stroke((0.4, -0.02), (x, y), 0.18, coat, tip=0.12)
    return x, y
