"""Write over a file that people may have changed, and keep a copy of it."""

from pathlib import Path

from course.grade.run import write_whole
from ece662._files import dated_name

__all__ = ["EARLIER", "keep_copy", "replace_file"]

EARLIER = "earlier"


def keep_copy(path: Path) -> Path | None:
    """Put a dated copy of a file into the folder `earlier` beside it; None if gone."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    folder = path.parent / EARLIER
    folder.mkdir(exist_ok=True)
    copy = dated_name(folder, path)
    write_whole(copy, data)
    return copy


def replace_file(path: Path, text: str | bytes) -> Path | None:
    """Write a file where it says something else; return the copy of what it was.

    Raises:
        GradingError: the disk is full.
    """
    data = text.encode("utf-8") if isinstance(text, str) else text
    try:
        if path.read_bytes() == data:
            return None
    except FileNotFoundError:
        pass
    copy = keep_copy(path)
    write_whole(path, data)
    return copy
