"""PyTorch's side of the comparisons: the same nets, eager, on the CPU.

Written as a PyTorch user would write them: `nn.Sequential`, an optimizer of
`torch.optim`, minibatches picked by index from a shuffled tensor in memory.
"""

from collections.abc import Callable, Sequence

import torch
from torch import nn

__all__ = ["OPTIMIZERS", "fully_connected", "step_of", "training_step"]

OPTIMIZERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}


def fully_connected(
    input_dim: int,
    hidden_dims: Sequence[int],
    num_classes: int,
    *,
    normalization: str | None = None,
    dropout: float = 1.0,
) -> nn.Sequential:
    """Return what `ece662.classifiers.fc_net.FullyConnectedNet` describes.

    {affine - [batchnorm | layernorm] - relu - [dropout]} x (L - 1) - affine, and
    `dropout` is the probability of keeping a unit, as in ece662.
    """
    normalizations = {"batchnorm": nn.BatchNorm1d, "layernorm": nn.LayerNorm}
    layers = [nn.Flatten()]
    for fan_in, fan_out in zip([input_dim, *hidden_dims], hidden_dims, strict=False):
        layers.append(nn.Linear(fan_in, fan_out))
        if normalization is not None:
            layers.append(normalizations[normalization](fan_out))
        layers.append(nn.ReLU())
        if dropout < 1:
            layers.append(nn.Dropout(1 - dropout))
    layers.append(nn.Linear(hidden_dims[-1], num_classes))
    return nn.Sequential(*layers)


def training_step(
    hidden_dims: Sequence[int],
    update_rule: str,
    batch_size: int,
    *,
    normalization: str | None = None,
    dropout: float = 1.0,
    learning_rate: float = 1e-3,
    fused: bool = False,
    image_shape: Sequence[int] = (3, 32, 32),
    num_classes: int = 6,
    num_train: int = 2000,
) -> Callable[[], float]:
    """Return a function that takes one step and returns its loss.

    A step picks the next minibatch of a shuffle, runs forward and backward and updates
    the parameters, in float32. `fused` asks for the optimizer's one-kernel version.
    """
    torch.manual_seed(0)
    X = torch.randn(num_train, *image_shape)
    y = torch.randint(num_classes, (num_train,))
    net = fully_connected(
        X[0].numel(),
        hidden_dims,
        num_classes,
        normalization=normalization,
        dropout=dropout,
    )
    optimizer = OPTIMIZERS[update_rule](net.parameters(), lr=learning_rate, fused=fused)

    return step_of(net, optimizer, X, y, batch_size)


def step_of(net, optimizer, X, y, batch_size: int) -> Callable[[], float]:
    """Return a function that trains on the next minibatch and returns its loss."""
    batches = iter(())

    def step() -> float:
        nonlocal batches
        picked = next(batches, None)
        if picked is None:
            batches = iter(torch.randperm(len(X)).split(batch_size))
            picked = next(batches)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(X[picked]), y[picked])
        loss.backward()
        optimizer.step()
        return loss.item()

    return step
