"""Dashboards: the ideas of the course with a hand on the dials.

    from ece662.widgets import optimiser_race
    optimiser_race(rate=0.05)

Each function shows one, with the dials' first values as arguments. They run the code
that the student has written, at each turn of a dial anew.
"""

from ece662.widgets.gradients import gradient_checker
from ece662.widgets.race import optimiser_race

__all__ = ["gradient_checker", "optimiser_race"]
