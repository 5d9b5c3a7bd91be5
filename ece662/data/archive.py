"""From CINIC-10 as it is distributed to the arrays of the cache.

CINIC-10 (Darlow et al. 2018, arXiv:1810.03505) is a tree ``train/ valid/ test/`` x
ten classes x 9,000 PNG files of 32x32 pixels, with or without one folder around it.

Which pictures are taken, where a class holds more than are wanted, and in which order
they are stored is decided by a hash of each picture's path inside the tree. So the
choice looks random, but neither the order of the archive nor the machine nor a
library's generator has a say in it; and the first n stored are a fair sample.
"""

import hashlib
import heapq
import io
import struct
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from ece662.data.classes import ALL_CLASSES, CLASSES, LIMITS, SPLITS, check_classes
from ece662.data.entries import ArchiveError, Entry, entries

__all__ = [
    "OFFICIAL_MD5",
    "SKIPPED",
    "ArchiveError",
    "decode",
    "read_images",
]

OFFICIAL_MD5 = "6ee4d0c996905fe93221de577967a372"  # of CINIC-10.tar.gz

# Reasons to leave a file out, in the order in which reports name them.
SKIPPED = ("not RGB", "not 32x32", "unreadable", "repeated", "refused")

NAMED = 100  # skipped files named for each reason; all of them are counted

SPLIT_OF_FOLDER = {folder: split for split, folder in SPLITS.items()}


class UnusableError(ValueError):
    """A file is no picture of the kind that is wanted.

    Attributes:
        reason: one of SKIPPED.
    """

    def __init__(self, reason: str, detail: str = ""):
        super().__init__(detail)
        self.reason = reason


class _Place(NamedTuple):
    top: tuple[str, ...]
    folder: str
    label: str
    name: str


def read_images(
    path,
    classes: Iterable[str] = CLASSES,
    limits: Mapping[str, int] = LIMITS,
    watch: Callable[[Iterable[Entry]], Iterable[Entry]] = iter,
) -> tuple[dict[str, np.ndarray], dict]:
    """Read an archive or an unpacked folder of CINIC-10.

    Args:
        path: a .tar, .tar.gz, .tar.bz2, .tar.xz, .zip or folder.
        classes: the classes to read, in label order.
        limits: {"train": n, "val": n, "test": n}, the most images of a class.
        watch: wraps the iterable of files, for a progress bar.

    Returns:
        The arrays X_* (N, 3, 32, 32) uint8 and y_* (N,) int64 of every split, and what
        there is to say about them: classes, limits, source, skipped.

    Raises:
        FileNotFoundError: there is nothing at ``path``.
        ArchiveError: it is damaged, or holds no image for a split of a class.
    """
    path = Path(path).expanduser()
    selection = _Selection(check_classes(classes), limits)
    for entry in watch(entries(path)):
        selection.offer(entry)
    selection.check_complete(path)
    meta = {
        "name": "cinic10",
        "classes": list(selection.classes),
        "limits": dict(limits),
        "source": _describe_source(path),
        "skipped": selection.report(),
    }
    return selection.arrays(), meta


