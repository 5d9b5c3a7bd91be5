"""Sparse weights on disk."""

import numpy as np
import pytest

pytest.importorskip("safetensors")

from safetensors.numpy import load_file, save_file

from ece662.pruning.sparse import load_sparse, save_sparse, sparse_bytes


@pytest.fixture
def weights():
    rng = np.random.default_rng(0)
    pruned = rng.normal(size=(31, 7, 3, 3)).astype(np.float32)
    pruned[rng.random(pruned.shape) < 0.8] = 0
    dense = rng.normal(size=(5, 3)).astype(np.float32)
    return {"pruned": pruned, "dense": dense, "empty": np.zeros((9, 9, 9), np.float32)}


def test_load_sparse_gives_the_same_arrays(weights, tmp_path):
    save_sparse(tmp_path / "w", weights)
    loaded = load_sparse(tmp_path / "w")
    assert loaded.keys() == weights.keys()
    for name, w in weights.items():
        assert loaded[name].dtype == w.dtype
        np.testing.assert_array_equal(loaded[name], w)


def test_load_sparse_of_an_array_in_another_memory_order(weights, tmp_path):
    weights = {"w": weights["pruned"].transpose(0, 2, 3, 1)}
    save_sparse(tmp_path / "w", weights)
    np.testing.assert_array_equal(load_sparse(tmp_path / "w")["w"], weights["w"])


def test_save_sparse_takes_a_bit_a_weight_and_a_float_a_value(weights, tmp_path):
    w = {"pruned": weights["pruned"]}
    size = save_sparse(tmp_path / "w", w)
    assert size == (tmp_path / "w").stat().st_size == sparse_bytes(w)
    net = w["pruned"].size / 8 + 4 * np.count_nonzero(w["pruned"])
    assert net < size < net + 400  # names, types and shapes
    assert size < 0.3 * w["pruned"].nbytes


def test_save_sparse_leaves_dense_arrays_as_they_are(weights, tmp_path):
    save_sparse(tmp_path / "w", weights)
    np.testing.assert_array_equal(load_file(tmp_path / "w")["dense"], weights["dense"])


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("w.values", np.ones(3, np.float32), "as many values as bits"),
        ("w.bits", np.zeros(1, np.uint8), "bytes of bits"),
        ("w.bits", None, "beside"),
    ],
)
def test_load_sparse_names_what_does_not_fit(weights, tmp_path, part, value, said):
    save_sparse(tmp_path / "w", {"w": weights["pruned"]})
    stored = load_file(tmp_path / "w")
    del stored[part]
    save_file(stored if value is None else stored | {part: value}, tmp_path / "w")
    with pytest.raises(ValueError, match=f"w: expected .*{said}"):
        load_sparse(tmp_path / "w")
