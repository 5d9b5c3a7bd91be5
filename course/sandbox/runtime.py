"""The Python that a sandbox shows: interpreter, standard library and a few packages.

The grader's own Python will not do: it may lie in a home that the sandbox's user cannot
enter, and beside numpy there are torch, tensorflow and this course. So the few packages
are copied into one folder, which takes a few seconds:

    python/     bin/python3 and lib/: the interpreter, its standard library and, in
                its site-packages, numpy and what else is asked for
    inside/     the files of this package that run inside
"""

import os
import re
import shutil
import sys
import sysconfig
import time
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

__all__ = [
    "copy",
    "distributions_of",
    "lay_out",
    "seal",
    "seal_folders",
    "write_sealed",
]

# Parts of the standard library that nobody computes with.
LEFT_OUT = ("site-packages", "test", "idlelib", "ensurepip", "turtledemo", "lib2to3")
NOT_RUN = {"..", "tests", "include"}  # commands, lying outside; tests; C headers
# Stubs of types, C and its archives: of 8,200 files of IPython's packages 5,700.
NEVER_READ = {".a", ".c", ".pxd", ".pyi", ".pyx"}
FAR_AHEAD = 2_147_000_000_000_000_000  # nanoseconds: in 2038, as far as all can say
INSIDE = ("inside.py", "confine.py", "wire.py", "probe.py")


def lay_out(folder: Path, packages: Iterable[str] = ("numpy",)) -> Path:
    """Fill an empty folder with a Python; return it.

    Args:
        folder: made by the caller, who also removes it; becomes readable for everyone.
        packages: distributions to take along, as pip names them.

    Raises:
        FileNotFoundError: a package is not installed in the grader's own Python.
    """
    library = _lay_out_python(folder / "python")
    for package in packages:
        _lay_out_package(package, library / "site-packages")
    for name in INSIDE:
        copy(Path(__file__).with_name(name), folder / "inside" / name)
    seal(folder)
    return folder


def _lay_out_python(folder: Path) -> Path:
    """Lay out the interpreter; return the folder of its standard library."""
    # Of a virtual environment, this is the Python that it was made from.
    binary = Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
    copy(binary, folder / "bin" / "python3")
    library = Path(sysconfig.get_path("stdlib"))
    shutil.copytree(
        library,
        folder / "lib" / library.name,
        copy_function=copy,
        ignore=shutil.ignore_patterns(*LEFT_OUT, "config-*", "*.a", "*.pyo"),
    )
    libraries = Path(sysconfig.get_config_var("LIBDIR") or library.parent)
    for shared in libraries.glob("libpython*.so*"):
        copy(shared, folder / "lib" / shared.name)
    return folder / "lib" / library.name


def _lay_out_package(name: str, target: Path) -> None:
    try:
        files = metadata.distribution(name).files or ()
    except metadata.PackageNotFoundError:
        raise FileNotFoundError(f"{name} is not installed here: {sys.prefix}") from None
    for file in files:
        if NOT_RUN.isdisjoint(file.parts) and file.suffix not in NEVER_READ:
            copy(Path(file.locate()), target / file)


def distributions_of(modules: Iterable[str]) -> list[str]:
    """Return the distributions that modules come from, and all that those require.

    Args:
        modules: as `import` names them; one that is not installed has none.
    """
    waiting = [name for module in modules for name in _providers(module)]
    found: dict[str, None] = {}
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        try:
            required = metadata.requires(name) or ()
        except metadata.PackageNotFoundError:
            continue  # what is required on other systems only
        if name not in found:
            found[name] = None
            waiting += [
                re.match(r"[\w.-]+", requirement)[0]
                for requirement in required
                if "extra ==" not in requirement
            ]
    return sorted(found)


def _providers(module: str) -> list[str]:
    """Return the distributions that a module comes from."""
    try:
        # Most have its name; to find out which others there are, all must be read.
        return [metadata.distribution(module).name]
    except metadata.PackageNotFoundError:
        return metadata.packages_distributions().get(module, [])


def copy(source: Path | str, target: Path | str) -> None:
    """Copy a file with its date, by which Python knows what it has compiled.

    No second name for the same file: whoever reads the one would leave a trace in the
    other, and who may read it would be one thing for both.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    found = os.stat(source)
    target.chmod(0o755 if found.st_mode & 0o100 else 0o644)
    os.utime(target, ns=(found.st_mtime_ns, found.st_mtime_ns))


def seal(folder: Path) -> None:
    """Let everybody read a folder, and no reading of it leave a trace.

    A file's time of access moves on only where it is a day old, or older than the last
    change. One that lies ahead stays where it is: otherwise a submission could write
    down by reading, and the next one look up.
    """
    for path in folder.rglob("*"):
        if not path.is_dir():
            os.utime(path, ns=(FAR_AHEAD, path.stat().st_mtime_ns))
    seal_folders(folder)


def seal_folders(folder: Path) -> None:
    """Seal only the folders, of files that are sealed already."""
    for name, _, _ in os.walk(folder):
        os.chmod(name, 0o755)
        os.utime(name, ns=(FAR_AHEAD, time.time_ns()))


def write_sealed(path: Path | str, content: bytes) -> None:
    """Write a new file that is sealed from the start."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        while content:
            content = content[os.write(handle, content) :]
        os.fchmod(handle, 0o644)  # whatever the umask
        os.utime(handle, ns=(FAR_AHEAD, time.time_ns()))
    finally:
        os.close(handle)
