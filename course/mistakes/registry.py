"""What a known mistake is, and the list of all of them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["MISTAKES", "Mistake", "mistake"]


@dataclass(frozen=True)
class Mistake:
    """A wrong solution that can be run, and what a teacher says about it.

    Attributes:
        id: its name, such as "batchnorm-momentum-reversed".
        exercise: id of the exercise that it gets wrong.
        says: one sentence on what happened. It points to the idea, and never gives
            the correct line.
        asks: one question that leads to the answer.
        replaces: name of the function or class that it replaces in a solution.
        implementation: that function or class; for a cell that leaves several names a
            function without arguments, which returns what it leaves.
        hidden: only tests of the checks use it; it is in no signature and no report,
            so the student's check and the grader give the same general diagnosis.
        leaves: the names that the cell leaves, where there are several.
    """

    id: str
    exercise: str
    says: str
    asks: str
    replaces: str
    implementation: Callable
    hidden: bool = False
    leaves: tuple[str, ...] = ()

    @property
    def names(self) -> dict[str, Any]:
        """What it puts in the place of a solution, by name; made anew at each call."""
        if not self.leaves:
            return {self.replaces: self.implementation}
        return dict(zip(self.leaves, self.implementation(), strict=True))


MISTAKES: list[Mistake] = []


def mistake(
    exercise: str,
    *,
    says: str,
    asks: str,
    replaces: str | None = None,
    hidden=False,
    leaves: tuple[str, ...] = (),
):
    """Register the decorated function or class as a known mistake.

    Args:
        exercise: id of the exercise that it gets wrong.
        says: what happened, in a teacher's words.
        asks: a question that leads to the answer.
        replaces: what it replaces in a solution; by default the function with the
            exercise's name.
        hidden, leaves: see `Mistake`.

    Returns:
        A decorator that returns its argument unchanged.

    Raises:
        ValueError: there is a mistake of that name already.
    """

    def enter(implementation):
        name = _kebab(implementation.__name__)
        if any(known.id == name for known in MISTAKES):
            raise ValueError(f"there are two mistakes of the name {name!r}")
        MISTAKES.append(
            Mistake(
                id=name,
                exercise=exercise,
                says=says,
                asks=asks,
                replaces=replaces or exercise,
                implementation=implementation,
                hidden=hidden,
                leaves=leaves,
            )
        )
        return implementation

    return enter


def _kebab(name: str) -> str:
    """Turn `dropout_p_drops` and `TwoLayerNet` into "dropout-p-drops" and the like."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", "-", name).lower()
