"""Devices, loaders, varied pictures and answers, on numbers that can be checked."""

from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ece662.frameworks import torch_tools  # noqa: E402 (first skip without torch)
from ece662.frameworks.torch_tools import (  # noqa: E402
    TorchModel,
    choose_device,
    first_filters,
    load_parameters,
    make_loaders,
    mixed_precision,
    probabilities_of,
    vary_pictures,
)
from ece662.layers import softmax_loss  # noqa: E402


@pytest.mark.parametrize(
    ("cuda", "mps", "use_gpu", "expected"),
    [
        (True, False, True, "cuda"),
        (False, True, True, "mps"),
        (False, False, True, "cpu"),
        (True, True, False, "cpu"),
    ],
)
def test_choose_device_takes_a_gpu_where_one_is_wanted(
    monkeypatch, cuda, mps, use_gpu, expected
):
    monkeypatch.delenv("ECE662_GPU", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert choose_device(use_gpu).type == expected
    monkeypatch.setenv("ECE662_GPU", "0")
    assert choose_device(use_gpu).type == "cpu"


@pytest.fixture
def data(small_arrays):
    arrays = small_arrays(per_class=2)
    return {k: v.astype("f4") if k[0] == "X" else v for k, v in arrays.items()}


def test_make_loaders_gives_every_image_with_its_label(data):
    train, val, _ = make_loaders(data, batch_size=5)
    scale = data["X_train"].std()
    x, y = (torch.cat(parts).numpy() for parts in zip(*val, strict=True))
    assert np.allclose(x, data["X_val"] / scale, rtol=1e-5)
    assert np.array_equal(y, data["y_val"])
    assert (x.dtype, y.dtype) == (np.float32, np.int64)
    x, y = (torch.cat(parts).numpy() for parts in zip(*train, strict=True))
    for image, label in zip(x, y, strict=True):
        same = np.isclose(data["X_train"] / scale, image, rtol=1e-5).all(axis=(1, 2, 3))
        assert data["y_train"][same] == [label]
    assert x.std() == pytest.approx(1, rel=1e-4)


def test_make_loaders_shuffles_the_training_images_only(data):
    train, val, test = make_loaders(data, batch_size=4)
    torch.manual_seed(0)
    orders = [torch.cat([y for _, y in train]).tolist() for _ in range(2)]
    assert orders[0] != orders[1]
    torch.manual_seed(0)
    assert torch.cat([y for _, y in train]).tolist() == orders[0]
    for loader, name in ((val, "y_val"), (test, "y_test")):
        assert torch.cat([y for _, y in loader]).tolist() == data[name].tolist()
    assert [len(y) for _, y in val] == [4, 4, 4]


def test_make_loaders_does_not_change_the_arrays(data):
    before = data["X_train"].copy()
    make_loaders(data)
    assert np.array_equal(data["X_train"], before)


@pytest.mark.parametrize(
    ("has", "may_use", "able"),
    [(True, "AVX512", True), (False, "AVX512", False), (True, "AVX2", False)],
)
def test_mixed_precision_only_where_torch_may_use_it(monkeypatch, has, may_use, able):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: may_use)
    with mixed_precision(torch.device("cpu")):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == (torch.bfloat16 if able else torch.float32)


def test_mixed_precision_does_nothing_on_other_devices():
    with mixed_precision(SimpleNamespace(type="mps")):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


def test_vary_pictures_moves_and_mirrors_and_does_nothing_else():
    picture = torch.rand(3, 6, 5)
    padded = torch.nn.functional.pad(picture[None], (1,) * 4, mode="reflect")[0]
    windows = [
        padded[:, top : top + 6, left : left + 5]
        for top in range(3)
        for left in range(3)
    ]
    mirrored = picture.flip(2)
    padded = torch.nn.functional.pad(mirrored[None], (1,) * 4, mode="reflect")[0]
    windows += [
        padded[:, top : top + 6, left : left + 5]
        for top in range(3)
        for left in range(3)
    ]
    torch.manual_seed(0)
    varied = vary_pictures(picture.expand(400, 3, 6, 5), shift=1)
    found = [[torch.equal(v, w) for w in windows].index(True) for v in varied]
    counts = np.bincount(found, minlength=18)
    assert counts.min() > 5  # 22 of each are expected: all 18 come up
    assert 160 < counts[:9].sum() < 240


