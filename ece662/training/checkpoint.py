"""Checkpoint files: arrays and a JSON text in one .npz, never pickled.

Why .npz, where models are kept in safetensors? A checkpoint needs NumPy and nothing
else, and holds arrays of any type, those of a Solver's random numbers among them.
"""

import json
import os
import zipfile
from pathlib import Path

import numpy as np

from ece662._files import writing

__all__ = [
    "check_writable",
    "checkpoint_path",
    "load_checkpoint",
    "save_checkpoint",
]

FORMAT = "ece662 checkpoint 1"


def checkpoint_path(name):
    """Return the file that a checkpoint name stands for: `~/run1` is `run1.npz` there.

    Raises:
        ValueError: it is no name of a file.
    """
    if not isinstance(name, str | os.PathLike) or not Path(name).name:
        raise ValueError(f"a checkpoint's name must be a path, got {name!r}")
    try:
        path = Path(name).expanduser()
    except RuntimeError as error:  # ~someone who has no home
        raise ValueError(f"a checkpoint's name must be a path, got {name!r}") from error
    return path if path.suffix == ".npz" else path.with_name(path.name + ".npz")


def check_writable(name):
    """Return the file of a checkpoint that is to be written; make its folders.

    Raises:
        ValueError: no file can be written there.
    """
    path = checkpoint_path(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        writable = os.access(path.parent, os.W_OK) and not path.is_dir()
    except OSError as error:
        raise ValueError(f"no checkpoint can be written to {path}: {error}") from error
    if not writable:
        raise ValueError(f"no checkpoint can be written to {path}")
    return path


def save_checkpoint(name, arrays, meta):
    """Write a checkpoint in one piece.

    Args:
        name: path, with or without ".npz"; missing folders are made.
        arrays: dict of name to array.
        meta: whatever JSON can hold.

    Returns:
        The path written.

    Raises:
        ValueError: an array holds Python objects, which only pickle could write.
    """
    objects = [key for key in arrays if np.asarray(arrays[key]).dtype.hasobject]
    if objects:
        raise ValueError(f"expected arrays of numbers, got objects in {objects}")
    path = checkpoint_path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"format": FORMAT, **meta})
    with writing(path) as file:
        np.savez(file, __meta__=np.array(text), **arrays)
    return path


def load_checkpoint(name):
    """Read a checkpoint.

    Returns:
        (arrays, meta) as given to `save_checkpoint`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or no checkpoint of this package.
    """
    path = checkpoint_path(name)
    if not path.exists():
        raise FileNotFoundError(f"no checkpoint at {path}")
    try:
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
        meta = json.loads(str(arrays.pop("__meta__")))
    except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} is damaged or was not written by ece662: {error}"
        ) from error
    if meta.get("format") != FORMAT:
        raise ValueError(
            f"{path} must have the format {FORMAT!r}, got {meta.get('format')!r}"
        )
    return arrays, meta
