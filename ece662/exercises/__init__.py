"""The exercises: the list of them, and the student's work in the files it names."""

from ece662.exercises.catalogue import (
    EXERCISES,
    KINDS,
    NOTEBOOKS,
    Exercise,
    exercises_of,
    find_exercise,
    is_notebook,
    notebooks_with,
)

__all__ = [
    "EXERCISES",
    "KINDS",
    "NOTEBOOKS",
    "Exercise",
    "exercises_of",
    "find_exercise",
    "is_notebook",
    "notebooks_with",
]
