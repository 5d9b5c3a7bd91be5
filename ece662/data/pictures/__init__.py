"""Two photographs to look at through hand-made filters (Q4).

The images of the data set are 32 pixels wide: too few to see what a filter does to a
whisker. README.md beside this file says where these two come from.
"""

from pathlib import Path

import numpy as np

__all__ = ["PICTURES", "load_picture"]

PICTURES = ("cat", "coffee")


def load_picture(name: str) -> np.ndarray:
    """Load one of the photographs.

    Args:
        name: one of PICTURES.

    Returns:
        picture: (200, 200, 3) uint8, rows, columns and then red, green, blue, as
            matplotlib shows them. The layers want channels first: transpose(2, 0, 1).

    Raises:
        ValueError: there is no such picture.
    """
    if name not in PICTURES:
        raise ValueError(f"expected one of {', '.join(PICTURES)}, got {name!r}")
    import imageio.v3 as imageio

    return imageio.imread(Path(__file__).with_name(f"{name}.jpg"), mode="RGB")
