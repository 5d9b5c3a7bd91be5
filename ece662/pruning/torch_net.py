"""The residual network in PyTorch: built from its description, trained, evaluated."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ece662.frameworks.pointwise import avoid_crash
from ece662.pruning.architecture import Architecture, Block
from ece662.pruning.store import require_fit
from ece662.pruning.training import SCALE, TrainingPlan, batches, progress

__all__ = [
    "ResidualNet",
    "build",
    "get_weights",
    "keep_masks",
    "predict",
    "prunable",
    "set_weights",
    "train",
]


def build(architecture: Architecture, seed: int | None = None) -> "ResidualNet":
    """Return the network that an Architecture describes.

    Args:
        architecture: its description.
        seed: of the initial weights; None for what torch's generator gives next.
    """
    if seed is not None:
        torch.manual_seed(seed)
    return ResidualNet(architecture)


class ResidualNet(nn.Module):
    """The network that an Architecture describes.

    Args:
        architecture: its description, kept as the attribute `architecture`.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.stem = ConvNorm(3, architecture.stem, 3)
        self.blocks = nn.ModuleList()
        channels = architecture.stem
        for block in architecture.blocks:
            self.blocks.append(ResidualBlock(channels, block))
            channels = block.out
        self.head = nn.Linear(channels, architecture.num_classes)

    def forward(self, x):
        """Return the scores of (N, 3, H, W) pictures whose mean was taken off."""
        # Channels last in memory, whatever the shape says: faster on a CPU.
        x = x.contiguous(memory_format=torch.channels_last) / SCALE
        x = F.relu(self.stem(x))
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean(dim=(2, 3)))  # (N, num_classes)


class ConvNorm(nn.Module):
    """A convolution without bias, and batch normalisation."""

    def __init__(self, channels: int, filters: int, kernel: int, stride: int = 1):
        super().__init__()
        self.conv = nn.Conv2d(
            channels, filters, kernel, stride, padding=kernel // 2, bias=False
        )
        self.norm = nn.BatchNorm2d(filters)

    def forward(self, x):
        return self.norm(self.conv(x))


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, channels: int, block: Block):
        super().__init__()
        self.conv1 = ConvNorm(channels, block.inner, 3, block.stride)
        self.conv2 = ConvNorm(block.inner, block.out, 3)
        self.shortcut = nn.Identity()
        if block.project:
            # Pruning may leave it few channels, on which oneDNN would crash.
            shortcut = ConvNorm(channels, block.out, 1, block.stride)
            self.shortcut = avoid_crash(shortcut)

    def forward(self, x):
        out = self.conv2(F.relu(self.conv1(x)))
        return F.relu(out + self.shortcut(x))


def get_weights(net: nn.Module) -> dict[str, np.ndarray]:
    """Return all that the network has learnt, by name, in the network's own memory."""
    states = {name: t.numpy() for name, t in net.state_dict().items()}
    return {n: w for n, w in states.items() if not n.endswith("num_batches_tracked")}


def set_weights(net: nn.Module, weights: Mapping[str, np.ndarray]) -> None:
    """Copy arrays into the network; ValueError where names or shapes differ."""
    places = get_weights(net)
    require_fit({name: w.shape for name, w in places.items()}, weights)
    for name, place in places.items():
        place[...] = weights[name]


def prunable(net: nn.Module) -> dict[str, np.ndarray]:
    """Return the weights that pruning is about: of convolutions and head, by name.

    The arrays share their memory with the network.
    """
    weights = {name: p for name, p in net.named_parameters() if p.dim() > 1}
    return {name: p.detach().numpy() for name, p in weights.items()}


def keep_masks(net: nn.Module, masks: Mapping[str, np.ndarray]) -> Callable[[], None]:
    """Set weights to zero, and return the function that does it again.

    Args:
        net: the network.
        masks: by the names of `prunable`, True where a weight stays.

    Returns:
        hold: to be called after every step of training, which moves all weights.
    """
    places = dict(net.named_parameters())
    pairs = [(places[name].data, torch.from_numpy(m)) for name, m in masks.items()]

    def hold():
        for weight, mask in pairs:
            weight.mul_(mask)

    hold()
    return hold


def train(
    net, X, y, plan: TrainingPlan, after_step=None, what: str = "training"
) -> None:
    """Train the network where it stands, from the weights that it has.

    Args:
        net: a ResidualNet.
        X: (N, 3, H, W) float32 pictures.
        y: (N,) labels.
        plan: how.
        after_step: called without arguments after every step, to hold masks in place.
        what: the progress bar's words.
    """
    weights = [p for p in net.parameters() if p.dim() > 1]
    groups = [
        {"params": weights, "weight_decay": plan.weight_decay},
        {"params": [p for p in net.parameters() if p.dim() <= 1]},
    ]
    optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9, nesterov=True)
    net.train()
    steps = batches(X, y, plan)
    for images, labels, rate in progress(steps, plan.steps(len(y)), what):
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = F.cross_entropy(
            net(torch.from_numpy(images)),
            torch.from_numpy(labels),
            label_smoothing=plan.label_smoothing,
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if after_step is not None:
            after_step()
    net.eval()


def predict(net, X, batch_size: int = 500) -> np.ndarray:
    """Return the class that the network chooses for each of (N, 3, H, W) pictures."""
    net.eval()
    with torch.inference_mode():
        parts = [
            net(torch.from_numpy(X[i : i + batch_size])).argmax(dim=1).numpy()
            for i in range(0, len(X), batch_size)
        ]
    return np.concatenate(parts)