class _Selection:
    """The pictures to keep, found in one pass whatever the order they come in.

    ``_kept[split, label]`` is a heap of (-rank, label, pixels) with the highest rank
    on top: a picture of lower rank pushes it out once the class is full. So memory is
    bounded by what is kept, and the outcome depends on the ranks alone.
    """

    def __init__(self, classes: tuple[str, ...], limits: Mapping[str, int]):
        for split in SPLITS:
            if limits[split] < 1:
                raise ValueError(
                    f"expected at least one image a class for {split}, "
                    f"got {limits[split]}"
                )
        self.classes = classes
        self._limits = limits
        self._kept = defaultdict(list)
        self._ranks = set()
        self._skipped = {reason: [] for reason in SKIPPED}
        self._skip_counts = Counter()
        self._tops = set()
        self._seen = {}

    def offer(self, entry: Entry) -> None:
        """Take, leave or name one file."""
        if entry.refused:
            self._skip("refused", entry.path, entry.refused)
            return
        place = _place(entry.path)
        if len(self._seen) < NAMED:
            seen = f"{place.folder}/{place.label}/" if place else entry.path
            self._seen[_printable(seen)] = True
        if place is None or place.label not in self.classes:
            return
        self._tops.add(place.top)
        try:
            self._keep(place, entry)
        except UnusableError as error:
            self._skip(error.reason, entry.path, str(error))

    def _keep(self, place: _Place, entry: Entry) -> None:
        rank = _rank(place)
        if rank in self._ranks:
            raise UnusableError("repeated")
        try:
            data = entry.read()
        except ArchiveError:
            raise
        except (ValueError, OSError) as error:
            raise UnusableError("unreadable", str(error)) from error
        item = (-rank, self.classes.index(place.label), decode(data))
        self._ranks.add(rank)
        split = SPLIT_OF_FOLDER[place.folder]
        heap = self._kept[split, place.label]
        if len(heap) < self._limits[split]:
            heapq.heappush(heap, item)
        else:
            heapq.heappushpop(heap, item)

    def _skip(self, reason: str, path: str, detail: str) -> None:
        self._skip_counts[reason] += 1
        if len(self._skipped[reason]) < NAMED:
            text = f"{path}: {detail}" if detail else path
            self._skipped[reason].append(_printable(text))

    def check_complete(self, path: Path) -> None:
        """Raise ArchiveError unless every split of every class has an image."""
        if len(self._tops) > 1:
            tops = ", ".join(sorted(f"'{'/'.join(top)}/'" for top in self._tops))
            raise ArchiveError(f"{path} holds more than one data set: {tops}")
        missing = [
            f"{folder}/{label}"
            for split, folder in SPLITS.items()
            for label in self.classes
            if not self._kept[split, label]
        ]
        if missing:
            raise ArchiveError(
                f"{path}: expected folders train/, valid/ and test/ with the classes "
                f"{', '.join(self.classes)} in each; {self._came(missing)}"
            )

    def _came(self, missing: list[str]) -> str:
        seen = list(self._seen)[:5]
        came = f"found {', '.join(seen)}, ..." if seen else "found no file at all"
        skipped = [f"{n} {reason}" for reason, n in self._skip_counts.items()]
        left_out = f"; left out: {', '.join(skipped)}" if skipped else ""
        lacking = ", ".join(missing[:6]) + (", ..." if len(missing) > 6 else "")
        return f"no usable image in {lacking}; {came}{left_out}"

    def report(self) -> dict[str, dict]:
        """Return, for each reason that occurred, how many files and some names."""
        return {
            reason: {"count": self._skip_counts[reason], "files": sorted(files)}
            for reason, files in self._skipped.items()
            if files
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays in the order of rank, and forget the pictures."""
        arrays = {}
        for split in SPLITS:
            items = [
                item
                for label in self.classes
                for item in self._kept.pop((split, label))
            ]
            items.sort(key=itemgetter(0), reverse=True)
            pixels = np.frombuffer(b"".join(map(itemgetter(2), items)), np.uint8)
            images = pixels.reshape(-1, 32, 32, 3).transpose(0, 3, 1, 2)
            arrays[f"X_{split}"] = np.ascontiguousarray(images)  # (N, C, H, W)
            arrays[f"y_{split}"] = np.array([item[1] for item in items], np.int64)
        return arrays


def decode(data: bytes) -> bytes:
    """Return the 32 x 32 x 3 pixel bytes of a PNG file stored as RGB.

    Raises:
        UnusableError: it is no PNG, of another size or mode, or damaged.
    """
    if data[:8] != b"\x89PNG\r\n\x1a\n" or len(data) < 33:
        raise UnusableError("unreadable", "not a PNG file")
    width, height = struct.unpack(">II", data[16:24])
    # Looked at before Pillow does, so that no header can ask for gigabytes.
    _check_pixels(width, height)
    # One thread: at 50 us a picture a pool of two took twice as long.
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as picture:
            _check_pixels(*picture.size)  # a second header may differ from the first
            if picture.mode != "RGB":
                raise UnusableError("not RGB", picture.mode)
            return picture.tobytes()
    except UnusableError:
        raise
    except Exception as error:  # damaged files make Pillow raise nearly anything
        raise UnusableError("unreadable", str(error)) from error


def _check_pixels(width: int, height: int) -> None:
    if (width, height) != (32, 32):
        raise UnusableError("not 32x32", f"{width}x{height}")


def _place(path: str) -> _Place | None:
    """Return where in CINIC-10 a file belongs, or None."""
    parts = path.replace("\\", "/").split("/")
    parts = [part for part in parts if part not in ("", ".")]
    if len(parts) not in (3, 4):
        return None
    *top, folder, label, name = parts
    # Files whose names begin with a dot are the file manager's (macOS writes many).
    if folder not in SPLIT_OF_FOLDER or label not in ALL_CLASSES or name[0] == ".":
        return None
    return _Place(tuple(top), folder, label, name)


def _rank(place: _Place) -> int:
    path = "/".join(place[1:]).encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(path, digest_size=16).digest())


def _describe_source(path: Path) -> dict:
    if path.is_dir():
        return {"kind": "folder", "file": _printable(path.resolve().name)}
    digests = {}
    for algorithm in ("sha256", "md5"):
        with open(path, "rb") as file:
            digests[algorithm] = hashlib.file_digest(file, algorithm).hexdigest()
    return {
        "kind": "archive",
        "file": _printable(path.name),
        "bytes": path.stat().st_size,
        **digests,
        "official": digests["md5"] == OFFICIAL_MD5,
    }


def _printable(text: str) -> str:
    """Return text from an archive in a form that no terminal acts upon."""
    return "".join(c if c.isprintable() else "?" for c in text[:200])
