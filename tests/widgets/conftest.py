"""Fixtures of the dashboards' tests."""

import io

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def pictures():
    """A function that returns the pixels of each picture a dashboard shows."""

    def read(board):
        shown = [image.value for image in board._pictures.children]
        return [np.array(Image.open(io.BytesIO(png))) for png in shown]

    return read


@pytest.fixture
def data():
    """Six classes that a mean brightness tells apart."""
    rng = np.random.default_rng(0)
    arrays = {}
    for split, count in (("train", 600), ("val", 120)):
        y = rng.integers(0, 6, count)
        X = rng.standard_normal((count, 3, 32, 32)) + (y - 2.5).reshape(-1, 1, 1, 1)
        arrays[f"X_{split}"], arrays[f"y_{split}"] = X.astype(np.float32), y
    return arrays
