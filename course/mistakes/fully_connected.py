"""Mistakes in the wiring of FullyConnectedNet."""

from course.mistakes.network import Network, network


@network(
    "FullyConnectedNet",
    says="A ReLU follows the last layer, too, so no score can be negative.",
    asks="What does the softmax make of scores: does it need them to be positive?",
)
class FullyConnectedReluOnScores(Network):
    def after(self, i):
        return ["norm", "relu", "dropout"] if i < self.num_layers else ["relu"]


@network(
    "FullyConnectedNet",
    says="There is no ReLU between the layers.",
    asks="What do three matrices in a row amount to?",
)
class FullyConnectedWithoutRelu(Network):
    def after(self, i):
        return ["norm", "dropout"] if i < self.num_layers else []


@network(
    "FullyConnectedNet",
    says="The first hidden layer has its ReLU, the later ones have none.",
    asks="Which layers does your loop go over?",
)
class FullyConnectedReluInFirstLayerOnly(Network):
    def after(self, i):
        relu = ["relu"] if i == 1 else []
        return ["norm", *relu, "dropout"] if i < self.num_layers else []


@network(
    "FullyConnectedNet",
    says="The ReLU is missing before the last layer.",
    asks="Which layers does your loop go over?",
)
class FullyConnectedReluMissingBeforeScores(Network):
    def after(self, i):
        relu = ["relu"] if i < self.num_layers - 1 else []
        return ["norm", *relu, "dropout"] if i < self.num_layers else []


@network(
    "FullyConnectedNet",
    says="On the way back the ReLUs were left out, so units that were cut off get a "
    "gradient.",
    asks="Which functions did the forward pass go through, and did the backward pass "
    "meet each of them?",
)
class FullyConnectedBackSkipsRelu(Network):
    def on_the_way_back(self, step, i):
        return step != "relu"


@network(
    "FullyConnectedNet",
    says="The network has a layer less than asked for: the last hidden one was never "
    "made.",
    asks="How many weight matrices do L - 1 hidden layers need?",
)
class FullyConnectedOneLayerLess(Network):
    def __init__(self, hidden_dims, *args, **kwargs):
        super().__init__(list(hidden_dims)[:-1], *args, **kwargs)


@network(
    "FullyConnectedNet",
    says="All hidden layers are as wide as the first.",
    asks="Which entry of `hidden_dims` belongs to which layer?",
)
class FullyConnectedLayersEquallyWide(Network):
    def __init__(self, hidden_dims, *args, **kwargs):
        super().__init__([hidden_dims[0]] * len(hidden_dims), *args, **kwargs)


@network(
    "FullyConnectedNet",
    says="The gradients of the hidden layers between the first and the last are "
    "missing.",
    asks="Which layers does the loop of your backward pass go over?",
    hidden=True,
)
class FullyConnectedMiddleGradientsMissing(Network):
    def loss(self, X, y=None):
        if y is None:
            return super().loss(X)
        loss, grads = super().loss(X, y)
        ends = ("1", str(self.num_layers))
        return loss, {name: g for name, g in grads.items() if name.endswith(ends)}
