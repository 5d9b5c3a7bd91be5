"""The result of one exercise: the record that reports are made of."""

from dataclasses import dataclass

from ece662.check.rendering import Result
from ece662.check.terms import Status
from ece662.exercises import Exercise

__all__ = ["UNREAD", "Mark", "mark_of"]

UNREAD = "unread"  # the diagnosis where a file is there that could not be read

# Characters and lines that are kept of each text: a submission may send any number.
MAX_MESSAGE, MAX_LINE, MAX_LINES, MAX_PRINTED = 4000, 1000, 50, 4000


@dataclass(frozen=True)
class Mark:
    """The result of one exercise of one submission."""

    exercise: str
    status: Status
    points: float
    of: float
    diagnosis: str | None = None
    message: str = ""
    question: str = ""
    details: tuple[str, ...] = ()
    printed: str = ""
    noticed: tuple[str, ...] = ()  # findings that only the teacher is shown

    def __post_init__(self):
        """Limit the length of texts that a submission may have sent."""
        lines = tuple(line[:MAX_LINE] for line in self.details[:MAX_LINES])
        object.__setattr__(self, "message", self.message[:MAX_MESSAGE])
        object.__setattr__(self, "question", self.question[:MAX_MESSAGE])
        object.__setattr__(self, "details", lines)
        object.__setattr__(self, "printed", self.printed[:MAX_PRINTED])


def mark_of(exercise: Exercise, result: Result, printed: str) -> Mark:
    """Return the mark of an exercise that was judged."""
    verdict, wrong = result.verdict, result.diagnosis
    return Mark(
        exercise.id,
        verdict.status,
        exercise.points if verdict.passed else 0,
        exercise.points,
        wrong.id if wrong else None,
        wrong.message if wrong else "",
        wrong.question if wrong else "",
        tuple(result.details),
        printed,
    )
