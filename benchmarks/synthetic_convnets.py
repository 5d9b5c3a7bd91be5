"""The convolutional nets that `synthetic_lessons` trains, in torch, on the CPU."""

import copy
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ece662.data.classes import CLASSES

__all__ = ["accuracy", "course_net", "deep_net", "epochs", "prune"]

NUM_CLASSES = len(CLASSES)


def course_net() -> nn.Sequential:
    """Return the course's three-layer ConvNet, with its weight scale of 1e-3."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 32, 7, padding=3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 16 * 16, 100),
        nn.ReLU(),
        nn.Linear(100, NUM_CLASSES),
    )
    for layer in net:
        if hasattr(layer, "weight"):
            nn.init.normal_(layer.weight, std=1e-3)
            nn.init.zeros_(layer.bias)
    return net


def deep_net(width: int = 16) -> nn.Sequential:
    """Return three convolutions with batch normalisation, then two affine layers."""
    torch.manual_seed(0)
    layers, channels = [], 3
    for filters in (width, 2 * width, 4 * width):
        layers += [
            nn.Conv2d(channels, filters, 3, padding=1),
            nn.BatchNorm2d(filters),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
        channels = filters
    layers += [
        nn.Flatten(),
        nn.Linear(channels * 4 * 4, 64),
        nn.ReLU(),
        nn.Linear(64, NUM_CLASSES),
    ]
    return nn.Sequential(*layers)


def epochs(
    net: nn.Module,
    data: dict[str, np.ndarray],
    num_epochs: int,
    *,
    batch_size: int,
    learning_rate: float,
    decay: float,
    reg: float = 0.0,
) -> Iterator[tuple[float, float]]:
    """Train with Adam; after each epoch yield the accuracies on train and val."""
    X, y = torch.from_numpy(data["X_train"]), torch.from_numpy(data["y_train"])
    optimizer = torch.optim.Adam(net.parameters(), lr=learning_rate, weight_decay=reg)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, decay)
    torch.manual_seed(0)
    for _ in range(num_epochs):
        net.train()
        for batch in torch.randperm(len(X)).split(batch_size):
            optimizer.zero_grad()
            F.cross_entropy(net(X[batch]), y[batch]).backward()
            optimizer.step()
        schedule.step()
        yield accuracy(net, data, "train"), accuracy(net, data, "val")


def accuracy(net: nn.Module, data: dict[str, np.ndarray], split: str) -> float:
    """Return the share of a split's images, in per cent, that the net gets right."""
    net.eval()
    X, y = torch.from_numpy(data[f"X_{split}"]), torch.from_numpy(data[f"y_{split}"])
    with torch.no_grad():
        found = torch.cat([net(part).argmax(dim=1) for part in X.split(500)])
    return 100 * (found == y).double().mean().item()


def prune(net: nn.Module, share: float) -> nn.Module:
    """Return a copy whose smallest weights, over all layers, are zero.

    Biases, scales and shifts are no weights here: they stay.
    """
    net = copy.deepcopy(net)
    weights = [p.data for p in net.parameters() if p.dim() > 1]
    sizes = torch.cat([weight.abs().flatten() for weight in weights])
    limit = sizes.kthvalue(round(share * len(sizes))).values
    for weight in weights:
        weight[weight.abs() <= limit] = 0
    return net
