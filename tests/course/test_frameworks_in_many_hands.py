"""PyTorch and pruning: right solutions are not blamed, and wrong ones do not pass."""

import pytest

from ece662.exercises import find_exercise
from tests.course.trying import try_code

torch = pytest.importorskip("torch")

from tests.course.frameworks import (  # noqa: E402
    filters,
    torch_classes,
    torch_functions,
    unstructured,
)
from tests.course.frameworks.pruned import make_network  # noqa: E402

HANDS = {
    "q5-torch-barebones-convnet-forward": torch_functions,
    "q5-torch-module-convnet-class": torch_classes,
    "q6-unstructured-exercise": unstructured,
    "q6-filters-exercise": filters,
}
RIGHT = {id: hands.RIGHT for id, hands in HANDS.items()}
WRONG = {id: hands.WRONG for id, hands in HANDS.items()}


def namespace_of(id, solution):
    """Return what the notebook holds after a solution has run, by name."""
    if id.startswith("q5"):
        return {find_exercise(id).provides[0]: solution}
    model = make_network()
    pruned = "filtered_models" if "filters" in id else "pruned_models"
    return {pruned: solution(model), "model": model}


def cases(table):
    return [
        pytest.param(id, value, id=f"{id}-{name}")
        for id, group in table.items()
        for name, value in group.items()
    ]


@pytest.mark.parametrize(("id", "solution"), cases(RIGHT))
def test_right_solution_passes(id, solution):
    verdict, diagnosis = try_code(find_exercise(id), namespace_of(id, solution))
    assert verdict.passed, diagnosis
    assert diagnosis is None


@pytest.mark.parametrize(("id", "wrong"), cases(WRONG))
def test_wrong_solution_is_told_what_is_wrong(id, wrong):
    solution, name, words = wrong
    verdict, diagnosis = try_code(find_exercise(id), namespace_of(id, solution))
    assert not verdict.passed
    assert name in (None, diagnosis.id), diagnosis.message
    said = "\n".join([diagnosis.message, *(o.message for o in diagnosis.also)])
    for text in words:
        assert text in said, said


@pytest.mark.parametrize("id", HANDS)
def test_there_are_enough_hands(id):
    assert len(RIGHT[id]) >= 8
    assert len(WRONG[id]) >= 12
