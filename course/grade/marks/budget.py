"""The time that one submission may take, whatever it holds."""

import math
import time

from course.sandbox.client import Limits

__all__ = ["ABOVE_A_STOP", "AFTER_A_STOP", "SPENT", "UNLIMITED", "WAITING", "Budget"]

SPENT = "Others of this submission took all the time that there is for one."
WAITING = 60.0  # seconds that a submission may wait, as `course.sandbox.waiting` counts

# Where something in a submission took all its time, the rest is not given so much: it
# may well be the same thing again. Right solutions need a tenth of it.
AFTER_A_STOP = Limits(cpu=2, waiting=2.0)
# Of what builds on an exercise that was stopped, even less: where it does not come to
# an end either, it is tried again with that one mended, and with the limits above.
ABOVE_A_STOP = Limits(cpu=1, waiting=2.0)


class Budget:
    """The time that a submission has left, for all its exercises together.

    Wall time is given to it by how busy the machine is. Waiting is not: code that
    sleeps does so on any machine.
    """

    def __init__(self, seconds: float, waiting: float = WAITING):
        """Start the clock.

        Args:
            seconds: of wall time.
            waiting: seconds of it in which it may wait.
        """
        self._end, self._waiting = time.monotonic() + seconds, waiting

    @property
    def share(self) -> float:
        """Half of the wall time that is left, so that no exercise takes all of it."""
        return max(1.0, (self._end - time.monotonic()) / 2)

    def within(self, limits: Limits) -> Limits:
        """Return limits of which none is beyond half of what is left."""
        return limits._replace(
            wall=min(limits.wall, self.share),
            waiting=min(limits.waiting, self._waiting / 2),
        )

    def count(self, waited: float) -> None:
        """Take off the seconds that an exercise has waited."""
        self._waiting -= waited

    @property
    def is_spent(self) -> bool:
        """True where too little is left to run another exercise."""
        return self._end - time.monotonic() < 2.0 or self._waiting < 1.0


UNLIMITED = Budget(math.inf, math.inf)
