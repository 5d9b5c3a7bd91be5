"""Mutants are what they say: one place of a right solution changed."""

import itertools

from benchmarks.mutants import changes, mutants

SOURCE = """
def f(x, axis=0):
    total = x.sum(axis=axis) + 1
    total += x.T @ x
    return total > 2
"""


def test_changes_are_each_in_one_place():
    found = {what: text for text, what in changes(SOURCE.strip())}
    assert "x.mean(axis=axis) + 1" in found["f: x.sum -> x.mean"]
    assert (
        "total = x.sum(axis=axis)\n"
        in found["f: x.sum(axis=axis) + 1 -> x.sum(axis=axis)"]
    )
    assert "total = x.T @ x" in found["f: total += x.T @ x -> total = x.T @ x"]
    assert "total += x @ x" in found["f: x.T -> x"]
    assert "total < 2" in found["f: total > 2 -> total < 2"]
    assert "pass" in found["f: total += x.T @ x -> nothing"]
    assert all(text != SOURCE.strip() for text in found.values())


def test_changes_leave_the_rest_as_it_was():
    texts = [text for text, _ in changes(SOURCE.strip())]
    for text in texts:
        pairs = itertools.zip_longest(text.split("\n"), texts[0].split("\n"))
        assert sum(a != b for a, b in pairs) <= 2  # its own place, and the first's


def test_mutants_are_drawn_by_the_seed():
    first, again, other = (
        [m.change for m in itertools.islice(mutants(seed), 5)] for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_mutants_are_about_the_exercise_of_the_changed_function():
    for mutant in itertools.islice(mutants(), 40):
        function = mutant.change.partition(":")[0]
        provided = {name for e in mutant.exercises for name in e.provides}
        assert function in provided or function not in mutant.functions
