"""Load PyTorch before the walls close, once for all exercises of a submission.

This file is laid into the student's copy of the package as `ece662.check._with_torch`.
"""

import os
import tempfile

try:
    tempfile.gettempdir()
except FileNotFoundError:  # nothing can be written anywhere; importing needs a name
    tempfile.tempdir = os.environ["TORCHINDUCTOR_CACHE_DIR"] = "/"

import torch

__all__ = ["try_it"]

# Half of it is only imported with the first optimizer, and the first convolution looks
# at the processor, with a remark where it sees none.
torch.optim.SGD([torch.zeros(1)], lr=0.1)
torch.conv2d(torch.zeros(1, 3, 8, 8), torch.zeros(2, 3, 3, 3))


def try_it(inputs):
    """Take a step of gradient descent."""
    x = torch.from_numpy(inputs["x"]).requires_grad_()
    (x**2).sum().backward()
    torch.optim.SGD([x], lr=0.5).step()
    return {"x": x.detach().numpy()}
