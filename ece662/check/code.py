"""The student's code, as recipes see it: one object, whose attributes are the names."""

import importlib
from collections.abc import Mapping
from typing import Any

__all__ = ["MODULES", "Code", "make_code"]

# Where a name is looked for, in this order. Each is imported when first asked for, so
# that a syntax error in one file does not keep the others from being checked.
MODULES = (
    "ece662.layers",
    "ece662.optim",
    "ece662.layer_utils",
    "ece662.classifiers.fc_net",
    "ece662.classifiers.cnn",
)


class Code:
    """Functions and classes by attribute: overrides first, then a notebook, then us."""

    def __init__(
        self, overrides: Mapping[str, Any], namespace: Mapping[str, Any] | None
    ):
        """Keep where to look; see `make_code`."""
        self._overrides = dict(overrides)
        self._namespace = namespace

    def __getattr__(self, name: str) -> Any:
        """Look a name up.

        Raises:
            AttributeError: it is nowhere.
        """
        if name in self._overrides:
            return self._overrides[name]
        if self._namespace is not None:
            if name in self._namespace:
                return self._namespace[name]
            raise AttributeError(name)
        for module in MODULES:
            members = vars(importlib.import_module(module))
            if name in members.get("__all__", ()):
                return members[name]
        raise AttributeError(name)


def make_code(
    overrides: Mapping[str, Any] | None = None,
    namespace: Mapping[str, Any] | None = None,
) -> Code:
    """Collect the code that a recipe is to try.

    Args:
        overrides: functions or classes to take instead of the package's, by name.
        namespace: the names of a notebook that ran; with it, the package is not looked
            into.
    """
    return Code(overrides or {}, namespace)
