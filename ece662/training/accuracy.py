"""The share of right answers: the one place where they are counted."""

import numpy as np

__all__ = ["accuracy", "count_right"]


def count_right(answers, y) -> int:
    """Count the answers that are the true class.

    Args:
        answers: (N,) classes, or (N, C) scores, of which the highest is the answer.
        y: (N,) true classes.

    Raises:
        ValueError: there is not one answer for each class.
    """
    answers, y = np.asarray(answers), np.asarray(y)
    if answers.ndim not in (1, 2) or y.shape != answers.shape[:1]:
        raise ValueError(
            f"expected answers (N,) or scores (N, C) for y (N,), got {answers.shape} "
            f"and {y.shape}"
        )
    return int(np.sum((answers.argmax(axis=1) if answers.ndim == 2 else answers) == y))


def accuracy(answers, y) -> float:
    """Return the share of answers that are right, from 0 to 1; see `count_right`."""
    return count_right(answers, y) / len(y)
