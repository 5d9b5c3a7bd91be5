"""A small ConvNet as nn.Sequential and its optimizer, in many hands.

Each returns what the cell leaves: (model, optimizer). The wrong ones stand beside what
is true of them: the diagnosis, and words of its message.
"""

import itertools
from collections import OrderedDict

import torch
from torch import nn, optim

from tests.course.frameworks.hands import right, wrong

__all__ = ["RIGHT", "WRONG"]

RIGHT, WRONG = {}, {}
NESTEROV = {"lr": 3e-3, "momentum": 0.9, "nesterov": True}


def parts(**changed):
    """Return the layers by name, in their order; None in place of one leaves it out."""
    made = {
        "conv1": nn.Conv2d(3, 32, 5, padding=2),
        "relu1": nn.ReLU(),
        "conv2": nn.Conv2d(32, 16, 3, padding=1),
        "relu2": nn.ReLU(),
        "flatten": nn.Flatten(),
        "fc": nn.Linear(16 * 32 * 32, 6),
    } | changed
    return [layer for layer in made.values() if layer is not None]


def with_nesterov(*layers):
    model = nn.Sequential(*layers)
    return model, optim.SGD(model.parameters(), **NESTEROV)


@right(RIGHT)
def layers_in_a_row():
    return with_nesterov(*parts())


@right(RIGHT)
def layers_with_names():
    names = ["conv1", "relu1", "conv2", "relu2", "flat", "scores"]
    model = nn.Sequential(OrderedDict(zip(names, parts(), strict=True)))
    return model, optim.SGD(model.parameters(), 0.01, 0.9, nesterov=True)


@right(RIGHT)
def added_one_by_one():
    model = nn.Sequential()
    for number, layer in enumerate(parts()):
        model.add_module(f"layer{number}", layer)
    return model, optim.SGD(list(model.parameters()), **NESTEROV)


@right(RIGHT)
def two_sequences_in_one():
    *features, flatten, fc = parts()
    return with_nesterov(nn.Sequential(*features), nn.Sequential(flatten, fc))


@right(RIGHT)
def paddings_by_name():
    return with_nesterov(
        nn.Conv2d(3, 32, kernel_size=(5, 5), padding="same", stride=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(32, 16, kernel_size=(3, 3), padding="same", stride=1),
        nn.ReLU(inplace=True),
        nn.Flatten(start_dim=1),
        nn.Linear(in_features=16384, out_features=6, bias=True),
    )


@right(RIGHT)
def with_a_flatten_of_their_own():
    class Flatten(nn.Module):
        def forward(self, x):
            return x.view(x.shape[0], -1)

    return with_nesterov(*parts(flatten=Flatten()))


@right(RIGHT)
def weights_drawn_again():
    model, optimizer = with_nesterov(*parts())
    for layer in model:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight)
            nn.init.zeros_(layer.bias)
    return model, optimizer


@right(RIGHT)
def biases_without_decay():
    model = nn.Sequential(*parts())
    named = list(model.named_parameters())
    groups = [
        {"params": [p for name, p in named if "weight" in name], "weight_decay": 1e-4},
        {"params": [p for name, p in named if "bias" in name]},
    ]
    return model, optim.SGD(groups, **NESTEROV)


@right(RIGHT)
def steps_were_taken_and_the_rate_falls():
    model, optimizer = with_nesterov(*parts())
    falling = optim.lr_scheduler.StepLR(optimizer, 1)
    model(torch.zeros(1, 3, 32, 32)).sum().backward()
    optimizer.step()
    falling.step()
    optimizer.zero_grad()
    return model.eval(), optimizer


@right(RIGHT)
def sizes_found_by_a_first_picture():
    lazy = parts(conv1=nn.LazyConv2d(32, 5, padding=2), fc=nn.LazyLinear(6))
    nn.Sequential(*lazy)(torch.zeros(1, 3, 32, 32))
    return with_nesterov(*lazy)


@right(RIGHT)
def computes_in_single_precision():
    class InSingle(nn.Sequential):
        def forward(self, x):
            return super().forward(x.to(torch.float32))

    model = InSingle(*parts())
    return model, optim.SGD(model.parameters(), **NESTEROV)


