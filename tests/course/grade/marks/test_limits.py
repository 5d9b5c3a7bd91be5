"""What one submission may cost: of time, of other exercises, and of a report."""

import json
import marshal
import math

import numpy as np
import pytest

from course.grade.classroom import Pupil, files_of
from course.grade.marks import exchange, marking
from course.grade.marks.budget import SPENT, UNLIMITED, Budget
from course.grade.marks.exchange import read_problems, why_stopped
from course.grade.marks.mark import MAX_LINES, MAX_MESSAGE, MAX_PRINTED, Mark
from course.grade.marks.right_pieces import with_other_halves
from course.grade.marks.unreadable import FUNCTION, leave_out_unreadable
from course.grade.sandboxed import inside
from course.grade.similar import MOST, fingerprints
from course.sandbox.client import Ending, Limits, Outcome
from ece662.check.problems import Problem
from ece662.check.terms import Cause, Status, Stop
from ece662.exercises import EXERCISES, find_exercise
from ece662.exercises.reading import read_files
from ece662.exercises.regions import fill

LAYERS, FC_NET = "ece662/layers.py", "ece662/classifiers/fc_net.py"
PROBLEM = Problem(Stop.ERROR, Cause.SAID, {"says": "It stopped."})._asdict()

NAMED = ("needs", "forward", "inside")  # which name an exercise


def _sent(told):
    return np.frombuffer(json.dumps(told).encode(), np.uint8)


def test_mark_keeps_so_much_of_a_text():
    long = "x" * 10**6
    details = (long,) * 1000
    mark = Mark("adam", Status.FAILED, 0, 1, "error", long, long, details, long)
    assert len(mark.message) == len(mark.question) == MAX_MESSAGE
    assert len(mark.details) == MAX_LINES
    assert len(mark.printed) == MAX_PRINTED
    assert sum(map(len, mark.details)) < 10**5


def test_problems_beyond_a_size_are_not_read(monkeypatch):
    assert len(read_problems(_sent([PROBLEM]))) == 1
    [forged] = read_problems(_sent([PROBLEM | dict.fromkeys(NAMED, "lies")]))
    assert [getattr(forged, field) for field in NAMED] == ["", "", ""]
    long = [PROBLEM | {"facts": {"says": "x" * exchange.MAX_TEXT}}]
    with pytest.raises(ValueError, match=f"expected up to {exchange.MAX_TEXT}"):
        read_problems(_sent(long))


def test_line_that_stopped_is_cut():
    lines = (("f" * 10**6, 3, "g", "t" * 10**6),)
    assert len(why_stopped(Outcome("raised", {}, "ValueError", lines))) < 1000


def test_fingerprints_of_one_exercise_are_so_many():
    rng = np.random.default_rng(0)
    body = "\n".join(
        f"x[{a}] = {b} + y" for a, b in rng.integers(10**6, size=(8000, 2))
    )
    kept = fingerprints({(LAYERS, "relu_forward", 1): body})
    assert len(kept["relu_forward"]) == MOST


@pytest.fixture
def mark(marker, monkeypatch):
    """A function that marks some exercises of a solved course with other regions."""

    def mark_some(bodies, wanted, **limits):
        monkeypatch.setattr(marking, "EXERCISES", tuple(map(find_exercise, wanted)))
        files = files_of(Pupil("ann"))
        for (file, *key), body in bodies.items():
            files[file] = fill(files[file], file, {tuple(key): body})
        marks = marker.mark(read_files(files), **limits)
        return {mark.exercise: mark for mark in marks}

    return mark_some


# What Python parses, and then refuses to compile.
REFUSED = {
    "break": "break",
    "continue": "continue",
    "two arguments of one name": "def f(a, a): pass",
    "nonlocal": "nonlocal y",
    "global after use": "y = 1\nglobal y",
    "star": "*y = [1]",
    "await": "await x",
    "future": "from __future__ import annotations",
    "future of braces": "from __future__ import braces",
    "import star": "from math import *",
    "assignment to a call": "f() = 1",
    "delete a call": "del f()",
    "walrus in a class": "[y := 1 for y in x]",
    "yield outside": "class A:\n    yield 1",
    "return in a class": "class A:\n    return 1",
    "debug": "__debug__ = 1",
    "deep": "y = " + "(" * 300 + ")" * 300,
    "nul": "y = '\0'",
}
BODY = "out = np.maximum(x, 0)\n"


class InThisProcess:
    """A sandbox without walls, for what runs nothing of a student's."""

    def call(self, function, arrays, arguments):
        assert function == FUNCTION
        return Outcome(Ending.ANSWERED, inside.find_unreadable(arrays, **arguments))


def with_relu(body):
    """Return a solved course in which one region holds something else."""
    pieces = read_files(files_of(Pupil("ann")))
    pieces.bodies[LAYERS, "relu_forward", 1] = body
    return pieces


