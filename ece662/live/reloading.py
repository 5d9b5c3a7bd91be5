"""Live editing: the next cell runs what the editor has just saved.

`reload()` runs every file of the package again whose text has changed, in the order of
imports, and then each module that had imported a name which is now another object;
`reload(auto=True)` does so before each notebook cell. However a function or class was
brought in (`import *`, `from ... import`, an alias, a dictionary, an instance, a
subclass), it is the new version afterwards, even if it had been deleted in between;
`ece662.live._identity` explains how. IPython's autoreload is not used: on Colab it
cannot be loaded, as the IPython there needs the module `imp`, which Python no longer
has. If a user turns it on, or calls `importlib.reload`, the effect is detected and
corrected.

A file that cannot be read changes nothing in the notebook: the report names file and
line, and the code from before the edit is used until the file is mended. Checks do not
accept that code: `problem_of` returns the error at which a newly started Python would
stop. Two things need a restart of the kernel: an edit to this folder, and a value that
a module computed by calling a function that has changed since.
"""

import os
import sys
import types
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

# `_refresher` is imported once a file has changed, to keep `import ece662` quick.

__all__ = [
    "ReloadReport",
    "is_as_loaded",
    "problem_of",
    "refresh",
    "reload",
    "running_shell",
]

_PACKAGE = "ece662"


class ReloadReport(NamedTuple):
    """What `refresh` did: the modules reloaded, and why others were not."""

    reloaded: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"reloaded {', '.join(self.reloaded)}"] if self.reloaded else []
        lines += self.problems
        if self.problems:
            lines.append("Cells run the code from before the edit; checks fail.")
        return "\n".join(lines) or "no file of the package has changed"

    def _ipython_display_(self) -> None:
        """Show nothing: `reload` has printed the report already."""


def reload(auto: bool | None = None) -> ReloadReport | None:
    """Bring edited files of the package into this session and print what happened.

    Args:
        auto: True does this before every cell from now on, False stops that, None
            (the default) does it once, now.

    Returns:
        The report of this reload; None where `auto` was given.
    """
    if auto is not None:
        return _watch(auto)
    report = refresh()
    print(report)
    return report


def refresh() -> ReloadReport:
    """Reload every edited module of the package; print nothing."""
    texts = _edited()
    if not texts and _refresher is None:
        return ReloadReport()
    modules = [module for _, module in _our_modules()]
    return ReloadReport(*_machinery().refresh(texts, modules, _namespaces()))


def problem_of(name: str) -> str | None:
    """Say why a newly started Python could not import a module that is loaded here.

    Args:
        name: of the module.

    Returns:
        File, line and error, of the module or of one that it imports; None where there
        is no error, or the module is not loaded.
    """
    if _refresher is None:
        return None
    for other, module in _our_modules():
        _noted(other, module)
    return _refresher.problem_of(name)


def is_as_loaded(names: Iterable[str]) -> bool:
    """Tell whether modules hold what their files say, and nothing put in from outside.

    Args:
        names: of modules of the package; those that are not loaded do not matter.
    """
    wanted = set(names)
    return all(
        _is_of(module, _noted(name, module).names)
        for name, module in _our_modules()
        if name in wanted
    )


def _is_of(module: types.ModuleType, known: dict[str, Any]) -> bool:
    """Tell whether a module has the names that are known, and the package's code."""
    names, nothing = vars(module), object()
    both = {*known, *names}
    if any(known.get(n, nothing) is not names.get(n, nothing) for n in both):
        return False
    own = [names[name] for name in names.get("__all__", ()) if name in names]
    inside = [part for thing in own if isinstance(thing, type)
              for part in vars(thing).values()]  # fmt: skip
    functions = [f for f in (*own, *inside) if isinstance(f, types.FunctionType)]
    return all(f.__module__.startswith(f"{_PACKAGE}.") for f in functions)


def _machinery() -> Any:
    global _refresher
    if _refresher is None:
        from ece662.live._refresher import Refresher

        _refresher = Refresher(_loaded)
    return _refresher


def _watch(auto: bool) -> None:
    """Register `refresh` to run before every cell, or unregister it."""
    shell = running_shell()
    if shell is None:
        if auto:
            print("no notebook is running: call ece662.reload() after an edit")
        return
    # Unregistered first: the set-up cell may run twice, the hook must run once.
    if _before_cell in shell.events.callbacks["pre_run_cell"]:
        shell.events.unregister("pre_run_cell", _before_cell)
    if auto:
        _edited()  # records the modules loaded so far, before any can be loaded again
        shell.events.register("pre_run_cell", _before_cell)


def _before_cell(info: Any) -> None:
    """Refresh before a cell runs; IPython calls this."""
    report = refresh()
    if report.reloaded or report.problems:
        print(report)


def running_shell() -> Any:
    """Return the running IPython shell, None outside of one."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def _namespaces() -> list[dict[str, Any]]:
    """List the namespaces of the script and of the notebook."""
    spaces = [vars(sys.modules["__main__"])]
    shell = running_shell()
    if shell is not None and shell.user_ns is not spaces[-1]:
        spaces.append(shell.user_ns)
    return spaces


def _edited() -> dict[str, bytes | None]:
    """Map each loaded module whose file has another text now to that text.

    None stands for a file that cannot be opened.
    """
    edited = {}
    for name, module in _our_modules():
        known, text = _noted(name, module), _read(module.__file__)
        is_another = known.module is not module or known.loader is not module.__loader__
        if is_another or text is None or text != known.text:
            edited[name] = text
    return edited


def _noted(name: str, module: types.ModuleType) -> "_Loaded":
    """Return the record of a module; the first call makes it."""
    if name not in _loaded:
        content = getattr(module.__loader__, "content", None)
        text = content or _texts.get(module.__file__)
        _loaded[name] = _Loaded(module, module.__loader__, text, dict(vars(module)))
    return _loaded[name]


def _our_modules() -> Iterator[tuple[str, types.ModuleType]]:
    for name, module in list(sys.modules.items()):
        inside = name == _PACKAGE or name.startswith(f"{_PACKAGE}.")
        path = getattr(module, "__file__", None) or ""
        is_this = name == __package__ or name.startswith(f"{__package__}.")
        if inside and not is_this and path.endswith(".py"):
            yield name, module


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


class _Loaded(NamedTuple):
    """A module as it was at the last `refresh`."""

    module: types.ModuleType
    loader: Any  # differs after importlib.reload or a second import
    text: bytes | None  # its source
    names: dict[str, Any]  # its namespace


_loaded: dict[str, _Loaded] = {}
_refresher: Any = None
# The source of each module, read when the package is imported and nothing can have been
# edited yet; used for modules that were not read by the package's own loader.
_texts: dict[str, bytes | None] = {
    path: _read(path)
    for folder, _, files in os.walk(os.path.dirname(os.path.dirname(__file__)))
    for path in (os.path.join(folder, file) for file in files)
    if path.endswith(".py")
}
