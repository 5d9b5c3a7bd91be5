"""Timing layers side by side: the table is right, and PyTorch's ways are layers."""

import sys

import numpy as np
import pytest

from ece662.fast import speed
from ece662.fast._kernels import tiles
from ece662.fast._kernels.choice import choose
from ece662.fast.im2col import conv_backward_im2col, conv_forward_im2col
from ece662.layers import (
    conv_backward_naive,
    conv_forward_naive,
    max_pool_backward_naive,
    max_pool_forward_naive,
)


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves only when a call says how long it takes."""

    class Clock:
        now = 0.0
        first_arguments = last_arguments = None

        def takes(self, *durations):
            """Return a function that takes so long, at each call the next one."""
            left = list(durations)

            def function(*arguments):
                self.now += left.pop(0)
                self.first_arguments = self.first_arguments or arguments
                self.last_arguments = arguments
                return "out", "cache"

            return function

    clock = Clock()
    monkeypatch.setattr(speed.time, "perf_counter", lambda: clock.now)
    return clock


def test_time_ways_takes_the_fastest_call_after_one_to_warm_up(clock):
    way = (clock.takes(0.001, 0.2, 0.03, 0.01, 0.06), clock.takes(0.001, 0.25, 0.05))
    times, _ = speed.time_ways({"a": way}, "dout", "xx", "ww")
    assert times["a"] == pytest.approx({"forward": 0.01, "backward": 0.05})
    assert clock.last_arguments == ("dout", "cache")
    assert clock.first_arguments == ("x", "ww")


def test_time_ways_calls_what_is_slow_only_once(clock):
    way = (clock.takes(1, 4.0), clock.takes(1, 7.0))
    times, _ = speed.time_ways({"a": way}, "dout", "x")
    assert times["a"] == pytest.approx({"forward": 4, "backward": 7})


def test_time_ways_has_enough_of_what_is_fast(clock):
    calls = [1e-6] * (1 + speed.ENOUGH)
    times, _ = speed.time_ways(
        {"a": (clock.takes(*calls), clock.takes(*calls))}, [], []
    )
    assert times["a"]["forward"] == pytest.approx(1e-6)


def test_time_ways_returns_the_output_and_all_gradients(monkeypatch):
    monkeypatch.setattr(speed, "PATIENCE", 0)
    ways = {
        "one": (lambda x, y: (x + y, "cache"), lambda dout, cache: (dout, cache)),
        "two": (lambda x, y: (y + x, "cache"), lambda dout, cache: dout * 2),
    }
    _, results = speed.time_ways(ways, "dout", "xx", "y")
    assert results == {"one": ("xxy", "dout", "cache"), "two": ("yxx", "doutdout")}


def test_print_speed_compares_with_the_first_way(capsys):
    times = {
        "loops": {"forward": 2.0, "backward": 3.0},
        "fast": {"forward": 0.001, "backward": 0.004},
    }
    speed.print_speed(times)
    head, loops, fast = capsys.readouterr().out.splitlines()
    assert head.split() == ["forward", "speed-up", "backward", "speed-up"]
    assert loops.split() == ["loops", "2,000.00", "ms", "1x", "3,000.00", "ms", "1x"]
    assert fast.split() == ["fast", "1.00", "ms", "2,000x", "4.00", "ms", "750x"]
    assert len(head) == len(loops) == len(fast)


@pytest.mark.parametrize(
    ("way", "forward", "backward", "arguments", "dout_shape"),
    [
        (
            speed.torch_convolution,
            conv_forward_naive,
            conv_backward_naive,
            ((2, 3, 7, 5), (4, 3, 3, 2), (4,), {"stride": 2, "pad": 1}),
            (2, 4, 4, 3),
        ),
        (
            speed.torch_max_pool,
            max_pool_forward_naive,
            max_pool_backward_naive,
            ((2, 3, 7, 5), {"pool_height": 3, "pool_width": 2, "stride": 2}),
            (2, 3, 3, 2),
        ),
    ],
)
def test_torch_ways_compute_what_the_layers_compute(
    way, forward, backward, arguments, dout_shape
):
    pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    *shapes, param = arguments
    arrays = [rng.standard_normal(shape) for shape in shapes]
    dout = rng.standard_normal(dout_shape)
    torch_forward, torch_backward = way()["PyTorch"]
    out, cache = torch_forward(*arrays, param)
    expected, naive_cache = forward(*arrays, param)
    np.testing.assert_allclose(out, expected, atol=1e-12)
    for _ in range(2):  # timing calls it again and again
        gradients = torch_backward(dout, cache)
    for got, wanted in zip(
        _as_tuple(gradients), _as_tuple(backward(dout, naive_cache)), strict=True
    ):
        np.testing.assert_allclose(got, wanted, atol=1e-12)


def test_torch_ways_are_none_where_torch_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert speed.torch_convolution() == speed.torch_max_pool() == {}


def _as_tuple(gradients):
    return gradients if isinstance(gradients, tuple) else (gradients,)


def test_the_direct_convolution_is_a_layer_without_tiles(monkeypatch):
    if choose() is None:
        pytest.skip("the kernels are not compiled")
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((16, 32, 8, 8)), rng.standard_normal((32, 32, 3, 3))
    b, conv_param = rng.standard_normal(32), {"stride": 1, "pad": 1}
    assert tiles.pays(choose(), x, w, 1, 1)  # else there is nothing to leave out
    assert tiles.pays_for_gradients(choose(), x, w, 1, 1)

    def in_tiles(*_):
        raise AssertionError("it was to be computed directly")

    [(forward, backward)] = speed.direct_convolution().values()
    monkeypatch.setattr(tiles, "convolve", in_tiles)
    monkeypatch.setattr(tiles, "add_gradients", in_tiles)
    out, cache = forward(x, w, b, conv_param)
    expected, im2col_cache = conv_forward_im2col(x, w, b, conv_param)
    np.testing.assert_allclose(out, expected, atol=1e-11)
    gradients = conv_backward_im2col(out, im2col_cache)
    for a, e in zip(backward(out, cache), gradients, strict=True):
        np.testing.assert_allclose(a, e, atol=1e-9)
