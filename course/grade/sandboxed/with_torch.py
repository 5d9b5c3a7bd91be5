"""Load PyTorch before the walls close, once for all exercises of a submission.

This file is copied into the student's copy of the package as
`ece662.check._with_torch`.
"""

import os
import tempfile

try:
    tempfile.gettempdir()
except FileNotFoundError:  # nothing can be written anywhere; importing needs a name
    tempfile.tempdir = os.environ["TORCHINDUCTOR_CACHE_DIR"] = "/"

import torch

__all__ = ["try_it"]

# It would warn at each convolution that it cannot read which processor this is.
torch.backends.nnpack.set_flags(False)
# PyTorch imports half of itself only when the first optimizer is made.
torch.optim.SGD([torch.zeros(1)], lr=0.1)
torch.conv2d(torch.zeros(1, 3, 8, 8), torch.zeros(2, 3, 3, 3))


def try_it(inputs):
    """Take a step of gradient descent through a convolution."""
    x = torch.from_numpy(inputs["x"]).requires_grad_()
    weight = torch.ones(1, 1, 1, 1)
    (torch.conv2d(x.reshape(1, 1, 1, -1), weight) ** 2).sum().backward()
    torch.optim.SGD([x], lr=0.5).step()
    return {"x": x.detach().numpy()}
