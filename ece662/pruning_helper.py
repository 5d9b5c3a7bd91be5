"""What the framework notebooks share: images in TensorFlow's layout, trained models.

PyTorch expects the channels of an image first, as the rest of the course does;
TensorFlow expects them last: `invert_ch`.

`load_model` gives notebook Q6 a trained network to prune, in either framework: the one
kept at a path, or, where there is none, one that it trains and keeps. `test_model` says
how good it is. torch and tensorflow are imported when they are used, not before.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ece662.data_utils import find_data_set, get_CINIC10_data
from ece662.frameworks.images import invert_ch
from ece662.frameworks.tf_tools import quietly
from ece662.training.accuracy import accuracy

__all__ = ["MODES", "invert_ch", "load_model", "test_model"]

MODES = {"torch": "ece662.pruning.torch_net", "tensorflow": "ece662.pruning.keras_net"}


def load_model(
    path: str | os.PathLike, mode: str = "torch", *, full: bool | None = None
) -> Any:
    """Load the trained network kept at `path`; where there is none, train and keep it.

    Args:
        path: of the file. A relative one starts from the current folder, which is the
            notebook's, or from ECE662_MODELS where that is set.
        mode: "torch" or "tensorflow".
        full: the network and the training that photographs deserve, in place of small
            ones; None for yes on photographs and no on synthetic pictures.

    Returns:
        model: a torch Module or a Keras Model, with the attribute `architecture`.

    Raises:
        ValueError: an unknown mode, or a file that is damaged, from elsewhere, of the
            other framework, or trained on other data. Nothing of it is loaded then.
    """
    from filelock import FileLock

    from ece662.pruning import store

    framework = _framework(mode)
    folder = Path(os.environ.get("ECE662_MODELS", "")).expanduser().absolute()
    path = folder / path
    data_set = find_data_set()
    if not path.exists():
        if full is None:
            full = data_set.meta["source"]["kind"] != "synthetic"
        model = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{path}.lock"):
                if not path.exists():  # another process may have trained as we waited
                    model, described = _train(mode, full)
                    described["data_sha256"] = data_set.meta["content_sha256"]
                    store.save_model(path, framework.get_weights(model), described)
        except OSError as error:
            print(
                f"The trained network cannot be kept ({error}) and will be trained "
                "again next time. Set ECE662_MODELS to a folder that you may write to.",
                file=sys.stderr,
            )
            return _train(mode, full)[0] if model is None else model
    described = store.read_description(path, mode, data_set.meta["content_sha256"])
    weights = store.load_weights(path, described)
    model = framework.build(described["architecture"])
    try:
        framework.set_weights(model, weights)
    except ValueError as error:
        raise ValueError(f"{path} does not fit its description: {error}") from error
    return model


def test_model(model: Any, test_data: Sequence, mode: str = "torch") -> float:  # noqa: PT028
    """Print and return the share of pictures that a network gets right.

    Args:
        model: a torch Module that takes (N, C, H, W) or a Keras Model that takes
            (N, H, W, C), and returns (N, num_classes) scores.
        test_data: [X, y], (N, C, H, W) pictures and (N,) labels.
        mode: "torch" or "tensorflow".

    Returns:
        accuracy: from 0 to 1.
    """
    X, y = test_data
    if len(X) != len(y) or not len(y):
        raise ValueError(
            f"expected one label for each picture, got {len(y)} labels for {len(X)}"
        )
    share = accuracy(_framework(mode).predict(model, X), y)
    print(f"Test Acc: {share:.4f}")
    return share


# By its name pytest would take it for a test.
test_model.__test__ = False  # type: ignore[attr-defined]


def _framework(mode: str) -> ModuleType:
    if mode not in MODES:
        raise ValueError(f"expected mode {' or '.join(map(repr, MODES))}, got {mode!r}")
    with quietly():  # TensorFlow, that is; torch has nothing to say
        return import_module(MODES[mode])


def _train(mode: str, full: bool) -> tuple[Any, dict]:
    """Train the course's network; return it, and its description."""
    from dataclasses import asdict

    from ece662.pruning.training import course_network

    framework = _framework(mode)
    data = get_CINIC10_data(verbose=False)
    architecture, plan = course_network(mode, full)
    model = framework.build(architecture, seed=plan.seed)
    framework.train(model, data["X_train"], data["y_train"], plan)
    right = framework.predict(model, data["X_val"]) == data["y_val"]
    return model, {
        "mode": mode,
        "architecture": architecture.to_json(),
        "validation_accuracy": round(float(np.mean(right)), 4),
        "recipe": asdict(plan),
    }
