"""Wrong solutions as students write them, and what they are to be told.

A wrong solution is a function without arguments that defines what a student wrote and
returns it as a dict, as for the right ones in `tests/course/correct`. Beside it stand
the id of the diagnosis and words that its message holds.
"""

from typing import NamedTuple

__all__ = ["WRONG", "Wrong", "wrong"]


class Wrong(NamedTuple):
    """A wrong solution."""

    name: str
    exercise: str
    id: str  # of the diagnosis
    words: tuple[str, ...]  # that the message holds
    functions: dict


WRONG: list[Wrong] = []


def wrong(exercise, id, *words):
    """Enter the decorated function's result as a wrong solution of an exercise."""

    def enter(make):
        WRONG.append(Wrong(make.__name__, exercise, id, words, make()))
        return make

    return enter
