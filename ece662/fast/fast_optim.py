"""Adam in one pass, with the contract of `ece662.optim` and the numbers of its `adam`.

    next_w, config = adam_fast(w, dw, config)
    Solver(model, data, update_rule="adam_fast", optim_config={"learning_rate": 1e-3})

A big net spends as much time on its update as on its gradients: NumPy writes each
intermediate result of the formula to memory and reads it back. The compiled kernel
(`ece662/fast/_kernels/adam.h`) goes through the weights once. PyTorch has the same
under the name `fused`. Where no kernel was compiled, `ece662.optim.adam` does the work.
"""

import numpy as np

from ece662 import optim
from ece662.fast._kernels.choice import choose
from ece662.fast._kernels.threads import thread_count

__all__ = ["adam_fast"]

# A step touches seven numbers a weight and takes about 2 ns for it: with this many, a
# second thread is worth waking. See benchmarks/training_step.py.
WEIGHTS_PER_THREAD = 100_000
KERNEL_TYPES = (np.float32, np.float64)


def adam_fast(w, dw, config=None, out=None):
    """Update as `ece662.optim.adam`, whose arguments and settings it takes.

    Args:
        w: parameter, float32 or float64.
        dw: its gradient.
        config: as for `adam`; "m" and "v" are updated in place.
        out: an array for the result, of the shape and type of w; w itself is allowed,
            as in NumPy. None for a new one.

    Returns:
        next_w (out, where it was given), config.

    Raises:
        ValueError: shapes that differ, or an out that the result does not fit into.
    """
    w = np.asarray(w)
    if out is not None and not _can_hold(out, w):
        raise ValueError(
            f"out must be a C-contiguous array of {w.shape} and {w.dtype} like w, "
            f"got {np.shape(out)} and {getattr(out, 'dtype', type(out).__name__)}"
        )
    kernels = choose() if w.dtype in KERNEL_TYPES else None
    if kernels is None:
        return _without_kernels(w, dw, config, out)

    config = optim._complete(
        config, w, dw, learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, t=0
    )
    optim._remember(config, w, "m", "v")
    config.update(t=config["t"] + 1)
    if out is None:
        out = np.empty(w.shape, w.dtype)
    if out is not w:
        out[...] = w
    for name in ("m", "v"):
        config[name] = np.require(config[name], w.dtype, ["C", "A", "W"])
    dw = np.require(dw, w.dtype, ["C", "A"])
    threads = max(1, min(thread_count(), w.size // WEIGHTS_PER_THREAD))
    kernels.adam(out, dw, config["m"], config["v"], _step(config), threads)
    return out, config


def _can_hold(out, w):
    return (
        isinstance(out, np.ndarray)
        and (out.shape, out.dtype) == (w.shape, w.dtype)
        and out.flags.c_contiguous
    )


def _step(config):
    """Return what the kernel asks for, with the corrections of this step."""
    settings = {
        name: config[name] for name in ("learning_rate", "beta1", "beta2", "epsilon")
    }
    settings["unbias1"] = 1 / (1 - config["beta1"] ** config["t"])
    settings["unbias2"] = 1 / (1 - config["beta2"] ** config["t"])
    return settings


def _without_kernels(w, dw, config, out):
    next_w, config = optim.adam(w, dw, config)
    if out is not None:
        out[...] = next_w
        next_w = out
    return next_w, config
