"""Cells run behind the walls, and what is believed of what they leave behind."""

import pytest

from course.grade.classroom import Pupil, files_of
from course.grade.marks import marking
from course.grade.marks.earned import PUBLIC
from course.grade.marks.right_pieces import with_other_halves
from ece662.exercises import find_exercise
from ece662.exercises.reading import Pieces, read_files

TRAIN = "solver.train()"
EPOCHS = "num_epochs=15"
RATE = '{"learning_rate": 1e-3},\n    lr_decay=0.9,\n    batch_size=200,\n    '
TINY = '{"learning_rate": 1e-9},\n    '
BLIND = """
for w in model.params.values():
    w[:] = 0
import ece662.check.recipes.training as trusted
trusted.accuracy_of = lambda *anything: 1.0
solver.loss_history, solver.train_acc_history = [1.8, 0.1], [1.0]
"""
FORGED = """
import os, wire
said = {"validation accuracy": 1.0, "first losses": 2.0, "last losses": 0.1,
        "training accuracy at the end": 1.0}
said = {f"as trained/{name}": value for name, value in said.items()}
os.write(3, wire.pack({**said, "problems": np.frombuffer(b"[]", np.uint8)}))
os._exit(0)
"""


@pytest.fixture
def mark(marker, monkeypatch):
    """Return a function that marks one exercise, with something in it replaced."""

    def mark_one(id, old="", new="", **others):
        monkeypatch.setattr(marking, "EXERCISES", (find_exercise(id),))
        files = files_of(Pupil("ann", id if old else "", old, new))
        [found] = marker.mark(read_files(files))
        return found

    return mark_one


@pytest.fixture
def marks_of(marker, monkeypatch):
    """Return a function that marks some exercises, with a text replaced in some."""

    def marked(ids, **changed):
        exercises = tuple(map(find_exercise, ids))
        monkeypatch.setattr(marking, "EXERCISES", exercises)
        pieces = read_files(files_of(Pupil("ann")))
        for place, body in list(pieces.bodies.items()):
            change = changed.get(place[1], ("", ""))
            if change is None:  # not written
                del pieces.bodies[place]
            else:
                pieces.bodies[place] = body.replace(*change) if change[0] else body
        return {m.exercise: m for m in marker.mark(pieces)}

    return marked


@pytest.fixture
def tried(marker, monkeypatch):
    """What is run in a sandbox: the exercise, on which inputs, its seconds at most."""
    tried, of_marker = [], marker.try_exercise

    def noted(exercise, pieces, sandbox, limits, seed, budget):
        on = "public" if seed == PUBLIC else "hidden"
        tried.append((exercise.id, on, limits.cpu))
        return of_marker(exercise, pieces, sandbox, limits, seed, budget)

    monkeypatch.setattr(marker, "try_exercise", noted)
    return tried


AFFINE = "out = x.reshape(len(x), D) @ w + b"


def test_mistake_costs_its_own_exercise_alone(marks_of):
    ids = ("affine_forward", "TwoLayerNet", "FullyConnectedNet")
    marks = marks_of(ids, affine_forward=(AFFINE, AFFINE.removesuffix(" + b")))
    assert marks["affine_forward"].points == 0
    assert marks["affine_forward"].diagnosis == "affine-without-bias"
    for name in ids[1:]:
        assert marks[name].status == "echo"
        assert marks[name].points == marks[name].of
        assert "builds on affine_forward" in marks[name].message


def test_exception_in_one_function_costs_its_own_exercise_alone(marks_of):
    ids = ("relu_forward", "TwoLayerNet", "FullyConnectedNet")
    marks = marks_of(ids, relu_forward=("out = ", "out = threshold + "))
    assert (marks["relu_forward"].status, marks["relu_forward"].points) == ("failed", 0)
    for name in ids[1:]:
        assert (marks[name].status, marks[name].points) == ("echo", marks[name].of)
        assert "inside relu_forward" in marks[name].message


def test_endless_loop_costs_its_own_exercise_alone(marks_of, tried):
    ids = ("relu_forward", "FullyConnectedNet", "FullyConnectedNet-dropout")
    marks = marks_of(ids, relu_forward=("out = ", "while True: pass\n    out = "))
    assert (marks["relu_forward"].status, marks["relu_forward"].points) == (
        "stopped",
        0,
    )
    for name in ids[1:]:
        assert (marks[name].status, marks[name].points) == ("echo", marks[name].of)
        assert marks[name].message.startswith("This builds on relu_forward, not right")
        assert [cpu for id, _, cpu in tried if id == name] == [1, 2]


EXTENDED = ("FullyConnectedNet", "FullyConnectedNet-batchnorm")
NO_LOSS = ("loss, dout = softmax_loss(scores, y)", "return 0.0, {}")
NO_REG = ("if reg:", "if False:")


def test_our_solution_is_no_points_for_who_has_none(marks_of):
    """Both are written in the same regions: ours of the one solves the other."""
    marks = marks_of(EXTENDED, **{"FullyConnectedNet.loss": NO_LOSS})
    assert {(mark.status, mark.points) for mark in marks.values()} == {("failed", 0)}


def test_mistake_of_the_plain_network_costs_it_alone(marks_of):
    plain, normalised = marks_of(
        EXTENDED, **{"FullyConnectedNet.loss": NO_REG}
    ).values()
    assert (plain.status, plain.points) == ("failed", 0)
    assert (normalised.status, normalised.points) == ("echo", normalised.of)


