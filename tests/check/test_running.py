"""Running recipes: nothing of one run reaches the next."""

import builtins
import gc
import os
import sys
import time
import warnings

import numpy as np
import pytest

from ece662.check.code import make_code
from ece662.check.recipes import nets
from ece662.check.running import inputs_of, run
from ece662.classifiers.fc_net import FullyConnectedNet
from ece662.exercises import EXERCISES, find_exercise
from ece662.layers import affine_forward, relu_backward, relu_forward
from ece662.live.limit import LimitError

IN_MODULES = [e for e in EXERCISES if e.kind in ("function", "class")]


def same(one, other):
    return one.keys() == other.keys() and all(
        np.array_equal(one[name], other[name], equal_nan=True) for name in one
    )


@pytest.mark.parametrize("exercise", IN_MODULES, ids=lambda e: e.id)
def test_run_gives_the_same_twice_and_others_from_another_seed(exercise):
    first = run(exercise, make_code())
    assert not first.problems
    assert same(first.outputs, run(exercise, make_code()).outputs)
    # What is looked at in random numbers holds with any seed.
    if exercise.id not in ("dropout_forward", "dropout_backward", "random_masks"):
        assert not same(first.outputs, run(exercise, make_code(), seed=1).outputs)


@pytest.mark.parametrize("exercise", IN_MODULES, ids=lambda e: e.id)
def test_run_takes_less_than_a_second(exercise):
    times = []
    for _ in range(3):
        start = time.process_time()
        run(exercise, make_code())
        times.append(time.process_time() - start)
    assert min(times) < 1


def test_inputs_of_hold_arrays_numbers_and_short_lists_only():
    for exercise in IN_MODULES:
        for inputs in inputs_of(exercise).values():
            settings = inputs.pop("made_with", {})
            for value in (*inputs.values(), *settings.values()):
                assert isinstance(value, np.ndarray | int | float | str | list)


def test_run_restores_what_code_changes_for_everybody():
    def meddling(x, w, b):
        np.random.seed(1)
        np.seterr(all="raise")
        warnings.simplefilter("error")
        x *= 0
        return affine_forward(x, w, b)

    exercise = find_exercise("affine_forward")
    np.random.seed(3)
    expected = np.random.rand()
    np.random.seed(3)
    before, filters = np.geterr(), list(warnings.filters)
    meddled = run(exercise, make_code({"affine_forward": meddling}))
    assert np.geterr() == before
    assert warnings.filters == filters
    assert np.random.rand() == expected
    assert not meddled.outputs["rows/x unchanged"]
    assert run(exercise, make_code()).outputs["rows/x unchanged"]


class LateError(LimitError):
    """A limit of the grader's."""


@pytest.mark.parametrize("raised", [KeyboardInterrupt, LateError])
def test_run_lets_interrupts_and_limits_through(raised):
    def endless(x):
        raise raised

    with pytest.raises(raised):
        run(find_exercise("relu_forward"), make_code({"relu_forward": endless}))


def test_run_survives_an_exit():
    def leaving(x):
        raise SystemExit(0)

    found = run(find_exercise("relu_forward"), make_code({"relu_forward": leaving}))
    assert {problem.kind for problem in found.problems} == {"error"}


def test_run_reports_os_exit_and_lets_a_forked_child_end():
    def leaving(x):
        if hasattr(os, "fork"):
            child = os.fork()
            if not child:
                os._exit(7)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        os._exit(0)

    leave = os._exit
    found = run(find_exercise("relu_forward"), make_code({"relu_forward": leaving}))
    assert {problem.kind for problem in found.problems} == {"error"}
    assert "SystemExit: 0" in found.problems[0].message
    assert os._exit is leave


def test_run_ends_with_the_case_that_fills_the_memory():
    tried = []

    def flooding(x):
        tried.append(x)
        return np.ones(1 << 50), x

    found = run(find_exercise("relu_forward"), make_code({"relu_forward": flooding}))
    [problem] = found.problems
    assert len(tried) == 1
    assert (problem.kind, problem.case) == ("error", "")
    assert "MemoryError" in problem.message


