"""What Q5 in PyTorch uses: a device, loaders, augmentation, predictions, a Solver.

torch is imported inside the functions, so that the package can be imported without it.
"""

import os
from contextlib import nullcontext

import numpy as np

__all__ = [
    "TorchModel",
    "channels_last",
    "choose_device",
    "first_filters",
    "load_parameters",
    "make_loaders",
    "mixed_precision",
    "probabilities_of",
    "vary_pictures",
]


def choose_device(use_gpu: bool = True):
    """Return the device to compute on: an NVIDIA or Apple GPU if there is one.

    Args:
        use_gpu: False to compute on the CPU in any case. So does ECE662_GPU=0 in the
            environment, which the tests of the notebooks set: their stored outputs
            were computed on a CPU.
    """
    import torch

    use_gpu = use_gpu and os.environ.get("ECE662_GPU") != "0"
    if use_gpu and torch.cuda.is_available():
        return torch.device("cuda")
    if use_gpu and torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def channels_last(network):
    """Have a network keep its filters, and so its maps, with the channels last.

    The numbers are the same; some processors compute them faster. What
    `network.to(memory_format=torch.channels_last)` does, with one thing more: a 1 x 1
    convolution with a stride would crash on some processors, or learn wrong filters,
    where its channels are few. See `ece662/frameworks/pointwise.py`.

    Args:
        network: an nn.Module; it is changed in place.

    Returns:
        the network.
    """
    import torch

    from ece662.frameworks.pointwise import avoid_crash

    return avoid_crash(network).to(memory_format=torch.channels_last)


def make_loaders(data, batch_size: int = 64):
    """Turn the arrays of `get_CINIC10_data` into loaders of batches.

    All pixels are divided by one number, their standard deviation in training, so that
    a network's first layer meets numbers of about 1.

    Args:
        data: dict of X_train, y_train and the same for val and test.
        batch_size: images in a batch; the last one of an epoch may have fewer.

    Returns:
        loader_train, loader_val, loader_test: each gives x (N, 3, 32, 32) float32 and
            y (N,) int64; that of the training images in another order every epoch,
            drawn with torch's generator (`torch.manual_seed`).
    """
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    scale = float(np.std(data["X_train"]))
    loaders = []
    for split in ("train", "val", "test"):
        x = torch.from_numpy(np.asarray(data[f"X_{split}"], np.float32)) / scale
        dataset = TensorDataset(x, torch.from_numpy(data[f"y_{split}"]))
        loaders.append(DataLoader(dataset, batch_size, shuffle=split == "train"))
    return loaders


def mixed_precision(device):
    """Return a context in which layers compute in bfloat16, where that is faster.

    bfloat16 keeps float32's range and 8 of its 24 bits of precision. Convolutions and
    products use it; sums, losses and the weights themselves stay in float32.

    Args:
        device: from `choose_device`. Where it has no arithmetic for bfloat16, the
            context does nothing.
    """
    import torch

    able = {
        "cpu": _cpu_has_bfloat16,
        "cuda": torch.cuda.is_bf16_supported,
    }
    if able.get(device.type, bool)():
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()


def _cpu_has_bfloat16() -> bool:
    """Ask for what torch may use, which ATEN_CPU_CAPABILITY may hold back."""
    import torch

    uses_avx512 = "AVX512" in torch.backends.cpu.get_cpu_capability()
    return uses_avx512 and torch.cpu._is_avx512_bf16_supported()


def vary_pictures(x, shift: int = 2, mirror: bool = True):
    """Augment images: mirror each with probability 1/2, move each by a few pixels.

    Args:
        x: (N, C, H, W) tensor.
        shift: pixels that a picture moves at most, in each direction; what moves in
            is a mirror image of the border.
        mirror: False to move them only.

    Returns:
        a new tensor of the same shape, drawn with torch's generator.
    """
    import torch
    import torch.nn.functional as F

    N, _, H, W = x.shape
    if mirror:
        mirrored = torch.rand(N, device=x.device) < 0.5
        x = torch.where(mirrored.view(N, 1, 1, 1), x.flip(3), x)
    x = F.pad(x, (shift,) * 4, mode="reflect")
    top, left = torch.randint(2 * shift + 1, (2, N, 1), device=x.device)
    rows = (top + torch.arange(H, device=x.device)).view(N, 1, H, 1)
    columns = (left + torch.arange(W, device=x.device)).view(N, 1, 1, W)
    images = torch.arange(N, device=x.device).view(N, 1, 1, 1)
    channels = torch.arange(x.shape[1], device=x.device).view(1, -1, 1, 1)
    return x[images, channels, rows, columns]


def probabilities_of(model, loader, mirrored: bool = False, shift: int = 0):
    """Return what a network gives each class, for all the images of a loader.

    Args:
        model: an nn.Module that turns images into scores (N, C). It is put into
            evaluation mode.
        loader: gives (x, y), always in the same order.
        mirrored: show the network each image and its mirror image, and take the mean
            of both answers.
        shift: show it each image in two more places, moved by so many pixels down and
            to the right, and up and to the left; take the mean of all answers.

    Returns:
        probabilities: (N, C) array.
        y: (N,) array of the true classes.
    """
    import torch

    device = next(model.parameters()).device
    model.eval()
    probabilities, labels = [], []
    with torch.no_grad():
        for x, y in loader:
            x = x.to(device)
            views = _views(x, mirrored, shift)
            answers = [model(view).float().softmax(dim=1) for view in views]
            probabilities.append(sum(answers) / len(answers))
            labels.append(y)
    return torch.cat(probabilities).cpu().numpy(), torch.cat(labels).numpy()


