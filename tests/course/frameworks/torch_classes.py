"""A small ConvNet as a class of PyTorch, in many hands.

The wrong ones stand beside what is true of them: the diagnosis, and words of its
message.
"""

import torch
import torch.nn.functional as F
from torch import nn

from tests.course.frameworks.hands import right, wrong

__all__ = ["RIGHT", "WRONG"]

RIGHT, WRONG = {}, {}


class Base(nn.Module):
    """The network, of which solutions change a part."""

    def __init__(self, in_channel, channel_1, channel_2, num_classes):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channel, channel_1, 5, padding=2)
        self.conv2 = nn.Conv2d(channel_1, channel_2, 3, padding=1)
        self.fc = nn.Linear(channel_2 * 32 * 32, num_classes)

    def maps(self, x):
        return F.relu(self.conv2(F.relu(self.conv1(x))))

    def forward(self, x):
        return self.fc(self.maps(x).flatten(1))


@right(RIGHT)
class Plain(Base):
    """As most write it."""


@right(RIGHT)
class OneSequence(nn.Module):
    """All layers in one nn.Sequential."""

    def __init__(self, in_channel, channel_1, channel_2, num_classes):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(in_channel, channel_1, (5, 5), padding=(2, 2)),
            nn.ReLU(inplace=True),
            nn.Conv2d(channel_1, channel_2, (3, 3), padding=(1, 1)),
            nn.ReLU(inplace=True),
            nn.Flatten(),
            nn.Linear(channel_2 * 32**2, num_classes),
        )

    def forward(self, x):
        return self.net(x)


@right(RIGHT)
class LayersInAList(nn.Module):
    """nn.ModuleList, and a loop."""

    def __init__(self, in_channel, channel_1, channel_2, num_classes):
        super().__init__()
        sizes = [(in_channel, channel_1, 5), (channel_1, channel_2, 3)]
        self.convs = nn.ModuleList(
            nn.Conv2d(a, b, size, padding="same") for a, b, size in sizes
        )
        self.head = nn.Linear(channel_2 * 1024, num_classes)

    def forward(self, x):
        for conv in self.convs:
            x = torch.relu(conv(x))
        return self.head(x.view(x.size(0), -1))


@right(RIGHT)
class HeadFirst(nn.Module):
    """The layers made in another order than they are used."""

    def __init__(self, in_channel, channel_1, channel_2, num_classes):
        super().__init__()
        self.scores = nn.Linear(channel_2 * 32 * 32, num_classes)
        self.second = nn.Conv2d(channel_1, channel_2, kernel_size=3, padding=1)
        self.first = nn.Conv2d(in_channel, channel_1, kernel_size=5, padding=2)
        self.act = nn.ReLU()

    def forward(self, x):
        return self.scores(self.act(self.second(self.act(self.first(x)))).flatten(1))


@right(RIGHT)
class OwnParameters(nn.Module):
    """nn.Parameter and functions."""

    def __init__(self, in_channel, channel_1, channel_2, num_classes):
        super().__init__()
        self.w1 = nn.Parameter(torch.randn(channel_1, in_channel, 5, 5))
        self.b1 = nn.Parameter(torch.zeros(channel_1))
        self.w2 = nn.Parameter(torch.randn(channel_2, channel_1, 3, 3))
        self.b2 = nn.Parameter(torch.zeros(channel_2))
        self.fw = nn.Parameter(torch.randn(num_classes, channel_2 * 32 * 32))
        self.fb = nn.Parameter(torch.zeros(num_classes))
        nn.init.kaiming_normal_(self.w1)

    def forward(self, x):
        x = F.relu(F.conv2d(x, self.w1, self.b1, padding=2))
        x = F.relu(F.conv2d(x, self.w2, self.b2, padding=1))
        return F.linear(x.flatten(1), self.fw, self.fb)


@right(RIGHT)
class Initialised(Base):
    """Weights drawn by a function that is applied to all layers."""

    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.apply(self.draw)

    @staticmethod
    def draw(layer):
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)


