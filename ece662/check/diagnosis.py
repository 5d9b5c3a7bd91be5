"""What went wrong with an exercise: facts, which become words when they are shown."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ece662.check.wording import words_of

__all__ = ["Diagnosis"]


class Diagnosis(NamedTuple):
    """What went wrong, as facts.

    A known mistake brings its own sentence and question, which a teacher wrote.
    """

    id: str
    facts: Mapping[str, Any] = {}
    says: str = ""
    asks: str = ""
    also: tuple["Diagnosis", ...] = ()  # further facts, each true by itself

    @property
    def message(self) -> str:
        """The sentences for a student."""
        return words_of(self)[0]

    @property
    def question(self) -> str:
        """The question that leads on."""
        return words_of(self)[1]
