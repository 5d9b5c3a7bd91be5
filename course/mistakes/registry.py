"""What a known mistake is, and the list that all of them are entered in."""

import re
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["MISTAKES", "Mistake", "mistake"]


@dataclass(frozen=True)
class Mistake:
    """A wrong solution that can be run, and what a teacher says about it.

    Attributes:
        id: its name, such as "batchnorm-momentum-reversed".
        exercise: id of the exercise that it gets wrong.
        says: one sentence on what happened. It points at the idea, and never gives
            the line that would be right.
        asks: one question that leads on.
        replaces: name of the function or class that it stands for in a solution.
        implementation: that function or class.
        hidden: it serves to try the checks, which meet no such code otherwise, and is
            named to nobody: the grader says what the student's own check says.
    """

    id: str
    exercise: str
    says: str
    asks: str
    replaces: str
    implementation: Callable
    hidden: bool = False


MISTAKES: list[Mistake] = []


def mistake(
    exercise: str, *, says: str, asks: str, replaces: str | None = None, hidden=False
):
    """Enter the decorated function or class in the list of known mistakes.

    Args:
        exercise: id of the exercise that it gets wrong.
        says: what happened, in a teacher's words.
        asks: a question that leads on.
        replaces: what it stands for in a solution; by default the function that has
            the exercise's name.
        hidden: never ships.

    Returns:
        a decorator, which leaves what it decorates as it is.

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
            )
        )
        return implementation

    return enter


def _kebab(name: str) -> str:
    """Turn `dropout_p_drops` and `TwoLayerNet` into "dropout-p-drops" and the like."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", "-", name).lower()