@right(RIGHT)
class Blocks(nn.Module):
    """A helper method for each step, and a print."""

    def __init__(self, in_channel, channel_1, channel_2, num_classes):
        super().__init__()
        self.features = nn.Sequential(
            self.block(in_channel, channel_1, 5), self.block(channel_1, channel_2, 3)
        )
        self.fc = nn.LazyLinear(num_classes)
        self(torch.zeros(1, in_channel, 32, 32))
        print("made")

    @staticmethod
    def block(before, after, size):
        conv = nn.Conv2d(before, after, size, padding=(size - 1) // 2)
        return nn.Sequential(conv, nn.ReLU())

    def forward(self, x):
        return self.fc(torch.flatten(self.features(x), start_dim=1))


@right(RIGHT)
class DropsNothing(Base):
    """A dropout layer with probability zero, and an identity."""

    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.drop, self.same = nn.Dropout(0.0), nn.Identity()

    def forward(self, x):
        return self.same(self.fc(self.drop(self.maps(x)).flatten(1)))


@right(RIGHT)
class InSinglePrecision(Base):
    """What comes in is turned into float32, as the notebook's training does."""

    def forward(self, x):
        return super().forward(x.to(dtype=torch.float32))


@right(RIGHT)
class ListedTwice(Base):
    """A list of layers that are attributes as well."""

    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.convs = [self.conv1, self.conv2]

    def maps(self, x):
        for conv in self.convs:
            x = conv(x).relu()
        return x


@wrong(WRONG, "misfit", "torch_classes.py, line ", "its first argument is `self`")
class ForwardWithoutSelf(Base):
    def forward(x):
        return x


@wrong(WRONG, "torch-module-without-relu")
class NoRelu(Base):
    def maps(self, x):
        return self.conv2(self.conv1(x))


@wrong(WRONG, "torch-module-second-relu-missing")
class OneRelu(Base):
    def maps(self, x):
        return self.conv2(F.relu(self.conv1(x)))


@wrong(WRONG, "torch-module-softmax-on-scores")
class Softmax(Base):
    def forward(self, x):
        return super().forward(x).softmax(1)


@wrong(WRONG, "torch-module-relu-on-scores")
class ReluOnScores(Base):
    def forward(self, x):
        return F.relu(super().forward(x))


@wrong(WRONG, "misfit", "parameter of shape (5, 768)")
class FlatTooSmall(Base):
    def __init__(self, in_channel, channel_1, channel_2, num_classes):
        super().__init__(in_channel, channel_1, channel_2, num_classes)
        self.fc = nn.Linear(channel_2 * 16 * 16, num_classes)


@wrong(WRONG, "misfit", "parameter of shape")
class WrongFilter(Base):
    def __init__(self, in_channel, channel_1, channel_2, num_classes):
        super().__init__(in_channel, channel_1, channel_2, num_classes)
        self.conv2 = nn.Conv2d(channel_1, channel_2, 5, padding=2)


@wrong(WRONG, "misfit", "there is no parameter of shape (4,)")
class NoBias(Base):
    def __init__(self, in_channel, channel_1, channel_2, num_classes):
        super().__init__(in_channel, channel_1, channel_2, num_classes)
        self.conv1 = nn.Conv2d(in_channel, channel_1, 5, padding=2, bias=False)


@wrong(WRONG, "misfit", "parameter of shape")
class OneLayerTooMany(Base):
    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.more = nn.Linear(sizes[-1], sizes[-1] + 1)


@wrong(WRONG, "misfit", "tensor", "tuple")
class ReturnsMore(Base):
    def forward(self, x):
        maps = self.maps(x)
        return self.fc(maps.flatten(1)), maps


@wrong(WRONG, "error", "line ", "has to be `super().__init__()`")
class NoSuper(nn.Module):
    def __init__(self, in_channel, channel_1, channel_2, num_classes):
        self.conv1 = nn.Conv2d(in_channel, channel_1, 5, padding=2)


@wrong(WRONG, "error", "line ", "(`class NoSuperAndNoLayers(", "`super().__init__()`")
class NoSuperAndNoLayers(nn.Module):
    def __init__(self, *sizes):
        self.sizes = sizes

    def forward(self, x):
        return x


@wrong(WRONG, "error", "line ", "no method `forward`: is `foward` meant to be it?")
class ForwardMisspelt(nn.Module):
    def __init__(self, in_channel, channel_1, channel_2, num_classes):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channel, channel_1, 5, padding=2)
        self.conv2 = nn.Conv2d(channel_1, channel_2, 3, padding=1)
        self.fc = nn.Linear(channel_2 * 32 * 32, num_classes)

    def foward(self, x):
        return self.fc(self.conv2(self.conv1(x).relu()).relu().flatten(1))


@wrong(WRONG, "error", "line ", "is it there, and indented as a method of the class?")
class ForwardIndentedTooFar(nn.Module):
    def __init__(self, in_channel, channel_1, channel_2, num_classes):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channel, channel_1, 5, padding=2)
        self.conv2 = nn.Conv2d(channel_1, channel_2, 3, padding=1)
        self.fc = nn.Linear(channel_2 * 32 * 32, num_classes)

        def forward(self, x):
            return self.fc(self.conv2(self.conv1(x)))


@wrong(WRONG, "misfit", "has no method `__init__`: is `_init_` meant to be it?")
class InitMisspelt(nn.Module):
    def _init_(self, in_channel, channel_1, channel_2, num_classes):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channel, channel_1, 5, padding=2)

    def forward(self, x):
        return self.conv1(x)


