"""What the cases with wrong outputs have in common.

A trait is a property of a case's inputs that a student can see in them: no padding, a
window that is not square, a single image.
"""

from collections.abc import Callable, Collection, Mapping

import numpy as np

from ece662.check.terms import Trait

__all__ = ["common_trait"]

LARGE_EPS = 0.01


def _settings(inputs) -> Mapping:
    return inputs.get("made_with", {}) if "made_with" in inputs else inputs


def _has_defaults(inputs) -> bool:
    """True where a rule or a normalisation is given no settings."""
    if "gradients" in inputs:
        return "learning_rate" not in inputs
    return "gamma" in inputs and "eps" not in inputs


def _window(inputs) -> tuple | None:
    if "pool_height" in inputs:
        return inputs["pool_height"], inputs["pool_width"]
    return inputs["w"].shape[2:] if np.ndim(inputs.get("w")) == 4 else None


def _image(inputs) -> tuple | None:
    return inputs["x"].shape if np.ndim(inputs.get("x")) == 4 else None


def _of_window(test) -> Callable[[Mapping], bool]:
    def holds(inputs):
        window = _window(inputs)
        return window is not None and "stride" in inputs and test(window, inputs)

    return holds


def _of_image(test) -> Callable[[Mapping], bool]:
    def holds(inputs):
        shape = _image(inputs)
        return shape is not None and test(shape)

    return holds


TESTS: dict[Trait, Callable[[Mapping], bool]] = {
    Trait.NO_PADDING: lambda inputs: inputs.get("pad") == 0,
    Trait.PADDING: lambda inputs: inputs.get("pad", 0) > 0,
    Trait.STRIDE: lambda inputs: inputs.get("stride", 1) > 1,
    Trait.OVERLAP: _of_window(lambda w, inputs: inputs["stride"] < max(w)),
    Trait.GAPS: _of_window(lambda w, inputs: inputs["stride"] > min(w)),
    Trait.WINDOW: _of_window(lambda w, inputs: w[0] != w[1]),
    Trait.IMAGE: _of_image(lambda shape: shape[2] != shape[3]),
    Trait.ONE_IMAGE: lambda inputs: np.shape(inputs.get("x", ()))[:1] == (1,),
    Trait.ONE_CHANNEL: _of_image(lambda shape: shape[1] == 1),
    Trait.MORE_AXES: lambda inputs: np.ndim(inputs.get("x", 0)) > 2,
    Trait.ONE_AXIS: lambda inputs: np.ndim(inputs.get("x", inputs.get("w"))) == 1,
    Trait.EPS: lambda inputs: inputs.get("eps", 0) > LARGE_EPS,
    Trait.ONE_GROUP: lambda inputs: inputs.get("groups") == 1,
    Trait.MORE_GROUPS: lambda inputs: inputs.get("groups", 1) > 1,
    Trait.REGULARISED: lambda inputs: bool(_settings(inputs).get("reg", 0)),
    Trait.SETTINGS: lambda inputs: "learning_rate" in inputs,
    Trait.DEFAULTS: _has_defaults,
    Trait.MORE_LAYERS: lambda inputs: len(_settings(inputs).get("hidden_dims", ())) > 1,
}


def common_trait(
    wrong: Collection[str], right: Collection[str], inputs: Mapping[str, Mapping]
) -> Trait | None:
    """Return the trait that all the wrong cases have and none of the right ones.

    If there are several such traits, the result is None: any of them may be the cause.
    """
    if not wrong or not right or not {*wrong, *right} <= inputs.keys():
        return None
    fits = [
        trait
        for trait, test in TESTS.items()
        if all(test(inputs[case]) for case in wrong)
        and not any(test(inputs[case]) for case in right)
    ]
    return fits[0] if len(fits) == 1 else None
