"""Dashboards: the ideas of the course with a hand on the dials.

    from ece662.widgets import optimiser_race
    optimiser_race(rate=0.05)

Each function shows one, with the dials' first values as arguments. They run the code
that the student has written, at each turn of a dial anew.
"""

from ece662.widgets.activations import activations_through_depth
from ece662.widgets.convolution import convolution_window
from ece662.widgets.dropout import dropout_masks
from ece662.widgets.gradients import gradient_checker
from ece662.widgets.normalisation import normalisation_cube
from ece662.widgets.pruning import pruning_dashboard
from ece662.widgets.race import optimiser_race
from ece662.widgets.search import hyperparameter_search
from ece662.widgets.training import training_dashboard

__all__ = [
    "activations_through_depth",
    "convolution_window",
    "dropout_masks",
    "gradient_checker",
    "hyperparameter_search",
    "normalisation_cube",
    "optimiser_race",
    "pruning_dashboard",
    "training_dashboard",
]
