"""1 x 1 convolutions with a stride, computed so that no processor crashes on them.

Where images have their channels last, oneDNN (the library that computes convolutions
for PyTorch and TensorFlow on Intel and AMD processors) first copies the pixels that a
strided 1 x 1 convolution looks at. In the backward pass, which gives the filters' own
gradient, it takes the copy's pixels to be as far apart as a whole block of channels: 8
with AVX2, 16 with AVX-512. Where there are fewer channels than that, it writes behind
the memory that it asked for. Then the process dies, or never comes back, or the
gradient is wrong, or all seems well: it depends on what lies there. See
https://github.com/uxlfoundation/oneDNN/issues/6035, open when this was written; oneDNN
3.12 in PyTorch 2.13 has the fault, and so has TensorFlow 2.21.

A stride of such a convolution only says which pixels count. Whoever takes those first,
and convolves them with stride 1, computes the same numbers and never meets the fault,
in either layout. So do all networks of this package, whatever their number of channels:

    PyTorch     `PointwiseConv2d`, and `avoid_crash` for networks from elsewhere
    TensorFlow  a line in `ece662.pruning.keras_net`

When this can go: tests/frameworks/test_pointwise.py makes the calls that die, each in a
process of its own, and says so once they all give the right gradient. Then the oldest
versions that pyproject.toml allows have to be those without the fault.
"""

from typing import TypeVar

from torch import nn
from torch.nn import functional as F

__all__ = ["PointwiseConv2d", "avoid_crash", "may_crash"]

Network = TypeVar("Network", bound=nn.Module)


class PointwiseConv2d(nn.Conv2d):
    """A 1 x 1 convolution that takes the pixels at its stride before it convolves.

    Its arguments, weights and scores are those of `nn.Conv2d`.
    """

    def forward(self, x):
        """Return the maps (N, F, H_out, W_out) of x (N, C, H, W)."""
        rows, columns = self.stride
        return F.conv2d(x[:, :, ::rows, ::columns], self.weight, self.bias)


def may_crash(layer: nn.Module) -> bool:
    """Say whether a layer's backward pass may crash where its channels are few.

    The number of channels does not count here: which one is too few depends on the
    processor. Groups and padding do, for oneDNN computes those in another way.
    """
    return (
        type(layer) is nn.Conv2d
        and layer.kernel_size == (1, 1)
        and layer.stride != (1, 1)
        and layer.padding in ((0, 0), "valid")
        and layer.groups == 1
    )


def avoid_crash(network: Network) -> Network:
    """Turn a network's layers that may crash into PointwiseConv2d, and return it.

    The layers stay the same objects, with their weights and hooks; only what they
    compute is put in another way.
    """
    for layer in network.modules():
        if may_crash(layer):
            layer.__class__ = PointwiseConv2d
    return network
