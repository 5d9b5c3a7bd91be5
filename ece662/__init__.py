"""ece662: deep learning from scratch, and then with the frameworks.

The package behind the course notebooks: layers with hand-written forward and
backward passes, update rules, a training loop, data loaders, gradient checks.
Importing it is cheap: each part is imported where it is used. Only `live` comes along,
which notes the text of every file before anyone can have edited it.
"""

from ece662.live import reload

__all__ = ["__version__", "reload"]

__version__ = "0.1.0"
