"""Calls that the types of the course's modules must refuse; nobody runs them.

`make lint` reads this file with mypy. Each comment expects one complaint, and mypy
reports a comment that has nothing to silence: a module whose types became `Any`, or
went away, is an error here.
"""

import numpy as np

from ece662 import layer_utils, layers, optim
from ece662.classifiers.cnn import ThreeLayerConvNet
from ece662.classifiers.fc_net import FullyConnectedNet, TwoLayerNet
from ece662.data_utils import get_CINIC10_data
from ece662.fast_layers import backend, conv_forward_fast, max_pool_backward_fast
from ece662.gradient_check import eval_numerical_gradient_array, rel_error
from ece662.notebook import report_accuracy
from ece662.pruning_helper import load_model, test_model
from ece662.solver import Solver
from ece662.vis_utils import visualize_grid

x = np.ones((2, 3))

# Arguments.
layers.affine_forward(x, x, "b")  # type: ignore[arg-type]
layers.spatial_groupnorm_forward(x, x, x, "two", {})  # type: ignore[arg-type]
layers.dropout_forward(x, 0.5)  # type: ignore[arg-type]
layer_utils.conv_relu_forward(x, x, x, 1)  # type: ignore[arg-type]
conv_forward_fast(x, x, x, {}, num_threads="all")  # type: ignore[arg-type]
optim.adam(x, x, 1e-3)  # type: ignore[arg-type]
Solver(None, {}, batch_size="large")  # type: ignore[arg-type]
Solver(None, {}, batchsize=10)  # type: ignore[call-arg]
TwoLayerNet(hidden_dim="100")  # type: ignore[arg-type]
FullyConnectedNet(100)  # type: ignore[arg-type]
ThreeLayerConvNet(input_dim=(32, 32))  # type: ignore[arg-type]
get_CINIC10_data("all")  # type: ignore[call-overload]
load_model(None)  # type: ignore[arg-type]
report_accuracy("test", "52 %", 0.4)  # type: ignore[arg-type]
visualize_grid(x, padding="1")  # type: ignore[arg-type]
eval_numerical_gradient_array(x, x, x)  # type: ignore[arg-type]

# Results.
whole: int = layers.affine_forward(x, x, x)[0]  # type: ignore[assignment]
one, two = layers.affine_backward(x, ())  # type: ignore[misc]
loss: str = layers.softmax_loss(x, x)[0]  # type: ignore[assignment]
scores: float = TwoLayerNet().loss(x)  # type: ignore[assignment]
pixels: str = max_pool_backward_fast(x, ())  # type: ignore[assignment]
error: str = rel_error(x, x)  # type: ignore[assignment]
share: str = test_model(None, [x, x])  # type: ignore[assignment]
accuracy: str = Solver(None, {}).check_accuracy(x, x)  # type: ignore[assignment]
line: int = backend()  # type: ignore[assignment]
# Images that stay on the disk are no arrays.
lazy: np.ndarray = get_CINIC10_data(lazy=True)["X_val"]  # type: ignore[assignment]
