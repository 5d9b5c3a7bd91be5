"""The Python that a sandbox shows: interpreter, standard library and a few packages.

The grader's own Python will not do: it may lie in a home that the sandbox's user cannot
enter, and beside numpy there are torch, tensorflow and this course. So the few packages
are laid out anew in one folder, by hard links where the file system allows it, which
takes no room and half a second:

    python/     bin/python3 and lib/: the interpreter, its standard library and, in
                its site-packages, numpy and what else is asked for
    inside/     the files of this package that run inside
"""

import os
import re
import shutil
import sys
import sysconfig
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

__all__ = ["distributions_of", "lay_out"]

# Parts of the standard library that nobody computes with.
LEFT_OUT = ("site-packages", "test", "idlelib", "ensurepip", "turtledemo", "lib2to3")
NOT_RUN = {"..", "tests", "include"}  # commands, lying outside; tests; C headers
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
        _link(Path(__file__).with_name(name), folder / "inside" / name)
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)
    return folder


def _lay_out_python(folder: Path) -> Path:
    """Lay out the interpreter; return the folder of its standard library."""
    # Of a virtual environment, this is the Python that it was made from.
    binary = Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
    _link(binary, folder / "bin" / "python3")
    library = Path(sysconfig.get_path("stdlib"))
    shutil.copytree(
        library,
        folder / "lib" / library.name,
        copy_function=_link,
        ignore=shutil.ignore_patterns(*LEFT_OUT, "config-*", "*.a", "*.pyo"),
    )
    libraries = Path(sysconfig.get_config_var("LIBDIR") or library.parent)
    for shared in libraries.glob("libpython*.so*"):
        _link(shared, folder / "lib" / shared.name)
    return folder / "lib" / library.name


def _lay_out_package(name: str, target: Path) -> None:
    try:
        files = metadata.distribution(name).files or ()
    except metadata.PackageNotFoundError:
        raise FileNotFoundError(f"{name} is not installed here: {sys.prefix}") from None
    for file in files:
        if NOT_RUN.isdisjoint(file.parts):
            _link(Path(file.locate()), target / file)


def distributions_of(modules: Iterable[str]) -> list[str]:
    """Return the distributions that modules come from, and all that those require.

    Args:
        modules: as `import` names them; one that is not installed has none.
    """
    providers = metadata.packages_distributions()
    waiting = [name for module in modules for name in providers.get(module, ())]
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


def _link(source: Path | str, target: Path | str) -> None:
    """Give a file a second name, or a copy where that is not possible."""
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    source = os.path.realpath(source)
    try:
        os.link(source, target)
    except OSError:  # another file system, or not ours
        shutil.copyfile(source, target)
        shutil.copymode(source, target)
    if not os.stat(target).st_mode & 0o004:  # a careful umask installed it
        target.unlink()
        shutil.copyfile(source, target)
        target.chmod(0o755 if os.access(source, os.X_OK) else 0o644)
