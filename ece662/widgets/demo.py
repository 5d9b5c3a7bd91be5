"""All dashboards on one page, for a lecture hall: `make demo` serves it by voila."""

from collections.abc import Mapping

import ipywidgets as widgets

from ece662.widgets.activations import activations_through_depth
from ece662.widgets.convolution import convolution_window
from ece662.widgets.dropout import dropout_masks
from ece662.widgets.gradients import gradient_checker
from ece662.widgets.normalisation import normalisation_cube
from ece662.widgets.race import optimiser_race
from ece662.widgets.search import hyperparameter_search
from ece662.widgets.training import training_dashboard

__all__ = ["all_dashboards"]


def all_dashboards(data: Mapping) -> widgets.Tab:
    """Show the dashboards under tabs; each is made when its tab is opened.

    Args:
        data: what the training dashboard trains on.
    """
    makers = {
        "Optimisers": optimiser_race,
        "Gradients": gradient_checker,
        "Depth": activations_through_depth,
        "Normalisation": normalisation_cube,
        "Dropout": dropout_masks,
        "Convolution": convolution_window,
        "Training": lambda: training_dashboard(data),
        "Search": lambda: hyperparameter_search(data),
    }
    tabs = widgets.Tab([widgets.VBox() for _ in makers])
    for number, name in enumerate(makers):
        tabs.set_title(number, name)  # ipywidgets 7 has no `titles`

    def open_tab(number):
        place = tabs.children[number]
        if not place.children:
            place.children = [list(makers.values())[number]().box]

    tabs.observe(lambda change: open_tab(change["new"] or 0), "selected_index")
    tabs.selected_index = 0
    open_tab(0)
    return tabs
