import ast
import inspect

import numpy as np
import pytest

from ece662.data import synthetic
from ece662.data.synthetic import animals, drawing, machines, scenery
from ece662.data.synthetic.drawing import SIZE, WHITE, Canvas

MODULES = (drawing, scenery, machines, animals, synthetic)

# What IEEE 754 rounds exactly, or what only moves numbers about. Not so: np.sum and
# np.dot, whose order of additions varies, np.sin, np.exp and np.power.
EXACT = {
    "arange", "argsort", "array", "broadcast_to", "clip", "concatenate", "empty_like",
    "floor", "intp", "maximum", "minimum", "multiply", "ndarray", "random", "repeat",
    "sign", "sqrt", "uint8", "zeros",
}  # fmt: skip


@pytest.fixture
def canvas():
    return Canvas(np.random.RandomState(0), 2)


def painted(canvas):
    """Return how far each pixel of the first picture is painted, from 0 to 1."""
    return canvas.rgb[0, 0] / WHITE[0]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_only_exact_operations_are_used(module):
    attributes = [
        node
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Attribute)
    ]
    of_numpy = {a.attr for a in attributes if getattr(a.value, "id", "") == "np"}
    of_rng = {a.attr for a in attributes if ast.unparse(a.value).endswith("rng")}
    assert of_numpy <= EXACT
    assert of_rng <= {"random_sample"}


def test_ellipse_covers_its_area(canvas):
    canvas.ellipse(0.0, 0.0, 0.5, 0.25, WHITE)
    expected = np.pi * 0.5 * 0.25 * (SIZE / 2) ** 2
    assert painted(canvas).sum() == pytest.approx(expected, rel=0.03)


def test_ellipse_lies_where_it_was_put(canvas):
    canvas.ellipse(0.5, -0.25, 0.2, 0.1, WHITE)
    row, column = np.unravel_index(painted(canvas).argmax(), (SIZE, SIZE))
    centre = (SIZE - 1) / 2
    assert abs(column - (centre + 0.5 * SIZE / 2)) <= 3
    assert abs(row - (centre - 0.25 * SIZE / 2)) <= 1.5
    assert painted(canvas)[:, : SIZE // 2].max() == 0


def test_polygon_covers_its_area_whichever_way_it_goes_round():
    corners = [(-0.5, -0.5), (0.5, -0.25), (0.5, 0.5), (-0.5, 0.25)]
    areas = []
    for outline in (corners, corners[::-1]):
        canvas = Canvas(np.random.RandomState(0), 1)
        canvas.polygon(outline, WHITE)
        areas.append(painted(canvas).sum())
    assert areas[0] == pytest.approx(0.75 * (SIZE / 2) ** 2, rel=0.01)
    assert areas[0] == pytest.approx(areas[1])


def test_stroke_tapers_to_its_tip(canvas):
    canvas.stroke((-0.5, 0.0), (0.5, 0.0), 0.4, WHITE, tip=0.1)
    widths = painted(canvas).sum(axis=0) / (SIZE / 2)
    assert widths[8] == pytest.approx(0.8, abs=0.1)
    assert widths[23] == pytest.approx(0.2, abs=0.1)


@pytest.mark.parametrize("opacity", [0.0, False])
def test_paint_leaves_out_a_shape_without_opacity(canvas, opacity):
    canvas.ellipse(0.0, 0.0, 0.5, 0.5, WHITE, opacity)
    assert not canvas.rgb.any()


def test_paint_takes_an_opacity_for_each_picture(canvas):
    canvas.ellipse(0.0, 0.0, 0.5, 0.5, WHITE, np.array([0.0, 0.5]).reshape(2, 1, 1))
    assert not canvas.rgb[0].any()
    assert canvas.rgb[1, 0].max() == pytest.approx(0.5 * WHITE[0])


def test_place_turns_by_twice_the_angle_of_its_tangent(canvas):
    canvas.place(0.0, 0.0, SIZE / 2, tilt=1.0)  # 90 degrees: what was right is below
    canvas.ellipse(0.6, 0.0, 0.2, 0.2, WHITE)
    assert painted(canvas)[: SIZE // 2].max() == 0
    assert painted(canvas)[SIZE // 2 :].sum() > 10


def test_place_mirrors_left_and_right(canvas):
    canvas.place(0.0, 0.0, SIZE / 2, mirror=-1.0)
    canvas.ellipse(0.6, 0.3, 0.2, 0.2, WHITE)
    assert painted(canvas)[:, SIZE // 2 :].max() == 0
    assert painted(canvas)[: SIZE // 2].max() < 0.1


def test_illuminate_brightens_one_side(canvas):
    canvas.illuminate(across=0.5, down=0.0)
    canvas.ellipse(0.0, 0.0, 0.8, 0.8, WHITE)
    assert painted(canvas)[16, 24] > painted(canvas)[16, 16] > painted(canvas)[16, 8]


def test_pick_takes_from_each_pictures_own_palette(canvas):
    palettes = np.array([[[0.1, 0.1, 0.1]], [[0.9, 0.9, 0.9]]])  # (2, 1, 3)
    colours = canvas.pick(palettes, spread=0.05)
    assert colours.shape == (2, 3, 1, 1)
    assert np.abs(colours[0] - 0.1).max() <= 0.05
    assert np.abs(colours[1] - 0.9).max() <= 0.05


def test_noise_is_smooth_and_within_its_range(canvas):
    noise = canvas.noise(4)
    assert noise.shape == (2, SIZE, SIZE)
    assert noise.min() >= 0
    assert noise.max() < 1
    assert np.abs(np.diff(noise, axis=1)).max() <= 4 / SIZE  # a step a cell, at most 1
