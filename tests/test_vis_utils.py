"""The grid of pictures."""

import numpy as np
import pytest

from ece662.vis_utils import visualize_grid


def test_grid_places_and_stretches_each_picture():
    pictures = np.zeros((3, 2, 2, 1))
    pictures[0, 0, 0] = 4  # from 0 to 4
    pictures[1] = [[[-1], [1]], [[0], [1]]]
    pictures[2] = 7  # one value: no range to stretch
    grid = visualize_grid(pictures, ubound=1.0, padding=1)[..., 0]
    expected = [
        [1, 0, 0, 0, 1],
        [0, 0, 0, 0.5, 1],
        [0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
    ]
    np.testing.assert_allclose(grid, expected)


def test_grid_keeps_colours_and_rectangles():
    assert visualize_grid(np.random.rand(5, 4, 6, 3), padding=2).shape == (16, 22, 3)


@pytest.mark.parametrize("shape", [(0, 2, 2, 3), (2, 2, 3)])
def test_grid_refuses_what_is_no_set_of_pictures(shape):
    with pytest.raises(ValueError, match=r"\(N, H, W, C\).*got shape"):
        visualize_grid(np.zeros(shape))
