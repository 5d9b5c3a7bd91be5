"""The student's code as one object: its attributes are the functions and classes."""

import importlib
from collections.abc import Mapping
from typing import Any

from ece662 import live
from ece662.check.containing import PASSED_ON
from ece662.live.source import explain_import

__all__ = ["MODULES", "Code", "UnreadableError", "make_code"]

# The modules that are searched for a name, in this order. Each is imported when it is
# needed, so that a syntax error in one file does not stop the checks of the others.
MODULES = (
    "ece662.layers",
    "ece662.optim",
    "ece662.layer_utils",
    "ece662.classifiers.fc_net",
    "ece662.classifiers.cnn",
    "ece662.pruning.by_hand",
)


class UnreadableError(Exception):
    """A module cannot be imported from its file; the message says where and why."""


class Code:
    """Functions and classes as attributes: overrides, a notebook's or the package's."""

    def __init__(
        self, overrides: Mapping[str, Any], namespace: Mapping[str, Any] | None
    ):
        """Keep the overrides and the notebook's names; see `make_code`."""
        self._overrides = dict(overrides)
        self._namespace = namespace

    def __getattr__(self, name: str) -> Any:
        """Look a name up.

        Raises:
            AttributeError: there is no such name.
            UnreadableError: not found, and a module that may define it is unreadable.
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

    A notebook may still use the code from before an edit, but checks are for the file.
    """
    try:
        members = vars(importlib.import_module(module))
    except BaseException as error:
        if isinstance(error, PASSED_ON):
            raise
        raise UnreadableError(explain_import(module, error)) from error
    if problem := live.problem_of(module):
        raise UnreadableError(problem)
    return members


def make_code(
    overrides: Mapping[str, Any] | None = None,
    namespace: Mapping[str, Any] | None = None,
) -> Code:
    """Make the code object that a recipe runs.

    Args:
        overrides: functions or classes to use instead of the package's, by name.
        namespace: the names of a notebook that ran; if given, the package is not
            searched.
    """
    return Code(overrides or {}, namespace)
