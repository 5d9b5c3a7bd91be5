"""The update rules: the course's numbers, several steps, nothing changed in place."""

import numpy as np
import pytest

from ece662 import optim
from ece662.optim import adam, rmsprop, sgd, sgd_momentum

RULES = [sgd, sgd_momentum, rmsprop, adam]
N, D = 4, 5


def ramp(start, stop):
    return np.linspace(start, stop, num=N * D).reshape(N, D)


@pytest.fixture
def w():
    return ramp(-0.4, 0.6)


@pytest.fixture
def dw():
    return ramp(-0.6, 0.4)


def test_sgd_steps_against_the_gradient(w, dw):
    next_w, config = sgd(w, dw, {"learning_rate": 0.5})
    np.testing.assert_allclose(next_w, w - 0.5 * dw)
    assert config == {"learning_rate": 0.5}


def test_sgd_momentum_known_values(w, dw):
    config = {"learning_rate": 1e-3, "velocity": ramp(0.6, 0.9)}
    next_w, config = sgd_momentum(w, dw, config)
    expected_w = [
        [0.1406, 0.20738947, 0.27417895, 0.34096842, 0.40775789],
        [0.47454737, 0.54133684, 0.60812632, 0.67491579, 0.74170526],
        [0.80849474, 0.87528421, 0.94207368, 1.00886316, 1.07565263],
        [1.14244211, 1.20923158, 1.27602105, 1.34281053, 1.4096],
    ]
    expected_velocity = [
        [0.5406, 0.55475789, 0.56891579, 0.58307368, 0.59723158],
        [0.61138947, 0.62554737, 0.63970526, 0.65386316, 0.66802105],
        [0.68217895, 0.69633684, 0.71049474, 0.72465263, 0.73881053],
        [0.75296842, 0.76712632, 0.78128421, 0.79544211, 0.8096],
    ]
    np.testing.assert_allclose(next_w, expected_w, atol=6e-9)
    np.testing.assert_allclose(config["velocity"], expected_velocity, atol=6e-9)


def test_rmsprop_known_values(w, dw):
    next_w, config = rmsprop(w, dw, {"learning_rate": 1e-2, "cache": ramp(0.6, 0.9)})
    expected_w = [
        [-0.39223849, -0.34037513, -0.28849239, -0.23659121, -0.18467247],
        [-0.132737, -0.08078555, -0.02881884, 0.02316247, 0.07515774],
        [0.12716641, 0.17918792, 0.23122175, 0.28326742, 0.33532447],
        [0.38739248, 0.43947102, 0.49155973, 0.54365823, 0.59576619],
    ]
    expected_cache = [
        [0.5976, 0.6126277, 0.6277108, 0.64284931, 0.65804321],
        [0.67329252, 0.68859723, 0.70395734, 0.71937285, 0.73484377],
        [0.75037008, 0.7659518, 0.78158892, 0.79728144, 0.81302936],
        [0.82883269, 0.84469141, 0.86060554, 0.87657507, 0.8926],
    ]
    np.testing.assert_allclose(next_w, expected_w, atol=6e-9)
    np.testing.assert_allclose(config["cache"], expected_cache, atol=6e-9)


def test_adam_known_values(w, dw):
    config = {"learning_rate": 1e-2, "m": ramp(0.6, 0.9), "v": ramp(0.7, 0.5), "t": 5}
    next_w, config = adam(w, dw, config)
    expected_w = [
        [-0.40094747, -0.34836187, -0.29577703, -0.24319299, -0.19060977],
        [-0.1380274, -0.08544591, -0.03286534, 0.01971428, 0.0722929],
        [0.1248705, 0.17744702, 0.23002243, 0.28259667, 0.33516969],
        [0.38774145, 0.44031188, 0.49288093, 0.54544852, 0.59801459],
    ]
    expected_v = [
        [0.69966, 0.68908382, 0.67851319, 0.66794809, 0.65738853],
        [0.64683452, 0.63628604, 0.6257431, 0.61520571, 0.60467385],
        [0.59414753, 0.58362676, 0.57311152, 0.56260183, 0.55209767],
        [0.54159906, 0.53110598, 0.52061845, 0.51013645, 0.49966],
    ]
    expected_m = [
        [0.48, 0.49947368, 0.51894737, 0.53842105, 0.55789474],
        [0.57736842, 0.59684211, 0.61631579, 0.63578947, 0.65526316],
        [0.67473684, 0.69421053, 0.71368421, 0.73315789, 0.75263158],
        [0.77210526, 0.79157895, 0.81105263, 0.83052632, 0.85],
    ]
    np.testing.assert_allclose(next_w, expected_w, atol=6e-9)
    np.testing.assert_allclose(config["v"], expected_v, atol=6e-9)
    np.testing.assert_allclose(config["m"], expected_m, atol=6e-9)
    assert config["t"] == 6


def test_adam_moves_each_weight_by_the_learning_rate_at_first(w, dw):
    """Bias correction makes the first step's length the learning rate itself."""
    next_w, _ = adam(w, dw, {"learning_rate": 0.1})
    np.testing.assert_allclose(next_w - w, -0.1 * np.sign(dw), rtol=1e-6)


@pytest.mark.parametrize("rule", [rmsprop, adam])
def test_epsilon_stands_outside_the_root(rule, w, dw):
    """With a huge epsilon the root no longer matters, and steps shrink by 1/epsilon."""
    next_w, _ = rule(w, dw, {"learning_rate": 1.0, "epsilon": 1e6})
    np.testing.assert_allclose(next_w - w, -dw / 1e6, rtol=1e-4)


@pytest.mark.parametrize("rule", RULES)
def test_rule_does_not_change_its_arguments(rule, w, dw):
    config = {}
    rule(w, dw, config)
    memory = {k: v for k, v in config.items() if isinstance(v, np.ndarray)}
    before = {k: v.copy() for k, v in memory.items()}
    rule(w, dw, dict(config))
    np.testing.assert_array_equal(w, ramp(-0.4, 0.6))
    np.testing.assert_array_equal(dw, ramp(-0.6, 0.4))
    for key, value in memory.items():
        np.testing.assert_array_equal(value, before[key])


@pytest.mark.parametrize("rule", RULES)
def test_rule_keeps_float32_whatever_its_settings_are(rule, w, dw):
    config = {"learning_rate": np.float64(1e-3)}
    for _ in range(2):
        w, config = rule(w.astype(np.float32), dw.astype(np.float32), config)
    types = {v.dtype for v in (w, *config.values()) if isinstance(v, np.ndarray)}
    assert types == {np.dtype("float32")}


@pytest.mark.parametrize("rule", RULES)
def test_rule_finds_the_bottom_of_a_bowl(rule):
    w, config = np.array([3.0, -2.0]), {"learning_rate": 0.05}
    for _ in range(400):
        w, config = rule(w, 2 * w, config)
    np.testing.assert_allclose(w, 0, atol=0.06)


@pytest.mark.parametrize("rule", RULES)
def test_rule_refuses_a_gradient_of_another_shape(rule, w):
    with pytest.raises(ValueError, match=r"\(4, 5\), got \(5,\)"):
        rule(w, np.zeros(5))


def test_optim_names_the_four_rules():
    assert sorted(rule.__name__ for rule in RULES) == optim.__all__