@pytest.mark.parametrize(("kind", "layers"), [(None, 2), ("layernorm", 1)])
def test_layers_with_dropout_are_counted_by_enough_trials(kind, layers):
    """A count that is off by half a layer is a right solution that fails."""
    deviation = layers * np.sqrt(2 / nets.TRIALS[kind])
    assert deviation < 0.5 / 5.5


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_run_ends_a_forked_child_that_returns():
    children = []

    def forking(x):
        children.append(os.fork())
        return relu_forward(x)

    parent = os.getpid()
    found = run(find_exercise("relu_forward"), make_code({"relu_forward": forking}))
    assert os.getpid() == parent, "the child has come out of the check"
    assert not found.problems
    # The first child forks in the next cases, too; each of this process's ends.
    for child in filter(None, children):
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_run_restores_what_belongs_to_everybody(tmp_path, monkeypatch):
    def meddling(x):
        builtins.print = np.asarray = None
        sys.stdout = sys.stderr = sys.stdin = None
        sys.setrecursionlimit(2000)
        gc.disable()
        np.set_printoptions(precision=0)
        os.chdir(tmp_path)
        return x * (x > 0), x

    def of_everybody():
        streams = sys.stdin, sys.stdout, sys.stderr
        settings = sys.getrecursionlimit(), gc.isenabled(), os.getcwd()
        return print, np.asarray, *streams, *settings, np.get_printoptions()

    before = of_everybody()
    run(find_exercise("relu_forward"), make_code({"relu_forward": meddling}))
    assert of_everybody() == before


@pytest.mark.posix  # Windows keeps the folder that a process is in
def test_run_goes_on_where_the_code_has_removed_the_folder(tmp_path, monkeypatch):
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def removing(x):
        if folder.exists():
            folder.rmdir()
        return relu_forward(x)

    found = run(find_exercise("relu_forward"), make_code({"relu_forward": removing}))
    assert not folder.exists()
    assert not found.problems


def _without_len(x):
    builtins.len = None
    return x * (x > 0), x


def _without_array(x):
    np.array = None
    return x * (x > 0), x


@pytest.mark.parametrize(
    ("code", "name"), [(_without_len, "`len`"), (_without_array, "`array`")]
)
def test_run_names_what_the_code_has_taken_from_everybody(code, name):
    found = run(find_exercise("relu_forward"), make_code({"relu_forward": code}))
    assert {problem.kind for problem in found.problems} == {"error"}
    assert found.problems[0].message.startswith(f"Your code gives {name} of Python")
    assert not run(find_exercise("relu_forward"), make_code()).problems


class Unready:
    def __array__(self, *args, **kwargs):
        raise RuntimeError("not ready")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (
            np.broadcast_to(1.0, (10**7, 10**7)),
            "larger than the memory: its shape",
        ),
        (Unready(), "cannot be made an array: it is a Unready, and RuntimeError: not"),
        ([[1], [1, 2]], "its rows differ in length"),
        (np.array([None]), "it is an array of object"),
    ],
    ids=["huge", "unready", "ragged", "objects"],
)
def test_run_describes_what_is_no_array_of_numbers(value, words):
    code = make_code({"relu_forward": lambda x: (value, x)})
    found = run(find_exercise("relu_forward"), code)
    assert {problem.kind for problem in found.problems} == {"misfit"}
    assert words in found.problems[0].message


def test_run_reports_writing_into_dout_without_judging():
    def in_place(dout, cache):
        dout[:] = relu_backward(dout, cache)
        return dout

    exercise = find_exercise("relu_backward")
    outputs, _ = run(exercise, make_code({"relu_backward": in_place}))
    assert not outputs["matrix/dout unchanged"]


def test_run_gives_lists_that_code_may_change():
    class Changing(FullyConnectedNet):
        def __init__(self, hidden_dims, *args, **kwargs):
            super().__init__(hidden_dims, *args, **kwargs)
            hidden_dims.append(1)

    exercise = find_exercise("FullyConnectedNet")
    changed = run(exercise, make_code({"FullyConnectedNet": Changing}))
    assert same(changed.outputs, run(exercise, make_code()).outputs)


def test_run_shows_prints_once_a_case(capsys):
    def printing(x, w, b):
        print("here")
        return affine_forward(x, w, b)

    code = make_code({"affine_forward": printing})
    exercise = find_exercise("affine_backward")
    run(exercise, code)
    assert capsys.readouterr().out == "here\n" * len(inputs_of(exercise))
