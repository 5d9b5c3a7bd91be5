"""ece662: deep learning from scratch, and then with the frameworks.

The package behind the course notebooks: layers with hand-written forward and
backward passes, update rules, a training loop, data loaders, gradient checks.
Importing it is cheap: each part is imported where it is used. Only `live` comes along,
which notes the text of every file before anyone can have edited it.
"""

import os

from ece662 import _computer  # noqa: E402

_computer.show_hidden()  # first: the others import what may be hidden

from ece662.live import reload  # noqa: E402

_computer.lend_home()
_computer.limit_threads()

# OpenBLAS, which multiplies NumPy's matrices, lets its threads spin for some 25 ms
# before they sleep, and so they take the cores from the threads of `fast_layers`: a
# ConvNet trained no faster on two cores than on one. With this they spin for 2**16
# cycles, some 20 microseconds. It is read when NumPy is imported, hence set here.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "16")

__all__ = ["__version__", "reload"]

__version__ = "0.1.0"
