"""Patterns of wrong entries, and the map of them in a notebook."""

import numpy as np
import pytest

from ece662.check.comparing import compare
from ece662.check.judging import Verdict
from ece662.check.mapping import draw_map
from ece662.check.patterns import Pattern, Where, pattern_of
from ece662.check.phrases import describe_map
from ece662.check.rendering import Report, Result
from ece662.check.terms import Trait
from ece662.check.traits import common_trait

SHAPE = (2, 3, 5, 4)


def wrong_at(*index):
    wrong = np.zeros(SHAPE, bool)
    wrong[index] = True
    return wrong


def border():
    wrong = np.ones(SHAPE, bool)
    wrong[..., 1:-1, 1:-1] = False
    return wrong


@pytest.mark.parametrize(
    ("wrong", "pattern"),
    [
        (wrong_at(slice(None), 1), Pattern(Where.ONLY, 1, (1,))),
        (wrong_at(..., slice(1, None, 2), slice(None)), (Where.EVERY_OTHER, 2, (1, 3))),
        (wrong_at(0, 1, 2), Pattern(Where.NOWHERE_ELSE, 1, (1,))),
        # Three of many are on the same side of one axis, and in two of three channels,
        # by chance.
        (wrong_at([1, 1, 1], [0, 0, 2], [0, 2, 4], [1, 3, 2]), None),
        (border(), Pattern(Where.BORDER)),
        (~border(), Pattern(Where.INSIDE)),
        (np.ones(SHAPE, bool), None),
        (np.zeros(SHAPE, bool), None),
    ],
)
def test_pattern_of_wrong_entries(wrong, pattern):
    if pattern is not None and pattern[0] is Where.INSIDE:
        # Rows and columns at the edge are right throughout: that says the same.
        assert "at index 1, 2, 3 of axis 2" in describe_map(wrong)
    else:
        assert pattern_of(wrong) == pattern


def failed(wrong):
    want = np.random.RandomState(1).standard_normal(SHAPE)
    return compare("images", "dx", np.where(wrong, want + 1, want), want)


def test_map_draws_the_wrong_entries_and_says_where_they_are():
    picture = draw_map([failed(wrong_at(slice(None), 1))])
    assert picture.count("<rect") == 6 * 5 * 4
    assert picture.count('fill="#c62828"') == 2 * 5 * 4
    assert 'role="img"' in picture
    assert (
        "40 of 120 entries are wrong, filled; everything at index 1 of axis 1"
        in picture
    )


def test_map_is_left_out_where_it_shows_nothing():
    everything = failed(np.ones(SHAPE, bool))
    vector = compare("rows", "db", np.array([1.0, 2.0]), np.array([1.0, 3.0]))
    assert draw_map([everything, vector]) == ""


def test_map_stands_in_the_notebook_and_not_in_plain_text():
    verdict = Verdict("conv_backward_naive", False, (failed(border()),))
    report = Report([Result(verdict)])
    assert "<svg" in report._repr_html_()
    assert "svg" not in str(report)


def test_common_trait_is_that_of_the_wrong_cases_alone():
    x, w = np.zeros((2, 3, 5, 5)), np.zeros((4, 3, 3, 3))
    inputs = {
        "a": {"x": x, "w": w, "stride": 2, "pad": 0},
        "b": {"x": x, "w": w, "stride": 2, "pad": 1},
        "c": {"x": x, "w": w, "stride": 1, "pad": 0},
    }
    assert common_trait(["a", "c"], ["b"], inputs) is Trait.NO_PADDING
    assert common_trait(["a", "b"], ["c"], inputs) is Trait.STRIDE
    assert common_trait(["a", "b", "c"], [], inputs) is None
