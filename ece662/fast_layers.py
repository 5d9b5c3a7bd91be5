"""Fast convolution and max pooling, with the signatures of the naive layers.

    out, cache = conv_forward_fast(x, w, b, conv_param)
    dx, dw, db = conv_backward_fast(dout, cache)
    out, cache = max_pool_forward_fast(x, pool_param)
    dx = max_pool_backward_fast(dout, cache)

They compute what `ece662.layers` computes in loops, to within rounding, in float32 or
float64. The work is done by compiled kernels (`ece662.fast._kernels` explains them), or
by NumPy (`ece662.fast.im2col`) where these were not built; `build` builds them.

Training needs no gradient of the images themselves, and in a network's first layer it
is a third of the work. Where `conv_param` holds `"needs_dx": False`,
backward leaves it out and returns None for dx, as PyTorch does for an input without
`requires_grad`.

Each function takes `num_threads`: exactly so many threads share the batch. Without it
they are at most ECE662_NUM_THREADS, else OMP_NUM_THREADS, else as many as there are
cores, and fewer where there is too little to do for a second one to pay.
"""

import time
from typing import Any

import numpy as np

from ece662._checks import (
    Array,
    Cache,
    InputGradient,
    as_floats,
    check_dout,
    conv_output_size,
    pool_output_size,
)
from ece662.fast import _kernels, im2col
from ece662.fast._kernels.choice import as_kernels_take, choose
from ece662.fast._kernels.threads import thread_count

__all__ = [
    "backend",
    "build",
    "conv_backward_fast",
    "conv_forward_fast",
    "max_pool_backward_fast",
    "max_pool_forward_fast",
]

# Waking a thread takes some 20 microseconds; with this much work each (a tenth of a
# millisecond or more) that is well spent. See benchmarks/conv.py.
MULTIPLICATIONS_PER_THREAD = 4_000_000
COMPARISONS_PER_THREAD = 500_000


def conv_forward_fast(
    x: Array, w: Array, b: Array, conv_param: dict, num_threads: int | None = None
) -> tuple[Array, Cache]:
    """Convolve; arguments, results and errors as `ece662.layers.conv_forward_naive`.

    Args:
        num_threads: how many threads share the batch; see the module.

    Returns:
        out: (N, F, H_out, W_out).
        cache: (x, w, b, conv_param), as that of `conv_forward_naive`.
    """
    x, w, b = as_floats(x), as_floats(w, "w"), as_floats(b, "b")
    size = conv_output_size(x, w, b, conv_param)
    stride, pad = conv_param["stride"], conv_param["pad"]
    cache = (x, w, b, conv_param)
    threads = _threads(num_threads, _multiplications(x, w, size))
    kernels = _kernels_for(x, w)
    if kernels is None:
        return im2col.conv_forward_im2col(*cache)
    arrays = as_kernels_take(x, w, b)
    return kernels.conv_forward(*arrays, stride, pad, threads), cache


def conv_backward_fast(
    dout: Array, cache: Cache, num_threads: int | None = None
) -> tuple[InputGradient, Array, Array]:
    """Take the gradient back; as `ece662.layers.conv_backward_naive`.

    Args:
        dout: (N, F, H_out, W_out) gradient of the loss with respect to `out`.
        cache: from `conv_forward_fast` or `conv_forward_naive`.
        num_threads: how many threads share the batch; see the module.

    Returns:
        dx (None where conv_param holds `"needs_dx": False`), dw, db.
    """
    x, w, b, conv_param = cache
    size = conv_output_size(x, w, b, conv_param)
    dout = check_dout(dout, (len(x), len(w), *size))
    threads = _threads(num_threads, 2 * _multiplications(x, w, size))
    kernels = _kernels_for(x, w)
    if kernels is None:
        return im2col.conv_backward_im2col(dout, cache)
    arrays = as_kernels_take(dout, x, w)
    sizes = (conv_param["stride"], conv_param["pad"], threads)
    dx = None
    if conv_param.get("needs_dx", True):
        dx = kernels.conv_input_gradient(*arrays, *sizes)
    return dx, *kernels.conv_weight_gradients(*arrays, *sizes)


def max_pool_forward_fast(
    x: Array, pool_param: dict, num_threads: int | None = None
) -> tuple[Array, Cache]:
    """Pool; arguments, out and errors as `ece662.layers.max_pool_forward_naive`.

    Args:
        num_threads: how many threads share the batch; see the module.

    Returns:
        out: (N, C, H_out, W_out).
        cache: (x's shape, which, pool_param), where which (N, C, H_out, W_out) tells
            the number of the largest pixel in its window, row by row. The images
            themselves are not kept.
    """
    x = as_floats(x)
    pool_output_size(x, pool_param)
    threads = _threads(num_threads, x.size, COMPARISONS_PER_THREAD)
    kernels = _kernels_for(x)
    if kernels is None:
        return im2col.max_pool_forward_im2col(x, pool_param)
    [images] = as_kernels_take(x)
    out, which = kernels.max_pool_forward(images, *_pool_sizes(pool_param), threads)
    return out, (x.shape, which, pool_param)


def max_pool_backward_fast(
    dout: Array, cache: Cache, num_threads: int | None = None
) -> Array:
    """Take the gradient back; as `ece662.layers.max_pool_backward_naive`.

    Args:
        dout: (N, C, H_out, W_out) gradient of the loss with respect to `out`.
        cache: from `max_pool_forward_fast`.
        num_threads: how many threads share the batch; see the module.

    Returns:
        dx: (N, C, H, W).
    """
    x_shape, which, pool_param = cache
    dout = check_dout(dout, which.shape)
    threads = _threads(num_threads, int(np.prod(x_shape)), COMPARISONS_PER_THREAD)
    kernels = _kernels_for(dout)
    if kernels is None:
        return im2col.max_pool_backward_im2col(dout, cache)
    [dout] = as_kernels_take(dout)
    return kernels.max_pool_backward(
        dout, which, x_shape, *_pool_sizes(pool_param), threads
    )


def backend() -> str:
    """Say what computes the fast layers on this computer, and with how many threads.

    Returns:
        a line such as "compiled kernels (avx512), up to 2 threads".
    """
    kernels = choose()
    if kernels is None:
        return "NumPy (no compiled kernels)"
    level = _kernels.LEVELS[kernels.level]
    count = thread_count()
    threads = "1 thread" if count == 1 else f"up to {count} threads"
    return f"compiled kernels ({level}), {threads}"


def build() -> None:
    """Compile the kernels and use them from now on, without a restart.

    The same as `python setup.py build_ext --inplace` in the repository, which takes
    about half a minute, for a running notebook.

    Raises:
        RuntimeError: there is nothing to build from, or the compiler failed.
    """
    from ece662.fast._kernels.builder import build_and_load

    start = time.perf_counter()
    build_and_load()
    choose.cache_clear()
    print(f"Built in {time.perf_counter() - start:.0f} s: {backend()}.")


def _kernels_for(*arrays: Array) -> Any:
    """Return the kernels; None where there are none, or an array is empty."""
    return choose() if all(a.size for a in arrays) else None


def _threads(
    requested: int | None, work: int, work_per_thread: int = MULTIPLICATIONS_PER_THREAD
) -> int:
    if requested is not None:
        return thread_count(requested)
    return max(1, min(thread_count(), work // work_per_thread))


def _multiplications(x: Array, w: Array, size: tuple[int, int]) -> int:
    return len(x) * w.size * size[0] * size[1]


def _pool_sizes(pool_param: dict) -> tuple[int, ...]:
    return tuple(pool_param[name] for name in ("pool_height", "pool_width", "stride"))
