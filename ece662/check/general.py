"""The general diagnoses: the kind of difference, where no known mistake matches."""

from collections.abc import Sequence

from ece662.check.judging import Comparison

__all__ = ["describe"]


def describe(
    failed: Sequence[Comparison], all_of_them: Sequence[Comparison]
) -> tuple[str, str, str]:
    """Return (id, message, question) for the most telling of the failed comparisons."""
    worst = failed[0]
    message = f"{worst.name} is not what it should be."
    return ("different", message, "")
