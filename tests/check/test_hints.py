"""Hints: three for each exercise that is checked, given one at a time."""

import pytest

from ece662.check import hint
from ece662.check.hints import STAGES, load_hints
from ece662.exercises import EXERCISES


def test_load_hints_has_three_for_each_checked_exercise():
    wanted = {exercise.id for exercise in EXERCISES if exercise.is_checked}
    assert load_hints().keys() == wanted
    for id, texts in load_hints().items():
        assert len(texts) == len(STAGES), id
        assert all(len(text) > 30 for text in texts), id


def test_hint_gives_one_more_at_each_call():
    first, second, third, again = (hint("rmsprop") for _ in range(4))
    assert [len(h.texts) for h in (first, second, third, again)] == [1, 2, 3, 3]
    assert 'Once more hint("rmsprop") gives the formula' in str(first)
    assert "Once more" not in str(third)
    assert len(hint("rmsprop", stage=1).texts) == 1


def test_hint_html_is_escaped():
    assert "&lt;" in hint("dropout_forward", stage=2)._repr_html_()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("adan",), "did you mean adam"),
        (("adam", 4), "a stage from 1 to 3, got 4"),
        (("q1-depth-answer",), "no hint for q1-depth-answer"),
    ],
)
def test_hint_refuses(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        hint(*arguments)
