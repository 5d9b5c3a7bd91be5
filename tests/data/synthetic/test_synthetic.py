import hashlib

import numpy as np
import pytest

from ece662.data import synthetic
from ece662.data.classes import CLASSES
from ece662.data.synthetic.scenery import SCENES

SHAPES = {"train": 6000, "val": 1200, "test": 1200}


@pytest.fixture(scope="module")
def data():
    return synthetic.generate()


@pytest.mark.parametrize("split", SHAPES)
def test_generate_returns_uint8_images_and_labels(data, split):
    X, y = data[f"X_{split}"], data[f"y_{split}"]
    assert X.shape == (SHAPES[split], 3, 32, 32)
    assert y.shape == (SHAPES[split],)
    assert X.dtype == y.dtype == np.uint8


@pytest.mark.parametrize("split", SHAPES)
def test_generate_is_balanced(data, split):
    counts = np.bincount(data[f"y_{split}"], minlength=len(CLASSES))
    assert counts.tolist() == [SHAPES[split] // len(CLASSES)] * len(CLASSES)


@pytest.mark.parametrize("split", SHAPES)
def test_generate_is_shuffled(data, split):
    y = data[f"y_{split}"].astype(int)
    every_hundred = [
        np.bincount(part, minlength=6) for part in np.split(y, len(y) // 100)
    ]
    assert np.min(every_hundred) > 0
    assert abs((y[1:] == y[:-1]).mean() - 1 / 6) < 0.05


def test_generate_never_draws_a_picture_twice(data):
    pictures = np.concatenate([data[f"X_{split}"] for split in SHAPES])
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)


def test_generate_is_the_same_to_the_byte_everywhere(data):
    """A changed digest needs a new VERSION: caches are named by it."""
    digest = hashlib.sha256()
    for name in sorted(data):
        digest.update(data[name].tobytes())
    assert synthetic.VERSION == 1
    assert digest.hexdigest() == (
        "5656a2e5c341005371b98c42fdc4760456b65a0b7274c25367e80894987b7c36"
    )


def test_generate_does_not_use_the_global_random_stream():
    np.random.seed(0)
    expected = np.random.random_sample()
    np.random.seed(0)
    synthetic.draw_block(split=0, label=0, block=0)
    assert np.random.random_sample() == expected


@pytest.mark.parametrize("label", range(len(CLASSES)))
def test_draw_block_uses_the_whole_range_of_brightness(label):
    X = synthetic.draw_block(split=0, label=label, block=0).astype(float)
    assert 60 < X.mean() < 190
    assert X.std() > 30
    assert np.ptp(X, axis=(1, 2, 3)).min() > 60


def test_scene_alone_gives_four_right_answers_in_ten_at_best():
    habitats = np.array([subject.habitat for subject in synthetic.SUBJECTS])
    assert habitats.shape == (len(CLASSES), len(SCENES))
    assert (habitats.sum(axis=1) == 100).all()
    assert habitats.max(axis=0).sum() / habitats.sum() <= 0.4
