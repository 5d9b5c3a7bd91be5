"""What students get instead of answers: expected outputs, sketches of known mistakes.

They are in one file, `signatures.npz`, which the staff makes from the reference and the
mistakes. For each exercise it has the reference's outputs on fixed inputs, those of
other right solutions where they differ, and each mistake's sketch, sentence and
question.
"""

import functools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ece662._files import writing
from ece662.check.diagnosing import Known
from ece662.exercises import Exercise

__all__ = ["PATH", "Signature", "load", "pack", "signature_of"]

PATH = Path(__file__).with_name("signatures.npz")


class Signature(NamedTuple):
    """Expected outputs of an exercise, and its known mistakes."""

    expected: Mapping[str, np.ndarray]  # by "case/name"
    accepted: tuple[Mapping[str, np.ndarray], ...] = ()
    known: tuple[Known, ...] = ()


def signature_of(exercise: Exercise) -> Signature:
    """Return the signature of an exercise; an empty one if the file has none."""
    return load(PATH).get(exercise.id, Signature({}))


@functools.lru_cache(maxsize=2)
def load(path: Path) -> dict[str, Signature]:
    """Read a file of signatures; returns them by the exercise's id."""
    with np.load(path, allow_pickle=False) as file:
        index = json.loads(bytes(file["index"]).decode())
        numbers = {kind: file[kind] for kind in ("f", "b", "i")}
    return {id: _signature(entry, numbers) for id, entry in index.items()}


def _signature(entry, numbers) -> Signature:
    expected, *accepted = (
        {name: _array(*place, numbers) for name, place in outputs.items()}
        for outputs in entry["outputs"]
    )
    known = tuple(
        Known(id, says, asks, _array(*place, numbers))
        for id, says, asks, place in entry["known"]
    )
    return Signature(expected, tuple(accepted), known)


def _array(kind, start, shape, numbers) -> np.ndarray:
    size = int(np.prod(shape))
    return numbers[kind][start : start + size].reshape(shape)


def pack(path: Path, signatures: Mapping[str, Signature]) -> None:
    """Write a file of signatures.

    All arrays of a kind are concatenated, with an index in JSON: a file of a thousand
    small arrays would take long to open.
    """
    parts: dict[str, list[np.ndarray]] = {"f": [], "b": [], "i": []}
    index = {}
    for id, signature in signatures.items():
        index[id] = {
            "outputs": [
                {name: _place(array, parts) for name, array in outputs.items()}
                for outputs in (signature.expected, *signature.accepted)
            ],
            "known": [
                [known.id, known.says, known.asks, _place(known.sketch, parts)]
                for known in signature.known
            ],
        }
    text = np.frombuffer(json.dumps(index).encode(), np.uint8)
    with writing(path) as file:
        np.savez_compressed(file, index=text, **_joined(parts))


def _place(array, parts) -> list:
    array = np.asarray(array)
    kind = {"f": "f", "b": "b", "i": "i", "u": "i"}[array.dtype.kind]
    start = sum(part.size for part in parts[kind])
    parts[kind].append(array.ravel())
    return [kind, start, list(array.shape)]


def _joined(parts: Mapping[str, Iterable[np.ndarray]]) -> dict[str, np.ndarray]:
    types = {"f": np.float64, "b": np.bool_, "i": np.int64}
    return {
        kind: np.concatenate([np.zeros(0, types[kind]), *parts[kind]]).astype(
            types[kind]
        )
        for kind in types
    }
