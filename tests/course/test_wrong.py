"""What real students write wrong is caught, and told in words that are true of it."""

import numpy as np
import pytest

from ece662.check.code import make_code
from ece662.check.judging import judge
from ece662.check.rendering import Result
from ece662.check.running import run
from ece662.check.signatures import signature_of
from ece662.check.terms import Kind, Stop
from ece662.exercises import find_exercise
from tests.course.trying import try_code
from tests.course.wrong import (  # noqa: F401 (importing them enters them)
    networks_and_rules,
    norms,
    windows,
    words_and_forms,
)
from tests.course.wrong.registry import WRONG


@pytest.mark.parametrize("wrong", WRONG, ids=[f"{w.exercise}-{w.name}" for w in WRONG])
def test_wrong_solution_is_told_what_is_wrong(wrong):
    exercise = find_exercise(wrong.exercise)
    verdict, diagnosis = try_code(exercise, wrong.functions)
    assert not verdict.passed
    ids = [diagnosis.id, *(other.id for other in diagnosis.also)]
    assert set(wrong.id.split("+")) <= set(ids), (ids, diagnosis.message)
    for words in wrong.words:
        assert words in diagnosis.message, diagnosis.message


def stopping():
    for wrong in WRONG:
        exercise = find_exercise(wrong.exercise)
        problems = run(exercise, make_code(wrong.functions)).problems
        # A result of another form has a case and no line.
        if any(problem.kind is not Stop.MISFIT for problem in problems):
            yield pytest.param(wrong, problems, id=wrong.name)


@pytest.mark.parametrize(("wrong", "problems"), list(stopping()))
def test_exception_is_told_with_line_and_case(wrong, problems):
    exercise = find_exercise(wrong.exercise)
    verdict, diagnosis = try_code(exercise, wrong.functions)
    said = Result(verdict, diagnosis).text()
    assert ".py, line " in said
    assert problems[0].case in said


def test_backward_of_a_wrong_forward_is_judged_by_itself():
    """A backward that does not depend on the forward's mistake passes."""

    def without_bias(x, w, b):
        return x.reshape(len(x), -1) @ w, (x, w, b)

    exercise = find_exercise("affine_backward")
    outputs, problems = run(exercise, make_code({"affine_forward": without_bias}))
    expected = signature_of(exercise).expected
    assert judge(exercise, outputs, expected, problems).passed


def test_flattened_x_in_the_cache_is_remarked_on_where_it_is_made():
    def affine_forward(x, w, b):
        x = x.reshape(len(x), -1)
        return x @ w + b, (x, w, b)

    functions = {"affine_forward": affine_forward}
    verdict, _ = try_code(find_exercise("affine_forward"), functions)
    assert verdict.passed
    [remark] = verdict.remarks
    assert "holds x flattened" in remark
    assert not try_code(find_exercise("affine_forward"), {})[0].remarks


def test_rows_with_a_one_and_the_shape_in_the_cache_are_not_remarked_on():
    def affine_forward(x, w, b):
        rows = np.hstack([x.reshape(len(x), -1), np.ones((len(x), 1))])
        both = np.vstack([w, b])
        return rows @ both, (rows, both, x.shape)

    functions = {"affine_forward": affine_forward}
    verdict, _ = try_code(find_exercise("affine_forward"), functions)
    assert verdict.passed
    assert not verdict.remarks


@pytest.mark.parametrize("wrong", WRONG, ids=[f"{w.exercise}-{w.name}" for w in WRONG])
def test_no_wrong_solution_stops_the_judge(wrong):
    exercise = find_exercise(wrong.exercise)
    _, diagnosis = try_code(exercise, wrong.functions)
    assert diagnosis.id not in (Kind.OURS, Stop.OURS)
