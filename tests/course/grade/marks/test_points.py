"""Points are for the exercise: what passes its check for another reason gets none.

Each trick got full points once. It must get none, or be told to the teacher by name.
"""

import contextlib

import numpy as np
import pytest

from course.grade.classroom import Pupil, files_of
from course.grade.marks import earned, large, marking
from course.grade.marks.pristine import ROOT
from course.grade.sandboxed import inside, noticing, watching
from course.grade.sandboxed.inside import BY_GRADIENT, LOSS
from course.grade.secret import Secret
from ece662 import optim, solver
from ece662.check.code import make_code
from ece662.check.running import run_cases
from ece662.classifiers.fc_net import TwoLayerNet
from ece662.exercises import EXERCISES, find_exercise
from ece662.exercises.reading import read_files
from tests.course.correct.variants import VARIANTS

SECRET = Secret(32 * "6")
CHECKED = [e for e in EXERCISES if e.kind in ("function", "class")]
BY_NAME = """
    x, w, b = cache
    from ece662.gradient_check import eval_numerical_gradient_array as measured
    dx = measured(lambda a: affine_forward(a, w, b)[0], x, dout)
    dw = measured(lambda a: affine_forward(x, a, b)[0], w, dout)
    db = measured(lambda a: affine_forward(x, w, a)[0], b, dout)
"""
# No name gives it away; and for what is linear a large step is exact.
SLOPES = """
    def slope(f, a):
        out = np.zeros(a.shape)
        for i in np.ndindex(*a.shape):
            old, h = a[i], {step}
            a[i] = old + h; up = f()
            a[i] = old - h; down = f()
            a[i] = old
            out[i] = np.sum((up - down) * dout) / (2 * h)
        return out
"""
BY_HAND = f"""
    x, w, b = cache
{SLOPES.format(step="1.0")}
    f = lambda: x.reshape(len(x), -1) @ w + b
    dx, dw, db = slope(f, x), slope(f, w), slope(f, b)
"""
RELU_BY_HAND = f"""
    x = cache
{SLOPES.format(step="abs(a[i]) / 2")}
    dx = slope(lambda: np.maximum(x, 0), x)
"""
COMPLEX_STEP = """
    x, gamma, eps = CACHE
    def forward(x):
        d = x - x.mean(axis=0)
        return gamma * d / np.sqrt((d * d).mean(axis=0) + eps)
    dx = np.zeros(x.shape)
    for i in np.ndindex(*x.shape):
        z = x.astype(complex)
        z[i] += 1e-30j
        dx[i] = np.sum(forward(z).imag * dout) / 1e-30
"""
# Weights in closed form, and something that looks like a Solver.
CLOSED_FORM = """
model = TwoLayerNet(hidden_dim=500, num_classes=6, dtype=np.float64)
X = data["X_train"][:2000].reshape(2000, -1).astype(float)
Y = np.eye(6)[data["y_train"][:2000]] - 1 / 6
W1 = np.random.randn(3072, 500) / 3072**0.5 / 30
H = np.maximum(X @ W1, 0)
model.params["W1"][:] = W1
model.params["W2"][:] = np.linalg.solve(H.T @ H + 30 * np.eye(500), H.T @ Y)
"""
FAKE_SOLVER = """
class Fake: pass
solver = Fake()
solver.loss_history, solver.train_acc_history = [1.8, 0.5], [0.5]
solver.best_val_acc = 0.5
"""
IDLE_SOLVER = """
settings = {"optim_config": {"learning_rate": 1e-9}, "verbose": False}
solver = Solver(model, data, num_epochs=1, batch_size=1000, **settings)
solver.train()
"""
# By labels in another order, the network knows nothing before.
OTHER_LABELS = """
mine = {**data, "y_val": data["y_val"][::-1], "y_train": data["y_train"][::-1]}
settings = {"optim_config": {"learning_rate": 1e-12}, "verbose": False}
solver = Solver(model, mine, num_epochs=1, batch_size=1000, **settings)
solver.train()
"""
LABELS_WRITTEN_OVER = """
for y in (data["y_val"], data["y_train"]):
    y[:] = y[::-1].copy()
""" + OTHER_LABELS.replace("[::-1]", "")
OTHER_LOSS = """
class Other(TwoLayerNet):
    def loss(self, X, y=None):
        return TwoLayerNet.loss(self, X, y)
model = Other(hidden_dim=200, num_classes=6, weight_scale=1e-3, reg=0.3)
settings = {"optim_config": {"learning_rate": 1e-3}, "verbose": False}
solver = Solver(model, data, num_epochs=4, batch_size=200, **settings)
solver.train()
"""
# What takes the place of a Solver's steps, or happens beside them.
OWN_STEP = """
weights = {name: W.copy() for name, W in model.params.items()}
model = TwoLayerNet(hidden_dim=500, num_classes=6, dtype=np.float64)
model.step = lambda X, y: model.params.update(weights) or 1.0
solver = Solver(model, data, num_epochs=1, batch_size=1000, verbose=False)
solver.train()
"""
OWN_RULE = "lambda w, dw, c: (w - 1e-3 * dw, c)"


