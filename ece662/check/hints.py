"""Hints, one at a time: the idea, then the formula, then the shape of the code."""

import functools
import html
import tomllib
from collections import Counter
from pathlib import Path

from ece662.check.boxes import BLUE, box
from ece662.exercises import find_exercise

__all__ = ["STAGES", "Hint", "hint", "load_hints"]

STAGES = ("the idea", "the formula", "the shape of the code")

_given: Counter[str] = Counter()  # by exercise, in this session


class Hint:
    """The hints given so far; shows itself wherever it is printed."""

    def __init__(self, exercise: str, texts: list[str]):
        """Keep the texts, the first stages' of the three."""
        self.exercise = exercise
        self.texts = texts

    @property
    def lines(self) -> list[str]:
        """One line for each stage, and one that says how to go on."""
        lines = [
            f"{stage.capitalize()}: {text}"
            for stage, text in zip(STAGES, self.texts, strict=False)
        ]
        if len(self.texts) < len(STAGES):
            following = STAGES[len(self.texts)]
            lines.append(f'Once more hint("{self.exercise}") gives {following}.')
        return lines

    def __str__(self) -> str:
        """Return plain text."""
        return "\n  ".join([f"{self.exercise}:", *self.lines])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        lines = "<br>".join(map(html.escape, self.lines))
        return box(BLUE, self.exercise, f"<br>{lines}")


def hint(name: str, stage: int | None = None) -> Hint:
    """Give a hint for an exercise; each call gives one more.

    Args:
        name: an exercise, such as "adam".
        stage: 1 for the idea, 2 with the formula, 3 with the shape of the code; left
            out, one more than the last time.

    Raises:
        ValueError: there is no such exercise or stage, or no hint for it.
    """
    exercise = find_exercise(name)
    if exercise.id not in load_hints():
        raise ValueError(f"there is no hint for {exercise.id}")
    if stage is None:
        stage = min(_given[exercise.id] + 1, len(STAGES))
        _given[exercise.id] = stage
    if stage not in range(1, len(STAGES) + 1):
        raise ValueError(f"expected a stage from 1 to {len(STAGES)}, got {stage}")
    return Hint(exercise.id, load_hints()[exercise.id][:stage])


@functools.cache
def load_hints() -> dict[str, list[str]]:
    """Read all hints: exercise id to the texts of the three stages."""
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
