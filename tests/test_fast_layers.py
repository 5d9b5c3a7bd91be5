"""The fast layers against the naive ones: every kernel, any shape, any array."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ece662 import fast_layers
from ece662.fast import _kernels
from ece662.fast_layers import (
    conv_backward_fast,
    conv_forward_fast,
    max_pool_backward_fast,
    max_pool_forward_fast,
)
from ece662.layers import (
    conv_backward_naive,
    conv_forward_naive,
    max_pool_backward_naive,
    max_pool_forward_naive,
)

# Relative to the largest value. Float32 sums of a thousand terms err by about 1e-6.
TOLERANCES = {np.float64: 1e-10, np.float32: 1e-5}

try:
    LEVELS = _kernels.LEVELS[: _kernels.load().levels()]
except ImportError:
    LEVELS = ()
needs_kernels = pytest.mark.skipif(not LEVELS, reason="the kernels are not compiled")


@pytest.fixture(autouse=True)
def choose_afresh():
    """Let a test choose what computes, and forget its choice afterwards."""
    fast_layers.choose.cache_clear()
    yield
    fast_layers.choose.cache_clear()


@pytest.fixture(params=[*LEVELS, "numpy"])
def every_backend(request, monkeypatch):
    if request.param == "numpy":
        use_numpy(monkeypatch)
    else:
        monkeypatch.setenv("ECE662_SIMD", request.param)


def use_numpy(monkeypatch):
    def load():
        raise ImportError("hidden by a test")

    monkeypatch.setattr(_kernels, "load", load)


@st.composite
def convolutions(draw):
    """Draw x, w, b and dout shapes, stride and pad; some rows fill several vectors."""
    N, C, F = draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 14))
    H, W = draw(st.integers(1, 9)), draw(st.integers(1, 40))
    stride, pad = draw(st.integers(1, 4)), draw(st.integers(0, 3))
    HH = draw(st.integers(1, min(5, H + 2 * pad)))
    WW = draw(st.integers(1, min(5, W + 2 * pad)))
    return (N, C, H, W), (F, C, HH, WW), {"stride": stride, "pad": pad}


@st.composite
def pools(draw):
    N, C = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    H, W = draw(st.integers(1, 9)), draw(st.integers(1, 40))
    return (N, C, H, W), {
        "pool_height": draw(st.integers(1, min(4, H))),
        "pool_width": draw(st.integers(1, min(4, W))),
        "stride": draw(st.integers(1, 4)),
    }


def conv_arrays(x_shape, w_shape, conv_param, dtype=np.float64):
    """Return x, w, b and dout, drawn from a normal distribution."""
    rng = np.random.default_rng(0)
    stride, pad = conv_param["stride"], conv_param["pad"]
    H_out = (x_shape[2] + 2 * pad - w_shape[2]) // stride + 1
    W_out = (x_shape[3] + 2 * pad - w_shape[3]) // stride + 1
    shapes = (x_shape, w_shape, w_shape[:1], (x_shape[0], w_shape[0], H_out, W_out))
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def assert_same_as_naive(x, w, b, dout, conv_param, dtype, **num_threads):
    """Compare out, dx, dw and db: their values, types and shapes."""
    out, cache = conv_forward_fast(x, w, b, conv_param, **num_threads)
    results = [out, *conv_backward_fast(dout, cache, **num_threads)]
    out, cache = conv_forward_naive(x, w, b, conv_param)
    expected = [out, *conv_backward_naive(dout, cache)]
    for what, a, e in zip(("out", "dx", "dw", "db"), results, expected, strict=True):
        assert_close(a, e, what, dtype)


def assert_close(actual, expected, what, dtype):
    assert actual.dtype == dtype, what
    assert actual.shape == expected.shape, what
    size = max(np.max(np.abs(expected)), 1e-30)
    error = np.max(np.abs(actual - expected)) / size
    assert error < TOLERANCES[dtype], f"{what} is off by {error:.1e} of the largest"


@pytest.mark.usefixtures("every_backend")
@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("num_threads", [1, 3])
def test_conv_agrees_with_the_naive_layer(dtype, num_threads):
    @settings(max_examples=25, deadline=None, derandomize=True)
    @given(convolutions())
    def agrees(shapes):
        x_shape, w_shape, conv_param = shapes
        arrays = conv_arrays(x_shape, w_shape, conv_param, dtype)
        assert_same_as_naive(*arrays, conv_param, dtype, num_threads=num_threads)

    agrees()


@pytest.mark.usefixtures("every_backend")
@pytest.mark.parametrize(
    ("x_shape", "w_shape", "stride", "pad"),
    [
        ((9, 3, 31, 31), (25, 3, 3, 3), 2, 1),  # the course's comparison
        ((2, 3, 32, 32), (32, 3, 7, 7), 1, 3),  # ThreeLayerConvNet's
        ((1, 2, 3, 3), (70, 2, 2, 2), 1, 0),  # more filters than a tile is wide
        ((1, 1, 60, 70), (2, 1, 3, 3), 1, 1),  # more outputs than are turned at once
        ((1, 1, 2, 600), (1, 1, 1, 1), 1, 0),  # the same in a single row
        ((2, 1, 1, 1), (1, 1, 2, 2), 9, 3),  # windows that see nothing but padding
        ((1, 1, 7, 7), (1, 1, 2, 2), 5, 0),  # pixels that no window sees
    ],
)
def test_conv_agrees_at_the_edges_of_the_kernels(x_shape, w_shape, stride, pad):
    conv_param = {"stride": stride, "pad": pad}
    arrays = conv_arrays(x_shape, w_shape, conv_param)
    assert_same_as_naive(*arrays, conv_param, np.float64)


@pytest.mark.usefixtures("every_backend")
@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("num_threads", [1, 3])
@pytest.mark.parametrize("values", ["distinct", "ties"])
def test_max_pool_agrees_with_the_naive_layer(dtype, num_threads, values):
    @settings(max_examples=25, deadline=None, derandomize=True)
    @given(pools())
    def agrees(shapes):
        x_shape, pool_param = shapes
        x = np.random.default_rng(0).permutation(np.prod(x_shape)).reshape(x_shape)
        x = (x % 2 if values == "ties" else x - x.size / 2).astype(dtype)
        assert_same_pool(x, pool_param, num_threads=num_threads)

    agrees()


def assert_same_pool(x, pool_param, **num_threads):
    out, cache = max_pool_forward_fast(x, pool_param, **num_threads)
    expected, naive_cache = max_pool_forward_naive(x, pool_param)
    np.testing.assert_array_equal(out, expected, strict=True)
    dout = np.random.default_rng(1).standard_normal(out.shape).astype(x.dtype)
    dx = max_pool_backward_fast(dout, cache, **num_threads)
    expected = max_pool_backward_naive(dout, naive_cache)
    np.testing.assert_allclose(dx, expected, rtol=1e-5, atol=1e-6)
    assert dx.dtype == expected.dtype


@pytest.mark.usefixtures("every_backend")
def test_max_pool_counts_windows_of_more_than_256_pixels():
    x = np.arange(2 * 20 * 40.0).reshape(1, 2, 20, 40)
    pool_param = {"pool_height": 16, "pool_width": 17, "stride": 3}
    assert_same_pool(x, pool_param)
    assert_same_pool(-x, pool_param)


@pytest.mark.usefixtures("every_backend")
def test_max_pool_lets_a_nan_through():
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    x[0, 0, 0, 1] = x[0, 0, 1, 0] = np.nan
    pool_param = {"pool_height": 2, "pool_width": 2, "stride": 2}
    out, cache = max_pool_forward_fast(x, pool_param)
    np.testing.assert_array_equal(out, [[[[np.nan, 7], [13, 15]]]])
    dx = max_pool_backward_fast(np.ones_like(out), cache)
    assert dx[0, 0, 0, 1] == 1  # to the first of them, as argmax has it
    assert dx.sum() == 4


@pytest.mark.usefixtures("every_backend")
def test_max_pool_takes_infinities():
    x = np.full((1, 1, 2, 2), -np.inf)
    assert_same_pool(x, {"pool_height": 2, "pool_width": 2, "stride": 2})


def unaligned(a):
    buffer = np.zeros(a.nbytes + 1, np.uint8)
    view = buffer[1:].view(a.dtype).reshape(a.shape)
    view[...] = a
    return view


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


LAYOUTS = {
    "reversed": lambda a: a[..., ::-1],
    "every second": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "Fortran order": np.asfortranarray,
    "channels last": lambda a: np.moveaxis(np.moveaxis(a, 1, -1).copy(), -1, 1),
    "foreign byte order": lambda a: a.astype(a.dtype.newbyteorder()),
    "unaligned": unaligned,
    "read only": read_only,
    "a list": lambda a: a.tolist(),
}


@pytest.mark.usefixtures("every_backend")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_arrays_of_any_layout_are_welcome_and_unchanged(layout):
    conv_param = {"stride": 2, "pad": 1}
    pool_param = {"pool_height": 2, "pool_width": 3, "stride": 2}
    arrange = LAYOUTS[layout]
    x, w, b, dout = conv_arrays((2, 3, 6, 7), (4, 3, 3, 3), conv_param)
    x, w, dout = arrange(x), arrange(w), arrange(dout)
    before = [np.array(a) for a in (x, w, b, dout)]

    out, cache = conv_forward_fast(x, w, b, conv_param)
    results = [out, *conv_backward_fast(dout, cache)]
    plain, cache = conv_forward_naive(*before[:3], conv_param)
    expected = [plain, *conv_backward_naive(before[3], cache)]
    for actual, value in zip(results, expected, strict=True):
        np.testing.assert_allclose(actual, value, rtol=1e-10, atol=1e-12)

    out, cache = max_pool_forward_fast(x, pool_param)
    plain, naive_cache = max_pool_forward_naive(before[0], pool_param)
    np.testing.assert_array_equal(out, plain)
    dout_pool = arrange(np.ones(out.shape))
    dx = max_pool_backward_fast(dout_pool, cache)
    expected = max_pool_backward_naive(np.ones(out.shape), naive_cache)
    np.testing.assert_array_equal(dx, expected)
    for array, copy in zip((x, w, b, dout), before, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.usefixtures("every_backend")
def test_other_types_are_computed_in_float64():
    conv_param = {"stride": 1, "pad": 1}
    x, w, b, _ = conv_arrays((2, 2, 4, 5), (3, 2, 3, 3), conv_param)
    mixed, _ = conv_forward_fast(x.astype(np.float32), w, b, conv_param)
    assert mixed.dtype == np.float64
    whole = np.rint(10 * x).astype(int)
    out, _ = conv_forward_fast(whole, w, b, conv_param)
    expected, _ = conv_forward_naive(whole, w, b, conv_param)
    np.testing.assert_allclose(out, expected)


@pytest.mark.usefixtures("every_backend")
@pytest.mark.parametrize("empty", ["no images", "no filters", "no channels"])
def test_conv_takes_empty_arrays(empty):
    N = 0 if empty == "no images" else 2
    F = 0 if empty == "no filters" else 3
    C = 0 if empty == "no channels" else 2
    conv_param = {"stride": 1, "pad": 0}
    arrays = conv_arrays((N, C, 4, 5), (F, C, 3, 3), conv_param)
    out, cache = conv_forward_fast(*arrays[:3], conv_param)
    results = [out, *conv_backward_fast(arrays[3], cache)]
    out, cache = conv_forward_naive(*arrays[:3], conv_param)
    expected = [out, *conv_backward_naive(arrays[3], cache)]
    for actual, value in zip(results, expected, strict=True):
        np.testing.assert_allclose(actual, value, strict=True)


@pytest.mark.usefixtures("every_backend")
def test_conv_caches_can_be_exchanged():
    conv_param = {"stride": 2, "pad": 1}
    x, w, b, dout = conv_arrays((2, 3, 6, 7), (4, 3, 3, 3), conv_param)
    _, fast_cache = conv_forward_fast(x, w, b, conv_param)
    _, naive_cache = conv_forward_naive(x, w, b, conv_param)
    crossed = [
        *conv_backward_fast(dout, naive_cache),
        *conv_backward_naive(dout, fast_cache),
    ]
    for a, e in zip(crossed[:3], crossed[3:], strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-10, atol=1e-12)


@pytest.mark.usefixtures("every_backend")
def test_conv_backward_omits_dx_where_needs_dx_is_false():
    rng = np.random.default_rng(0)
    x, w, b = rng.random((3, 2, 5, 7)), rng.random((4, 2, 3, 3)), np.zeros(4)
    out, cache = conv_forward_fast(x, w, b, {"stride": 2, "pad": 1})
    _, dw, db = conv_backward_fast(out, cache)
    *arrays, conv_param = cache
    none, same_dw, same_db = conv_backward_fast(
        out, (*arrays, conv_param | {"needs_dx": False})
    )
    assert none is None
    np.testing.assert_array_equal(same_dw, dw)
    np.testing.assert_array_equal(same_db, db)


def test_pool_caches_of_kernels_and_numpy_can_be_exchanged(monkeypatch):
    x = np.random.default_rng(0).standard_normal((2, 3, 6, 7))
    pool_param = {"pool_height": 3, "pool_width": 2, "stride": 1}
    out, compiled_cache = max_pool_forward_fast(x, pool_param)
    use_numpy(monkeypatch)
    fast_layers.choose.cache_clear()
    by_numpy = max_pool_backward_fast(out, compiled_cache)
    _, numpy_cache = max_pool_forward_fast(x, pool_param)
    monkeypatch.undo()
    fast_layers.choose.cache_clear()
    np.testing.assert_allclose(max_pool_backward_fast(out, numpy_cache), by_numpy)


@needs_kernels
def test_results_do_not_depend_on_the_number_of_threads():
    conv_param = {"stride": 1, "pad": 1}
    arrays = conv_arrays((11, 3, 9, 10), (7, 3, 3, 3), conv_param, np.float32)

    def results(num_threads):
        out, cache = conv_forward_fast(*arrays[:3], conv_param, num_threads)
        return [out, *conv_backward_fast(arrays[3], cache, num_threads)]

    alone = results(1)
    for num_threads in (2, 3, 20):
        for a, e in zip(results(num_threads), alone, strict=True):
            np.testing.assert_array_equal(a, e)


@pytest.mark.usefixtures("every_backend")
@pytest.mark.parametrize("num_threads", [0, -1, 1.5, "two"])
def test_num_threads_must_be_a_whole_number(num_threads):
    conv_param = {"stride": 1, "pad": 1}
    arrays = conv_arrays((2, 2, 4, 5), (3, 2, 3, 3), conv_param)
    with pytest.raises(ValueError, match=f"num_threads must be .* got {num_threads!r}"):
        conv_forward_fast(*arrays[:3], conv_param, num_threads=num_threads)


@pytest.mark.usefixtures("every_backend")
def test_conv_refuses_bad_input():
    x, w, b = np.zeros((2, 3, 5, 6)), np.zeros((4, 3, 3, 3)), np.zeros(4)
    conv_param = {"stride": 1, "pad": 0}
    with pytest.raises(ValueError, match=r"w must be \(F, 3, HH, WW\)"):
        conv_forward_fast(x, w[:, :2], b, conv_param)
    with pytest.raises(ValueError, match=r"b must be \(4,\)"):
        conv_forward_fast(x, w, b[:3], conv_param)
    with pytest.raises(ValueError, match="at least 1, got 0"):
        conv_forward_fast(x, w, b, {"stride": 0, "pad": 0})
    _, cache = conv_forward_fast(x, w, b, conv_param)
    with pytest.raises(ValueError, match=r"\(2, 4, 3, 4\), got \(2, 4, 4, 3\)"):
        conv_backward_fast(np.zeros((2, 4, 4, 3)), cache)


@pytest.mark.usefixtures("every_backend")
def test_max_pool_refuses_bad_input():
    x = np.zeros((2, 3, 5, 6))
    pool_param = {"pool_height": 2, "pool_width": 2, "stride": 2}
    with pytest.raises(ValueError, match="pooling windows must fit"):
        max_pool_forward_fast(x, pool_param | {"pool_height": 6})
    with pytest.raises(ValueError, match=r"x must be \(N, C, H, W\)"):
        max_pool_forward_fast(x[0], pool_param)
    _, cache = max_pool_forward_fast(x, pool_param)
    with pytest.raises(ValueError, match=r"\(2, 3, 2, 3\), got \(2, 3, 5, 6\)"):
        max_pool_backward_fast(x, cache)


@needs_kernels
def test_several_python_threads_may_call_at_once():
    conv_param = {"stride": 1, "pad": 1}
    arrays = conv_arrays((6, 3, 12, 13), (7, 3, 3, 3), conv_param)
    expected, _ = conv_forward_fast(*arrays[:3], conv_param, num_threads=1)
    wrong = []

    def call():
        for _ in range(20):
            out, cache = conv_forward_fast(*arrays[:3], conv_param, num_threads=3)
            conv_backward_fast(arrays[3], cache, num_threads=3)
            if not np.array_equal(out, expected):
                wrong.append(out)

    callers = [threading.Thread(target=call) for _ in range(5)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


def run_python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@needs_kernels
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_computes_with_threads_of_its_own():
    code = """
