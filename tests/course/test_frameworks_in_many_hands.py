"""Networks in frameworks and pruning, as many students write them.

Right ones are not blamed, and wrong ones do not pass and are told what is true of them.
Frameworks are imported by a test, not by every process that looks for tests.
"""

import importlib

import pytest

from ece662.exercises import find_exercise
from tests.course.trying import try_code

HANDS = {
    "q5-torch-barebones-convnet-forward": "torch_functions",
    "q5-torch-module-convnet-class": "torch_classes",
    "q5-tf-convnet-forward": "tf_functions",
    "q5-tf-convnet-class": "keras_classes",
    "q5-torch-sequential-convnet-model": "torch_models",
    "q5-tf-convnet-sequential": "keras_models",
    "q6-unstructured-exercise": "unstructured",
    "q6-tensorflow-exercise": "unstructured_keras",
    "q6-filters-exercise": "filters",
}


def imported(name):
    return importlib.import_module(f"tests.course.frameworks.{name}")


def hands_of(exercise):
    """Return the solutions of an exercise, where its framework is installed."""
    for framework in exercise.frameworks:
        pytest.importorskip(framework)
    return imported(HANDS[exercise.id])


def namespace_of(exercise, solution):
    """Return what the notebook holds after a solution has run, by name."""
    if exercise.id == "q5-torch-sequential-convnet-model":
        return dict(zip(exercise.provides, solution(), strict=True))
    if exercise.id.startswith("q5"):
        return {exercise.provides[0]: solution}
    if exercise.id == "q6-tensorflow-exercise":
        model = imported("unstructured_keras").make_network()
        return {"tf_pruned_models": solution(model), "tf_model": model}
    model = imported("pruned").make_network()
    pruned = "filtered_models" if "filters" in exercise.id else "pruned_models"
    return {pruned: solution(model), "model": model}


@pytest.mark.parametrize("id", HANDS)
def test_right_solutions_pass(id):
    exercise, blamed = find_exercise(id), {}
    right = hands_of(exercise).RIGHT
    for name, solution in right.items():
        verdict, diagnosis = try_code(exercise, namespace_of(exercise, solution))
        if not verdict.passed or diagnosis is not None:
            blamed[name] = diagnosis
    assert blamed == {}
    assert len(right) >= 8


@pytest.mark.parametrize("id", HANDS)
def test_wrong_solutions_are_told_what_is_wrong(id):
    exercise, misnamed = find_exercise(id), {}
    wrong = hands_of(exercise).WRONG
    for name, (solution, expected, words) in wrong.items():
        verdict, diagnosis = try_code(exercise, namespace_of(exercise, solution))
        assert not verdict.passed, name
        said = "\n".join(
            [diagnosis.message, *(other.message for other in diagnosis.also)]
        )
        is_named = expected in (None, diagnosis.id)
        if not is_named or not all(text in said for text in words):
            misnamed[name] = (diagnosis.id, said)
    assert misnamed == {}
    assert len(wrong) >= 12
