"""The shipped file of signatures is what the reference and the mistakes give today."""

import numpy as np

from course.signatures import make_all
from ece662.check.signatures import PATH, load, pack


def assert_same_outputs(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert value.shape == other[name].shape, name
        np.testing.assert_allclose(
            value.astype(float), other[name].astype(float), 1e-9, 1e-9, err_msg=name
        )


def test_signatures_are_up_to_date():
    """Where this fails: python -m course.signatures."""
    stored, fresh = load(PATH), make_all()
    assert stored.keys() == fresh.keys()
    for id, signature in fresh.items():
        assert_same_outputs(signature.expected, stored[id].expected)
        for one, other in zip(signature.accepted, stored[id].accepted, strict=True):
            assert_same_outputs(one, other)
        for new, old in zip(signature.known, stored[id].known, strict=True):
            assert (new.id, new.says, new.asks) == (old.id, old.says, old.asks)
            np.testing.assert_allclose(new.sketch, old.sketch, 1e-7, 1e-7)


def test_pack_and_load_agree(tmp_path):
    fresh = {id: make for id, make in load(PATH).items() if "affine" in id}
    pack(tmp_path / "some.npz", fresh)
    again = load(tmp_path / "some.npz")
    for id, signature in fresh.items():
        assert_same_outputs(signature.expected, again[id].expected)


def test_signatures_are_small():
    assert PATH.stat().st_size < 1_000_000
