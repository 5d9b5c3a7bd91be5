"""Updating block by block gives what one call on the whole array gives."""

import numpy as np
import pytest

from ece662._blocks import update_in_place
from ece662.optim import adam, rmsprop, sgd, sgd_momentum


@pytest.mark.parametrize("rule", [sgd, sgd_momentum, rmsprop, adam])
@pytest.mark.parametrize("shape", [(7, 11), (77,), (3, 5, 2), (4,)])
def test_blocks_give_the_same_bits_as_the_whole(rule, shape):
    rng = np.random.RandomState(0)
    whole = rng.randn(*shape).astype(np.float32)
    w, config, whole_config = whole.copy(), {}, {}
    for _ in range(3):
        dw = rng.randn(*shape).astype(np.float32)
        whole, whole_config = rule(whole, dw, whole_config)
        config = update_in_place(rule, w, dw, config, block=10)
    np.testing.assert_array_equal(w, whole)
    assert config.keys() == whole_config.keys()
    for key, value in whole_config.items():
        np.testing.assert_array_equal(config[key], value)


def test_update_takes_gradients_of_any_memory_order():
    rng = np.random.RandomState(0)
    w, dw = rng.randn(6, 8), rng.randn(8, 6).T
    expected, _ = sgd(w, dw)
    update_in_place(sgd, w, dw, {}, block=10)
    np.testing.assert_array_equal(w, expected)
