"""Data sets on disk: where they lie, and how they come there whole.

A data set is a folder under the cache root, which is ``ECE662_DATA`` where that is
set and the user's cache folder otherwise::

    <root>/cinic10/
        lock                 held by the one process that writes
        current              one line: the name of the folder to read
        images-9f3c5a17/     X_train.npy, y_train.npy, ..., mean_image.npy, meta.json

Images are uint8 (N, 3, 32, 32) and opened as memory maps, labels are int64 (N,).

Contract: a reader takes no lock and finds a whole data set or none. A writer fills a
``writing-*`` folder, flushes it to the disk, renames it to ``images-*`` and only then
replaces ``current``, which the file system does in one step. A writer killed on the
way leaves the former data set in force and some litter, which the next writer
removes. Memory maps of a replaced data set stay valid until they are closed.
"""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple

import numpy as np
from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from ece662._files import put_in_place, sync_folder, write_file
from ece662.data.classes import SPLITS
from ece662.data.lazy import mean_image

__all__ = [
    "FORMAT",
    "DamagedCacheError",
    "DataSet",
    "cache_root",
    "commit",
    "content_sha256",
    "exclusive",
    "in_memory",
    "open_data_set",
]

FORMAT = 1  # raise it when the files of a data set change their meaning

IMAGE_SHAPE = (3, 32, 32)


class DamagedCacheError(ValueError):
    """A data set is there but cannot be used as it is."""


class DataSet(NamedTuple):
    """An open data set.

    Attributes:
        folder: where its files lie; None for one that lives in memory only.
        meta: what meta.json says: format, classes, counts, source, content_sha256, ...
        arrays: X_train, y_train, X_val, y_val, X_test, y_test.
        mean_image: (3, 32, 32) float64, the mean of X_train.
    """

    folder: Path | None
    meta: dict
    arrays: dict[str, np.ndarray]
    mean_image: np.ndarray


def cache_root() -> Path:
    """Return the folder that holds every data set; it need not exist yet.

    Raises:
        ValueError: ECE662_DATA names something that is no folder.
    """
    chosen = os.environ.get("ECE662_DATA")
    if chosen:
        root = Path(os.path.expanduser(chosen)).absolute()
        for place in (root, *root.parents):
            if os.path.lexists(place) and not place.is_dir():
                raise ValueError(
                    f"ECE662_DATA should name a folder, got {chosen}, where {place} is "
                    "a file: name a folder, or unset it"
                )
        return root
    return user_cache_path("ece662", appauthor=False)


def open_data_set(name: str) -> DataSet:
    """Open the data set ``name`` for reading.

    Raises:
        FileNotFoundError: there is none.
        DamagedCacheError: files are missing, cut short or of another format.
        PermissionError: it may not be read by this account.
    """
    folder = cache_root() / name
    try:
        return _open_current(folder)
    except PermissionError:
        raise PermissionError(
            f"the data set in {folder} is there, but this account may not read it: "
            f"ask its owner for 'chmod -R go+rX {folder.parent}'"
        ) from None


def _open_current(folder: Path) -> DataSet:
    while True:
        current = _read_current(folder)
        try:
            return _open_files(folder / current)
        except FileNotFoundError as error:
            # Replaced between the two reads? Then the new one is there to be opened.
            if _read_current(folder) == current:
                raise DamagedCacheError(
                    f"the data set in {folder} is damaged: {error.filename} is missing"
                ) from None


def _read_current(folder: Path) -> str:
    current = (folder / "current").read_text("utf-8").strip()
    if not current.startswith("images-") or Path(current).name != current:
        raise DamagedCacheError(
            f"the data set in {folder} is damaged: its file 'current' should name a "
            f"folder images-*, but reads {current[:40]!r}"
        )
    return current


def _open_files(folder: Path) -> DataSet:
    try:
        meta = json.loads((folder / "meta.json").read_text("utf-8"))
        if meta["format"] != FORMAT:
            raise ValueError(f"expected cache format {FORMAT}, got {meta['format']}")
        arrays = {}
        for split in SPLITS:
            arrays[f"X_{split}"] = np.load(folder / f"X_{split}.npy", mmap_mode="r")
            arrays[f"y_{split}"] = np.load(folder / f"y_{split}.npy")
        mean = np.load(folder / "mean_image.npy")
        _check_arrays(arrays, len(meta["classes"]))
    except (ValueError, KeyError, TypeError, EOFError) as error:
        raise DamagedCacheError(
            f"the data set in {folder} cannot be used: {error}"
        ) from error
    return DataSet(folder, meta, arrays, mean)


