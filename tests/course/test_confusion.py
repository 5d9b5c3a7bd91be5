"""No sentence is said of code that it is not true of: pairs of known mistakes.

Two mistakes that spoil different outputs of one exercise are put together output by
output. What is then named has to be these two and nothing else.
"""

import functools
import itertools

import pytest

from course.mistakes import all_mistakes
from ece662.check.code import make_code
from ece662.check.examining import examine
from ece662.check.running import Run, inputs_of, run
from ece662.check.signatures import signature_of
from ece662.check.sketching import matching_rows, sketch
from ece662.check.terms import Role, read_output
from ece662.exercises import find_exercise

BACKWARDS = [
    "affine_backward",
    "batchnorm_backward",
    "batchnorm_backward_alt",
    "conv_backward_naive",
    "layernorm_backward",
    "spatial_batchnorm_backward",
    "spatial_groupnorm_backward",
]


def mistakes_of(exercise):
    known = [m for m in all_mistakes() if m.exercise == exercise and not m.hidden]
    return [m for m in known if not outputs_of(m)[1]]  # those that come through


@functools.cache
def outputs_of(mistake):
    exercise = find_exercise(mistake.exercise)
    return run(exercise, make_code(mistake.names))


def spoilt_by(mistake):
    """Return the names of the outputs that a mistake makes wrong."""
    expected = signature_of(find_exercise(mistake.exercise)).expected
    names = [k for k in expected if "/" in k]
    own, right = (sketch(o, names) for o in (outputs_of(mistake).outputs, expected))
    same = matching_rows(own, right)
    return {
        n.partition("/")[2] for n, equal in zip(names, same, strict=True) if not equal
    }


def together(first, second):
    """Return the first's outputs, with those of the second that it spoils."""
    spoilt = spoilt_by(second)
    outputs = dict(outputs_of(first).outputs)
    for key, value in outputs_of(second).outputs.items():
        output = read_output(key.partition("/")[2])
        name = key.partition("/")[2]
        if name in spoilt or (output.role is Role.OWN and output.of in spoilt):
            outputs[key] = value
    return Run(outputs)


def named_together(first, second):
    """Return the ids of what is said of two mistakes put together."""
    exercise = find_exercise(first.exercise)
    inputs, signature = inputs_of(exercise), signature_of(exercise)
    _, found = examine(
        exercise, together(first, second), inputs, signature, lambda need: None
    )
    return {found.id, *(other.id for other in found.also)}


def is_the_same(named, first, second):
    """Say whether the one that was named gives what the two give together."""
    known = {m.id: m for m in mistakes_of(first.exercise)}
    if len(named) != 1 or not named <= known.keys():
        return False
    [third] = named
    names = list(signature_of(find_exercise(first.exercise)).expected)
    both = sketch(together(first, second).outputs, names)
    return matching_rows(both, sketch(outputs_of(known[third]).outputs, names)).all()


@pytest.mark.parametrize("id", BACKWARDS)
def test_two_mistakes_in_different_gradients_are_both_named(id):
    wrong, tried = {}, 0
    for first, second in itertools.combinations(mistakes_of(id), 2):
        if spoilt_by(first) & spoilt_by(second):
            continue
        tried += 1
        named = named_together(first, second)
        # A third one may be just these two together, and then is as true as they.
        if not named <= {first.id, second.id} and not is_the_same(named, first, second):
            wrong[first.id, second.id] = named
    assert tried
    known = {m.id for m in mistakes_of(id)}
    untrue = {pair: ids for pair, ids in wrong.items() if ids & known}
    assert untrue == {}