def _views(x, mirrored, shift):
    """Return images (N, C, H, W) as they are, moved, and all of these mirrored."""
    import torch.nn.functional as F

    views, (H, W) = [x], x.shape[2:]
    if shift:
        padded = F.pad(x, (shift,) * 4, mode="reflect")
        views += [padded[..., :H, :W], padded[..., -H:, -W:]]
    return views + [view.flip(3) for view in views] if mirrored else views


def load_parameters(model, values):
    """Put given numbers in the place of a network's weights.

    Args:
        model: an nn.Module.
        values: a tensor for each of its parameters, in the order of the layers, the
            weights before the biases. Those of an affine layer may be (inputs,
            outputs), as in NumPy, or transposed, as `nn.Linear` keeps them.

    Returns:
        the model.

    Raises:
        ValueError: there are more or fewer parameters, or one has another shape.
    """
    import torch

    parameters = dict(model.named_parameters())
    if len(parameters) != len(values):
        raise ValueError(
            f"expected a network with {len(values)} parameters, weights and biases, "
            f"got {len(parameters)}: {', '.join(parameters)}"
        )
    for (name, parameter), value in zip(parameters.items(), values, strict=True):
        if value.ndim == 2 and value.shape != parameter.shape:
            value = value.T
        if value.shape != parameter.shape:
            raise ValueError(
                f"{name} should be {tuple(value.shape)}, is {tuple(parameter.shape)}"
            )
        with torch.no_grad():
            parameter.copy_(value)
    return model


def first_filters(model):
    """Return a copy of a network's first filters, (F, C, HH, WW), as an array.

    Raises:
        ValueError: the network has no convolution.
    """
    for parameter in model.parameters():
        if parameter.ndim == 4:
            return parameter.detach().cpu().numpy().copy()
    raise ValueError("expected a network with a convolution, got none")


class TorchModel:
    """A network and its optimizer, with the methods that the Solver of Q1 calls.

        Solver(TorchModel(network, optimizer), data, batch_size=64, num_epochs=5)

    The Solver cuts the batches, measures and keeps the histories. Gradients and steps
    are PyTorch's: `step` takes one, and there are no `params` for the Solver to change
    (and no checkpoints: they would lack what the optimizer remembers). `loss` trains
    nothing.
    """

    dtype = np.float32

    def __init__(self, network, optimizer, reg: float = 0.0, scale: float = 1.0):
        """Take over a network, on whatever device it is.

        Where it would crash with its channels last, it does not: see
        `ece662/frameworks/pointwise.py`.

        Args:
            network: an nn.Module that turns images (N, C, H, W) into scores (N, C).
            optimizer: made with the network's parameters.
            reg: strength of 0.5 * reg * sum(W * W) over all weights but the biases.
            scale: what the pixels are divided by.
        """
        from ece662.frameworks.pointwise import avoid_crash

        self.network, self.optimizer = avoid_crash(network), optimizer
        self.reg, self.scale, self.params = reg, float(scale), {}
        parameters = list(network.parameters())
        self._weights = [w for w in parameters if w.ndim > 1]
        self._device = parameters[0].device

    def loss(self, X, y=None):
        """Return the scores of images or, with labels, their loss; train nothing.

        Args:
            X: (N, C, H, W) images.
            y: (N,) labels, or None.

        Returns:
            scores (N, C) if y is None, else the loss as in `step`, of the network in
            evaluation mode, and no gradients.
        """
        import torch

        self.network.eval()
        with torch.no_grad():
            scores = self.network(self._tensor(X)).float()
            if y is None:
                return scores.cpu().numpy()
            return self._loss(scores, y).item(), {}

    def step(self, X, y) -> float:
        """Take a step of training.

        Args:
            X: (N, C, H, W) images.
            y: (N,) labels.

        Returns:
            the loss before the step.
        """
        self.network.train()
        loss = self._loss(self.network(self._tensor(X)), y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def state_dict(self) -> dict:
        """Return copies of the network's parameters and running statistics."""
        state = self.network.state_dict()
        return {name: value.detach().clone() for name, value in state.items()}

    def load_state_dict(self, state: dict) -> None:
        """Give the network the state that `state_dict` returned."""
        self.network.load_state_dict(state)

    def _tensor(self, X):
        import torch

        x = np.asarray(X, dtype=self.dtype) / self.scale
        return torch.from_numpy(x).to(self._device)

    def _loss(self, scores, y):
        """Return the mean cross-entropy, plus the penalty on the weights."""
        import torch
        import torch.nn.functional as F

        loss = F.cross_entropy(scores, torch.as_tensor(y, device=self._device))
        if self.reg:
            loss = loss + 0.5 * self.reg * sum((w * w).sum() for w in self._weights)
        return loss
