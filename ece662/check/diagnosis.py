"""The record of what went wrong; its sentences are made when it is shown."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ece662.check.wording import words_of

__all__ = ["Diagnosis"]


class Diagnosis(NamedTuple):
    """What went wrong.

    A known mistake has its own sentence and question; others get theirs by their id.
    """

    id: str
    facts: Mapping[str, Any] = {}
    says: str = ""
    asks: str = ""
    also: tuple["Diagnosis", ...] = ()  # further diagnoses, each true by itself

    @property
    def message(self) -> str:
        """The sentences for a student."""
        return words_of(self)[0]

    @property
    def question(self) -> str:
        """The question that leads to the answer."""
        return words_of(self)[1]