@contextmanager
def exclusive(name: str) -> Iterator[Path]:
    """Hold the write lock of the data set ``name``; yield its folder.

    The lock belongs to the operating system, which takes it back from a process that
    dies; there is no stale lock file to delete by hand.
    """
    folder = cache_root() / name
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"Another process is writing {folder}; waiting for it.", file=sys.stderr)
        lock.acquire()
    try:
        yield folder
    finally:
        lock.release()


def commit(folder: Path, arrays: dict[str, np.ndarray], meta: dict) -> DataSet:
    """Put a data set in force, in place of the one that was, and open it.

    Call it inside ``exclusive``.

    Args:
        folder: what ``exclusive`` yielded.
        arrays: X_* (N, 3, 32, 32) uint8 and y_* (N,) integers for every split.
        meta: must hold "classes"; format, counts and content hash are added here.
    """
    _check_arrays(arrays, len(meta["classes"]))
    _remove_litter(folder)
    token = token_hex(4)
    partial, final = folder / f"writing-{token}", folder / f"images-{token}"
    partial.mkdir()
    try:
        _write_files(partial, arrays, meta)
        put_in_place(partial, final)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    write_file(folder / "current", final.name)
    _remove_litter(folder)
    return open_data_set(folder.name)


def in_memory(arrays: dict[str, np.ndarray], meta: dict) -> DataSet:
    """Return a data set that lies nowhere, for a disk that cannot be written."""
    _check_arrays(arrays, len(meta["classes"]))
    return DataSet(None, _complete(meta, arrays), arrays, mean_image(arrays["X_train"]))


def content_sha256(arrays: dict[str, np.ndarray]) -> str:
    """Return the SHA-256 of all images and labels: what was kept, however packed."""
    digest = hashlib.sha256()
    for split in SPLITS:
        digest.update(np.ascontiguousarray(arrays[f"X_{split}"]))
        digest.update(arrays[f"y_{split}"].astype("<i8"))
    return digest.hexdigest()


def _complete(meta: dict, arrays: dict[str, np.ndarray]) -> dict:
    classes = list(meta["classes"])
    counts = {}
    for split in SPLITS:
        per_class = np.bincount(arrays[f"y_{split}"], minlength=len(classes))
        counts[split] = dict(zip(classes, per_class.tolist(), strict=True))
    return {
        **meta,
        "format": FORMAT,
        "classes": classes,
        "counts": counts,
        "content_sha256": content_sha256(arrays),
    }


def _check_arrays(arrays: dict[str, np.ndarray], num_classes: int) -> None:
    for split in SPLITS:
        X, y = arrays[f"X_{split}"], arrays[f"y_{split}"]
        if X.dtype != np.uint8 or X.shape[1:] != IMAGE_SHAPE or not len(X):
            raise ValueError(
                f"X_{split}: expected uint8 of shape (N, 3, 32, 32) with N > 0, "
                f"got {X.dtype} of shape {X.shape}"
            )
        if y.shape != (len(X),) or y.dtype.kind not in "iu":
            raise ValueError(
                f"y_{split}: expected {len(X)} integers, "
                f"got {y.dtype} of shape {y.shape}"
            )
        if y.min() < 0 or y.max() >= num_classes:
            raise ValueError(
                f"y_{split}: expected labels 0 to {num_classes - 1}, "
                f"got {y.min()} to {y.max()}"
            )


def _write_files(folder: Path, arrays: dict[str, np.ndarray], meta: dict) -> None:
    files = {"mean_image": mean_image(arrays["X_train"])}
    for split in SPLITS:
        files[f"X_{split}"] = arrays[f"X_{split}"]
        files[f"y_{split}"] = arrays[f"y_{split}"].astype(np.int64)
    for key, array in files.items():
        save = _saver(np.ascontiguousarray(array))
        _write_synced(folder / f"{key}.npy", save)
    text = json.dumps(_complete(meta, arrays), indent=2, ensure_ascii=False) + "\n"
    _write_synced(folder / "meta.json", lambda file: file.write(text.encode()))
    sync_folder(folder)


def _saver(array: np.ndarray):
    return lambda file: np.save(file, array, allow_pickle=False)


def _write_synced(path: Path, write) -> None:
    with open(path, "xb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())


def _remove_litter(folder: Path) -> None:
    """Remove what is neither the lock nor in force; the caller holds the lock."""
    try:
        current = _read_current(folder)
    except (FileNotFoundError, DamagedCacheError):
        current = None
    for path in folder.iterdir():
        if path.name.startswith((".current.", "writing-current-")):
            path.unlink(missing_ok=True)
        elif path.name.startswith(("writing-", "images-")) and path.name != current:
            # On Windows an open memory map forbids it: left to the next writer.
            shutil.rmtree(path, ignore_errors=True)
