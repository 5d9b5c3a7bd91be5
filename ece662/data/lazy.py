"""Images that stay bytes on the disk until they are indexed.

The cache holds uint8; training wants floats with the mean image taken off. At the
course's full size the floats fill 0.85 GiB, and a minibatch needs 0.3 MB of them.
:class:`LazyImages` looks like the float array and converts what is indexed, so that a
loop that asks for ``X[rows]`` never pays for the rest.
"""

from collections.abc import Iterator

import numpy as np

__all__ = ["LazyImages", "mean_image"]

BLOCK = 1024  # images converted at a time: 3 MB of bytes, small beside any result


class LazyImages:
    """Float images (N, 3, 32, 32), computed from stored bytes when indexed.

    ``X[i]``, ``X[a:b]``, ``X[index_array]``, ``X[mask]`` and these followed by slices
    or integers (``X[:50, 0]``) give the array that the full one would give. It is
    read-only, and each access converts anew.

    Args:
        stored: (M, 3, 32, 32) uint8, usually a memory map.
        rows: which of the M images, and in which order: a slice or an index array.
        mean: (3, 32, 32) mean image to take off, or None for none.
        dtype: the float type to give.
    """

    def __init__(self, stored, rows=slice(None), mean=None, dtype=np.float32):
        self.dtype = np.dtype(dtype)
        if isinstance(rows, slice):
            stored, rows = stored[rows], None
        self._stored = stored
        self._rows = rows  # None: all of them, in their own order
        self._mean = None if mean is None else np.asarray(mean, dtype=self.dtype)

    def __len__(self) -> int:
        return len(self._stored if self._rows is None else self._rows)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self), *self._stored.shape[1:])

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    def __getitem__(self, index) -> np.ndarray:
        first, *rest = index if isinstance(index, tuple) else (index,)
        if first is Ellipsis:
            first, rest = slice(None), [Ellipsis, *rest]
        for step in rest:
            if step is not Ellipsis and not isinstance(step, (int, slice, np.integer)):
                raise TypeError(
                    "after the first index expected integers or slices, "
                    f"got {type(step).__name__}; index in two steps, X[rows][...]"
                )
        images = self._read(first)
        keep = (slice(None),) * (images.ndim - self.ndim + 1)
        return images[(*keep, *rest)] if rest else images

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[i] for i in range(len(self)))

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        if copy is False:
            raise ValueError("LazyImages are computed when read: a copy is needed")
        images = self[:]
        return images if dtype is None else images.astype(dtype, copy=False)

    def __repr__(self) -> str:
        return f"<LazyImages {self.shape} {self.dtype}, read from disk when indexed>"

    def _read(self, first) -> np.ndarray:
        if self._rows is None:
            source, rows = self._stored[first], None
        else:
            source, rows = self._stored, self._rows[first]
            if np.ndim(rows) == 0:
                source, rows = source[rows], None
        if source.ndim > self.ndim or np.ndim(rows) > 1:
            raise IndexError("expected an integer, a slice, a mask or a list of rows")
        if source.ndim < self.ndim:
            return self._convert(source, np.empty(source.shape, self.dtype))
        count = len(source) if rows is None else len(rows)
        out = np.empty((count, *self.shape[1:]), self.dtype)
        for start in range(0, count, BLOCK):
            block = slice(start, start + BLOCK)
            self._convert(source[block if rows is None else rows[block]], out[block])
        return out

    def _convert(self, images: np.ndarray, out: np.ndarray) -> np.ndarray:
        if self._mean is None:
            out[...] = images
        else:
            np.subtract(images, self._mean, out=out, dtype=self.dtype)
        return out


def mean_image(stored, rows=None) -> np.ndarray:
    """Return the (3, 32, 32) float64 mean of stored uint8 images.

    The sum is taken in integers, so that the mean does not depend on the order.

    Args:
        stored: (M, 3, 32, 32) uint8.
        rows: index array of the images that count; None for all.
    """
    count = len(stored) if rows is None else len(rows)
    total = np.zeros(stored.shape[1:], dtype=np.int64)
    for start in range(0, count, BLOCK):
        block = slice(start, start + BLOCK)
        images = stored[block if rows is None else rows[block]]
        total += images.sum(axis=0, dtype=np.int64)
    return total / count