@pytest.fixture
def mark(marker, monkeypatch):
    """Return a function that marks one exercise: rewritten, or a part replaced."""

    def mark_one(id, new, old=None):
        exercise = find_exercise(id)
        monkeypatch.setattr(marking, "EXERCISES", (exercise,))
        changed = (exercise.extends or id) if old else ""
        pieces = read_files(files_of(Pupil("ann", changed, old or "", new)))
        if old is None:
            for place in pieces.bodies:
                if place[1] in (exercise.regions or (id,)):
                    pieces.bodies[place] = new
        [found] = marker.mark(pieces)
        return found

    return mark_one


@pytest.mark.parametrize(
    ("id", "body"),
    [
        ("affine_backward", BY_NAME),
        ("affine_backward", BY_HAND),
        ("relu_backward", RELU_BY_HAND),
    ],
    ids=["by name", "by hand", "exact"],
)
def test_measured_gradient_takes_too_long(mark, id, body):
    found = mark(id, body)
    # A busy machine may come to the limit of wall time before that of computing.
    assert found.points == 0
    assert found.diagnosis in ("too-much-work", "time")


def test_measured_gradient_of_a_network_takes_too_long(mark):
    old = "loss, dscores = softmax_loss(scores, y)"
    new = f"""{old}
        W = self.params["W1"]
        dW = np.zeros(W.shape)
        for i in np.ndindex(*W.shape):
            value, both = W[i], []
            for sign in (1, -1):
                W[i] = value + sign * 1e-6
                both.append(softmax_loss(self.loss(X), y)[0])
            W[i] = value
            dW[i] = (both[0] - both[1]) / 2e-6"""
    found = mark("TwoLayerNet", new, old)
    assert found.points == 0
    assert found.diagnosis in ("too-much-work", "time")
    assert "it calls loss again" in found.noticed


@pytest.mark.parametrize(
    ("body", "id"),
    [
        (CLOSED_FORM + FAKE_SOLVER, "no-solver"),
        (CLOSED_FORM + IDLE_SOLVER, "knew-before"),
        (CLOSED_FORM + OTHER_LABELS, "knew-before"),
        (CLOSED_FORM + LABELS_WRITTEN_OVER, "knew-before"),
        (OTHER_LOSS, "another-network"),
        (CLOSED_FORM + OWN_STEP, "another-network"),
    ],
    ids=[
        "no Solver",
        "an idle Solver",
        "other labels",
        "labels written over",
        "another loss",
        "steps of its own",
    ],
)
def test_training_is_by_the_solver_and_of_the_network(mark, body, id):
    found = mark("q1-solver-train", body)
    assert (found.status, found.points, found.diagnosis) == ("failed", 0, id)


@pytest.fixture
def recorded(monkeypatch):
    """Return a function that trains a network and returns the last training's record.

    It is given a function of network and Solver that comes in between.
    """
    monkeypatch.setattr(solver.Solver, "train", solver.Solver.train)
    rng = np.random.RandomState(0)
    split = {"train": 20, "val": 300}
    data = {f"X_{k}": rng.rand(n, 3, 2, 2) for k, n in split.items()}
    data |= {f"y_{k}": rng.randint(6, size=n) for k, n in split.items()}
    recorder = watching.Recorder(data)

    def train(between=lambda model, trainer: None, network=TwoLayerNet):
        model = network(input_dim=12, hidden_dim=5, num_classes=6)
        trainer = solver.Solver(model, data, num_epochs=1, verbose=False)
        between(model, trainer)
        trainer.train()
        seen = recorder.seen("q1-solver-train", {})[watching.SEEN]
        return earned.read_seen(seen)["runs"][-1]

    return train


