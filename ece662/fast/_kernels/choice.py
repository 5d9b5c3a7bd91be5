"""Which kernels this process computes with: the compiled ones, or none.

The choice is made once, at the first call that wants them; `choose.cache_clear()`
makes it anew, after a build.
"""

import functools
import sys

import numpy as np

from ece662.fast import _kernels
from ece662.fast._kernels.direct import Kernels

__all__ = ["as_kernels_take", "choose"]


@functools.cache
def choose():
    """Return the compiled kernels; None, and say so, where there are none."""
    try:
        native = _kernels.load()
    except ImportError as error:
        print(
            "ece662.fast_layers: no compiled kernels, so NumPy serves, slower "
            f"({error}). ece662.fast_layers.build() compiles them.",
            file=sys.stderr,
        )
        return None
    return Kernels(native, _kernels.chosen_level(native))


def as_kernels_take(*arrays):
    """Return the arrays in the form that kernels read, copied only where necessary.

    C-contiguous, aligned, and all of one type: float32 where none of them is wider.
    """
    narrow = np.result_type(*arrays) in (np.float16, np.float32)
    dtype = np.float32 if narrow else np.float64
    return [a if _is_ready(a, dtype) else np.require(a, dtype, "CA") for a in arrays]


def _is_ready(a, dtype):
    """Say whether np.require, which takes 10 microseconds, would return a itself."""
    return a.dtype == dtype and a.flags.c_contiguous and a.flags.aligned
