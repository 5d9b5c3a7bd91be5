"""What only the compiled module itself can show."""

import threading

import numpy as np
import pytest

from ece662.fast import _kernels
from ece662.fast._kernels.plan import forward_plan

native = pytest.importorskip(_kernels.NATIVE)


def test_convolve_releases_the_gil():
    x = np.ones((300, 8, 32, 32))
    lanes, spots, _, _ = native.tile_sizes(0, 8)
    plan = forward_plan((8, 32, 32), (3, 3), 1, 1, lanes, spots)
    weights = [np.ones((1, 72, 6))]
    out = np.full((300, 6, 32, 32), np.nan)
    arguments = (0, x, plan, weights, np.zeros(6), out, 0, len(x))

    def seen_half_done():
        out.fill(np.nan)
        worker = threading.Thread(target=native.convolve, args=arguments)
        worker.start()
        seen = False
        while worker.is_alive():
            first, last = out[0, 0, 0, 0], out[-1, -1, -1, -1]
            seen |= not np.isnan(first) and np.isnan(last)
        return seen

    # A busy machine may let this thread sleep through a whole convolution, or through
    # several; with the GIL held, it would through all.
    assert any(seen_half_done() for _ in range(100))


def test_levels_are_those_with_names():
    assert 1 <= native.levels() <= len(_kernels.LEVELS)


def test_the_least_level_is_called_neon_where_numpy_says_so():
    everywhere = np.show_config("dicts")["SIMD Extensions"]["baseline"]
    assert (_kernels.LEVELS[0] == "neon") == ("NEON" in everywhere)


@pytest.mark.parametrize("itemsize", [4, 8])
def test_better_instruction_sets_have_longer_vectors(itemsize):
    lanes = [native.tile_sizes(i, itemsize)[0] for i in range(native.levels())]
    assert lanes == [16 * 2**i // itemsize for i in range(len(lanes))]
