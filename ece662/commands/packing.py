"""What is handed in: a zip of the files in which a student writes, with a manifest.

The manifest, `manifest.json`, names the versions in use, the hash of each file, and for
each exercise its state and the hash of what was written. It is a receipt and not a
proof: grading takes the text between the marker lines, and judges that again.
"""

import hashlib
import json
import lzma
import platform
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

import ece662
from ece662._files import writing
from ece662.check.progress import State
from ece662.exercises.work import alone, keep

__all__ = ["MANIFEST", "contents", "replace_zip", "student_in", "write_zip"]

MANIFEST = "manifest.json"
# What zipfile raises for a damaged zip.
BROKEN = (zipfile.BadZipFile, ValueError, RuntimeError, EOFError, IndexError,
          struct.error, zlib.error, lzma.LZMAError)  # fmt: skip
PACKAGES = ("numpy", "matplotlib", "torch", "tensorflow")


def contents(
    files: Mapping[str, bytes], states: Sequence[State], student: str
) -> dict[str, bytes]:
    """Add a manifest to what is handed in.

    Args:
        files: that the exercises name, by path.
        states: how each exercise stands that is handed in.
        student: the name or number that the teacher asked for; may be empty.

    Returns:
        The files' bytes by path, the manifest first.
    """
    manifest = {
        "format": 1,
        "student": student,
        "versions": _versions(),
        "files": {name: _hash(content) for name, content in files.items()},
        "exercises": {
            state.exercise.id: {"state": state.word, "sha256": state.digest}
            for state in states
        },
    }
    text = json.dumps(manifest, indent=1, ensure_ascii=False)
    return {MANIFEST: text.encode(), **files}


def replace_zip(path: Path, files: Mapping[str, bytes], root: Path) -> Path | None:
    """Write a zip; one of the same name is kept in the folder of backups before.

    Args:
        path: where it is to be written.
        files: what is in it, by path.
        root: the course's folder.

    Returns:
        The copy of the earlier zip; None where there was nothing.

    Raises:
        OSError: it cannot be written.
        ValueError: a file has that name which is no zip of this kind: it stays.
    """
    with alone(root, path.name):
        kept = _keep_earlier(path, root)
        write_zip(path, files)
    return kept


def _keep_earlier(path: Path, root: Path) -> Path | None:
    if not path.exists():
        return None
    if not path.is_file() or not _is_ours(path):
        raise ValueError(f"{path} is there already, and is no zip to hand in")
    return keep(path.read_bytes(), path, root)


def student_in(path: Path) -> str:
    """Return the name that an earlier zip was handed in under; "" where none is."""
    if not path.is_file():  # a pipe would be waited for
        return ""
    try:
        with zipfile.ZipFile(path) as packed:
            return str(json.loads(packed.read(MANIFEST))["student"])
    except (OSError, KeyError, TypeError, *BROKEN):
        return ""


def _is_ours(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as packed:
            return MANIFEST in packed.namelist()
    except BROKEN:
        return False


def write_zip(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a zip, in one go; the same files give the same bytes."""
    with (
        writing(path) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)  # dated 1980, whenever it is made
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, on every system: the rights count
            rights = 0o755 if name.endswith(".sh") else 0o644
            entry.external_attr = (stat.S_IFREG | rights) << 16
            packed.writestr(entry, content)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _versions() -> dict[str, str]:
    found = {"ece662": ece662.__version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