@pytest.mark.parametrize("name", REFUSED)
def test_what_python_refuses_is_left_out_alone(name, pristine):
    pieces = with_relu(BODY + REFUSED[name])
    others = pieces.bodies.keys() - {(LAYERS, "relu_forward", 1)}
    bytecode = leave_out_unreadable(pieces, pristine, InThisProcess())
    assert pieces.unreadable.keys() == {(LAYERS, "relu_forward")}
    assert pieces.bodies.keys() == others
    # What is left of the module can be run: it is the course without that region.
    names = marshal.loads(bytecode[LAYERS]).co_names
    assert {"affine_forward", "relu_forward", "dropout_forward"} <= {*names}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["break", "deep"])
def test_what_python_refuses_costs_its_exercise_only(mark, name):
    wanted = ["affine_forward", "relu_forward", "dropout_forward"]
    marks = mark({(LAYERS, "relu_forward", 1): BODY + REFUSED[name]}, wanted)
    assert marks["relu_forward"].diagnosis == "syntax"
    assert marks["relu_forward"].points == 0
    for other in ("affine_forward", "dropout_forward"):
        assert marks[other].status == "passed", marks[other]


@pytest.mark.slow
def test_two_regions_that_spoil_a_module_together_cost_their_exercise_only(mark):
    bodies = {
        (FC_NET, "TwoLayerNet.loss", 1): "scores = y",
        (FC_NET, "TwoLayerNet.loss", 2): "global scores",
    }
    marks = mark(bodies, ["TwoLayerNet", "FullyConnectedNet"])
    assert marks["TwoLayerNet"].diagnosis == "syntax"
    assert marks["FullyConnectedNet"].status == "passed"


@pytest.mark.slow
def test_time_is_of_a_whole_submission(mark):
    wanted = ["relu_forward", "dropout_forward", "affine_forward", "sgd_momentum"]
    sleep = "import time; time.sleep(10_000)"
    bodies = {(LAYERS, name, 1): sleep for name in wanted[:2]}
    marks = mark(bodies, wanted, budget=Budget(8.0))
    assert {marks[name].diagnosis for name in wanted[:2]} == {"time"}
    marks = mark({}, wanted, budget=Budget(0.0))
    assert {mark.message for mark in marks.values()} == {SPENT}


def test_no_exercise_takes_all_that_is_left():
    assert Budget(100.0).share < 51
    assert not Budget(100.0).is_spent
    assert Budget(0.0).is_spent
    assert Budget(math.inf).share == math.inf


@pytest.mark.slow
def test_waiting_is_of_a_whole_submission(mark):
    # Each of them sleeps for less than one alone may, on however busy a machine.
    wanted = ["relu_forward", "dropout_forward", "affine_forward", "layernorm_forward"]
    files = read_files(files_of(Pupil("ann"))).bodies
    # Once in a process, which runs several cases.
    sleep = "    import time; time.sleep(0 if hasattr(np, 'slept') else 1.5)\n"
    sleep += "    np.slept = True\n"
    bodies = {(LAYERS, id, 1): sleep + files[LAYERS, id, 1] for id in wanted}
    marks = mark(bodies, wanted, budget=Budget(math.inf, waiting=4.0))
    assert [marks[id].diagnosis for id in wanted[2:]] == ["time", "time"]
    marks = mark({}, wanted, budget=Budget(math.inf, waiting=0.0))
    assert {mark.message for mark in marks.values()} == {SPENT}


def test_no_exercise_waits_for_all_that_is_left():
    budget = Budget(math.inf, waiting=10.0)
    assert budget.within(Limits(waiting=20.0)).waiting == 5.0
    assert budget.within(Limits(waiting=2.0)).waiting == 2.0
    budget.count(8.0)
    assert budget.within(Limits(waiting=2.0)).waiting == 1.0
    budget.count(1.5)
    assert budget.is_spent
    UNLIMITED.count(100.0)
    assert not UNLIMITED.is_spent


@pytest.mark.slow
def test_exercise_that_ended_the_judge_before_is_not_tried_again(mark):
    wanted = ["relu_forward", "affine_forward"]
    marks = mark({}, wanted, spoilt={"relu_forward": "signal 11"})
    assert marks["relu_forward"].diagnosis == "judge-stopped"
    assert "signal 11" in marks["relu_forward"].message
    assert marks["affine_forward"].status == "passed"


def test_other_halves_of_any_exercise_are_exercises():
    ids = {exercise.id for exercise in EXERCISES}
    last = find_exercise("q5-torch-challenge-train")
    for exercise in EXERCISES:
        if exercise.is_checked and exercise.id != last.id:
            found = with_other_halves({exercise.id}, last)
            assert {exercise.id} <= found <= ids