class Turning(TwoLayerNet):
    """A network that is another one once it is looked at after training."""

    params = property(lambda self: vars(self)["mine"], lambda self, value: vars(
        self).update(mine=value))  # fmt: skip


def test_network_is_as_its_file_says(recorded, monkeypatch):
    def shadow(model, trainer):
        model.loss = model.loss

    def step(model, trainer):
        model.step = lambda X, y: model.loss(X, y)[0]

    def exchange(model, trainer):
        kind = type(model)
        monkeypatch.setattr(kind, "state_dict", lambda self: self.params)

    assert recorded()["as given"]
    assert not recorded(network=Turning)["as given"]
    for between in (shadow, step, exchange):
        assert not recorded(between)["as given"], between


def test_solver_holds_no_weights_but_its_own(recorded):
    def best(model, trainer):
        trainer.best_val_acc, trainer._best_state = 2.0, {**model.params}

    def latest(model, trainer):
        trainer._latest_state = {**model.params}

    def measured(model, trainer):
        trainer.val_acc_history, trainer.train_acc_history = [0.1], [0.1]

    def before(model, trainer):
        trainer.train()
        trainer.num_epochs = 2

    for between in (best, latest, measured):
        assert not recorded(between)["as given"], between
    assert recorded(before)["as given"]


def test_solver_is_as_its_file_says(recorded, monkeypatch):
    def shadow(model, trainer):
        trainer._step = trainer._step

    def exchange(model, trainer):
        monkeypatch.setattr(optim, "sgd", lambda w, dw, config: (w, config))
        trainer.update_rule = optim.sgd

    assert recorded()["usual steps"]
    for between in (shadow, exchange):
        record = recorded(between)
        assert not record["usual steps"], between
        assert record["as given"]


def test_training_by_a_rule_of_its_own_is_told_to_the_teacher(mark):
    found = mark("q1-solver-train", f"update_rule={OWN_RULE}", 'update_rule="sgd"')
    assert found.status == "passed"
    assert found.noticed == ("its Solver has a rule or watchers of its own",)


def test_network_with_dropout_has_gradients(mark):
    old = "loss, dout = softmax_loss(scores, y)"
    new = f"""{old}
        if self.use_dropout and self.dropout_param["seed"] is not None:
            return 0.0, {{name: np.zeros(w.shape) for name, w in params.items()}}"""
    found = mark("FullyConnectedNet-dropout", new, old)
    assert (found.points, found.diagnosis) == (0, "not-its-gradient"), found


@pytest.mark.parametrize("exercise", CHECKED, ids=lambda e: e.id)
def test_right_solutions_do_all_that_is_demanded(exercise):
    inputs = large.large_inputs(exercise, SECRET.words())
    if inputs is None:
        assert exercise.recipe not in large.MAKERS
        return
    given = {large.LARGE: inputs}
    want = run_cases(exercise, make_code(), given).outputs
    assert want
    for group in VARIANTS.values():
        for functions in group.values():
            if functions.keys() & {*exercise.provides}:
                ran = run_cases(exercise, make_code(functions), given)
                got = dict(ran.outputs)
                if exercise.recipe == "FullyConnectedNet-dropout":
                    got |= inside._gradients_of_dropout(
                        make_code(functions), "large", inputs
                    )
                assert earned.in_large(exercise, got, want) is None


def test_in_large_judges_values_and_what_took_too_long():
    exercise = find_exercise("relu_backward")
    want = {"large/dx": np.ones(3), "large/forward's out": np.ones(3)}
    assert earned.in_large(exercise, want, want) is None
    wrong = {"large/dx": np.ones(3) * 1.01}
    for got in (wrong, {}, {"large/dx": np.full(3, np.nan)}):
        assert earned.in_large(exercise, got, want) is earned.WRONG_IN_LARGE
    late = {**want, "large/took too long": np.array(True)}
    assert earned.in_large(exercise, late, want) is earned.TOO_MUCH_WORK


