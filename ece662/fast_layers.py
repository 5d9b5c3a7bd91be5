"""Fast layers for images, with the signatures of those in `ece662.layers`.

    out, cache = conv_forward_fast(x, w, b, conv_param)
    dx, dw, db = conv_backward_fast(dout, cache)
    out, cache = max_pool_forward_fast(x, pool_param)
    dx = max_pool_backward_fast(dout, cache)
    out, cache = spatial_batchnorm_forward_fast(x, gamma, beta, bn_param)
    dx, dgamma, dbeta = spatial_batchnorm_backward_fast(dout, cache)

They compute what `ece662.layers` computes, to within rounding, in float32 or float64.
`spatial_batchnorm_relu_*_fast` is the last pair and ReLU after it, in the same passes
over memory. Compiled kernels do the work (`ece662.fast._kernels` explains them), or
NumPy (`ece662.fast.im2col` and `batch_norm`) where these were not built; `build` builds
them.

Large enough convolutions with 3 x 3 filters and stride 1 are computed in tiles of 4 x 4
outputs (`ece662.fast.winograd` explains how). A nan or an infinity in one pixel then
reaches every output of the tiles that see it, not only those of its own windows.

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
    check_batch,
    check_channels,
    check_dout,
    check_mode,
    conv_output_size,
    pool_output_size,
)
from ece662.fast import _kernels, batch_norm, im2col
from ece662.fast._kernels.choice import as_kernels_take, choose
from ece662.fast._kernels.threads import thread_count
from ece662.fast.batch_norm import NormCache

__all__ = [
    "backend",
    "build",
    "conv_backward_fast",
    "conv_forward_fast",
    "max_pool_backward_fast",
    "max_pool_forward_fast",
    "spatial_batchnorm_backward_fast",
    "spatial_batchnorm_forward_fast",
    "spatial_batchnorm_relu_backward_fast",
    "spatial_batchnorm_relu_forward_fast",
]

# Waking a thread takes some 20 microseconds; with this much work each (a tenth of a
# millisecond or more) that is well spent. See benchmarks/conv.py.
MULTIPLICATIONS_PER_THREAD = 4_000_000
COMPARISONS_PER_THREAD = 500_000
NORMALISED_PER_THREAD = 200_000


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


def spatial_batchnorm_forward_fast(
    x: Array, gamma: Array, beta: Array, bn_param: dict, num_threads: int | None = None
) -> tuple[Array, Cache]:
    """Normalise; all but the cache as `ece662.layers.spatial_batchnorm_forward`.

    Args:
        num_threads: how many threads share the channels; see the module.
    """
    return _normalise(x, gamma, beta, bn_param, num_threads, relu=False)


def spatial_batchnorm_backward_fast(
    dout: Array, cache: Cache, num_threads: int | None = None
) -> tuple[Array, Array, Array]:
    """Take the gradient back; as `ece662.layers.spatial_batchnorm_backward`.

    Args:
        dout: (N, C, H, W) gradient of the loss with respect to `out`.
        cache: from a forward pass in mode "train".
        num_threads: how many threads share the channels; see the module.

    Returns:
        dx, dgamma, dbeta.
    """
    if cache is None:
        raise ValueError(
            "the cache must be that of a forward pass in mode 'train', got None, as "
            "mode 'test' returns it"
        )
    dout = check_dout(dout, cache.x.shape)
    threads = _threads(num_threads, dout.size, NORMALISED_PER_THREAD)
    kernels = _kernels_for(dout)
    if kernels is None:
        return batch_norm.normalise_backward(dout, *cache)
    dout, x = as_kernels_take(dout, cache.x)
    return kernels.batch_norm_backward(dout, x, *cache[1:], threads)


def spatial_batchnorm_relu_forward_fast(
    x: Array, gamma: Array, beta: Array, bn_param: dict, num_threads: int | None = None
) -> tuple[Array, Cache]:
    """Normalise and cut off what is negative; as `spatial_batchnorm_forward_fast`."""
    return _normalise(x, gamma, beta, bn_param, num_threads, relu=True)


def spatial_batchnorm_relu_backward_fast(
    dout: Array, cache: Cache, num_threads: int | None = None
) -> tuple[Array, Array, Array]:
    """Take the gradient back; as `spatial_batchnorm_backward_fast`."""
    return spatial_batchnorm_backward_fast(dout, cache, num_threads)


def _normalise(
    x: Array,
    gamma: Array,
    beta: Array,
    bn_param: dict,
    num_threads: int | None,
    relu: bool,
) -> tuple[Array, Cache]:
    x, gamma, beta = check_channels(x, gamma, beta)
    mode = check_mode(bn_param, "bn_param")
    check_batch(x, mode)
    eps, momentum = (
        float(bn_param.get(name, value))
        for name, value in (("eps", 1e-5), ("momentum", 0.9))
    )
    running = [
        np.asarray(bn_param.get(name, np.zeros(len(gamma))), x.dtype)
        for name in ("running_mean", "running_var")
    ]
    moments = None if mode == "train" else tuple(running)
    threads = _threads(num_threads, x.size, NORMALISED_PER_THREAD)
    kernels = _kernels_for(x)
    if kernels is None:
        out, moments = batch_norm.normalise(x, gamma, beta, moments, eps, relu)
    else:
        x, gamma, beta = as_kernels_take(x, gamma, beta)
        out, moments = kernels.batch_norm(x, gamma, beta, moments, eps, relu, threads)
    cache = None
    if mode == "train":
        cache = NormCache(x, gamma, beta, moments, eps, relu)
        running = [
            momentum * old + (1 - momentum) * new
            for old, new in zip(running, moments, strict=True)
        ]
    bn_param["running_mean"], bn_param["running_var"] = running
    return out, cache


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
    about a minute, for a running notebook.

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
