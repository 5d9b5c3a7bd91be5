"""Images in the layout of the other framework.

PyTorch expects the channels of an image first, as the rest of the course does;
TensorFlow expects them last.
"""

import numpy as np

__all__ = ["invert_ch"]


def invert_ch(x):
    """Move the channels of images from the second axis to the last.

    Height and width keep their order: a picture is not turned on its side.

    Args:
        x: (N, C, H, W) images, as `get_CINIC10_data` gives them.

    Returns:
        out: (N, H, W, C) images, a copy that is contiguous in memory.

    Raises:
        ValueError: x has not four axes.
    """
    x = np.asarray(x)
    if x.ndim != 4:
        raise ValueError(f"x must be (N, C, H, W), got shape {x.shape}")
    return np.array(x.transpose(0, 2, 3, 1), order="C")