def test_vary_pictures_can_move_without_mirroring():
    x = torch.rand(40, 1, 4, 3)
    assert torch.equal(vary_pictures(x, shift=0, mirror=False), x)
    assert not torch.equal(vary_pictures(x, shift=0), x)


def test_vary_pictures_does_not_change_the_batch():
    x = torch.rand(3, 3, 8, 8)
    before = x.clone()
    vary_pictures(x)
    assert torch.equal(x, before)


class Left(torch.nn.Module):
    """Scores that depend on the left column only; other scores in training."""

    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.zeros(()))

    def forward(self, x):
        bright = x[:, 0, :, 0].sum(dim=1)
        return torch.stack([bright, 0 * bright], dim=1) + self.training + self.w


def test_predict_gives_probabilities_in_the_order_of_the_images():
    x = torch.zeros(3, 1, 1, 2)
    x[:, 0, 0, 0] = torch.tensor([0.0, np.log(3), np.log(9)])
    loader = [(x[:2], torch.tensor([1, 0])), (x[2:], torch.tensor([0]))]
    model = Left().train()
    probabilities, y = probabilities_of(model, loader)
    assert np.allclose(probabilities, [[0.5, 0.5], [0.75, 0.25], [0.9, 0.1]])
    assert y.tolist() == [1, 0, 0]
    assert not model.training
    both, _ = probabilities_of(model, loader, mirrored=True)
    assert np.allclose(both[:, 0], [0.5, (0.75 + 0.5) / 2, (0.9 + 0.5) / 2])


