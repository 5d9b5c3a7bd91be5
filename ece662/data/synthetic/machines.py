"""How airplanes and automobiles of the synthetic set are drawn.

One short function for each view of each. A figure is drawn in the frame -1 to 1 (x to
the right, y down, facing right) with the shapes of `drawing.Canvas`; proportions and
colours vary from picture to picture.
"""

from ece662.data.synthetic.drawing import BLACK, WHITE, Canvas

__all__ = ["airplane_plan", "airplane_side", "automobile_front", "automobile_side"]

GLASS = ((0.25, 0.32, 0.4), (0.15, 0.17, 0.2), (0.55, 0.68, 0.78))
METAL = ((0.92, 0.93, 0.95), (0.75, 0.77, 0.8), (0.55, 0.58, 0.62), (0.85, 0.8, 0.7))
PAINTS = (
    (0.8, 0.15, 0.15), (0.15, 0.3, 0.7), (0.92, 0.92, 0.92), (0.2, 0.2, 0.22),
    (0.65, 0.67, 0.7), (0.9, 0.75, 0.2), (0.2, 0.45, 0.3), (0.5, 0.2, 0.15),
)  # fmt: skip


def airplane_side(canvas: Canvas) -> None:
    """Draw an airliner from the side, nose to the right."""
    skin, trim, dark = canvas.pick(METAL), canvas.pick(PAINTS), canvas.pick(GLASS)
    girth, sweep = canvas.between(0.13, 0.19), canvas.between(0.2, 0.4)
    canvas.polygon(
        [(0.0, -0.1), (0.28, -0.1), (0.05 - sweep, -0.5), (-0.08 - sweep, -0.5)],
        0.75 * skin,
    )
    canvas.polygon([(-0.98, -0.52), (-0.76, -0.52), (-0.42, -0.05), (-0.88, 0.0)], trim)
    canvas.stroke((-0.9, -0.02), (0.2, 0.0), 0.07, skin, tip=girth)
    canvas.stroke((0.0, 0.0), (0.78, 0.02), girth, skin, tip=girth - 0.03)
    canvas.stroke((-0.6, -0.05), (0.62, -0.05), 0.03, dark)
    canvas.ellipse(0.82, -0.05, 0.09, 0.05, dark)
    canvas.stroke((-0.82, 0.03), (-1.02, 0.16), 0.06, 0.85 * skin)
    canvas.polygon(
        [(-0.05, 0.05), (0.32, 0.05), (0.0 - sweep, 0.66), (-0.16 - sweep, 0.66)],
        0.85 * skin,
    )
    canvas.stroke((0.08, 0.24), (0.26, 0.24), 0.08, trim)


def airplane_plan(canvas: Canvas) -> None:
    """Draw an airplane from above or below, in any direction."""
    skin, trim = canvas.pick(METAL), canvas.pick(PAINTS)
    sweep, girth = canvas.between(0.1, 0.45), canvas.between(0.1, 0.16)
    for side in (-1, 1):
        wing = [(0.3, 0.0), (0.1 - sweep, 0.92), (-0.12 - sweep, 0.92), (-0.12, 0.0)]
        fin = [(-0.68, 0.0), (-0.88, 0.36), (-1.0, 0.36), (-0.95, 0.0)]
        for outline in (wing, fin):
            canvas.polygon([(x, side * y) for x, y in outline], 0.85 * skin)
        canvas.stroke((0.05, side * 0.38), (0.25, side * 0.38), 0.07, trim)
    canvas.stroke((-0.9, 0.0), (0.85, 0.0), 0.07, skin, tip=girth)
    canvas.stroke((-0.95, 0.0), (-0.65, 0.0), 0.05, trim)
    canvas.ellipse(0.85, 0.0, 0.06, 0.07, canvas.pick(GLASS))


def automobile_side(canvas: Canvas) -> None:
    """Draw a car from the side."""
    paint, glass = canvas.pick(PAINTS), canvas.pick(GLASS)
    roof, back = canvas.between(-0.5, -0.38), canvas.between(-0.75, -0.45)
    front = canvas.between(0.1, 0.3)
    canvas.ellipse(0.0, 0.52, 1.05, 0.12, BLACK, 0.6)
    canvas.polygon(
        [(back, roof), (front, roof), (front + 0.35, 0.02), (back - 0.2, 0.02)], paint
    )
    sill, lintel = -0.03, roof + 0.08
    canvas.polygon(
        [(back + 0.04, lintel), (-0.22, lintel), (-0.22, sill), (back - 0.1, sill)],
        glass,
    )
    canvas.polygon(
        [(-0.14, lintel), (front - 0.03, lintel), (front + 0.24, sill), (-0.14, sill)],
        glass,
    )
    canvas.polygon(
        [(-1.0, -0.02), (0.7, -0.02), (1.0, 0.12), (1.0, 0.4), (-1.0, 0.4)], paint
    )
    canvas.stroke((-0.95, 0.38), (0.95, 0.38), 0.05, 0.6 * paint)
    for axle in (-0.58, 0.58):
        canvas.ellipse(axle, 0.38, 0.24, 0.24, BLACK)
        canvas.ellipse(axle, 0.38, 0.12, 0.12, (0.72, 0.73, 0.75))
    canvas.ellipse(0.93, 0.14, 0.08, 0.07, (1.0, 0.95, 0.7))
    canvas.ellipse(-0.96, 0.1, 0.06, 0.08, (0.8, 0.1, 0.1))


def automobile_front(canvas: Canvas) -> None:
    """Draw a car that comes towards the viewer."""
    paint, glass = canvas.pick(PAINTS), canvas.pick(GLASS)
    roof, lamp = canvas.between(-0.75, -0.6), canvas.between(0.1, 0.16)
    canvas.ellipse(0.0, 0.75, 0.95, 0.12, BLACK, 0.6)
    for side in (-0.6, 0.6):
        canvas.stroke((side, 0.5), (side, 0.68), 0.15, BLACK)
    canvas.polygon([(-0.48, roof), (0.48, roof), (0.72, -0.05), (-0.72, -0.05)], paint)
    canvas.polygon(
        [(-0.42, roof + 0.1), (0.42, roof + 0.1), (0.6, -0.08), (-0.6, -0.08)], glass
    )
    bonnet = [(-0.84, 0.1), (-0.72, -0.08), (0.72, -0.08), (0.84, 0.1)]
    canvas.polygon([*bonnet, (0.82, 0.55), (-0.82, 0.55)], paint)
    canvas.polygon([(-0.38, 0.14), (0.38, 0.14), (0.34, 0.34), (-0.34, 0.34)], BLACK)
    canvas.stroke((-0.78, 0.48), (0.78, 0.48), 0.06, 0.55 * paint)
    canvas.stroke((-0.16, 0.46), (0.16, 0.46), 0.06, WHITE)
    for side in (-0.6, 0.6):
        canvas.ellipse(side, 0.2, lamp + 0.03, lamp, (1.0, 0.96, 0.78))
        canvas.ellipse(1.48 * side, -0.12, 0.1, 0.07, paint)
