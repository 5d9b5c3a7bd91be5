"""Our side of the layers' comparison: naive loops, im2col, and the fast layers."""

from collections.abc import Callable, Sequence

import ece662  # noqa: F401 (before NumPy, as the notebooks do: threads spin less)

# isort: split
import numpy as np

from ece662 import fast_layers, layers
from ece662.classifiers.cnn import ConvNet, ThreeLayerConvNet
from ece662.fast import im2col
from ece662.solver import Solver

__all__ = ["STAGES", "conv", "conv_net_step", "deep_net_step", "images", "max_pool"]

STAGES = ((32,), (64, 64), (128, 128))  # of Q4's deep network, for photographs

WAYS = {
    "naive": (layers, "naive"),
    "im2col": (im2col, "im2col"),
    "fast": (fast_layers, "fast"),
}


def conv(
    way: str,
    backward: bool,
    x_shape: Sequence[int],
    w_shape: Sequence[int],
    stride: int,
    pad: int,
    dtype: str,
) -> Callable[[], object]:
    """Return a function that runs one pass of a convolution, and its results."""
    x, w, b = images(x_shape, dtype), images(w_shape, dtype), images(w_shape[:1], dtype)
    return _one_pass(way, "conv", backward, x, w, b, {"stride": stride, "pad": pad})


def max_pool(
    way: str, backward: bool, x_shape: Sequence[int], size: int, dtype: str
) -> Callable[[], object]:
    """Return a function that runs one pass of max pooling, windows side by side."""
    pool_param = {"pool_height": size, "pool_width": size, "stride": size}
    return _one_pass(way, "max_pool", backward, images(x_shape, dtype), pool_param)


def images(shape: Sequence[int], dtype: str) -> np.ndarray:
    """Return the numbers that every side computes with."""
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


def _one_pass(way: str, layer: str, backward: bool, *arguments) -> Callable[[], object]:
    module, suffix = WAYS[way]
    run_forward = getattr(module, f"{layer}_forward_{suffix}")
    run_backward = getattr(module, f"{layer}_backward_{suffix}")
    out, cache = run_forward(*arguments)
    if backward:
        return lambda: run_backward(out, cache)  # out serves as its own gradient
    return lambda: run_forward(*arguments)[0]


def conv_net_step(
    batch_size: int, num_train: int = 1000, fused: bool = False
) -> Callable[[], object]:
    """Return the Solver's step for a ThreeLayerConvNet, with Adam, in float32."""
    np.random.seed(0)
    net = ThreeLayerConvNet(num_classes=6, weight_scale=1e-2)
    return _step_of(net, batch_size, num_train, fused)


def deep_net_step(
    batch_size: int, num_train: int = 1000, own_layers: bool = False
) -> Callable[[], object]:
    """Return the Solver's step for Q4's deep ConvNet, with Adam in one pass."""
    np.random.seed(0)
    net = ConvNet(stages=STAGES, num_classes=6, own_layers=own_layers)
    return _step_of(net, batch_size, num_train, fused=True)


def _step_of(net, batch_size: int, num_train: int, fused: bool) -> Callable[[], object]:
    X = images((num_train, 3, 32, 32), "float32")
    y = np.random.randint(6, size=num_train)
    solver = Solver(
        net,
        {"X_train": X, "y_train": y, "X_val": X[:1], "y_val": y[:1]},
        update_rule="adam_fast" if fused else "adam",
        optim_config={"learning_rate": 1e-3},
        batch_size=batch_size,
        verbose=False,
    )
    return solver._step