class Positions(torch.nn.Module):
    """Scores that weigh each place of an image differently: every view has its own."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.w = torch.nn.Parameter(torch.randn(20, 3, generator=generator))

    def forward(self, x):
        return x.flatten(1) @ self.w


def test_predict_takes_the_mean_of_all_views():
    x, model = torch.rand(6, 1, 4, 5), Positions()
    loader = [(x[:4], torch.zeros(4)), (x[4:], torch.zeros(2))]
    rows, columns = [1, 0, 1, 2, 3, 2], [1, 0, 1, 2, 3, 4, 3]  # reflect, by hand
    padded = x[:, :, rows][..., columns]
    views = [x, padded[:, :, :4, :5], padded[:, :, 2:, 2:]]
    with torch.no_grad():
        straight = [model(view).softmax(1).numpy() for view in views]
        turned = [model(view.flip(3)).softmax(1).numpy() for view in views]
    moved, _ = probabilities_of(model, loader, shift=1)
    assert np.allclose(moved, np.mean(straight, axis=0), atol=1e-6)
    six, _ = probabilities_of(model, loader, mirrored=True, shift=1)
    assert np.allclose(six, np.mean(straight + turned, axis=0), atol=1e-6)
    assert np.abs(six - moved).max() > 1e-3


@pytest.fixture
def net():
    torch.manual_seed(0)
    layers = torch.nn.Conv2d(1, 2, 1), torch.nn.Flatten(), torch.nn.Linear(4, 3)
    return torch.nn.Sequential(*layers)


@pytest.mark.parametrize("transposed", [False, True])
def test_load_parameters_takes_affine_weights_either_way(net, transposed):
    W = torch.arange(12.0).reshape(4, 3)
    values = [torch.full((2, 1, 1, 1), 2.0), torch.tensor([0.0, 1.0])]
    values += [W.T if transposed else W, torch.tensor([0.0, 0.0, 5.0])]
    scores = load_parameters(net, values)(torch.tensor([[[[1.0, 10.0]]]]))
    expected = torch.tensor([2.0, 20.0, 3.0, 21.0]) @ W + values[3]
    assert torch.allclose(scores, expected)
    assert all(parameter.requires_grad for parameter in net.parameters())


def test_load_parameters_says_what_does_not_fit(net):
    values = list(net.parameters())
    with pytest.raises(ValueError, match=r"with 3 parameters.*got 4: 0\.weight, 0\.b"):
        load_parameters(net, values[:3])
    values[0] = torch.zeros(2, 1, 3, 3)
    with pytest.raises(ValueError, match=r"should be \(2, 1, 3, 3\), is \(2, 1, 1, 1"):
        load_parameters(net, values)


def test_first_filters_are_a_copy_of_the_first_convolution(net):
    filters = first_filters(net)
    assert np.array_equal(filters, net[0].weight.detach().numpy())
    filters[:] = 7
    assert not (net[0].weight == 7).any()


def test_first_filters_need_a_convolution():
    with pytest.raises(ValueError, match="a convolution, got none"):
        first_filters(torch.nn.Linear(2, 2))


def test_torch_is_not_imported_with_the_module():
    assert "torch" not in vars(torch_tools)


def small_model(reg=0.0):
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 3))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    return TorchModel(network, optimizer, reg, scale=2)


def test_torch_model_gives_scores_without_a_step():
    model, X = small_model(), np.ones((5, 3, 2, 2), np.float32)
    expected = model.network(torch.full((5, 3, 2, 2), 0.5)).detach().numpy()
    assert np.array_equal(model.loss(X), expected)
    assert not model.network.training


def test_torch_model_step_trains_and_returns_the_loss_before():
    model, X, y = small_model(reg=0.7), np.ones((5, 3, 2, 2), "f4"), np.arange(5) % 3
    W = model.network[1].weight.detach().numpy().copy()
    data_loss, dscores = softmax_loss(model.loss(X), y)
    loss = model.step(X, y)
    assert loss == pytest.approx(data_loss + 0.35 * np.sum(W**2), rel=1e-5)
    assert model.params == {}
    dW = dscores.T @ (X.reshape(5, 12) / 2) + 0.7 * W
    stepped = model.network[1].weight.detach().numpy()
    assert np.allclose(stepped, W - 0.1 * dW, atol=1e-6)


def test_torch_model_state_is_a_copy():
    model, X, y = small_model(), np.ones((5, 3, 2, 2), "f4"), np.arange(5) % 3
    scores, state = model.loss(X), model.state_dict()
    model.step(X, y)
    assert not np.array_equal(model.loss(X), scores)
    model.load_state_dict(state)
    assert np.array_equal(model.loss(X), scores)


def test_torch_model_loss_trains_nothing():
    """Neither weights nor running statistics, and dropout keeps everything."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Flatten(),
        torch.nn.Linear(12, 8),
        torch.nn.BatchNorm1d(8),
        torch.nn.Dropout(0.5),
        torch.nn.Linear(8, 3),
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1)
    model = TorchModel(network, optimizer, reg=0.7)
    X, y = np.random.RandomState(0).randn(5, 3, 2, 2), np.arange(5) % 3
    model.step(X, y)
    before, memory = model.state_dict(), str(optimizer.state_dict())
    loss, grads = model.loss(X, y)
    assert grads == {}
    penalty = 0.35 * sum((network[i].weight ** 2).sum().item() for i in (1, 4))
    assert loss == pytest.approx(softmax_loss(model.loss(X), y)[0] + penalty, rel=1e-5)
    assert str(optimizer.state_dict()) == memory
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize("dtype", [np.float64, np.int64, np.uint8])
def test_torch_model_takes_images_of_any_type(dtype):
    model, X = small_model(), np.arange(60).reshape(5, 3, 2, 2)
    scores = model.loss(X.astype(np.float32))
    assert np.array_equal(model.loss(X.astype(dtype)), scores)
    assert model.step(X.astype(dtype), np.zeros(5, int)) > 0
