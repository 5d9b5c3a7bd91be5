"""Whitening, alternating mirrors and fast biases, against what each of them claims."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ece662.frameworks.ten_epochs import (  # noqa: E402 (first skip without torch)
    AlternatingLoader,
    fast_biases,
    whiten,
)


@pytest.fixture
def images():
    """Smooth pictures: neighbouring pixels are nearly the same, as in photographs."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(40, 3, 12, 12, generator=generator)
    smooth = torch.nn.functional.avg_pool2d(noise, 3, 1, 1)
    return smooth + smooth.mean(dim=1, keepdim=True) + 0.01 * noise


def second_moments(z):
    """Return E[z z^T] (F, F) of maps z (N, F, H, W)."""
    z = z.transpose(0, 1).flatten(1).double()
    return z @ z.T / z.shape[1]


@pytest.mark.parametrize("size", [(2, 2), (3, 3), (1, 2)])
def test_whiten_makes_answers_uncorrelated_and_of_equal_size(images, size):
    D = 3 * size[0] * size[1]
    conv = torch.nn.Conv2d(3, 2 * D, size, bias=False)
    before = second_moments(conv(images)[:, :D])
    assert (before - torch.eye(D)).abs().max() > 0.1
    z = whiten(conv, images, eps=0)(images)
    assert torch.allclose(second_moments(z[:, :D]), torch.eye(D).double(), atol=1e-4)
    assert torch.allclose(z[:, D:], -z[:, :D], atol=1e-6)


def test_whiten_adds_eps_to_each_variance_and_puts_the_strongest_first(images):
    conv = torch.nn.Conv2d(3, 24, 2, bias=False)
    patches = images.unfold(2, 2, 1).unfold(3, 2, 1).permute(0, 2, 3, 1, 4, 5)
    patches = patches.reshape(-1, 12).double().numpy()
    values = np.linalg.eigvalsh(patches.T @ patches / len(patches))[::-1]
    variances = second_moments(whiten(conv, images, eps=0.05)(images))[:12, :12]
    assert np.allclose(np.diag(variances), values / (values + 0.05), atol=1e-4)
    assert values[0] / values[-1] > 100  # the order can be told


def test_whiten_fixes_the_filters_and_keeps_their_layout(images):
    conv = torch.nn.Conv2d(3, 24, 2, bias=False).to(memory_format=torch.channels_last)
    assert whiten(conv, images) is conv
    assert not conv.weight.requires_grad
    assert conv.weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("filters", "bias", "found"), [(16, False, "16 without"), (24, True, "24 with a")]
)
def test_whiten_says_which_layer_it_expects(images, filters, bias, found):
    conv = torch.nn.Conv2d(3, filters, 2, bias=bias)
    with pytest.raises(ValueError, match=f"24 filters of 3 x 2 x 2.*got {found}"):
        whiten(conv, images)


def pictures(N, size=4):
    """Return N training images that differ, also from their mirror images."""
    X = np.random.RandomState(0).randn(N, 3, size, size).astype(np.float32)
    return {"X_train": X, "y_train": np.arange(N)}


def ways(loader):
    """Run an epoch; return for each image whether it came mirrored."""
    found = {}
    for x, y in loader:
        for image, label in zip(x, y.tolist(), strict=True):
            straight = torch.equal(image, loader.x[label])
            assert straight or torch.equal(image, loader.x[label].flip(2))
            found[label] = not straight
    assert len(found) == len(loader.y)
    return np.array([found[label] for label in sorted(found)])


def test_two_epochs_show_every_image_both_ways():
    torch.manual_seed(0)
    loader = AlternatingLoader(pictures(50), batch_size=8, shift=0)
    first, second, third = (ways(loader) for _ in range(3))
    assert np.array_equal(second, ~first)
    assert np.array_equal(third, first)
    assert 10 < first.sum() < 40  # about half of them begin mirrored


def test_alternating_loader_gives_each_image_once_in_another_order():
    torch.manual_seed(0)
    loader = AlternatingLoader(pictures(10), batch_size=4)
    epochs = [[y for _, y in loader] for _ in range(2)]
    assert [len(y) for y in epochs[0]] == [4, 4, 2]
    assert len(loader) == 3
    orders = [torch.cat(batches).tolist() for batches in epochs]
    assert orders[0] != orders[1]
    assert all(sorted(order) == list(range(10)) for order in orders)


def test_alternating_loader_scales_and_moves_the_images():
    torch.manual_seed(0)
    data = pictures(40, size=6)
    loader = AlternatingLoader(data, batch_size=40, shift=1)
    assert np.allclose(loader.x.numpy() * data["X_train"].std(), data["X_train"])
    assert torch.equal(loader.dataset[:][0], loader.x)
    [(x, y)] = loader
    padded = torch.nn.functional.pad(loader.x, (1,) * 4, mode="reflect")
    places = set()
    for image, label in zip(x, y, strict=True):
        for turned in (padded[label], padded[label].flip(2)):
            windows = turned.unfold(1, 6, 1).unfold(2, 6, 1)  # (3, 3, 3, 6, 6)
            same = (windows == image[:, None, None]).all(dim=(0, 3, 4))
            places |= {tuple(place) for place in same.nonzero().tolist()}
    assert len(places) == 9


def test_images_of_the_first_epochs_are_small_and_then_as_they_are():
    torch.manual_seed(0)
    data = pictures(9, size=8)
    loader = AlternatingLoader(data, batch_size=9, shift=0, sizes=[4, 2])
    epochs = [next(iter(loader)) for _ in range(4)]
    assert [x.shape[2:] for x, _ in epochs] == [(4, 4), (2, 2), (8, 8), (8, 8)]
    x, y = epochs[0]
    for image, label in zip(x, y.tolist(), strict=True):
        whole = loader.x[label]
        if loader._mirrored_first[label]:
            whole = whole.flip(2)
        # Half the size: weights 1, 3, 3, 1, of which one falls off at the border.
        rows = torch.zeros(4, 8)
        for i in range(4):
            for j, weight in zip(
                range(2 * i - 1, 2 * i + 3), (1, 3, 3, 1), strict=True
            ):
                if 0 <= j < 8:
                    rows[i, j] = weight
        rows = rows / rows.sum(dim=1, keepdim=True)
        assert torch.allclose(image, rows @ whole @ rows.T, atol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "found"),
    [({"batch_size": 0}, "batch_size.* 0"), ({"sizes": [4, 0]}, r"sizes.* \[4, 0\]")],
)
def test_alternating_loader_refuses_what_is_empty(wrong, found):
    with pytest.raises(ValueError, match=found):
        AlternatingLoader(pictures(2), **wrong)


def test_fast_biases_learn_faster_and_decay_the_same():
    network = torch.nn.Sequential(
        *(torch.nn.Conv2d(1, 2, 1), torch.nn.BatchNorm2d(2), torch.nn.Linear(2, 3))
    )
    network[1].weight.requires_grad_(False)
    weights, biases = fast_biases(network, lr=0.5, weight_decay=0.25, factor=8)
    assert [id(p) for p in weights["params"]] == [
        id(layer.weight) for layer in (network[0], network[2])
    ]
    assert [id(p) for p in biases["params"]] == [id(layer.bias) for layer in network]
    assert (weights["lr"], biases["lr"]) == (0.5, 4.0)
    assert biases["lr"] * biases["weight_decay"] == pytest.approx(0.5 * 0.25)
