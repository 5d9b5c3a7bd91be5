"""Convolution and max pooling, compiled: how they work and where to read on.

`ece662.fast.im2col` turns convolution into a matrix product, for which every pixel is
copied once for each window that sees it. The kernels here copy an image once, and read
it where it lies. In the order to read them:

    plan.py             the idea: tables of offsets make convolution one loop
    vector.h            vectors of 4 to 16 numbers, in one source for all processors
    pad_and_split.h     an image copied once, so that neighbours stand side by side
    convolve.h          the inner loop: a tile of sums that stays in registers
    weight_gradient.h   the same for the gradients of weights and biases
    turn.h              images turned, so that a pixel's channels stand side by side
    winograd.h          3 x 3 filters with a quarter of the multiplications, and its
                        parts: transform.h, product.h; ece662/fast/winograd.py first
    max_pool.h          the largest of each window, and where it came from
    batch_norm.h        spatial batch normalisation, with ReLU, a channel at a time
    adam.h              an update rule in one pass over memory
    variants.h          one source compiled for each instruction set
    native.pyx          the kernels, called from Python on slices of a batch
    threads.py          a batch shared by a few threads
    direct.py           the layers: plans, weights in the kernels' order, threads
    tiles.py            Winograd's way: where it pays
    choice.py           these kernels, or none
    builder.py          compiling from a running notebook

Importing this package is cheap and never fails; `load` fetches the compiled part.
"""

import importlib
import os
import platform

__all__ = ["LEVELS", "NATIVE", "chosen_level", "load"]

NATIVE = "ece662.fast._kernels.native"

# The instruction sets of variants.h, the least first. All ARM computers have the same.
ON_ARM = platform.machine() in ("aarch64", "arm64")  # as Linux and macOS write it
LEVELS = ("neon",) if ON_ARM else ("baseline", "avx2", "avx512")


def load():
    """Return the compiled kernels.

    Raises:
        ImportError: they were never built, or for another Python.
    """
    return importlib.import_module(NATIVE)


def chosen_level(native):
    """Return which instruction set to use, as a position in LEVELS.

    The best that the processor has, or the one that ECE662_SIMD names, to test or to
    compare.

    Raises:
        ValueError: ECE662_SIMD names none, or one that this processor lacks.
    """
    available = LEVELS[: native.levels()]
    name = os.environ.get("ECE662_SIMD") or available[-1]
    if name not in available:
        raise ValueError(f"ECE662_SIMD must be one of {available}, got {name!r}")
    return available.index(name)