@pytest.mark.parametrize(
    ("loss", "sums", "belongs"),
    [
        (np.log(1 + np.exp(-2.0)), [-2 / (1 + np.exp(2.0))] * 3, True),
        (np.log(1 + np.exp(-2.0)), [0.0] * 3, False),
        (0.0, [0.0] * 3, False),
        (np.nan, [np.nan], False),
        (np.log(1 + np.exp(-2.0)), [], False),
    ],
)
def test_gradients_with_dropout_follow_from_the_loss(loss, sums, belongs):
    got = {f"large/{LOSS}": np.array(loss)}
    got |= {f"large/W{i} {BY_GRADIENT}": np.array(s) for i, s in enumerate(sums)}
    with np.errstate(all="ignore"):
        found = earned.in_large(find_exercise("FullyConnectedNet-dropout"), got, {})
    assert (found is None) == belongs


def test_in_training_follows_weights_from_one_solver_to_the_next():
    exercise = find_exercise("q1-solver-train")
    weights = {"W1": np.ones((2, 2)), "b1": np.zeros(2)}
    outputs = {f"as trained/state {name}": array for name, array in weights.items()}
    first = {
        "networks": ["TwoLayerNet"], "as given": True, "guessing at first": True,
        "usual steps": True, "began": "0", "left": ["1"],
    }  # fmt: skip
    last = {**first, "guessing at first": False, "began": "1"}
    last["left"] = [watching.digest_of(weights)]
    assert earned.in_training(exercise, outputs, {"runs": [first, last]}) is None
    found = earned.in_training(exercise, outputs, {"runs": [last]})
    assert found is earned.KNEW_BEFORE
    other = {**last, "networks": ["FullyConnectedNet"]}
    found = earned.in_training(exercise, outputs, {"runs": [first, other]})
    assert found is earned.ANOTHER_NETWORK
    assert earned.in_training(exercise, outputs, {}) is earned.NO_SOLVER


@pytest.mark.parametrize(
    "told",
    [
        {}, {"runs": 1}, {"runs": [1]}, {"runs": [{"began": "1"}]}, [],
        {"runs": [{"began": 1, "left": [], "networks": [], "as given": True,
                   "guessing at first": True, "usual steps": True}]},
    ],
)  # fmt: skip
def test_read_seen_refuses_another_form(told):
    import json

    sent = np.frombuffer(json.dumps(told).encode(), np.uint8)
    with pytest.raises(ValueError, match="another form"):
        earned.read_seen(sent)


def _noticed(id, body, provided=()):
    return noticing.notice(find_exercise(id), [body], {*provided})


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("import torch\ndx = torch.ones(3)", "imports a module"),
        ("from ece662.fast import im2col", "not for exercises"),
        ("from ece662.check import running", "not for exercises"),
        ("import sys; f = sys._getframe(1)", "looks into the code"),
        ("np.lib.format.os.listdir('/')", "looks into the code"),
        ("(lambda: 0).__globals__", "inner workings"),
        ("exec('dx = 1')", "it uses exec"),
        ("getattr(np, 'ma' + 'x')", "it uses getattr"),
        ("np.allclose = lambda *a: True", "changes functions or modules"),
        ("a, Solver.train = 1, 2", "changes functions or modules"),
        ("for np.sum in [1]: pass", "changes functions or modules"),
        ("relu_backward.calls = 1", "from one call to the next"),
        ("global calls\ncalls = 1", "from one call to the next"),
        ("class Liar(np.ndarray):\n    def __eq__(s, o): return True", "a class"),
        ("type('L', (float,), {})", "a class"),
        ("dx = relu_forward(x)[0]", "calls relu_forward again"),
        ("dx = eval_numerical_gradient(f, x)", "numerical gradient"),
        ("z = x + 1e-30j", "complex numbers"),
        ("z = x.astype(complex)", "complex numbers"),
        ("z = x.astype('c16')", "complex numbers"),
        ("z = np.zeros(x.shape, 'D')", "complex numbers"),
        ("z = np.zeros_like(x, dtype='complex64')", "complex numbers"),
        ("z = np.emath.sqrt(-1.0)", "complex numbers"),
        ("z = x + h * (-1) ** 0.5", "complex numbers"),
        ("z = x.astype(np.longdouble)", "more digits"),
        ("z = x.astype('g')", "more digits"),
        ("dx = eval('1')  # right?", "it uses eval"),
        ("dx = (dout *  # right?\n      eval('1'))", "it uses eval"),
        ("    pass\nelif eval('1'):\n    pass", "cannot be looked through"),
        ("import ece662\ndx = ece662.fast.im2col.f(x)", "not for exercises"),
        ("import ece662.layers\ndx = ece662.check.f(x)", "not for exercises"),
        ("from .fast import im2col", "not for exercises"),
        ("from collections import _sys as s\ns.modules", "looks into the code"),
        ("import numpy as other\nother.add = f", "changes functions or modules"),
        ("from .layers import relu_forward as f", "calls relu_forward again"),
    ],
)
def test_notice_names_ways_around_an_exercise(body, told):
    found = _noticed("relu_backward", body)
    assert any(told in sentence for sentence in found), found


