"""The exception that grading raises where it cannot do its work."""

__all__ = ["GradingError"]


class GradingError(RuntimeError):
    """Grading cannot begin or go on; the message says what to do."""
