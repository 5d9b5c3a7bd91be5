"""The images of the course, as the arrays that the notebooks work on.

Two sources serve them:

- *cinic10*: real photographs, once ``ece662 data fetch`` or ``ece662 data prepare``
  has brought them into the cache;
- *synthetic*: pictures that the package draws by itself, for everyone else. They have
  the same six classes and teach the same lessons, but they are no photographs, and
  their accuracies cannot be compared with published ones.

One call serves one source; the line that it prints says which.
"""

import operator
import sys
from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType
from typing import Literal, overload

import numpy as np
from numpy.typing import DTypeLike

from ece662.data.cache import (
    DamagedCacheError,
    DataSet,
    commit,
    exclusive,
    in_memory,
    open_data_set,
)
from ece662.data.classes import CLASSES, SPLITS, check_classes
from ece662.data.lazy import LazyImages, mean_image

__all__ = ["SOURCES", "describe", "find_data_set", "get_CINIC10_data"]

SOURCES = ("cinic10", "synthetic")


@overload
def get_CINIC10_data(
    num_training: int | None = ...,
    num_validation: int | None = ...,
    num_test: int | None = ...,
    subtract_mean: bool = ...,
    *,
    classes: Iterable[str] | None = ...,
    dtype: DTypeLike = ...,
    source: str | None = ...,
    lazy: Literal[False] = ...,
    verbose: bool = ...,
) -> dict[str, np.ndarray]: ...


@overload
def get_CINIC10_data(
    num_training: int | None = ...,
    num_validation: int | None = ...,
    num_test: int | None = ...,
    subtract_mean: bool = ...,
    *,
    classes: Iterable[str] | None = ...,
    dtype: DTypeLike = ...,
    source: str | None = ...,
    lazy: bool,
    verbose: bool = ...,
) -> Mapping[str, np.ndarray | LazyImages]: ...


def get_CINIC10_data(
    num_training: int | None = None,
    num_validation: int | None = None,
    num_test: int | None = None,
    subtract_mean: bool = True,
    *,
    classes: Iterable[str] | None = None,
    dtype: DTypeLike = np.float32,
    source: str | None = None,
    lazy: bool = False,
    verbose: bool = True,
) -> Mapping[str, np.ndarray | LazyImages]:
    """Load the images and labels for training, validation and test.

    Args:
        num_training: how many training images; None for all there are. They come in
            a fixed, well-mixed order, so the first few are a fair sample.
        num_validation: the same for validation.
        num_test: the same for test.
        subtract_mean: take the mean of the training images given off all images.
        classes: the classes wanted; label k is the k-th of them. None for all that the
            cache holds: the six of the course, unless it was prepared otherwise.
        dtype: the float type of the images.
        source: "cinic10", "synthetic", or None for the first of them that is there.
        lazy: leave the images on the disk until they are indexed (``X[rows]``), which
            saves 0.85 GiB at the full size.
        verbose: print one line that says which data set this is.

    Returns:
        X_train, X_val, X_test: (N, 3, 32, 32) images, values 0 to 255 minus the mean;
            with `lazy` they are `ece662.data.lazy.LazyImages`.
        y_train, y_val, y_test: (N,) int64 labels.

    Raises:
        ValueError: an unknown class or source, more images than there are, a dtype
            that is no float, or a cache that is damaged.
        FileNotFoundError: source is "cinic10", and none was prepared.
    """
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
        raise ValueError(f"expected a float dtype such as np.float32, got {dtype}")
    data_set = find_data_set(source)
    wanted = {"train": num_training, "val": num_validation, "test": num_test}
    known = data_set.meta["classes"]
    classes = _check_wanted_classes(classes, known)
    rows, labels = {}, {}
    for split in SPLITS:
        y = data_set.arrays[f"y_{split}"]
        rows[split], labels[split] = _select(y, classes, known, wanted[split], split)
    mean = _mean_of_training(data_set, rows["train"]) if subtract_mean else None

    data = {}
    for split in SPLITS:
        images = LazyImages(data_set.arrays[f"X_{split}"], rows[split], mean, dtype)
        data[f"X_{split}"] = images if lazy else images[:]
        data[f"y_{split}"] = labels[split]
    if verbose:
        print(describe(data_set, {split: len(labels[split]) for split in SPLITS}))
    return data