@wrong(WRONG, "misfit", "`self.convs` is a plain list", "nn.ModuleList")
class LayersInAPlainList(nn.Module):
    def __init__(self, in_channel, channel_1, channel_2, num_classes):
        super().__init__()
        self.convs = [
            nn.Conv2d(in_channel, channel_1, 5, padding=2),
            nn.Conv2d(channel_1, channel_2, 3, padding=1),
        ]
        self.fc = nn.Linear(channel_2 * 32 * 32, num_classes)

    def forward(self, x):
        for conv in self.convs:
            x = F.relu(conv(x))
        return self.fc(x.flatten(1))


@wrong(WRONG, "misfit", "the model knows of no parameters")
class LayersMadeInForward(nn.Module):
    def __init__(self, in_channel, channel_1, channel_2, num_classes):
        super().__init__()
        self.sizes = (in_channel, channel_1, channel_2, num_classes)

    def forward(self, x):
        C, F1, F2, classes = self.sizes
        x = F.relu(nn.Conv2d(C, F1, 5, padding=2)(x))
        x = F.relu(nn.Conv2d(F1, F2, 3, padding=1)(x))
        return nn.Linear(F2 * 32 * 32, classes)(x.flatten(1))


@wrong(WRONG, "misfit", "should be a torch.nn.Module; it is a NoModule")
class NoModule:
    def __init__(self, in_channel, channel_1, channel_2, num_classes):
        self.conv1 = nn.Conv2d(in_channel, channel_1, 5, padding=2)


@wrong(WRONG, None, "every parameter gets a gradient")
class WithoutGradients(Base):
    def forward(self, x):
        with torch.no_grad():
            return super().forward(x)


@wrong(WRONG, "misfit", "what forward returns should be a tensor; it is None")
class NothingReturned(Base):
    def forward(self, x):
        self.fc(self.maps(x).flatten(1))


@wrong(WRONG, None, "gradient")
class OutOfTheGraph(Base):
    def forward(self, x):
        return self.fc(self.maps(x).detach().flatten(1))


@wrong(WRONG, "error", "line ")
class NoPadding(Base):
    def __init__(self, in_channel, channel_1, channel_2, num_classes):
        super().__init__(in_channel, channel_1, channel_2, num_classes)
        self.conv1 = nn.Conv2d(in_channel, channel_1, 5)


@wrong(WRONG, None, "scores")
class Turned(Base):
    def forward(self, x):
        return self.fc(self.maps(x).permute(0, 1, 3, 2).flatten(1))


@wrong(WRONG, "error", "line ", "A layer of torch.nn is made first")
class LayerMadeOfMaps(Base):
    def forward(self, x):
        return self.fc(nn.ReLU(self.conv1(x)))


@wrong(WRONG, "error", "line ", "A layer of torch.nn is made first")
class LayerMadeAndFlattened(Base):
    def forward(self, x):
        return self.fc(nn.ReLU(self.conv1(x)).flatten(1))


@wrong(WRONG, "error", "line ", "Sizes are whole numbers")
class SizesOfADivision(Base):
    def __init__(self, in_channel, channel_1, channel_2, num_classes):
        super().__init__(in_channel, channel_1, channel_2, num_classes)
        self.fc = nn.Linear(channel_2 * 64 / 2 * 32, num_classes)


@wrong(WRONG, "error", "line ", "has to be `super().__init__()`")
class SuperAfterTheLayers(nn.Module):
    def __init__(self, in_channel, channel_1, channel_2, num_classes):
        self.weight = nn.Parameter(torch.zeros(channel_1, in_channel, 5, 5))
        super().__init__()


@wrong(WRONG, "error", "line ", "does the step before return what it computes?")
class HelperWithoutReturn(Base):
    def maps(self, x):
        x = F.relu(self.conv2(F.relu(self.conv1(x))))

    def forward(self, x):
        return self.fc(self.maps(x))


@wrong(WRONG, "error", "a line in place")
class OverwritesWhatBackwardNeeds(Base):
    def forward(self, x):
        maps = torch.sigmoid(self.maps(x))
        maps.mul_(maps)
        return self.fc(maps.flatten(1))


@wrong(WRONG, "misfit", "`self.convs` is a plain dict", "nn.ModuleDict")
class LayersInADict(nn.Module):
    def __init__(self, in_channel, channel_1, channel_2, num_classes):
        super().__init__()
        self.convs = {
            "first": nn.Conv2d(in_channel, channel_1, 5, padding=2),
            "second": nn.Conv2d(channel_1, channel_2, 3, padding=1),
        }
        self.fc = nn.Linear(channel_2 * 32 * 32, num_classes)

    def forward(self, x):
        for conv in self.convs.values():
            x = F.relu(conv(x))
        return self.fc(x.flatten(1))
