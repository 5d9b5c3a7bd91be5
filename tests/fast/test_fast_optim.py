"""The compiled Adam computes what `optim.adam` does, and changes what it should."""

import numpy as np
import pytest

from ece662 import optim
from ece662.classifiers.fc_net import TwoLayerNet
from ece662.fast import _kernels, fast_optim
from ece662.fast._kernels.choice import choose
from ece662.fast.fast_optim import adam_fast
from ece662.solver import Solver

try:
    LEVELS = _kernels.LEVELS[: _kernels.load().levels()]
except ImportError:  # no compiler here
    LEVELS = ()
ODD_SETTINGS = {"learning_rate": 0.03, "beta1": 0.8, "beta2": 0.9, "epsilon": 0.1}


@pytest.fixture(params=[*LEVELS, "no kernels"])
def backend(request, monkeypatch):
    if request.param == "no kernels":
        monkeypatch.setattr(fast_optim, "choose", lambda: None)
    else:
        monkeypatch.setenv("ECE662_SIMD", request.param)
    choose.cache_clear()
    yield
    choose.cache_clear()


@pytest.mark.parametrize(("dtype", "error"), [(np.float32, 1e-6), (np.float64, 1e-13)])
@pytest.mark.parametrize("shape", [(1,), (3, 5, 7), (400, 601), (0, 4), ()])
def test_adam_fast_agrees_with_adam_over_five_steps(backend, dtype, error, shape):
    rng = np.random.RandomState(0)
    w = fast = np.asarray(rng.randn(*shape), dtype)
    config, fast_config = dict(ODD_SETTINGS), dict(ODD_SETTINGS)
    for _ in range(5):
        dw = np.asarray(rng.randn(*shape), dtype)
        w, config = optim.adam(w, dw, config)
        fast, fast_config = adam_fast(fast, dw, fast_config)
    np.testing.assert_allclose(fast, w, rtol=error, atol=error)
    assert fast.dtype == dtype
    assert fast_config["t"] == 5
    for name in ("m", "v"):
        np.testing.assert_allclose(fast_config[name], config[name], atol=error)


def test_adam_fast_fills_in_the_defaults_of_adam():
    w, dw = np.ones((2, 3)), np.full((2, 3), 0.5)
    assert adam_fast(w, dw)[1].keys() == optim.adam(w, dw)[1].keys()
    np.testing.assert_allclose(adam_fast(w, dw)[0], optim.adam(w, dw)[0], rtol=1e-14)


def test_adam_fast_does_not_change_w_and_dw(backend):
    w, dw = np.ones(5), np.arange(5.0)
    next_w, _ = adam_fast(w, dw)
    assert next_w is not w
    np.testing.assert_array_equal(w, np.ones(5))
    np.testing.assert_array_equal(dw, np.arange(5.0))


def test_adam_fast_writes_into_out(backend):
    w, dw = np.linspace(-1, 1, 6), np.arange(6.0)
    expected, _ = adam_fast(w, dw)
    out = np.empty(6)
    assert adam_fast(w, dw, out=out)[0] is out
    np.testing.assert_array_equal(out, expected)
    assert adam_fast(w, dw, out=w)[0] is w
    np.testing.assert_array_equal(w, expected)


def test_adam_fast_takes_any_memory_order_and_type_of_gradient():
    rng = np.random.RandomState(0)
    w, dw = rng.randn(8, 6).T.astype(np.float32), rng.randn(6, 8)
    expected, _ = optim.adam(w, dw.astype(np.float32))
    next_w, _ = adam_fast(w, dw)
    assert next_w.dtype == np.float32
    np.testing.assert_allclose(next_w, expected, rtol=1e-6)


@pytest.mark.parametrize(
    "out", [np.empty(4), np.empty((2, 3), np.float32), np.empty((3, 2)).T, [0.0]]
)
def test_adam_fast_refuses_an_out_that_does_not_fit(out):
    with pytest.raises(ValueError, match=r"out must be .*\(2, 3\) and float64"):
        adam_fast(np.ones((2, 3)), np.ones((2, 3)), out=out)


def test_adam_fast_refuses_a_gradient_of_another_shape():
    with pytest.raises(ValueError, match=r"shape of w, \(2, 3\), got \(3,\)"):
        adam_fast(np.ones((2, 3)), np.ones(3))


@pytest.mark.skipif(not LEVELS, reason="no compiled kernels")
def test_adam_fast_gives_the_same_bits_with_any_number_of_threads(monkeypatch):
    rng = np.random.RandomState(0)
    w, dw = rng.randn(2, 700, 401)
    results = []
    for threads in ("1", "2", "3"):
        monkeypatch.setenv("ECE662_NUM_THREADS", threads)
        results.append(adam_fast(w, dw)[0])
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def make_solver(**arguments):
    np.random.seed(0)
    X, y = np.random.randn(40, 3, 4, 4), np.random.randint(3, size=40)
    model = TwoLayerNet(input_dim=48, hidden_dim=9, num_classes=3)
    model.dtype = np.dtype(np.float64)
    model.params = {k: v.astype(np.float64) for k, v in model.params.items()}
    data = {"X_train": X, "y_train": y, "X_val": X, "y_val": y}
    arguments = {"batch_size": 10, "num_epochs": 3, "verbose": False} | arguments
    return Solver(model, data, **arguments)


def test_solver_trains_with_adam_fast_as_with_adam():
    slow, fast = (make_solver(update_rule=rule) for rule in ("adam", "adam_fast"))
    slow.train()
    fast.train()
    np.testing.assert_allclose(fast.loss_history, slow.loss_history, rtol=1e-10)


def test_solver_resumes_with_adam_fast(tmp_path):
    whole = make_solver(update_rule="adam_fast")
    whole.train()
    half = make_solver(update_rule="adam_fast", num_epochs=2)
    half.train()
    half.save(tmp_path / "half")
    fresh = make_solver()
    data = {
        name: getattr(fresh, name) for name in ("X_train", "y_train", "X_val", "y_val")
    }
    rest = Solver.resume(
        tmp_path / "half", fresh.model, data, num_epochs=3, verbose=False
    )
    rest.train()
    np.testing.assert_array_equal(rest.loss_history, whole.loss_history)
