"""ece662: deep learning from scratch, and then with the frameworks.

The package behind the course notebooks: layers with hand-written forward and
backward passes, update rules, a training loop, data loaders, gradient checks.
Importing it is cheap: each part is imported where it is used. Only `live` comes along,
which notes the text of every file before anyone can have edited it.
"""

import os
import sys

# Python's own modules alone, until `show_hidden` has looked: a student's types.py or
# functools.py, in the current folder, would be imported here in the place of Python's.
_path = sys.path[:]
sys.path[:] = [p for p in _path if p.startswith(sys.base_prefix)]

# ruff: noqa: E402
from contextlib import suppress
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
)
from importlib.util import decode_source, source_hash


class _ByContent(SourceFileLoader):
    """Uses a file's bytecode only where it was made from these very bytes.

    Python compares a file's time and size. A corrected copy of the course, unzipped
    over an old one, may have both of the old one: the old code would run.

    Attributes:
        content: the text that the module is made of, for `ece662.live`.
    """

    content = None

    def get_data(self, path):
        """Read a file; Python asks for the source, and for the bytecode."""
        data = super().get_data(path)
        if path == self.path:
            self.content = data
        return data

    def source_to_code(self, data, path, *, _optimize=-1):
        """Compile a text; one that is not UTF-8 is refused, as Python's own start does.

        Python lets such bytes pass in a comment of a module, and editors do not.
        """
        try:
            decode_source(data)
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            message = f"it is not {error.encoding}"
            raise SyntaxError(message, (path, line, 0, "")) from None
        return super().source_to_code(data, path, _optimize=_optimize)

    def path_stats(self, path):
        """Return what the bytecode notes: 32 bits of a hash stand for the time."""
        content = self.get_data(path)
        mark = int.from_bytes(source_hash(content)[:4], "little")
        return {"mtime": mark, "size": len(content)}


def _find_by_content(folder):
    """Be called by Python for each folder that modules are looked for in."""
    if not f"{folder}{os.sep}".startswith(f"{__path__[0]}{os.sep}"):
        raise ImportError(f"{folder} is not of this package")
    extensions = (ExtensionFileLoader, EXTENSION_SUFFIXES)
    return FileFinder(folder, extensions, (_ByContent, SOURCE_SUFFIXES))


if not any(getattr(h, "__name__", "") == "_find_by_content" for h in sys.path_hooks):
    sys.path_hooks.insert(0, _find_by_content)
    sys.path_importer_cache.pop(__path__[0], None)
    # This file was read before; it leaves no bytecode that could grow old.
    with suppress(OSError, TypeError):
        os.remove(__spec__.cached)

from ece662 import _computer

sys.path[:] = _path
_computer.show_hidden()  # first: the others import what may be hidden

from ece662.live import reload

_computer.lend_home()
_computer.limit_threads()

# OpenBLAS, which multiplies NumPy's matrices, lets its threads spin for some 25 ms
# before they sleep, and so they take the cores from the threads of `fast_layers`: a
# ConvNet trained no faster on two cores than on one. With this they spin for 2**16
# cycles, some 20 microseconds. It is read when NumPy is imported, hence set here.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "16")

__all__ = ["__version__", "reload"]

__version__ = "0.1.0"
