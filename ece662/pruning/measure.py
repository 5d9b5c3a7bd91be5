"""What a network costs: weights, multiply-accumulates, bytes on disk, milliseconds."""

import time
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ece662.pruning.sparse import sparse_bytes
from ece662.training.accuracy import accuracy

__all__ = ["Cost", "measure", "milliseconds", "table"]


class Cost(NamedTuple):
    """What a network reaches and costs."""

    accuracy: float  # from 0 to 1
    parameters: int  # that are not zero
    macs: int  # a picture, as a dense computation counts them
    bytes: int  # on disk, zeros as bits where that is shorter
    ms: float  # a batch


def milliseconds(*nets, batch_size: int = 64, seconds: float = 0.5) -> list[float]:
    """Return how long torch networks take for a batch: for each, the median of many.

    They take turns, so that what else the computer does slows all of them alike.

    Args:
        *nets: each takes (N, 3, 32, 32) pictures.
        batch_size: N.
        seconds: how long to measure each of them, about.
    """
    import torch

    rng = np.random.default_rng(0)
    x = rng.normal(scale=64, size=(batch_size, 3, 32, 32)).astype(np.float32)
    x, times = torch.from_numpy(x), [[] for _ in nets]
    with torch.inference_mode():
        for net in nets:
            net.eval()
            for _ in range(3):  # the first calls prepare
                net(x)
        while sum(map(sum, times)) < seconds * len(nets) or len(times[-1]) < 5:
            for net, spent in zip(nets, times, strict=True):
                start = time.perf_counter()
                net(x)
                spent.append(time.perf_counter() - start)
    return [1000 * float(np.median(spent)) for spent in times]


def measure(nets: Mapping, X, y, batch_size: int = 64) -> dict[str, Cost]:
    """Measure torch ResidualNets, their times in turn.

    Args:
        nets: the networks under their names.
        X, y: (N, 3, 32, 32) pictures and (N,) labels for the accuracy.
        batch_size: pictures in a batch that is timed.
    """
    from ece662.pruning.torch_net import get_weights, predict

    costs, times = {}, milliseconds(*nets.values(), batch_size=batch_size)
    for (name, net), ms in zip(nets.items(), times, strict=True):
        zeros = sum(int((p == 0).sum()) for p in net.parameters() if p.dim() > 1)
        costs[name] = Cost(
            accuracy=accuracy(predict(net, X), y),
            parameters=net.architecture.parameters() - zeros,
            macs=net.architecture.macs(),
            bytes=sparse_bytes(get_weights(net)),
            ms=ms,
        )
    return costs


def table(costs: dict[str, Cost]) -> str:
    """Return the costs as lines of text; the last column is the speed-up."""
    lines = [
        f"{'':<28}{'accuracy':>9}{'weights':>11}{'MACs':>8}{'on disk':>10}"
        f"{'ms/batch':>10}{'speed-up':>10}"
    ]
    first = next(iter(costs.values()))
    lines += [
        f"{name:<28}{c.accuracy:>9.1%}{c.parameters:>11,}{c.macs / 1e6:>6.1f} M"
        f"{c.bytes / 1024:>6,.0f} KiB{c.ms:>10.1f}{first.ms / c.ms:>9.2f}x"
        for name, c in costs.items()
    ]
    return "\n".join(lines)
