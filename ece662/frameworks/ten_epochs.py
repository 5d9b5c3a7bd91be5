"""What helps a convolutional network that has ten epochs: Q5's challenge in PyTorch.

    loader = AlternatingLoader(data, 128)      each image, mirrored every other epoch;
                                               with `sizes`, small ones to begin with
    whiten(network.first, loader.x[:5000])     a first layer that needs no training
    groups = fast_biases(network, 0.2, 1e-3)   rates for the optimizer

All of them are known from Jordan, "94 % on CIFAR-10 in 3.29 seconds on a single GPU"
(2024, https://arxiv.org/abs/2404.00498), who also says what each is worth there; but
for the small images, which are from Tan and Le, "EfficientNetV2" (2021,
https://arxiv.org/abs/2104.00298). Whitening and the fast biases come from Page's series
"How to train your ResNet" (2018, https://github.com/davidcpage/cifar10-fast). Averaged
weights, which belong to the same family, are PyTorch's own:
`torch.optim.swa_utils.AveragedModel`.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import TensorDataset

from ece662.frameworks.torch_tools import vary_pictures

__all__ = ["AlternatingLoader", "fast_biases", "whiten"]


class AlternatingLoader:
    """Batches of training images, each image mirrored in every other epoch.

    A mirror drawn for each epoch anew shows half of the images the same way twice in
    two epochs. Here two epochs show every image both ways: which one comes first is
    drawn once, by image, and from then on they take turns. Each image is also moved by
    a few pixels, drawn anew each time.

    The images of the first epochs may be smaller. What a network learns at first is
    coarse, and an epoch of 24 x 24 pixels is 9/16 of the arithmetic of one of 32 x 32:
    the time that it saves can be spent on a wider network. A network that ends in
    global pooling takes them all.

    Attributes:
        x: (N, 3, H, W) float32, the images, divided by one number as in `make_loaders`.
        y: (N,) int64, their labels.
        dataset: both of them, where a DataLoader has them.
        epoch: epochs begun so far.
    """

    def __init__(self, data, batch_size: int = 128, shift: int = 2, sizes=()):
        """Take over the training images, and draw which of them begin mirrored.

        Args:
            data: dict with X_train and y_train.
            batch_size: images in a batch; the last one of an epoch may have fewer.
            shift: pixels that an image moves at most, as in `vary_pictures`.
            sizes: height and width of the images in the first epochs, a number for
                each; from then on they are what they are.

        Raises:
            ValueError: batch_size or one of the sizes is below 1.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        if min(sizes, default=1) < 1:
            raise ValueError(f"sizes must be at least 1, got {list(sizes)}")
        scale = float(np.std(data["X_train"]))
        self.x = torch.from_numpy(np.asarray(data["X_train"], np.float32)) / scale
        self.y = torch.from_numpy(np.asarray(data["y_train"]))
        self.dataset = TensorDataset(self.x, self.y)
        self.batch_size, self.shift, self.epoch = batch_size, shift, 0
        self.sizes = tuple(sizes)
        self._mirrored_first = torch.rand(len(self.y)) < 0.5

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return -(-len(self.y) // self.batch_size)

    def __iter__(self):
        """Begin an epoch: give x (B, 3, H, W) and y (B,), in a new order each time."""
        mirrored = self._mirrored_first ^ (self.epoch % 2 == 1)
        size = dict(enumerate(self.sizes)).get(self.epoch)
        self.epoch += 1
        for rows in torch.randperm(len(self.y)).split(self.batch_size):
            x, turned = self.x[rows], mirrored[rows].view(-1, 1, 1, 1)
            x = torch.where(turned, x.flip(3), x)
            x = vary_pictures(x, self.shift, mirror=False)
            yield x if size is None else _resized(x, size), self.y[rows]


def _resized(x, size: int):
    """Return images (N, C, H, W) of size x size pixels, none of them passed over."""
    return F.interpolate(x, (size, size), mode="bilinear", antialias=True)


def whiten(conv: nn.Conv2d, images: torch.Tensor, eps: float = 5e-4) -> nn.Conv2d:
    """Give a first layer filters whose answers are uncorrelated and of equal size.

    Neighbouring pixels are nearly the same, so most of what a random filter answers is
    brightness. With the patches' second moments P = E[p p^T] = V diag(l) V^T, answers

        z = diag(l + eps)^(-1/2) V^T p        have        E[z z^T] = I,

    but for eps, which keeps directions that are next to nothing from becoming noise.
    These filters are fixed from then on, so that no gradient has to be computed for
    them. A second half of them is the same with the other sign: a ReLU or GELU behind
    the layer then lets both signs of an answer through.

    Args:
        conv: a convolution without bias from C channels to 2 C HH WW, of one group;
            changed in place.
        images: (N, C, H, W), some thousand training images as the network gets them.
        eps: what is added to each variance.

    Returns:
        the convolution.

    Raises:
        ValueError: the layer has a bias, or another number of filters.
    """
    F_out, C, HH, WW = conv.weight.shape
    D = C * HH * WW
    if F_out != 2 * D or conv.bias is not None:
        found = "without bias" if conv.bias is None else "with a bias"
        raise ValueError(
            f"expected {2 * D} filters of {C} x {HH} x {WW} without bias, two for each "
            f"of the {D} numbers in a patch, got {F_out} {found}"
        )
    patches = F.unfold(images.detach().cpu(), (HH, WW))  # (N, D, places)
    patches = patches.transpose(1, 2).reshape(-1, D).double()
    values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
    filters = (vectors / (values + eps).sqrt()).T.flip(0)  # the strongest first
    with torch.no_grad():
        conv.weight.copy_(torch.cat([filters, -filters]).view_as(conv.weight))
    conv.weight.requires_grad_(False)
    return conv


def fast_biases(
    network: nn.Module, lr: float, weight_decay: float, factor: float = 64
) -> list[dict]:
    """Return groups of parameters for an optimizer, in which biases learn faster.

    Behind a batch normalisation a bias decides which share of its inputs a ReLU lets
    through, and at the rate of the weights it takes many epochs to get there. The
    decay of a step, rate times weight_decay, stays the same for both groups.

    Args:
        network: its parameters that need no gradient are left out.
        lr: rate of the weights, all parameters with more than one axis.
        weight_decay: theirs.
        factor: how many times as high the rate of the others is.
    """
    learning = [p for p in network.parameters() if p.requires_grad]
    return [
        {
            "params": [p for p in learning if p.ndim > 1],
            "lr": lr,
            "weight_decay": weight_decay,
        },
        {
            "params": [p for p in learning if p.ndim <= 1],
            "lr": factor * lr,
            "weight_decay": weight_decay / factor,
        },
    ]
