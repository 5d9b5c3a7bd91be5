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
