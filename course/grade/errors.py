"""What grading raises where it cannot do its work."""

__all__ = ["GradingError"]


class GradingError(RuntimeError):
    """Grading cannot begin or go on; says what to do."""
