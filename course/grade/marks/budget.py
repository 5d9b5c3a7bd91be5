"""The wall time that one submission may take, whatever it holds."""

import time

__all__ = ["SPENT", "Budget"]

SPENT = "Others of this submission took all the time that there is for one."


class Budget:
    """The wall time that a submission has left, for all its exercises together."""

    def __init__(self, seconds: float):
        self._end = time.monotonic() + seconds

    @property
    def share(self) -> float:
        """Half of what is left, so that no exercise takes all of it."""
        return max(1.0, (self._end - time.monotonic()) / 2)

    @property
    def is_spent(self) -> bool:
        """True where too little is left to run another exercise."""
        return self._end - time.monotonic() < 2.0
