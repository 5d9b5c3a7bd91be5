"""How one exercise came out: the record that reports are made of."""

from dataclasses import dataclass

from ece662.check.rendering import Result
from ece662.check.terms import Status
from ece662.exercises import Exercise

__all__ = ["Mark", "mark_of"]

# Characters and lines that are kept of each text: a submission may send any number.
MAX_MESSAGE, MAX_LINE, MAX_LINES, MAX_PRINTED = 4000, 1000, 50, 4000


@dataclass(frozen=True)
class Mark:
    """How one exercise of one submission came out."""

    exercise: str
    status: Status
    points: float
    of: float
    diagnosis: str | None = None
    message: str = ""
    question: str = ""
    details: tuple[str, ...] = ()
    printed: str = ""
    noticed: tuple[str, ...] = ()  # what a teacher should look at, and nobody else

    def __post_init__(self):
        """Cut what may come from outside."""
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