@wrong(WRONG, None, "momentum")
def plain_sgd():
    model = nn.Sequential(*parts())
    return model, optim.SGD(model.parameters(), lr=1e-2)


@wrong(WRONG, None, "Nesterov momentum")
def momentum_without_nesterov():
    model = nn.Sequential(*parts())
    return model, optim.SGD(model.parameters(), lr=1e-2, momentum=0.9)


@wrong(WRONG, None, "momentum")
def adam_for_nesterov():
    model = nn.Sequential(*parts())
    return model, optim.Adam(model.parameters(), lr=1e-3)


@wrong(WRONG, None, "the optimizer moves the parameters of this model")
def optimizer_of_an_earlier_model():
    earlier = nn.Sequential(*parts())
    return nn.Sequential(*parts()), optim.SGD(earlier.parameters(), **NESTEROV)


@wrong(WRONG, None, "the optimizer moves the parameters of this model")
def optimizer_of_the_last_layer_alone():
    model = nn.Sequential(*parts())
    return model, optim.SGD(model[-1].parameters(), **NESTEROV)


@wrong(WRONG, "misfit", "optimizer is None")
def optimizer_forgotten():
    return nn.Sequential(*parts()), None


@wrong(WRONG, "misfit", "optimizer should be one of torch.optim; it is a type")
def optimizer_never_made():
    return nn.Sequential(*parts()), optim.SGD


@wrong(WRONG, "misfit", "model should be a model of torch.nn; it is a list")
def layers_in_a_list():
    layers = parts()
    found = itertools.chain.from_iterable(layer.parameters() for layer in layers)
    return layers, optim.SGD(found, **NESTEROV)


@wrong(WRONG, "error", "Linear(", "flattening each picture gives C * H * W")
def never_flattened():
    return with_nesterov(*parts(flatten=None))


@wrong(WRONG, "error", "Linear(", "flattening each picture gives C * H * W")
def flattened_with_the_pictures():
    return with_nesterov(*parts(flatten=nn.Flatten(0)))


@wrong(WRONG, "error", "flattening each picture gives C * H * W")
def padding_forgotten():
    return with_nesterov(*parts(conv1=nn.Conv2d(3, 32, 5)))


@wrong(WRONG, "misfit", "parameter of shape (6, 12544)")
def fitted_to_smaller_maps():
    conv1, conv2 = nn.Conv2d(3, 32, 5), nn.Conv2d(32, 16, 3, padding=1)
    fc = nn.Linear(16 * 28 * 28, 6)
    return with_nesterov(*parts(conv1=conv1, conv2=conv2, fc=fc))


@wrong(WRONG, "misfit", "parameter of shape (16, 32, 5, 5)")
def filters_of_five_twice():
    return with_nesterov(*parts(conv2=nn.Conv2d(32, 16, 5, padding=2)))


@wrong(WRONG, "misfit", "parameter of shape (6, 4096)")
def pooled_in_between():
    pooled = nn.Sequential(nn.ReLU(), nn.MaxPool2d(2))
    return with_nesterov(*parts(relu1=pooled, fc=nn.Linear(16 * 16 * 16, 6)))


@wrong(WRONG, "misfit", "there is no parameter of shape (16,)")
def bias_left_out():
    return with_nesterov(*parts(conv2=nn.Conv2d(32, 16, 3, padding=1, bias=False)))


@wrong(WRONG, "torch-sequential-without-relu")
def nothing_between_the_layers():
    return with_nesterov(*parts(relu1=None, relu2=None))


@wrong(WRONG, "torch-sequential-second-relu-missing")
def one_relu():
    return with_nesterov(*parts(relu2=None))


@wrong(WRONG, "torch-sequential-softmax-on-scores")
def probabilities_for_scores():
    return with_nesterov(*parts(), nn.Softmax(dim=1))


@wrong(WRONG, "torch-sequential-relu-on-scores")
def relu_behind_every_layer():
    return with_nesterov(*parts(), nn.ReLU())


@wrong(WRONG, None, "scores")
def sigmoid_for_relu():
    return with_nesterov(*parts(relu1=nn.Sigmoid(), relu2=nn.Sigmoid()))


@wrong(WRONG, None, "every parameter gets a gradient")
def first_layer_frozen():
    model, optimizer = with_nesterov(*parts())
    model[0].requires_grad_(False)
    return model, optimizer
