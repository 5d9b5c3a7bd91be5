"""Mistakes in giving dropout to FullyConnectedNet."""

from course.mistakes.network import Network, network


@network(
    "FullyConnectedNet-dropout",
    says="Dropout has no effect.",
    asks="Where does your forward pass look at `use_dropout`?",
)
class NetDropoutIgnored(Network):
    def after(self, i):
        return [step for step in super().after(i) if step != "dropout"]


@network(
    "FullyConnectedNet-dropout",
    says="Dropout comes before the normalisation, so the zeros that it makes go into "
    "the mean and the variance.",
    asks="In which order does the exercise name the parts of a hidden layer?",
)
class NetDropoutBeforeNormalisation(Network):
    def after(self, i):
        return ["dropout", "norm", "relu"] if i < self.num_layers else []


@network(
    "FullyConnectedNet-dropout",
    says="Scores are dropped, too: a dropout follows the last layer.",
    asks="What does a score of zero mean to the softmax?",
)
class NetDropoutOnScores(Network):
    def after(self, i):
        return super().after(i) or ["dropout"]


@network(
    "FullyConnectedNet-dropout",
    says="The last hidden layer drops nothing.",
    asks="Which layers does your loop go over?",
)
class NetDropoutMissingInLastHiddenLayer(Network):
    def after(self, i):
        steps = super().after(i)
        return steps[:-1] if i == self.num_layers - 1 else steps


@network(
    "FullyConnectedNet-dropout",
    says="Pixels of the inputs are dropped, too.",
    asks="After which layers should dropout come?",
)
class NetDropoutOnInputs(Network):
    def _affine(self, x, i):
        return super()._affine(self._dropout(x, 0) if i == 1 else x, i)


@network(
    "FullyConnectedNet-dropout",
    says="Without labels the network still drops units: test mode does not reach the "
    "layers.",
    asks="Which mode is in `dropout_param` when the network is asked for scores only?",
)
class NetDropoutAlwaysTraining(Network):
    def set_modes(self, y):
        super().set_modes(y)
        self.dropout_param["mode"] = "train"


@network(
    "FullyConnectedNet-dropout",
    says="The gradients of the last layer fit the loss, those of the layers before it "
    "do not: what dropout did on the way there is not done on the way back.",
    asks="Which functions did the forward pass go through, and did the backward pass "
    "meet each of them?",
)
class NetDropoutBackSkipped(Network):
    def on_the_way_back(self, step, i):
        return step != "dropout"
