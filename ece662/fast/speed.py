"""How long a layer takes, computed in several ways side by side (Q4).

A *way* is a pair (forward, backward) with the contract of `ece662.layers`; PyTorch's
layers are dressed up as such a pair. Each takes as many threads as it does by default.
For figures to rely on, benchmarks/ gives each library a process of its own.
"""

import time
from collections.abc import Callable, Mapping

from ece662.fast._kernels.choice import as_kernels_take, choose
from ece662.fast._kernels.direct import Kernels
from ece662.fast._kernels.threads import thread_count

__all__ = [
    "direct_convolution",
    "print_speed",
    "time_ways",
    "torch_convolution",
    "torch_max_pool",
]

Way = tuple[Callable, Callable]

# A layer is called again and again until one of these is reached.
PATIENCE = 0.3  # seconds, little enough to wait for in a notebook
ENOUGH = 100  # calls


def time_ways(ways: Mapping[str, Way], dout, *arguments) -> tuple[dict, dict]:
    """Run a layer in several ways, and time both passes of each.

    Args:
        ways: each under its name.
        dout: gradient of the loss with respect to the output.
        *arguments: what every forward takes, the images first.

    Returns:
        times: for each way {"forward": seconds, "backward": seconds}, of the fastest
            of as many calls as fit in a third of a second, at most a hundred; what
            takes longer is called once.
        results: for each way (out, dx, ...), the gradients in the order of backward.
    """
    times, results = {}, {}
    for name, (forward, backward) in ways.items():
        # One image to warm up: libraries get ready when they are first called.
        x, *others = arguments
        backward(dout[:1], forward(x[:1], *others)[1])
        forward_seconds, (out, cache) = _time(forward, *arguments)
        backward_seconds, gradients = _time(backward, dout, cache)
        if not isinstance(gradients, tuple):
            gradients = (gradients,)
        times[name] = {"forward": forward_seconds, "backward": backward_seconds}
        results[name] = (out, *gradients)
    return times, results


def print_speed(times: Mapping[str, Mapping[str, float]]) -> None:
    """Print a table of times, and how many times faster each is than the first way.

    Args:
        times: from `time_ways`, the slowest way first.
    """
    passes = list(next(iter(times.values())))
    slowest = next(iter(times))
    heads = "".join(f"{name:>14}{'speed-up':>10}" for name in passes)
    print(f"{'':12}{heads}")
    for name, seconds in times.items():
        cells = (
            f"{1e3 * seconds[key]:>11,.2f} ms"
            f"{f'{times[slowest][key] / seconds[key]:,.0f}x':>10}"
            for key in passes
        )
        print(f"{name:12}{''.join(cells)}")


def direct_convolution() -> dict[str, Way]:
    """Return the fast layer with all its multiplications as a way: {} without kernels.

    It computes as `ece662.fast_layers` does for filters of any other size.
    """
    chosen = choose()
    if chosen is None:
        return {}
    kernels = Kernels(chosen.native, chosen.level, in_tiles=False)

    def forward(x, w, b, conv_param):
        arrays, sizes = as_kernels_take(x, w, b), _sizes(conv_param)
        return kernels.conv_forward(*arrays, *sizes), (x, w, conv_param)

    def backward(dout, cache):
        x, w, conv_param = cache
        arrays, sizes = as_kernels_take(dout, x, w), _sizes(conv_param)
        dx = kernels.conv_input_gradient(*arrays, *sizes)
        return dx, *kernels.conv_weight_gradients(*arrays, *sizes)

    return {"direct": (forward, backward)}


def torch_convolution() -> dict[str, Way]:
    """Return PyTorch's convolution as a way: {} where PyTorch is not installed."""
    try:
        import torch
    except ImportError:
        return {}

    def forward(x, w, b, conv_param):
        leaves = _leaves(torch, x, w, b)
        stride, pad = conv_param["stride"], conv_param["pad"]
        out = torch.nn.functional.conv2d(*leaves, stride=stride, padding=pad)
        return out.detach().numpy(), (out, leaves)

    return {"PyTorch": (forward, _autograd(torch))}


def torch_max_pool() -> dict[str, Way]:
    """Return PyTorch's max pooling as a way: {} where PyTorch is not installed."""
    try:
        import torch
    except ImportError:
        return {}

    def forward(x, pool_param):
        leaves = _leaves(torch, x)
        size = (pool_param["pool_height"], pool_param["pool_width"])
        out = torch.nn.functional.max_pool2d(*leaves, size, pool_param["stride"])
        return out.detach().numpy(), (out, leaves)

    return {"PyTorch": (forward, _autograd(torch))}


def _sizes(conv_param):
    return conv_param["stride"], conv_param["pad"], thread_count()


def _leaves(torch, *arrays):
    """Return arrays as tensors that gradients are wanted for; nothing is copied."""
    return [torch.from_numpy(array).requires_grad_() for array in arrays]


def _autograd(torch):
    """Return the backward pass of any PyTorch layer: autograd finds it."""

    def backward(dout, cache):
        out, leaves = cache
        gradients = torch.autograd.grad(
            out, leaves, torch.from_numpy(dout), retain_graph=True
        )
        arrays = [gradient.numpy() for gradient in gradients]
        return arrays[0] if len(arrays) == 1 else tuple(arrays)

    return backward


def _time(function, *arguments):
    """Return the seconds of the fastest call, and what the last one returned.

    Whatever else the computer does can only add to a call's time, never take from it.
    """
    seconds = []
    end = time.perf_counter() + PATIENCE
    while not seconds or (time.perf_counter() < end and len(seconds) < ENOUGH):
        start = time.perf_counter()
        result = function(*arguments)
        seconds.append(time.perf_counter() - start)
    return min(seconds), result