import os, warnings
import numpy as np
from ece662.fast_layers import conv_backward_fast, conv_forward_fast

warnings.simplefilter("ignore", DeprecationWarning)  # fork beside threads, 3.12
x, w, b = np.ones((8, 3, 9, 9)), np.ones((5, 3, 3, 3)), np.zeros(5)

def train():
    out, cache = conv_forward_fast(x, w, b, {"stride": 1, "pad": 1}, num_threads=4)
    return out.sum() + conv_backward_fast(out, cache, num_threads=4)[0].sum()

expected = train()
child = os.fork()
if child == 0:
    os._exit(0 if train() == expected else 1)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0
assert train() == expected
"""
    done = run_python(code)
    assert done.returncode == 0, done.stderr


def test_numpy_serves_and_says_so_once():
    code = """
import sys
sys.modules["ece662.fast._kernels.native"] = None  # importing it fails
import numpy as np
from ece662 import fast_layers

print("imported")
x, w, b = np.ones((1, 1, 3, 3)), np.ones((1, 1, 3, 3)), np.zeros(1)
for _ in range(2):
    out, cache = fast_layers.conv_forward_fast(x, w, b, {"stride": 1, "pad": 0})
    fast_layers.conv_backward_fast(out, cache)
print(out.item(), fast_layers.backend())
"""
    done = run_python(code)
    assert done.stdout.splitlines() == ["imported", "9.0 NumPy (no compiled kernels)"]
    [line] = done.stderr.splitlines()
    assert line.startswith("ece662.fast_layers: no compiled kernels, so NumPy serves")
    assert "ece662.fast_layers.build()" in line


@needs_kernels
def test_backend_names_kernels_and_threads(monkeypatch):
    least = LEVELS[0]
    monkeypatch.setenv("ECE662_SIMD", least)
    monkeypatch.setenv("ECE662_NUM_THREADS", "5")
    assert fast_layers.backend() == f"compiled kernels ({least}), up to 5 threads"
    monkeypatch.setenv("ECE662_NUM_THREADS", "1")
    assert fast_layers.backend() == f"compiled kernels ({least}), 1 thread"


@needs_kernels
def test_an_unknown_instruction_set_is_refused(monkeypatch):
    monkeypatch.setenv("ECE662_SIMD", "mmx")
    with pytest.raises(ValueError, match=r"ECE662_SIMD must be one of .* got 'mmx'"):
        fast_layers.backend()
