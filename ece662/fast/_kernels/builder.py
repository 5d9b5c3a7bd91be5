"""Build the kernels from a running Python, and load what was built.

Python imports an extension once and keeps it. So there are two cases. If none was
loaded yet, the new file only has to be found, which needs `invalidate_caches`, as
Python remembers what each folder holds. If an older build is loaded, importing again
would silently give the old one; the new file is then loaded from a copy under a fresh
path, which the operating system takes for another library.
"""

import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from ece662.fast import _kernels

__all__ = ["build_and_load", "load_afresh"]

REPOSITORY = Path(__file__).parents[3]


def build_and_load():
    """Compile the kernels in place, and return them, loaded.

    Raises:
        RuntimeError: there are no sources to build from, or the build failed.
    """
    if not (REPOSITORY / "setup.py").exists():
        raise RuntimeError(
            "the kernels are built from a clone of the course's repository, and "
            f"{REPOSITORY} holds no setup.py; use an editable installation "
            "(pip install --editable .) of a clone"
        )
    command = [sys.executable, "setup.py", "build_ext", "--inplace"]
    # Required: without kernels the command is to fail, not to make do with NumPy.
    environment = os.environ | {"ECE662_REQUIRE_KERNELS": "1"}
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise RuntimeError(
            f"`{' '.join(['python', *command[1:]])}` failed:\n"
            + (done.stderr or done.stdout)[-2000:]
        )
    importlib.invalidate_caches()
    if _kernels.NATIVE in sys.modules:
        return load_afresh(sys.modules[_kernels.NATIVE].__file__)
    return _kernels.load()


def load_afresh(path):
    """Load an extension from a copy, and let it take the place of the loaded one.

    The copy lives in a temporary folder, which is deleted at once where the system
    lets go of files in use (not on Windows).
    """
    folder = tempfile.mkdtemp(prefix="ece662-kernels-")
    try:
        copy = shutil.copy(path, folder)
        loader = ExtensionFileLoader(_kernels.NATIVE, copy)
        spec = spec_from_file_location(_kernels.NATIVE, copy, loader=loader)
        native = module_from_spec(spec)
        loader.exec_module(native)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    native.__file__ = path
    sys.modules[_kernels.NATIVE] = native
    return native
