"""The two frameworks that are optional: what to say where one is not installed.

Everything before Q5 works without them, and Q5-Pytorch without TensorFlow.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

__all__ = [
    "FRAMEWORKS",
    "NEWEST_FOR_TENSORFLOW",
    "MissingFrameworkError",
    "explain_missing",
    "has_build",
    "named_if_missing",
    "why_missing",
]

FRAMEWORKS = ("torch", "tensorflow")  # each is an extra of that name in pyproject.toml

# The newest Python that a tested TensorFlow has builds for, as pyproject.toml says too.
NEWEST_FOR_TENSORFLOW = (3, 13)


class MissingFrameworkError(ModuleNotFoundError):
    """A framework cannot be imported because it is not installed.

    In a notebook one line is shown instead of a traceback: none of it is the student's.
    """

    def __init__(self, name: str):
        """Take the name that was imported, torch or tensorflow."""
        super().__init__(why_missing(name), name=name)

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows."""
        return [str(self)]


def has_build(name: str) -> bool:
    """Can torch or tensorflow be installed on this Python?"""
    return name != "tensorflow" or sys.version_info[:2] <= NEWEST_FOR_TENSORFLOW


def why_missing(name: str) -> str:
    """Say that torch or tensorflow is not installed, and what to do about it."""
    if not has_build(name):
        newest = ".".join(map(str, NEWEST_FOR_TENSORFLOW))
        this = ".".join(map(str, sys.version_info[:2]))
        return (
            f"TensorFlow has no build for Python {this} yet: Q5-Tensorflow and "
            f"TensorFlow's part of Q6 need Python 3.11 to {newest}. Everything else "
            "works here."
        )
    what = _what_to_install(name)
    return (
        f"This needs {name}, which is not installed: pip install {what} (in "
        f"a notebook: %pip install {what}, then restart the kernel)."
    )


def _what_to_install(name: str) -> str:
    """Return what pip understands.

    That is an extra of ours, with the versions that were tried, where this package was
    installed. Where it only lies in a folder, pip would ask PyPI for a package of its
    name, and whoever owns that name there.
    """
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        distribution("ece662")
    except PackageNotFoundError:
        return f"{name} safetensors"
    return f'"ece662[{name}]"'


def explain_missing(error: BaseException) -> str | None:
    """Return `why_missing` where a framework could not be imported, else None."""
    if not isinstance(error, ModuleNotFoundError):
        return None
    name = _framework_of(error)
    return None if name not in FRAMEWORKS or find_spec(name) else why_missing(name)


def _framework_of(error: ModuleNotFoundError) -> str:
    return str(error.name).partition(".")[0].replace("keras", "tensorflow")


@contextmanager
def named_if_missing() -> Iterator[None]:
    """Import torch or tensorflow in here; where it is missing, the error says why."""
    try:
        yield
    except ModuleNotFoundError as error:
        if explain_missing(error) is None:
            raise
        raise MissingFrameworkError(_framework_of(error)) from None