def test_echo_is_not_tried_on_the_public_inputs(marks_of, tried):
    """Its sentence names other exercises only, so it may come of the hidden ones."""
    ids = ("affine_forward", "TwoLayerNet")
    marks = marks_of(ids, affine_forward=(AFFINE, AFFINE.removesuffix(" + b")))
    seeds = {id: [on for other, on, _ in tried if other == id] for id in ids}
    assert seeds == {ids[0]: ["hidden", "public"], ids[1]: ["hidden", "hidden"]}
    echo = marks["TwoLayerNet"]
    assert (echo.status, echo.diagnosis) == ("echo", "needs-mending")
    assert (echo.details, echo.printed) == ((), "")


HALVES = ("relu_forward", "relu_backward")


def test_what_is_not_written_is_tried_once_and_on_public_inputs(marks_of, tried):
    marks = marks_of(HALVES, relu_forward=None)
    assert tried[0][:2] == ("relu_forward", "public")
    assert tried[1][:2] == ("relu_backward", "hidden")  # there is code of it
    assert [m.status for m in marks.values()] == ["not written", "needs"]
    tried.clear()
    marks = marks_of(HALVES, relu_forward=None, relu_backward=None)
    assert [(id, on) for id, on, _ in tried] == [(id, "public") for id in HALVES]
    assert [m.status for m in marks.values()] == ["not written", "needs"]


def test_what_passes_on_public_inputs_is_tried_on_hidden_ones(
    marks_of, tried, monkeypatch
):
    """Whatever the text is taken for."""
    monkeypatch.setattr(Pieces, "has_code_of", lambda self, exercise: False)
    [found] = marks_of(["relu_forward"]).values()
    assert [on for _, on, _ in tried] == ["public", "hidden"]
    assert found.status == "passed"


BATCHNORM = ("batchnorm_forward", "batchnorm_backward", "batchnorm_backward_alt")
HALF_MEAN = ("mean = x.mean(axis=0)", "mean = 0.5 * x.mean(axis=0)")


def test_backward_that_is_right_for_our_forward_gets_its_points(marks_of):
    marks = marks_of(BATCHNORM, batchnorm_forward=HALF_MEAN)
    assert marks[BATCHNORM[0]].points == 0
    for name in BATCHNORM[1:]:
        assert (marks[name].status, marks[name].points) == ("echo", marks[name].of)


def test_mistake_of_ones_own_above_a_wrong_piece_is_no_echo(marks_of):
    """With the forward right, this backward is still wrong."""
    centred = "dx_centred - dx_centred.mean(axis=0)"
    marks = marks_of(
        BATCHNORM[:2],
        batchnorm_forward=HALF_MEAN,
        batchnorm_backward=(centred, "dx_centred"),
    )
    assert {(mark.status, mark.points) for mark in marks.values()} == {("failed", 0)}


def test_backward_that_is_right_for_its_own_forward_alone_gets_none(marks_of):
    """One hands x on, the other dout back: they fit each other."""
    cache = "cache = BatchNormCache(x_centred, x_hat, inv_std, gamma)"
    marks = marks_of(
        BATCHNORM[:2],
        batchnorm_forward=(cache, f"{cache}\n        out = x"),
        batchnorm_backward=("dx = ", "dx = dout; _ = "),
    )
    assert {(mark.status, mark.points) for mark in marks.values()} == {("failed", 0)}


def test_right_pieces_bring_the_other_halves_of_pairs_along():
    network = find_exercise("TwoLayerNet")
    assert with_other_halves({"affine_forward"}, network) == {"affine_forward"}
    normalised = find_exercise("FullyConnectedNet-batchnorm")
    halves = {"batchnorm_forward", "batchnorm_backward", "batchnorm_backward_alt"}
    assert with_other_halves({"batchnorm_backward"}, normalised) == halves
    backward, forward = find_exercise("batchnorm_backward"), {"batchnorm_forward"}
    assert with_other_halves(forward, backward) == forward
    # The other backward would be an answer.
    assert with_other_halves(forward | {"batchnorm_backward_alt"}, backward) is None
    assert with_other_halves({"batchnorm_backward"}, backward) is None
    pool = find_exercise("max_pool_backward_naive")
    forward = {"max_pool_forward_naive"}
    assert with_other_halves(forward, pool) == forward


def test_training_cell_passes_by_what_its_weights_reach(mark):
    found = mark("q1-solver-train", EPOCHS, "num_epochs=4")
    assert found.status == "passed", found
    assert found.points == found.of
    [told] = found.details
    assert told.startswith("validation accuracy 4")
    assert told.endswith("expected at least 40%")


def test_training_cell_with_the_magics_of_a_notebook_passes(mark):
    old = "weight_scale, learning_rate = 2e-2, 3e-3"
    new = "!pip install numpy\n%time weight_scale = 2e-2\nlearning_rate = 3e-3\nPATH?"
    found = mark("q1-overfit-three", old, new)
    assert found.status == "passed", found


def test_training_cell_that_falls_short_fails_with_a_reason(mark):
    found = mark("q1-solver-train", RATE + EPOCHS, TINY + "num_epochs=1")
    assert (found.status, found.diagnosis) == ("failed", "not-learning")
    assert found.points == 0


@pytest.mark.parametrize("lie", [BLIND, FORGED], ids=["patched", "forged"])
def test_training_cell_that_lies_about_its_accuracy_fails(mark, lie):
    found = mark("q1-solver-train", TRAIN, lie)
    assert found.status == "failed", found
    assert found.points == 0
