"""A small drawing board: many pictures of one kind drawn in step.

A `Canvas` holds a stack of 32x32 pictures. Every drawing call paints the same shape
into all of them, but each picture has its own pose, light, colours and proportions, so
one call is a handful of NumPy operations and no two pictures come out alike.

How a shape gets painted: its signed distance is evaluated at every pixel (negative
inside, in the units of the drawing), the distance becomes a coverage between 0 and 1
with a soft edge one pixel wide, and the coverage mixes the shape's colour into the
picture.

Drawing units: the object's frame spans about -1 to 1, x to the right, y down; `place`
says where this frame lies in each picture.

Per-picture numbers have the shape (n, 1, 1), colours the shape (n, 3, 1, 1); wherever
such a number is expected, a plain float (or a triple for a colour) serves too.

The same bytes on every machine: the only source of chance is RandomState.random_sample,
whose stream NumPy has frozen, and only operations that IEEE 754 rounds exactly are used
(+ - * /, sqrt, comparisons, floor), in float64 throughout. No sin, exp, dot product or
mean: their last digit differs between builds of NumPy, and one digit can tip a byte.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

__all__ = ["BLACK", "SIZE", "WHITE", "Canvas", "Colour", "Number", "Point"]

SIZE = 32

BLACK, WHITE = (0.08, 0.08, 0.09), (0.95, 0.95, 0.94)

Number = float | np.ndarray
Colour = Sequence[float] | np.ndarray
Point = tuple[Number, Number]


class Canvas:
    """A stack of pictures that are being drawn.

    Args:
        rng: source of every random choice.
        n: number of pictures.

    Attributes:
        rgb: (n, 3, SIZE, SIZE) the pictures, 0 is black and 1 is white.
        u, v: (n, SIZE, SIZE) where each pixel lies in the frame, in drawing units.
        scale: pixels to a drawing unit.
        light: (n, 1, SIZE, SIZE) or 1.0, the factor of the colours being painted.
    """

    def __init__(self, rng: np.random.RandomState, n: int):
        self.rng = rng
        self.n = n
        self.rgb = np.zeros((n, 3, SIZE, SIZE))
        # Kept because a fresh array for each shape costs more than painting it.
        self._change = np.empty_like(self.rgb)
        self.fill_frame()

    # Random choices, one for each picture.

    def between(self, low: float, high: float) -> np.ndarray:
        """Draw a number in [low, high) for each picture; (n, 1, 1)."""
        # Not rng.uniform: C compilers may fuse its multiplication and addition.
        return low + (high - low) * self.rng.random_sample((self.n, 1, 1))

    def chance(self, probability: float) -> np.ndarray:
        """Draw True with this probability for each picture; (n, 1, 1) of bool."""
        return self.rng.random_sample((self.n, 1, 1)) < probability

    def pick(self, palette: Sequence[Colour], spread: float = 0.06) -> np.ndarray:
        """Choose a colour for each picture and vary it a little; (n, 3, 1, 1).

        Args:
            palette: (k, 3) colours to choose from, or (n, k, 3) a palette a picture.
            spread: by how much red, green and blue may change, up and down.
        """
        palette = np.array(palette)
        k = palette.shape[-2]
        palette = np.broadcast_to(palette, (self.n, k, 3))
        row = np.floor(k * self.rng.random_sample(self.n)).astype(np.intp)
        colours = palette[np.arange(self.n), row].reshape(self.n, 3, 1, 1)
        return colours + spread * (2 * self.rng.random_sample(colours.shape) - 1)

    def noise(self, cells: int) -> np.ndarray:
        """Draw smooth noise in [0, 1) with cells x cells bumps; (n, SIZE, SIZE)."""
        grid = self.rng.random_sample((self.n, cells + 1, cells + 1))
        at = np.arange(SIZE) * (cells / SIZE)
        corner = np.floor(at).astype(np.intp)
        part = at - corner
        rows = (
            grid[:, corner] * (1 - part)[:, None] + grid[:, corner + 1] * part[:, None]
        )
        return rows[:, :, corner] * (1 - part) + rows[:, :, corner + 1] * part

    # Where the drawing lies, and in what light.

    def fill_frame(self) -> None:
        """Let the frame be the whole picture, upright and evenly lit."""
        self.place(0.0, 0.0, SIZE / 2)

    def place(
        self,
        x: Number,
        y: Number,
        scale: Number,
        tilt: Number = 0.0,
        mirror: Number = 1.0,
    ) -> None:
        """Choose the frame in which the following shapes are drawn.

        Args:
            x, y: the frame's origin, in pixels from the picture's middle.
            scale: pixels to one drawing unit.
            tilt: t turns the frame by twice the angle whose tangent is t. With
                cos = (1 - t^2) / (1 + t^2) and sin = 2 t / (1 + t^2) a rotation
                needs no trigonometric function.
            mirror: -1 where left and right change places, else 1.
        """
        centre = (SIZE - 1) / 2
        column = np.arange(SIZE) - centre - x
        row = np.arange(SIZE)[:, None] - centre - y
        cos = (1 - tilt * tilt) / (1 + tilt * tilt)
        sin = 2 * tilt / (1 + tilt * tilt)
        shape = (self.n, SIZE, SIZE)
        self.scale = scale
        self.u = np.broadcast_to(mirror * (cos * column + sin * row) / scale, shape)
        self.v = np.broadcast_to((cos * row - sin * column) / scale, shape)
        self.light = 1.0

    def illuminate(self, across: Number, down: Number, coat: Number = 0.0) -> None:
        """Let the light on the object change across it, and roughen its surface.

        Args:
            across, down: change of brightness per drawing unit.
            coat: strength of a fine random pattern, as of fur.
        """
        light = 1 + across * self.u + down * self.v + coat * (self.noise(16) - 0.5)
        self.light = np.clip(light, 0.3, 1.6)[:, None]

    # Shapes.

    def ellipse(
        self,
        x: Number,
        y: Number,
        rx: Number,
        ry: Number,
        colour: Colour,
        opacity: Number = 1.0,
    ) -> None:
        """Paint an upright ellipse around (x, y) with half-axes rx and ry."""
        across, down = (self.u - x) / rx, (self.v - y) / ry
        radius = np.sqrt(across * across + down * down)
        self.paint((radius - 1) * np.minimum(rx, ry), colour, opacity)

    def polygon(
        self, corners: Sequence[Point], colour: Colour, opacity: Number = 1.0
    ) -> None:
        """Paint a convex polygon; the corners go round it either way."""
        (x0, y0), (x1, y1), (x2, y2) = corners[:3]
        turn = np.sign((x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0))
        distance = self._beyond(corners[-1], corners[0], turn)
        for start, end in pairwise(corners):
            distance = np.maximum(distance, self._beyond(start, end, turn))
        self.paint(distance, colour, opacity)

    def _beyond(self, start: Point, end: Point, turn: Number) -> np.ndarray:
        """Distance from the line through two points, negative on the side of turn."""
        (x0, y0), (x1, y1) = start, end
        dx, dy = x1 - x0, y1 - y0
        length = turn * np.sqrt(dx * dx + dy * dy)
        return (self.u - x0) * (dy / length) - (self.v - y0) * (dx / length)

    def stroke(
        self,
        start: Point,
        end: Point,
        width: Number,
        colour: Colour,
        opacity: Number = 1.0,
        tip: Number | None = None,
    ) -> None:
        """Paint a round-ended line of half-width `width`, tapering to `tip`."""
        (x0, y0), (x1, y1) = start, end
        dx, dy = x1 - x0, y1 - y0
        across, down = self.u - x0, self.v - y0
        along = (across * dx + down * dy) / (dx * dx + dy * dy)
        along = np.clip(along, 0, 1)
        across, down = across - along * dx, down - along * dy
        if tip is not None:
            width = width + along * (tip - width)
        distance = np.sqrt(across * across + down * down) - width
        self.paint(distance, colour, opacity)

    def paint(
        self, distance: np.ndarray, colour: Colour, opacity: Number = 1.0
    ) -> None:
        """Mix a colour in where a signed distance is negative.

        Args:
            distance: (n, SIZE, SIZE) in drawing units.
            colour: of the shape under even light.
            opacity: 1 hides what is below, 0 (or False) leaves the shape out.
        """
        coverage = distance * -self.scale
        coverage += 0.5
        np.clip(coverage, 0, 1, out=coverage)
        coverage *= opacity
        self.blend(coverage, colour)

    def blend(self, coverage: np.ndarray, colour: Colour) -> None:
        """Mix a colour in with the given weights; coverage: (n, SIZE, SIZE)."""
        if not isinstance(colour, np.ndarray):
            colour = np.array(colour).reshape(3, 1, 1)
        np.multiply(colour, self.light, out=self._change)
        self._change -= self.rgb
        self._change *= coverage[:, None]
        self.rgb += self._change
