"""The student's code, as recipes see it: one object, whose attributes are the names."""

import importlib
from collections.abc import Mapping
from typing import Any

from ece662 import live
from ece662.live.source import explain_import

__all__ = ["MODULES", "Code", "UnreadableError", "make_code"]

# Where a name is looked for, in this order. Each is imported when first asked for, so
# that a syntax error in one file does not keep the others from being checked.
MODULES = (
    "ece662.layers",
    "ece662.optim",
    "ece662.layer_utils",
    "ece662.classifiers.fc_net",
    "ece662.classifiers.cnn",
)


class UnreadableError(Exception):
    """A module cannot be imported as its file stands; the text says where and why."""


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
            UnreadableError: a module where it may be cannot be imported.
        """
        if name in self._overrides:
            return self._overrides[name]
        if self._namespace is not None:
            if name in self._namespace:
                return self._namespace[name]
            raise AttributeError(name)
        problems = []
        for module in MODULES:
            try:
                members = _members(module)
            except UnreadableError as error:
                problems.append(error)
                continue
            if name in members.get("__all__", ()):
                if name not in members:
                    break
                return members[name]
        raise problems[0] if problems else AttributeError(name)


def _members(module: str) -> Mapping[str, Any]:
    """Return a module's namespace, if a newly started Python could import it.

    A notebook may run on with the code from before an edit; what is checked is the
    file.
    """
    try:
        members = vars(importlib.import_module(module))
    except (Exception, SystemExit) as error:
        raise UnreadableError(explain_import(module, error)) from error
    if problem := live.problem_of(module):
        raise UnreadableError(problem)
    return members


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
