"""Trained models on disk: numbers in a safetensors file, what they are in a JSON.

    torch.model         the weights, by name
    torch.model.json    mode, architecture, hash of the data, accuracy, hash of the file

Why safetensors, for Keras as well? Whoever loads a model that somebody else saved
should risk wrong numbers and nothing more. A pickle, which is what `torch.save` writes,
may run any code when it is read. A `.keras` file carries the network's description,
from which Keras looks up classes by name: `safe_mode` forbids lambdas, but ways around
it have been found more than once (CVE-2025-1550 and later). `.weights.h5` holds numbers
only, but HDF5 can point to other files on the disk, and Keras insists on that ending. A
safetensors file is a table of names, types and shapes, and the bytes; the network is
built by our own code, from widths that `architecture` has checked.

Both files are written in one go, the JSON first: whenever the writer is killed, there
is a whole model or none.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ece662._files import write_file
from ece662.pruning.architecture import Architecture

__all__ = ["load_weights", "read_description", "require_fit", "save_model"]

FORMAT = "ece662 model 1"


def save_model(
    path: Path, weights: Mapping[str, np.ndarray], description: dict[str, Any]
) -> None:
    """Write a model's weights and its description, each in one piece.

    Args:
        path: of the weights; the description lies beside it. Missing folders are made.
        weights: arrays by name.
        description: what JSON can hold; format and hash of the weights are added here.
    """
    from safetensors.numpy import save

    content = save({name: np.ascontiguousarray(w) for name, w in weights.items()})
    digest = hashlib.sha256(content).hexdigest()
    described = {"format": FORMAT, **description, "weights_sha256": digest}
    text = json.dumps(described, indent=2) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(_json_beside(path), text)
    write_file(path, content)


def read_description(path: Path, mode: str, data_sha256: str) -> dict[str, Any]:
    """Read what the model at `path` is, and make sure that it is the one wanted.

    Args:
        path: of the weights.
        mode: "torch" or "tensorflow".
        data_sha256: of the data set in use.

    Returns:
        described: the JSON's content; its "architecture" is an Architecture.

    Raises:
        ValueError: no model of this package, one of the other framework, or one that
            was trained on other data.
    """
    beside = _json_beside(path)
    try:
        described = json.loads(beside.read_text("utf-8"))
        if described["format"] != FORMAT:
            raise ValueError(f"expected the format {FORMAT!r}")
        architecture = Architecture.from_json(described["architecture"])
        found, data = described["mode"], described["data_sha256"]
    except FileNotFoundError:
        raise ValueError(
            f"{path} is not one of this course's models: there is no {beside.name} "
            "beside it"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{beside} is damaged or was not written by ece662: {error}"
        ) from error
    if found != mode:
        raise ValueError(f"{path} holds a model for mode={found!r}, got mode={mode!r}")
    if data != data_sha256:
        raise ValueError(
            f"{path} was trained on other data than those in use: their hashes are "
            f"{str(data)[:12]} and {data_sha256[:12]}. Give another path, or remove "
            "the file to have the model trained anew"
        )
    return {**described, "architecture": architecture}


def load_weights(path: Path, described: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Read the weights that a description belongs to.

    Raises:
        ValueError: the file is damaged, or not the one that was described.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != described.get("weights_sha256"):
        raise ValueError(
            f"{path} is damaged or has been replaced: it is not the file that "
            f"{_json_beside(path).name} describes. Remove both to train anew"
        )
    try:
        return load(content)
    except SafetensorError as error:
        raise ValueError(f"{path} is no safetensors file: {error}") from error


def require_fit(shapes: Mapping[str, tuple], weights: Mapping[str, np.ndarray]) -> None:
    """Raise a ValueError unless these are the weights of a network, all and no others.

    Args:
        shapes: of the network's own weights, by name.
        weights: the arrays that are to take their places.
    """
    if shapes.keys() != weights.keys():
        raise ValueError(
            f"missing are {sorted(shapes.keys() - weights.keys())[:3]}, unknown are "
            f"{sorted(weights.keys() - shapes.keys())[:3]}"
        )
    for name, shape in shapes.items():
        if weights[name].shape != tuple(shape) or weights[name].dtype != np.float32:
            raise ValueError(
                f"{name}: expected float32 of shape {tuple(shape)}, "
                f"got {weights[name].dtype} of shape {weights[name].shape}"
            )


def _json_beside(path: Path) -> Path:
    return path.with_name(path.name + ".json")
