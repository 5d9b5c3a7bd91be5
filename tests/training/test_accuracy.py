"""The share of right answers, from classes and from scores."""

import numpy as np
import pytest

from ece662.training.accuracy import accuracy, count_right

SCORES = np.array([[0.1, 0.9, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 3.0]])
Y = np.array([1, 0, 2, 2])


def test_count_right_of_scores_and_of_classes():
    assert count_right(SCORES, Y) == 3
    assert count_right(SCORES.argmax(axis=1), Y) == 3


def test_accuracy_is_a_share():
    assert accuracy(SCORES, Y) == 0.75
    assert isinstance(accuracy(SCORES, Y), float)


@pytest.mark.parametrize("answers", [SCORES[:3], SCORES[np.newaxis], np.array(1)])
def test_count_right_refuses_another_number_of_answers(answers):
    with pytest.raises(ValueError, match=r"expected answers \(N,\) or scores \(N, C\)"):
        count_right(answers, Y)
