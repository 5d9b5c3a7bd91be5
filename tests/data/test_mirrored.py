"""Mirrored pictures: each look is one of two, and the pictures stay as they were."""

import numpy as np
import pytest

from ece662.classifiers.fc_net import TwoLayerNet
from ece662.data.lazy import LazyImages
from ece662.data.mirrored import Mirrored
from ece662.solver import Solver


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return rng.standard_normal((200, 3, 4, 5)).astype(np.float32)


def test_mirrored_turns_about_half_of_the_images_left_to_right(images):
    np.random.seed(0)
    before = images.copy()
    rows = np.arange(199, -1, -1)
    seen = Mirrored(images)[rows]
    kept = (seen == images[rows]).all(axis=(1, 2, 3))
    turned = (seen == images[rows][..., ::-1]).all(axis=(1, 2, 3))
    assert (kept ^ turned).all()
    assert 70 < turned.sum() < 130
    Mirrored(images)[:]
    assert (images == before).all()


@pytest.mark.parametrize("rows", [7, slice(2, 9), np.array([], int), np.arange(4)])
def test_mirrored_has_the_shape_and_type_of_the_images(images, rows):
    X = Mirrored(images)
    assert (len(X), X.shape, X.ndim, X.dtype) == (200, images.shape, 4, np.float32)
    assert X[rows].shape == images[rows].shape
    assert X[rows].dtype == np.float32


def test_mirrored_single_image_is_seen_both_ways(images):
    np.random.seed(0)
    looks = {Mirrored(images)[3].tobytes() for _ in range(20)}
    assert looks == {images[3].tobytes(), images[3][..., ::-1].tobytes()}


def test_mirrored_with_a_shift_moves_each_image_in_every_direction():
    """Where no border has come into sight, a ramp tells how far it was moved."""
    np.random.seed(0)
    down, right = np.mgrid[:9.0, :9.0]
    ramp = np.stack([down, right])[np.newaxis]
    X = Mirrored(ramp.repeat(400, axis=0), shift=2)
    middle = X[:][:, :, 4, 4] - 4
    assert {tuple(m) for m in middle} == {
        (i, j) for i in range(-2, 3) for j in range(-2, 3)
    }
    assert (X.pristine == ramp).all()


def test_mirrored_continues_a_shifted_image_beyond_its_border():
    np.random.seed(0)
    row = np.arange(5.0).reshape(1, 1, 1, 5).repeat(3, axis=2)
    looks = {tuple(Mirrored(row, shift=1)[0][0, 1]) for _ in range(99)}
    left_to_right = {(0, 1, 2, 3, 4), (1, 2, 3, 4, 3), (1, 0, 1, 2, 3)}
    assert looks == left_to_right | {look[::-1] for look in left_to_right}


def test_mirrored_takes_lazy_images():
    stored = np.random.default_rng(1).integers(0, 256, (5, 3, 32, 32), dtype=np.uint8)
    assert Mirrored(LazyImages(stored))[:2].shape == (2, 3, 32, 32)


def test_mirrored_refuses_what_is_no_row(images):
    with pytest.raises(IndexError, match="expected rows"):
        Mirrored(images)[:5, 0]
    with pytest.raises(ValueError, match=r"must be \(N, C, H, W\), got shape \(200, 3"):
        Mirrored(images[..., 0])
    for shift in (-1, 4):
        with pytest.raises(
            ValueError, match=rf"less than the .* \(4, 5\), got {shift}"
        ):
            Mirrored(images, shift)


def test_mirrored_run_resumes_to_the_bit(images, tmp_path):
    def solver(num_epochs):
        np.random.seed(2)
        y = np.arange(200) % 3
        data = {"X_train": Mirrored(images), "y_train": y, "X_val": images, "y_val": y}
        model = TwoLayerNet(input_dim=60, hidden_dim=4, num_classes=3)
        settings = {"batch_size": 20, "num_epochs": num_epochs, "verbose": False}
        return Solver(model, data, **settings), model, data

    whole, _, _ = solver(2)
    whole.train()
    first, model, data = solver(1)
    first.train()
    first.save(tmp_path / "run")
    rest = Solver.resume(tmp_path / "run", model, data, num_epochs=2, verbose=False)
    np.random.seed(99)
    rest.train()
    assert rest.loss_history == whole.loss_history