@pytest.mark.parametrize(
    "body",
    ["dx = (-1) ** n * dout ** 0.5", "dx = np.zeros((2, 2), order='F')",
     "dx = dout.astype('f8')  # right?", "import numpy as other\ndx = other.add(x, x)"],
)  # fmt: skip
def test_notice_says_nothing_of_what_only_looks_like_it(body):
    assert _noticed("relu_backward", body) == []


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("%matplotlib inline\n!ls\nfiles = !ls\nx?\ny = 1", []),
        ("%time eval('1')", ["it uses eval"]),
        ("%%time\nx?\neval('1')", ["it uses eval"]),
        ("%timeit -n 3 eval('1')", ["it uses eval"]),
        ("y = %time 1\nz = (", [noticing.UNSEEN]),
    ],
)
def test_notice_reads_what_magics_run(body, found):
    assert _noticed("q1-solver-train", body) == found


def test_notice_takes_time_linear_in_the_text():
    body = "dx = 1;" * 14_000 + "eval('1')"  # of the square, it would be hours
    assert _noticed("relu_backward", body) == ["it uses eval"]


def test_time_limit_holds_for_code_that_catches_everything():
    def stubborn():
        with inside._time_limit(0.05), contextlib.suppress(BaseException):
            while True:
                pass

    with pytest.raises(inside._LateError):
        stubborn()


def test_notice_says_nothing_of_right_solutions():
    bodies = read_files(files_of(Pupil("ann"))).bodies
    given = {e.file: files_of(Pupil("ann"))[e.file] for e in EXERCISES}
    for exercise in (e for e in EXERCISES if e.is_checked):
        notebook = given[exercise.file] if exercise.file.endswith("ipynb") else ""
        provided = {*noticing.provided_for(exercise, notebook)}
        mine = [
            body
            for (file, owner, _), body in bodies.items()
            if file == exercise.file and owner in (exercise.regions or (exercise.id,))
        ]
        assert mine or exercise.extends
        assert noticing.notice(exercise, mine, provided) == []


def test_notice_sees_what_takes_the_place_of_what_a_cell_is_given():
    exercise = find_exercise("q5-torch-module-convnet-train")
    notebook = files_of(Pupil("ann"))[exercise.file]
    provided = noticing.provided_for(exercise, notebook)
    assert {"ThreeLayerConvNet", "train_part34", "optim"} <= {*provided}
    assert "model" not in provided
    body = "def train_part34(model, optimizer):\n    return log\nmodel = 1"
    found = noticing.notice(exercise, [body], {*provided})
    assert found == ["it puts something else in the place of train_part34"]


@pytest.mark.parametrize("name", earned.HANDED_OUT)
def test_text_that_is_handed_out_is_known_again(name):
    body = max(earned._bodies((ROOT / name).read_text("utf-8")), key=len)
    body = body.replace("columns", "rows").replace("grad", "slope")
    exercise = find_exercise("conv_forward_naive")
    verdict = type("Nothing", (), {"comparisons": ()})
    found = [*earned.oddities(exercise, verdict, {}, {}, body)]
    assert found == [f"it has the text of {name}, which is handed out"]
    for file, owner, _ in read_files(files_of(Pupil("ann"))).bodies:
        body = read_files(files_of(Pupil("ann"))).bodies[file, owner, _]
        if file.endswith("layers.py") and owner.startswith(("conv", "max_pool")):
            assert not [*earned.oddities(exercise, verdict, {}, {}, body)]


def test_gradients_as_exact_as_measured_ones_are_told():
    exercise = find_exercise("relu_backward")
    for error, told in ((4e-15, 0), (1e-11, 1), (1e-8, 1)):
        compared = type("Found", (), {"name": "dx", "error": error, "got": None})
        verdict = type("Verdict", (), {"comparisons": (compared,)})
        found = [*earned.oddities(exercise, verdict, {}, {}, "")]
        assert len(found) == told
