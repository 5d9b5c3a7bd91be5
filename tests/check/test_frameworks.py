"""The recipes of Q5 and Q6, on networks that are right and on some that are not."""

import copy

import numpy as np
import pytest

from ece662.check.code import make_code
from ece662.check.diagnosing import diagnose
from ece662.check.judging import judge
from ece662.check.running import run
from ece662.exercises import Exercise

torch = pytest.importorskip("torch")
nn = torch.nn


def exercise(id):
    return Exercise(id, "Q5-Pytorch", "n.ipynb", (id,), 1, "training", recipe=id)


def outputs_of(id, **names):
    found = run(exercise(id), make_code(namespace=names))
    assert not found.problems, found.problems
    return found.outputs


def verdict_of(id, expected, **names):
    found = run(exercise(id), make_code(namespace=names))
    verdict = judge(exercise(id), found.outputs, expected, found.problems)
    return verdict, diagnose(exercise(id), found.outputs, expected, verdict)


class Net(nn.Module):
    """What the exercise asks for, under names of its own."""

    def __init__(self, channels, first, second, classes, pad=2):
        super().__init__()
        self.a = nn.Conv2d(channels, first, 5, padding=pad)
        self.b = nn.Conv2d(first, second, 3, padding=1)
        self.c = nn.Linear(second * 32 * 32, classes)

    def forward(self, x):
        x = self.b(self.a(x).relu()).relu()
        return self.c(x.flatten(1))


class WithoutRelu(Net):
    def forward(self, x):
        return self.c(self.b(self.a(x).relu()).flatten(1))


class Detached(Net):
    def forward(self, x):
        return self.c(self.b(self.a(x).relu()).relu().detach().flatten(1))


CLASS = "q5-torch-module-convnet-class"


def test_module_passes_whatever_its_layers_are_called():
    expected = outputs_of(CLASS, ThreeLayerConvNet=Net)

    class Listed(nn.Sequential):
        def __init__(self, C, F1, F2, classes):
            super().__init__(
                *(nn.Conv2d(C, F1, 5, padding="same"), nn.ReLU()),
                *(nn.Conv2d(F1, F2, 3, padding="same"), nn.ReLU()),
                *(nn.Flatten(), nn.Linear(F2 * 32 * 32, classes)),
            )

    verdict, diagnosis = verdict_of(CLASS, expected, ThreeLayerConvNet=Listed)
    assert verdict.passed
    assert diagnosis is None


@pytest.mark.parametrize(
    ("net", "words"),
    [
        (WithoutRelu, "scores"),
        (Detached, "every parameter gets a gradient"),
        (lambda *sizes: Net(*sizes, pad=0), "RuntimeError"),
        (lambda C, F1, F2, classes: Net(C, F2, F1, classes), "of shape"),
    ],
)
def test_module_that_is_wrong_is_reported(net, words):
    expected = outputs_of(CLASS, ThreeLayerConvNet=Net)
    verdict, diagnosis = verdict_of(CLASS, expected, ThreeLayerConvNet=net)
    assert not verdict.passed
    assert words in diagnosis.message


def test_sequential_model_wants_nesterov_momentum():
    id = "q5-torch-sequential-convnet-model"
    model = Net(3, 32, 16, 6)

    def names(**settings):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, **settings)
        return {"model": model, "optimizer": optimizer}

    right = names(momentum=0.9, nesterov=True)
    expected = outputs_of(id, **right)
    assert verdict_of(id, expected, **right)[0].passed
    plain, diagnosis = verdict_of(id, expected, **names(momentum=0.9))
    assert {c.name for c in plain.failed} == {"Nesterov momentum"}
    assert "Nesterov momentum" in diagnosis.message
    before = {name: value.clone() for name, value in model.state_dict().items()}
    outputs_of(id, **right)
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


class Log:
    loss_history = (1.8, 1.7, 1.2)
    train_acc_history = (0.2, 0.4)
    best_val_acc = 0.31


def test_log_of_a_training_loop_is_judged():
    id = "q5-torch-module-convnet-train"
    assert verdict_of(id, {}, module_log=Log(), model=1)[0].passed
    low = Log()
    low.best_val_acc = 0.29
    verdict, diagnosis = verdict_of(id, {}, module_log=low, model=1)
    assert not verdict.passed
    assert diagnosis.id == "not-far-enough"
    assert verdict_of(id, {}, module_log=low, model=None)[1].id == "not-implemented"


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 20, 3), nn.Flatten(), nn.Linear(80, 10))


def cut(model, share, limit_of):
    pruned = copy.deepcopy(model)
    layers = [layer for layer in pruned if hasattr(layer, "weight")]
    with torch.no_grad():
        for layer in layers:
            layer.weight *= layer.weight.abs() > limit_of(layers, layer, share)
    return pruned


def of_all(layers, layer, share):
    sizes = torch.cat([other.weight.abs().flatten() for other in layers])
    return sizes.sort().values[round(share * len(sizes)) - 1]


def of_each(layers, layer, share):
    return of_all([layer], layer, share)


def of_half(layers, layer, share):
    return of_all(layers, layer, share / 2)


