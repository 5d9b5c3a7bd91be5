"""What Q5 in TensorFlow uses: a quiet import, batches, augmentation, a Solver.

tensorflow is imported inside the functions, so that the package can be imported without
it. Images are (N, H, W, C) here, as TensorFlow wants them.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from ece662.frameworks.images import invert_ch
from ece662.frameworks.installed import named_if_missing
from ece662.training.accuracy import accuracy

__all__ = [
    "Dataset",
    "KerasModel",
    "accuracy_of",
    "fast_precision",
    "make_datasets",
    "probabilities_of",
    "quietly",
    "vary_pictures",
]


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Import TensorFlow without a page of remarks about the processor.

    They are written by compiled code, past Python's `sys.stderr`, before TensorFlow's
    own setting for them is read. Where the import fails they are shown: they may say
    why. Where TensorFlow is not installed, one line says so.

    Raises:
        MissingFrameworkError: TensorFlow is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # from now on: errors only
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as remarks:
        os.dup2(remarks.fileno(), 2)
        try:
            with named_if_missing():
                yield
        except BaseException:
            remarks.seek(0)
            os.write(stderr, remarks.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


class Dataset:
    """Images and labels in batches; each `for` loop over it is an epoch.

    Attributes:
        X, y: the images (N, H, W, C) and their labels (N,).
        batch_size: images in a batch; the last one may have fewer.
        shuffle: give them in another order every epoch, drawn with `np.random`.
        change: what is done to the images of a batch, `vary_pictures` for one; or None.
    """

    def __init__(
        self,
        X,
        y,
        batch_size: int,
        shuffle: bool = False,
        change: Callable[[np.ndarray], np.ndarray] | None = None,
    ):
        """Take over images and labels; nothing is copied.

        Raises:
            ValueError: there are not as many labels as images, or the batches would be
                empty.
        """
        if len(X) != len(y):
            raise ValueError(
                f"expected a label for each of {len(X)} images, got {len(y)}"
            )
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        self.X, self.y, self.batch_size = X, y, batch_size
        self.shuffle, self.change = shuffle, change

    def __len__(self) -> int:
        """Return the number of batches."""
        return -(-len(self.X) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        N = len(self.X)
        order = np.random.permutation(N) if self.shuffle else np.arange(N)
        for start in range(0, N, self.batch_size):
            rows = order[start : start + self.batch_size]
            X = self.X[rows]
            yield (X if self.change is None else self.change(X)), self.y[rows]


def make_datasets(data, batch_size: int = 64) -> tuple[Dataset, Dataset, Dataset]:
    """Turn the arrays of `get_CINIC10_data` into what TensorFlow's layers expect.

    The channels go last. All pixels are divided by one number, their standard deviation
    in training, so that a network's first layer meets numbers of about 1.

    Args:
        data: dict of X_train (N, C, H, W), y_train and the same for val and test.
        batch_size: images in a batch.

    Returns:
        for training (in another order every epoch), validation and test: batches of X
            (N, H, W, C) float32 and y (N,).
    """
    scale = np.std(data["X_train"])
    return tuple(
        Dataset(
            np.float32(invert_ch(data[f"X_{split}"]) / scale),
            data[f"y_{split}"],
            batch_size,
            shuffle=split == "train",
        )
        for split in ("train", "val", "test")
    )


def vary_pictures(X, shift: int = 2):
    """Augment images: mirror each with probability 1/2, move each by a few pixels.

    Args:
        X: (N, H, W, C) array.
        shift: pixels that a picture moves at most, in each direction; what moves in
            is a mirror image of the border.

    Returns:
        a new array of the same shape, drawn with `np.random`.
    """
    N, H, W, _ = X.shape
    border = (shift, shift)
    padded = np.pad(X, ((0, 0), border, border, (0, 0)), mode="reflect")
    top, left = np.random.randint(0, 2 * shift + 1, size=(2, N, 1))
    rows, columns = top + np.arange(H), left + np.arange(W)
    mirrored = np.random.rand(N) < 0.5
    columns[mirrored] = columns[mirrored, ::-1]
    return padded[np.arange(N)[:, None, None], rows[:, :, None], columns[:, None, :]]


def fast_precision(cpu_info: Path = Path("/proc/cpuinfo")) -> str:
    """Return the precision in which Keras's layers are fast here.

    bfloat16 keeps float32's range and 8 of its 24 bits of precision. Under the policy
    "mixed_bfloat16" convolutions and products use it; the weights stay in float32.

    Args:
        cpu_info: where Linux says what the processor can do.

    Returns:
        "mixed_bfloat16" where the processor has arithmetic for it and there is no GPU,
            else "float32"; for `keras.mixed_precision.set_global_policy`.
    """
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return "float32"
    known = cpu_info.read_text(encoding="utf-8").split() if cpu_info.is_file() else []
    return "mixed_bfloat16" if "avx512_bf16" in known else "float32"


def probabilities_of(model, dataset: Dataset, mirrored: bool = False) -> np.ndarray:
    """Return what a network gives each class, for all the images of a data set.

    Args:
        model: a Keras model that turns images into scores (N, C).
        dataset: images, always in the same order.
        mirrored: show the network each image and its mirror image, and take the mean
            of both answers.

    Returns:
        probabilities: (N, C) array.
    """
    import tensorflow as tf

    probabilities = []
    for X, _ in dataset:
        views = [X, X[:, :, ::-1]] if mirrored else [X]
        answers = [tf.nn.softmax(model.predict_on_batch(view)) for view in views]
        probabilities.append(sum(answers).numpy() / len(views))
    return np.concatenate(probabilities)


def accuracy_of(model, dataset: Dataset, mirrored: bool = False) -> float:
    """Return the share of images whose most probable class is their own.

    Args:
        model, dataset, mirrored: as for `probabilities_of`.
    """
    return accuracy(probabilities_of(model, dataset, mirrored), dataset.y)


class KerasModel:
    """A network and its optimizer, with the methods that the Solver of Q1 calls.

        Solver(KerasModel(network, optimizer), data, batch_size=64, num_epochs=5)

    The Solver cuts the batches, measures and keeps the histories. Gradients and steps
    are TensorFlow's: `step` takes one, and there are no `params` for the Solver to
    change (and no checkpoints: they would lack what the optimizer remembers). `loss`
    trains nothing.
    """

    dtype = np.float32

    def __init__(self, network, optimizer, reg: float = 0.0, scale: float = 1.0):
        """Take over a network.

        Args:
            network: a Keras model that turns images (N, H, W, C) into scores (N, C).
            optimizer: of `keras.optimizers`.
            reg: strength of 0.5 * reg * sum(W * W) over all weights but the biases.
            scale: what the pixels are divided by.
        """
        import tensorflow as tf

        self.network, self.optimizer = network, optimizer
        self.reg, self.scale, self.params = reg, float(scale), {}
        # Batches of all sizes share a graph: they come to three sizes at least.
        self._scores = tf.function(network, reduce_retracing=True)
        self._step = tf.function(self._take_step, reduce_retracing=True)
        self._evaluate = tf.function(self._loss, reduce_retracing=True)

    def loss(self, X, y=None):
        """Return the scores of images or, with labels, their loss; train nothing.

        Args:
            X: (N, C, H, W) images: the channels are put last here.
            y: (N,) labels, or None.

        Returns:
            scores (N, C) if y is None, else the loss as in `step`, of the network in
            inference mode, and no gradients.
        """
        X = self._images(X)
        if y is None:
            return self._scores(X).numpy()
        return float(self._evaluate(X, y, training=False)), {}

    def step(self, X, y) -> float:
        """Take a step of training.

        Args:
            X: (N, C, H, W) images: the channels are put last here.
            y: (N,) labels.

        Returns:
            the loss before the step.
        """
        return float(self._step(self._images(X), y))

    def state_dict(self) -> dict:
        """Return copies of the network's weights and running statistics."""
        return dict(enumerate(self.network.get_weights()))

    def load_state_dict(self, state: dict) -> None:
        """Give the network the state that `state_dict` returned."""
        self.network.set_weights(list(state.values()))

    def _images(self, X):
        return np.float32(invert_ch(np.asarray(X, self.dtype)) / self.scale)

    def _take_step(self, X, y):
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = self._loss(X, y, training=True)
        weights = self.network.trainable_variables
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        return loss

    def _loss(self, X, y, training):
        """Return the mean cross-entropy, plus the penalty on the weights."""
        import tensorflow as tf

        scores = self.network(X, training=training)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=scores)
        loss = tf.reduce_mean(losses)
        if self.reg:
            weights = [w for w in self.network.trainable_weights if w.ndim > 1]
            loss += 0.5 * self.reg * sum(tf.reduce_sum(w * w) for w in weights)
        return loss
