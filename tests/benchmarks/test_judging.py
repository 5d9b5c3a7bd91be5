"""The benchmark of the judge, on code of which it is known what has to come out."""

import numpy as np

from benchmarks import judging
from benchmarks.judging import Judged, Solution, judge_mutant, judge_solution, table
from ece662.exercises import find_exercise

RELU = find_exercise("relu_forward")


def judged(function, mistake=""):
    return judge_solution(Solution(RELU, {"relu_forward": function}, mistake))


def test_judge_solution_of_right_code():
    found = judged(lambda x: (np.maximum(x, 0), x))
    assert found.passed
    assert not found.names
    assert found.seconds > 0


def test_judge_solution_names_a_known_mistake():
    found = judged(lambda x: (np.abs(x), x), "relu-takes-absolute-value")
    assert found.names == {"relu-takes-absolute-value"}
    assert (found.is_located, found.is_untrue) == (True, False)


def test_judge_solution_notices_another_name():
    assert judged(lambda x: (np.abs(x), x), "relu-leaks").is_untrue


def test_judge_solution_of_an_exception_wants_its_line():
    def relu_forward(x):
        return x.no_such_name

    found = judged(relu_forward)
    assert (found.is_exception, found.is_told) == (True, True)


def test_judge_solution_of_what_differs_without_a_name():
    found = judged(lambda x: (np.sin(x), x))
    assert (found.passed, found.is_located, found.is_ours) == (False, False, False)


def hidden_differently(x):
    """Return what is right for the inputs of the check, and for no others."""
    seen = {case["x"].tobytes() for case in judging.inputs_of(RELU).values()}
    return (np.maximum(x, 0) if x.tobytes() in seen else x), x


def test_judge_mutant_tries_other_inputs():
    def mutant(function):
        return judge_mutant(Solution(RELU, {"relu_forward": function}))

    assert mutant(lambda x: (np.clip(x, 0, None), x)).is_same
    found = mutant(hidden_differently)
    assert (found.passed, found.is_same) == (True, False)


def absolute_in_the_check(x):
    seen = {case["x"].tobytes() for case in judging.inputs_of(RELU).values()}
    return (np.abs(x) if x.tobytes() in seen else np.sin(x)), x


def test_judge_mutant_distrusts_a_name_that_other_inputs_do_not_give():
    functions = {"relu_forward": absolute_in_the_check}
    assert judge_mutant(Solution(RELU, functions)).is_untrue


def test_table_counts_and_leaves_out_mutants_that_are_right():
    right = [Judged(True, 0.1), Judged(False, 0.1)]
    wrong = [Judged(False, 0.3, frozenset({"a"}), True), Judged(True, 0.3)]
    same = Judged(True, 0.5, is_same=True)
    changed = [same, Judged(False, 0.7, is_exception=True, is_told=True)]
    rows = [
        line.strip("| ").split(" | ")
        for line in table(right, wrong, changed).split("\n")
    ]
    found = {row[0]: row[1:] for row in rows}
    assert found["right solutions blamed"][0] == "1 of 2 (50.0%)"
    assert found["wrong solutions passed"] == ["1 of 2 (50.0%)", "0 of 1"]
    assert found["told as a known mistake"] == ["1 of 1 (100.0%)", "0 of 1"]
    assert found["exceptions with case, sizes, line"] == ["0 of 0", "1 of 1 (100.0%)"]
    assert found["CPU seconds a check, median"] == ["0.10", "0.50"]


def test_report_of_a_few(monkeypatch):
    few = [find_exercise(id) for id in ("relu_forward", "adam")]
    monkeypatch.setattr(judging, "EXERCISES", few)
    leaks = Solution(RELU, {"relu_forward": lambda x: (np.abs(x), x)})
    monkeypatch.setattr(judging, "wrong_solutions", lambda with_frameworks: [leaks])
    text = judging.report(3, with_frameworks=False)
    assert "3 mutants" in text
    [blamed] = [line for line in text.split("\n") if "blamed" in line]
    assert blamed.startswith("| right solutions blamed | 0 of ")
    assert int(blamed.split()[-3]) > 20
    assert "| wrong solutions passed | 0 of 1 |" in text
