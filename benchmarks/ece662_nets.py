"""Our side of the comparisons: the course's fully connected nets under the Solver.

What is timed is the Solver's own step, with all the checks and bookkeeping that a
student's training has.
"""

from collections.abc import Callable, Sequence

import ece662  # noqa: F401 (before NumPy, as the notebooks do: threads spin less)

# isort: split
import numpy as np

from ece662.classifiers.fc_net import FullyConnectedNet, TwoLayerNet
from ece662.solver import Solver

__all__ = ["training_step"]


def training_step(
    hidden_dims: Sequence[int],
    update_rule: str,
    batch_size: int,
    *,
    normalization: str | None = None,
    dropout: float = 1.0,
    learning_rate: float = 1e-3,
    fused: bool = False,
    image_shape: Sequence[int] = (3, 32, 32),
    num_classes: int = 6,
    num_train: int = 2000,
) -> Callable[[], object]:
    """Return a function that takes one step: minibatch, loss, gradients, update.

    One hidden layer makes a TwoLayerNet, more make a FullyConnectedNet, in float32.
    `fused` takes Adam in one pass, `adam_fast`; SGD has only the one form.
    """
    np.random.seed(0)
    X = np.random.randn(num_train, *image_shape).astype(np.float32)
    y = np.random.randint(num_classes, size=num_train)
    sizes = {"input_dim": X[0].size, "num_classes": num_classes, "dtype": X.dtype}
    if len(hidden_dims) == 1:
        model = TwoLayerNet(hidden_dim=hidden_dims[0], **sizes)
    else:
        model = FullyConnectedNet(
            hidden_dims, normalization=normalization, dropout=dropout, **sizes
        )
    solver = Solver(
        model,
        {"X_train": X, "y_train": y, "X_val": X[:1], "y_val": y[:1]},
        update_rule="adam_fast" if fused and update_rule == "adam" else update_rule,
        optim_config={"learning_rate": learning_rate},
        batch_size=batch_size,
        verbose=False,
    )
    return solver._step
