"""Sparse weights on disk: which are not zero, one bit each, and only those values.

A float32 weight takes 32 bits. Stored here, each takes one bit, and those that are
left take 32 bits more: with a share s of zeros 33 - 32 s bits, 7.4 for 80 % of zeros.
A list of positions would cost 16 bits or more for each weight that is left, in place of
one bit for every weight: it pays where less than one in 16 is left.
"""

from collections.abc import Mapping

import numpy as np

from ece662._files import write_file

__all__ = ["load_sparse", "save_sparse", "sparse_bytes"]

BITS, VALUES, SHAPE = ".bits", ".values", ".shape"


def save_sparse(path, weights: Mapping[str, np.ndarray]) -> int:
    """Write arrays to a safetensors file, those with many zeros in the sparse form.

    Returns:
        how many bytes the file has.
    """
    content = _pack(weights)
    write_file(path, content)
    return len(content)


def sparse_bytes(weights: Mapping[str, np.ndarray]) -> int:
    """Return how many bytes `save_sparse` would write."""
    return len(_pack(weights))


def load_sparse(path) -> dict[str, np.ndarray]:
    """Read what `save_sparse` wrote: the same arrays, zeros included.

    Raises:
        ValueError: bits, values and shape do not fit together.
    """
    from safetensors.numpy import load_file

    stored = load_file(path)
    weights = {}
    for name in stored:
        if name.endswith(SHAPE):
            plain = name.removesuffix(SHAPE)
            parts = (stored.get(plain + end) for end in (BITS, VALUES, SHAPE))
            weights[plain] = _unpack(plain, *parts)
        elif not name.endswith((BITS, VALUES)):
            weights[name] = stored[name]
    return weights


def _pack(weights):
    from safetensors.numpy import save

    stored = {}
    for name, w in weights.items():
        there = w.ravel() != 0
        bits, values = np.packbits(there), w.ravel()[there]
        if bits.nbytes + values.nbytes + 8 * w.ndim < w.nbytes:
            stored |= {name + BITS: bits, name + VALUES: values}
            stored[name + SHAPE] = np.array(w.shape, dtype=np.int64)
        else:
            stored[name] = np.ascontiguousarray(w)
    return save(stored)


def _unpack(name, bits, values, shape):
    if bits is None or values is None:
        raise ValueError(f"{name}: expected {BITS} and {VALUES} beside {SHAPE}")
    size = int(np.prod(shape))
    if len(bits) != -(-size // 8):
        raise ValueError(
            f"{name}: expected {-(-size // 8)} bytes of bits for the "
            f"shape {tuple(shape)}, got {len(bits)}"
        )
    there = np.unpackbits(bits, count=size).astype(bool)
    if there.sum() != len(values):
        raise ValueError(
            f"{name}: expected as many values as bits that are set, "
            f"got {len(values)} and {there.sum()}"
        )
    w = np.zeros(size, values.dtype)
    w[there] = values
    return w.reshape(shape)
