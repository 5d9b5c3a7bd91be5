"""What came back of pruned networks is compared where its form is the right one."""

import numpy as np
import pytest

from ece662.check.recipe import Misfit
from ece662.check.recipes.pruning import compare_filters, compare_weights

SHARES = np.array([0.1, 0.2])


@pytest.mark.parametrize("shape", [(), (8,), (2, 3), (3, 4), (2, 4, 1), (0, 4)])
def test_compare_weights_refuses_other_shapes(shape):
    outputs = {"whole": np.ones(4), "shares asked for": SHARES}
    with pytest.raises(Misfit, match=r"expected \(2, 4\)"):
        compare_weights({}, outputs | {"pruned": np.zeros(shape)})
    assert compare_weights({}, outputs | {"pruned": np.zeros((2, 4))})


@pytest.mark.parametrize("shape", [(), (12,), (2, 3), (1, 3, 2), (2, 3, 2, 1)])
def test_compare_filters_refuses_other_shapes(shape):
    outputs = {"whole 0": np.ones((3, 2)), "levels asked for": SHARES}
    with pytest.raises(Misfit, match=r"expected \(2, 3, 2\)"):
        compare_filters({}, outputs | {"pruned 0": np.zeros(shape)})
    assert compare_filters({}, outputs | {"pruned 0": np.zeros((2, 3, 2))})
