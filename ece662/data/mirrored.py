"""Training images that are mirrored at random each time they are read.

A cat that looks to the left is a cat that looks to the right, and a network that gets
to see both has twice as many cats to learn from. More pictures out of the same ones is
called data augmentation; a mirror is its simplest form.
"""

import numpy as np

__all__ = ["Mirrored"]


class Mirrored:
    """Images (N, C, H, W), each mirrored with probability 1/2 at every access.

    Takes the place of `X_train`: ``X[i]``, ``X[a:b]`` and ``X[rows]`` give arrays of
    their own, in which each image is turned left to right or not. The choice is drawn
    with `np.random`, so a seed makes a run repeatable.

    Attributes:
        pristine: the images as they were given, not mirrored.
    """

    def __init__(self, images):
        """Take over images (an array, or lazy ones); nothing is copied.

        Raises:
            ValueError: they have not four axes.
        """
        if len(images.shape) != 4:
            raise ValueError(f"images must be (N, C, H, W), got shape {images.shape}")
        self.pristine = images
        self.shape, self.dtype, self.ndim = images.shape, images.dtype, 4

    def __len__(self):
        return len(self.pristine)

    def __getitem__(self, rows):
        if isinstance(rows, tuple):
            raise IndexError(f"expected rows, X[rows], got an index of {len(rows)}")
        images = np.array(self.pristine[rows])
        batch = images.reshape(-1, *self.shape[1:])  # a view, also of a single image
        chosen = np.random.rand(len(batch)) < 0.5
        batch[chosen] = batch[chosen][..., ::-1]
        return images