UNSTRUCTURED = "q6-unstructured-exercise"
SHARES = [i / 10 for i in range(1, 9)]


def test_pruning_passes_the_smallest_of_the_whole_network(model):
    pruned = {share: cut(model, share, of_all) for share in SHARES}
    assert verdict_of(UNSTRUCTURED, {}, model=model, pruned_models=pruned)[0].passed


@pytest.mark.parametrize(
    ("shares", "limit", "words"),
    [
        (SHARES, of_each, "one for all layers"),
        (SHARES[:3], of_all, "one network for each share"),
        (
            SHARES,
            lambda layers, _, share: of_all(layers, _, share / 2),
            "share of zeros",
        ),
    ],
)
def test_pruning_that_is_wrong_is_reported(model, shares, limit, words):
    pruned = {share: cut(model, share, limit) for share in shares}
    verdict, diagnosis = verdict_of(UNSTRUCTURED, {}, model=model, pruned_models=pruned)
    assert not verdict.passed
    assert words in diagnosis.message


def test_pruning_of_the_model_itself_is_reported(model):
    spoiled = cut(model, 0.3, of_all)
    pruned = {share: cut(model, share, of_all) for share in SHARES}
    verdict, _ = verdict_of(UNSTRUCTURED, {}, model=spoiled, pruned_models=pruned)
    assert "the model itself is whole" in {found.name for found in verdict.failed}


def filters_cut(model, share, worst=False):
    pruned = copy.deepcopy(model)
    with torch.no_grad():
        norms = pruned[0].weight.flatten(1).norm(dim=1)
        order = norms.argsort(descending=worst)
        pruned[0].weight[order[: round(share * len(norms))]] = 0
    return pruned


def test_filter_pruning_counts_whole_filters_and_takes_the_smallest(model):
    id, levels = "q6-filters-exercise", (0.1, 0.2, 0.3)
    right = {share: filters_cut(model, share) for share in levels}
    assert verdict_of(id, {}, model=model, filtered_models=right)[0].passed
    worst = {share: filters_cut(model, share, worst=True) for share in levels}
    _, diagnosis = verdict_of(id, {}, model=model, filtered_models=worst)
    assert "larger than some that stayed" in diagnosis.message
    single = {share: cut(model, share, of_all) for share in levels}
    _, diagnosis = verdict_of(id, {}, model=model, filtered_models=single)
    assert "whole filters" in diagnosis.message
    assert verdict_of(id, {}, model=model, filtered_models={})[1].id == (
        "not-implemented"
    )


def test_challenge_network_must_reach_all_of_its_parameters():
    id = "q5-torch-challenge-network"

    class Challenge(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.body = nn.Sequential(nn.Conv2d(3, width, 3), nn.AvgPool2d(30))
            self.head, self.unused = nn.Linear(width, 6), nn.Linear(1, 1)

        def forward(self, x):
            return self.head(self.body(x).flatten(1))

    verdict, _ = verdict_of(id, {}, ChallengeNet=Challenge)
    assert [found.name for found in verdict.failed] == [
        "parameters that no gradient reaches"
    ]


class Frozen(nn.Module):
    """A network some of whose layers are fixed."""

    def __init__(self, *fixed):
        super().__init__()
        self.first, self.head = nn.Conv2d(3, 8, 3), nn.Linear(8, 6)
        for name in fixed:
            getattr(self, name).requires_grad_(False)

    def forward(self, x):
        return self.head(self.first(x).amax(dim=(2, 3)))


@pytest.mark.parametrize(
    ("fixed", "idle"), [((), 0), (("first",), 0), (("first", "head"), 4)]
)
def test_challenge_network_may_fix_a_layer_but_not_all(fixed, idle):
    id = "q5-torch-challenge-network"
    verdict, _ = verdict_of(id, {}, ChallengeNet=lambda width: Frozen(*fixed))
    expected = ["parameters that no gradient reaches"] if idle else []
    assert [found.name for found in verdict.failed] == expected


def test_challenge_network_must_know_its_layers():
    class Challenge(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.steps = [nn.AvgPool2d(32), nn.Flatten(), nn.Linear(3, 6)]

        def forward(self, x):
            for step in self.steps:
                x = step(x)
            return x

    id = "q5-torch-challenge-network"
    _, diagnosis = verdict_of(id, {}, ChallengeNet=Challenge)
    assert "`self.steps` is a plain list" in diagnosis.message


def test_challenge_network_that_overwrites_what_backward_needs_is_the_students():
    class Challenge(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.head = nn.Linear(3072, 6)

        def forward(self, x):
            scores = torch.sigmoid(self.head(x.flatten(1)))
            scores.mul_(scores)
            return scores

    id = "q5-torch-challenge-network"
    _, diagnosis = verdict_of(id, {}, ChallengeNet=Challenge)
    assert diagnosis.message.startswith("Your model stopped in ")
    assert "a line in place" in diagnosis.message


def test_inputs_are_arrays_of_moderate_size():
    found = outputs_of(CLASS, ThreeLayerConvNet=Net)
    assert np.max(np.abs(found["as trained/scores"])) < 100
