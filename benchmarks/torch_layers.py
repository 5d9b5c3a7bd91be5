"""PyTorch's side of the layers' comparison; arguments as in `ece662_layers`."""

from collections.abc import Callable, Sequence

import torch
from torch import nn

from benchmarks.ece662_layers import STAGES, images
from benchmarks.torch_nets import step_of

__all__ = ["conv", "conv_net_step", "deep_net_step", "max_pool"]


def conv(
    backward: bool,
    x_shape: Sequence[int],
    w_shape: Sequence[int],
    stride: int,
    pad: int,
    dtype: str,
) -> Callable[[], object]:
    """Return a function that runs one pass of a convolution, and its results."""
    arrays = [images(shape, dtype) for shape in (x_shape, w_shape, w_shape[:1])]
    return _one_pass(
        lambda x, w, b: nn.functional.conv2d(x, w, b, stride=stride, padding=pad),
        arrays,
        backward,
    )


def max_pool(
    backward: bool, x_shape: Sequence[int], size: int, dtype: str
) -> Callable[[], object]:
    """Return a function that runs one pass of max pooling, windows side by side."""
    return _one_pass(
        lambda x: nn.functional.max_pool2d(x, size), [images(x_shape, dtype)], backward
    )


def _one_pass(layer: Callable, arrays: list, backward: bool) -> Callable[[], object]:
    inputs = [torch.from_numpy(array).requires_grad_() for array in arrays]
    if backward:
        out = layer(*inputs)
        dout = out.detach().clone()
        return lambda: torch.autograd.grad(out, inputs, dout, retain_graph=True)

    def forward() -> torch.Tensor:
        with torch.no_grad():
            return layer(*inputs)

    return forward


def conv_net_step(
    batch_size: int, num_train: int = 1000, *, fused: bool = False
) -> Callable[[], float]:
    """Return a step of the net that ThreeLayerConvNet describes, with Adam."""
    torch.manual_seed(0)
    X = torch.from_numpy(images((num_train, 3, 32, 32), "float32"))
    y = torch.randint(6, (num_train,))
    net = nn.Sequential(
        nn.Conv2d(3, 32, 7, padding=3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 16 * 16, 100),
        nn.ReLU(),
        nn.Linear(100, 6),
    )
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=fused)
    return step_of(net, optimizer, X, y, batch_size)


def deep_net_step(
    batch_size: int, num_train: int = 1000, channels_last: bool = False
) -> Callable[[], float]:
    """Return a step of the net that ConvNet describes, with fused Adam."""
    torch.manual_seed(0)
    X = torch.from_numpy(images((num_train, 3, 32, 32), "float32"))
    y = torch.randint(6, (num_train,))
    layers, channels, size = [], 3, 32
    for stage in STAGES:
        for filters in stage:
            layers += [
                nn.Conv2d(channels, filters, 3, padding=1, bias=False),
                nn.BatchNorm2d(filters),
                nn.ReLU(inplace=True),
            ]
            channels = filters
        layers.append(nn.MaxPool2d(2))
        size //= 2
    net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * size**2, 6))
    if channels_last:
        net = net.to(memory_format=torch.channels_last)
        X = X.contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
    return step_of(net, optimizer, X, y, batch_size)
