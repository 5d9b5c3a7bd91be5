"""The two photographs: there, in colour, light to ship, and with a licence."""

from pathlib import Path

import numpy as np
import pytest

from ece662.data import pictures
from ece662.data.pictures import PICTURES, load_picture

FOLDER = Path(pictures.__file__).parent


@pytest.mark.parametrize("name", PICTURES)
def test_load_picture_is_a_colour_photograph(name):
    picture = load_picture(name)
    assert picture.shape == (200, 200, 3)
    assert picture.dtype == np.uint8
    assert np.ptp(picture, axis=(0, 1)).min() > 150
    red, green, blue = picture.reshape(-1, 3).mean(axis=0)
    assert red > green > blue  # both are warm: red would change places with blue


def test_load_picture_refuses_an_unknown_name():
    with pytest.raises(ValueError, match="expected one of cat, coffee, got 'dog'"):
        load_picture("dog")


def test_every_picture_is_small_and_its_licence_is_named():
    files = sorted(path.name for path in FOLDER.glob("*.jpg"))
    assert files == [f"{name}.jpg" for name in PICTURES]
    assert sum((FOLDER / file).stat().st_size for file in files) < 60_000
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"| `{file}` |" in text for file in files)
