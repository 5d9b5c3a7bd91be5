"""A family of small residual networks, described by the widths of its layers.

    x ── stem ──┬─ conv1 ─ conv2 ─ + ─┬─ ... ── mean over the picture ── head ── scores
                └──── shortcut ────── ┘

Every convolution is followed by batch normalisation and, where the picture shows no +,
by relu; after the sum comes another relu. A block's shortcut is the identity, or a
1 x 1 convolution where the number of channels or the size changes. (He and others,
"Deep residual learning for image recognition", 2016, arXiv 1512.03385.)

A description is all that is needed to build the network, in torch or in Keras: pruned
networks have widths that nobody would choose, and can be built like any other.
"""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

__all__ = ["Architecture", "Block", "Conv", "residual"]

IMAGE_CHANNELS, IMAGE_SIZE = 3, 32
LARGEST_WIDTH = 4096  # of a layer; more is no network of ours but a broken file


class Conv(NamedTuple):
    """One convolution: its name, channels in and out, kernel size, stride, H_out."""

    name: str
    channels: int
    filters: int
    kernel: int
    stride: int
    size: int

    @property
    def weights(self) -> int:
        """Return how many weights the filters have."""
        return self.filters * self.channels * self.kernel**2


@dataclass(frozen=True)
class Block:
    """Two 3 x 3 convolutions and a shortcut.

    Args:
        inner: filters of the first.
        out: filters of the second, and channels of the sum.
        stride: of the first and of the shortcut.
        project: True for a shortcut with weights, False for the identity.
    """

    inner: int
    out: int
    stride: int
    project: bool


@dataclass(frozen=True)
class Architecture:
    """A whole network: filters of the stem, the blocks, classes.

    Raises:
        ValueError: widths that do not fit together.
    """

    stem: int
    blocks: tuple[Block, ...]
    num_classes: int

    def __post_init__(self) -> None:
        widths = [self.stem, self.num_classes]
        widths += [w for block in self.blocks for w in (block.inner, block.out)]
        if not all(type(w) is int and 1 <= w <= LARGEST_WIDTH for w in widths):
            raise ValueError(
                f"expected whole numbers from 1 to {LARGEST_WIDTH} for every width, "
                f"got {widths}"
            )
        channels = self.stem
        for i, block in enumerate(self.blocks):
            if block.stride not in (1, 2):
                raise ValueError(f"block {i}: expected stride 1 or 2, got {block}")
            if not block.project and (block.stride, block.out) != (1, channels):
                raise ValueError(
                    f"block {i}: an identity shortcut needs stride 1 and out "
                    f"{channels}, as many channels as come in; got {block}"
                )
            channels = block.out

    def convs(self) -> list[Conv]:
        """List the convolutions in the order in which a picture meets them."""
        channels, size = self.stem, IMAGE_SIZE
        found = [Conv("stem", IMAGE_CHANNELS, self.stem, 3, 1, size)]
        for i, block in enumerate(self.blocks):
            size = -(-size // block.stride)
            place, (inner, out) = f"blocks.{i}", (block.inner, block.out)
            found.append(Conv(f"{place}.conv1", channels, inner, 3, block.stride, size))
            found.append(Conv(f"{place}.conv2", inner, out, 3, 1, size))
            if block.project:
                found.append(
                    Conv(f"{place}.shortcut", channels, out, 1, block.stride, size)
                )
            channels = out
        return found

    @property
    def features(self) -> int:
        """Return how many numbers describe a picture before the last layer."""
        return self.blocks[-1].out if self.blocks else self.stem

    def parameters(self) -> int:
        """Count what training changes: weights, gammas and betas, the head."""
        convs = sum(conv.weights + 2 * conv.filters for conv in self.convs())
        return convs + (self.features + 1) * self.num_classes

    def macs(self) -> int:
        """Count the multiply-accumulates for one picture in convolutions and head."""
        convs = sum(conv.weights * conv.size**2 for conv in self.convs())
        return convs + self.features * self.num_classes

    def to_json(self) -> dict[str, Any]:
        """Return the description as JSON can carry it."""
        return asdict(self)

    @classmethod
    def from_json(cls, described: dict[str, Any]) -> "Architecture":
        """Rebuild a description from `to_json`; ValueError where it is none."""
        try:
            blocks = tuple(Block(**block) for block in described["blocks"])
            return cls(described["stem"], blocks, described["num_classes"])
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"expected an architecture with stem, blocks and num_classes, "
                f"got {described!r:.200}"
            ) from error


def residual(width: int, num_classes: int = 6) -> Architecture:
    """Return the course's network: five blocks, the picture halved three times.

    Args:
        width: filters of the stem; twice, four and eight times as many further down.
        num_classes: how many scores it gives.
    """
    blocks = (
        Block(2 * width, 2 * width, 2, project=True),
        Block(4 * width, 4 * width, 2, project=True),
        Block(4 * width, 4 * width, 1, project=False),
        Block(8 * width, 8 * width, 2, project=True),
        Block(8 * width, 8 * width, 1, project=False),
    )
    return Architecture(width, blocks, num_classes)
