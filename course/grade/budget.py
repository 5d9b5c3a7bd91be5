"""The wall time that one submission may take, whatever it holds."""

import time

__all__ = ["SPENT", "Budget"]

SPENT = "Others of this submission took all the time that there is for one."


class Budget:
    """The wall time that a submission has left, whatever its exercises take each."""

    def __init__(self, seconds: float):
        self._end = time.monotonic() + seconds

    @property
    def share(self) -> float:
        """Half of what is left: no exercise takes all of it from the others."""
        return max(1.0, (self._end - time.monotonic()) / 2)

    @property
    def is_spent(self) -> bool:
        """True where there is not enough left to try anything."""
        return self._end - time.monotonic() < 2.0
