"""The lecture hall's page: one dashboard at a time."""

import numpy as np

from ece662.widgets.demo import all_dashboards


def test_all_dashboards_are_made_when_opened():
    data = {"y_train": np.arange(6)}
    tabs = all_dashboards(data)
    assert [len(place.children) for place in tabs.children] == [1] + [0] * 7
    first = tabs.children[0].children
    for number in range(8):
        tabs.selected_index = number
    assert all(len(place.children) == 1 for place in tabs.children)
    tabs.selected_index = 0
    assert tabs.children[0].children == first  # its dials are where they were left
    assert [tabs.get_title(i) for i in (0, 6)] == ["Optimisers", "Training"]
