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
    their own, in which each image is turned left to right or not. With `shift` it is
    moved as well, by up to so many pixels up or down and to a side; at the border that
    comes into sight the image goes on mirrored. All choices are drawn with `np.random`,
    so a seed makes a run repeatable.

    Attributes:
        pristine: the images as they were given, not mirrored.
    """

    def __init__(self, images, shift=0):
        """Take over images (an array, or lazy ones); nothing is copied.

        Args:
            images: (N, C, H, W).
            shift: pixels, fewer than H and W.

        Raises:
            ValueError: the images have not four axes, or cannot be moved so far.
        """
        if len(images.shape) != 4:
            raise ValueError(f"images must be (N, C, H, W), got shape {images.shape}")
        if not 0 <= shift < min(images.shape[2:]):
            raise ValueError(
                f"shift must be at least 0 and less than the height and width of "
                f"{images.shape[2:]}, got {shift}"
            )
        self.pristine, self.shift = images, shift
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
        if self.shift:
            self._move(batch)
        return images

    def _move(self, batch):
        H, W = self.shape[2:]
        around = (self.shift, self.shift)
        wider = np.pad(batch, [(0, 0), (0, 0), around, around], mode="reflect")
        corners = np.random.randint(2 * self.shift + 1, size=(len(batch), 2))
        for image, source, (top, left) in zip(batch, wider, corners, strict=True):
            image[...] = source[:, top : top + H, left : left + W]