def find_data_set(source: str | None = None) -> DataSet:
    """Open the data set that ``source`` asks for; draw the synthetic one if missing.

    Args:
        source: "cinic10", "synthetic", or None for the first of them that is there.
            A prepared cache that is damaged is an error, never a reason to serve
            something else.
    """
    if source not in (None, *SOURCES):
        raise ValueError(f"expected source None, {_either(SOURCES)}, got {source!r}")
    if source == "synthetic":
        return _synthetic()
    try:
        return open_data_set("cinic10")
    except FileNotFoundError:
        if source is None:
            return _synthetic()
        raise FileNotFoundError(
            "no CINIC-10 images have been prepared yet. 'ece662 data fetch' downloads "
            "them (0.7 GB); 'ece662 data prepare PATH' takes an archive or a folder "
            "that you have"
        ) from None
    except DamagedCacheError as error:
        raise DamagedCacheError(
            f"{error}. Run 'ece662 data prepare PATH' or 'ece662 data fetch' again, "
            "or pass source='synthetic'"
        ) from error


def describe(data_set: DataSet, counts: dict[str, int] | None = None) -> str:
    """Say in one line what a data set is; the line is the same on every machine.

    Args:
        data_set: the data set.
        counts: images of each split; None for all there are.
    """
    source = data_set.meta["source"]
    if counts is None:
        counts = {split: len(data_set.arrays[f"y_{split}"]) for split in SPLITS}
    sizes = (
        f"{counts['train']:,} training, {counts['val']:,} validation, "
        f"{counts['test']:,} test images"
    )
    if source["kind"] == "synthetic":
        return (
            f"SYNTHETIC pictures drawn by ece662 (version {source['version']}), no "
            f"photographs: {sizes}. 'ece662 data fetch' brings real ones."
        )
    if source.get("official"):
        return f"CINIC-10, from the official archive: {sizes}."
    return f"Real images, from {source['file']} (not the official archive): {sizes}."


def _synthetic() -> DataSet:
    from ece662.data import synthetic

    name = f"synthetic-v{synthetic.VERSION}"
    found = _open_if_whole(name)
    if found is not None:
        return found
    drawn = None
    try:
        with exclusive(name) as folder:
            found = _open_if_whole(name)  # drawn by another process as we waited
            if found is not None:
                return found
            drawn = _draw(synthetic)
            return commit(folder, *drawn)
    except OSError as error:
        print(
            f"The synthetic pictures cannot be kept ({error}) and will be drawn again "
            "next time. Set ECE662_DATA to a folder that you may write to.",
            file=sys.stderr,
        )
        return in_memory(*(drawn or _draw(synthetic)))


def _open_if_whole(name: str) -> DataSet | None:
    try:
        return open_data_set(name)
    except (OSError, DamagedCacheError):
        return None  # whatever is wrong with it, it is drawn again


def _draw(synthetic: ModuleType) -> tuple[dict[str, np.ndarray], dict]:
    print("Drawing the synthetic pictures, this once ...", file=sys.stderr)
    arrays = synthetic.generate()
    source = {"kind": "synthetic", "version": synthetic.VERSION}
    return arrays, {"name": "synthetic", "classes": list(CLASSES), "source": source}


def _check_wanted_classes(
    classes: Iterable[str] | None, known: list[str]
) -> tuple[str, ...]:
    try:
        return check_classes(classes, tuple(known))
    except ValueError as error:
        raise ValueError(
            f"{error}. To have other classes of CINIC-10 in the cache, prepare it "
            "with 'ece662 data prepare PATH --classes NAME,NAME'"
        ) from None


def _select(
    y: np.ndarray,
    classes: Sequence[str],
    known: list[str],
    count: int | None,
    split: str,
) -> tuple[slice | np.ndarray, np.ndarray]:
    """Return which rows of a split are wanted, and their labels counted anew."""
    new_label = np.full(len(known), -1)
    for label, name in enumerate(classes):
        new_label[known.index(name)] = label
    labels = new_label[y]
    rows = None if len(classes) == len(known) else np.flatnonzero(labels >= 0)
    available = len(y) if rows is None else len(rows)
    count = available if count is None else operator.index(count)
    if not 0 <= count <= available:
        raise ValueError(
            f"expected 0 to {available} images for the {split} split of "
            f"{len(classes)} classes, got {count}"
        )
    if rows is None:
        return slice(count), labels[:count]
    return rows[:count], labels[rows[:count]]


def _mean_of_training(data_set: DataSet, rows: slice | np.ndarray) -> np.ndarray:
    images = data_set.arrays["X_train"]
    if isinstance(rows, slice):
        stored, index = images[rows], None
    else:
        stored, index = images, rows
    count = len(stored) if index is None else len(index)
    if count == 0:
        raise ValueError(
            "subtract_mean needs at least one training image, got num_training=0; "
            "pass subtract_mean=False"
        )
    if count == len(images):
        return data_set.mean_image
    return mean_image(stored, index)


def _either(names: Iterable[str]) -> str:
    return " or ".join(repr(name) for name in names)
