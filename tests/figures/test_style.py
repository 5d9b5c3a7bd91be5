"""The looks that figures and dashboards share."""

from ece662.figures.style import COLOURS


def test_colours_are_as_many_as_the_classes_and_differ():
    assert len(set(COLOURS)) == len(COLOURS) == 6
