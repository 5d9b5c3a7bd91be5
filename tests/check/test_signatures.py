"""The shipped file of signatures is what the reference and the mistakes give today."""

import warnings

import numpy as np
import pytest

from course.signatures import has_signature, make_signature
from ece662.check.signatures import PATH, load, pack
from ece662.exercises import EXERCISES

WITH_ONE = [exercise for exercise in EXERCISES if has_signature(exercise)]
IN_MODULES = [e for e in WITH_ONE if e.file.endswith(".py")]
IN_NOTEBOOKS = [e for e in WITH_ONE if e.file.endswith(".ipynb")]


def assert_same_outputs(one, other, tolerance=1e-9):
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert value.shape == other[name].shape, name
        np.testing.assert_allclose(
            value.astype(float),
            other[name].astype(float),
            tolerance,
            tolerance,
            err_msg=name,
        )


def test_signatures_are_of_the_exercises_that_have_one():
    assert list(load(PATH)) == [exercise.id for exercise in WITH_ONE]


@pytest.mark.parametrize("exercise", IN_MODULES, ids=lambda e: e.id)
def test_signature_is_up_to_date(exercise):
    """Where this fails: python -m course.signatures."""
    assert_up_to_date(exercise)


@pytest.mark.slow
@pytest.mark.parametrize("exercise", IN_NOTEBOOKS, ids=lambda e: e.id)
def test_signature_of_a_notebook_is_up_to_date(exercise):
    """Where this fails: python -m course.signatures."""
    for framework in exercise.frameworks:
        pytest.importorskip(framework)
    with warnings.catch_warnings():  # the frameworks' own
        warnings.simplefilter("ignore")
        assert_up_to_date(exercise, 1e-5)


def assert_up_to_date(exercise, tolerance=1e-9):
    new, old = make_signature(exercise), load(PATH)[exercise.id]
    assert_same_outputs(new.expected, old.expected, tolerance)
    for one, other in zip(new.accepted, old.accepted, strict=True):
        assert_same_outputs(one, other)
    for one, other in zip(new.known, old.known, strict=True):
        assert (one.id, one.says, one.asks) == (other.id, other.says, other.asks)
        near = max(tolerance, 1e-7)
        np.testing.assert_allclose(one.sketch, other.sketch, near, near)


def test_pack_and_load_agree(tmp_path):
    fresh = {id: make for id, make in load(PATH).items() if "affine" in id}
    pack(tmp_path / "some.npz", fresh)
    again = load(tmp_path / "some.npz")
    for id, signature in fresh.items():
        assert_same_outputs(signature.expected, again[id].expected)


def test_signatures_are_small():
    assert PATH.stat().st_size < 1_000_000
