"""Read a release: from a zip, a folder, a repository on GitHub, or an address.

Whatever it is, it is read whole before anything is done with it, up to a size; and it
has to be a release of this course.
"""

import http.client
import io
import re
import zipfile
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from ece662.commands.packing import BROKEN

__all__ = ["MOST", "published", "read_release"]

LIST = "ece662/exercises/exercises.toml"  # by which a release is known
MOST = 300 << 20  # bytes of a release
PLACEHOLDER = "/OWNER/"
SECONDS = 60  # until a server has to answer


def published() -> str:
    """Return the address of the release that this copy of the course came from.

    Raises:
        ValueError: the copy does not say.
    """
    from ece662.notebook import RELEASE

    if PLACEHOLDER in RELEASE:
        raise ValueError(
            "this copy does not say where it is published; name the release: a zip, a "
            "folder, or OWNER/NAME on GitHub"
        )
    return RELEASE


def read_release(place: str) -> dict[str, bytes]:
    """Read the files of a release by path.

    Args:
        place: a zip, a folder, OWNER/NAME on GitHub, or the address of a zip.

    Raises:
        ValueError: there is none; says what was expected.
        OSError: it cannot be read.
    """
    if re.fullmatch(r"[\w.-]+/[\w.-]+", place) and not Path(place).exists():
        place = f"https://github.com/{place}/archive/HEAD.zip"
    if place.startswith(("https://", "http://")):
        files = _unzipped(io.BytesIO(_fetched(place)), place)
    elif Path(place).is_dir():
        files = _in_folder(Path(place))
    elif Path(place).is_file():
        with open(place, "rb") as file:
            files = _unzipped(file, place)
    else:
        raise ValueError(f"there is no {place}")
    tops = [name[: -len(LIST)] for name in files if name.endswith(LIST)]
    tops = [top for top in tops if top in ("", f"{top.partition('/')[0]}/")]
    if not tops:
        raise ValueError(f"{place} is no release of this course: it has no {LIST}")
    top = min(tops, key=len)
    return {
        name[len(top) :]: data for name, data in files.items() if name.startswith(top)
    }


def _fetched(address: str) -> bytes:
    from urllib.error import HTTPError, URLError
    from urllib.request import urlopen

    try:
        with urlopen(address, timeout=SECONDS) as answer:
            data = answer.read(MOST + 1)
            if len(data) <= MOST and answer.length:  # what was promised and is missing
                raise http.client.IncompleteRead(b"", answer.length)
    except HTTPError as error:
        raise ValueError(
            f"{address} is not there: the server says {error.code} {error.reason}"
        ) from None
    except (URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise ValueError(
            f"{address} cannot be reached ({reason}). Is there a network? Without one, "
            "download the zip elsewhere, and name its file"
        ) from None
    except (http.client.HTTPException, ValueError) as error:  # ValueError: no address
        what = str(error) or type(error).__name__
        raise ValueError(f"{address} did not come whole ({what}): try again") from None
    if len(data) > MOST:
        raise ValueError(f"{address} is larger than {MOST >> 20} MB")
    return data


def _unzipped(file: BinaryIO, place: str) -> dict[str, bytes]:
    try:
        return _read_zip(file)
    except (NotImplementedError, *BROKEN) as error:
        if type(error) is ValueError:
            raise
        raise ValueError(f"{place} is no zip that can be read: {error}") from None


def _read_zip(file: BinaryIO) -> dict[str, bytes]:
    files, left = {}, MOST
    with zipfile.ZipFile(file) as packed:
        for entry in packed.infolist():
            name = entry.filename.replace("\\", "/")
            path = PurePosixPath(name)
            if entry.is_dir() or "__MACOSX" in path.parts:
                continue
            if path.is_absolute() or ".." in path.parts or ":" in name:
                raise ValueError(f"the zip has a file that leads out of it: {name}")
            with packed.open(entry) as stream:
                files[name] = stream.read(left + 1)
            left -= len(files[name])
            if left < 0:
                raise ValueError(f"the zip holds more than {MOST >> 20} MB")
    return files


def _in_folder(folder: Path) -> dict[str, bytes]:
    skipped = {".git", ".venv", "__pycache__", "backups", ".ipynb_checkpoints"}
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and not skipped & {*name.parts}:
            found[name.as_posix()] = path.read_bytes()
    return found
