"""Live editing: the next cell runs what the editor has just saved.

`reload()` runs again every file of the package whose text has changed, those that
others build on first, and then each module that took something from it which is no
longer the same; `reload(auto=True)` does so by itself before each notebook cell.
Whatever way a function or class was brought in (`import *`, `from ... import`, an
alias, a dictionary, an instance, a subclass), it is the new version afterwards, also
when it was away for a while; how, says `ece662.live._identity`. IPython's autoreload is
not needed: it cannot load on Colab, where an old IPython meets a Python without the
`imp` module. Where it is on all the same, or somebody calls `importlib.reload`, what
they did is seen and set right.

A file that cannot be read changes nothing in the notebook: the report names file and
line, and the code from before the edit stays whole until the file is mended. Checks do
not go by that code: `problem_of` says for each module what a newly started Python would
stop at. Two things need a restart of the kernel: an edit to this folder, and a value
that a module computed by calling a function that has changed since.
"""

import os
import sys
import types
from collections.abc import Iterator
from typing import Any, NamedTuple

# The machinery is imported once a file has changed: `import ece662` is quick.

__all__ = ["ReloadReport", "problem_of", "refresh", "reload", "running_shell"]

_PACKAGE = "ece662"


class ReloadReport(NamedTuple):
    """What `refresh` did: the modules reloaded, and for the others why not."""

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
        The ReloadReport of the one reload; None where `auto` was given.
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
        File, line and fault, of the module or of one that it imports; None where there
        is nothing to say, or the module is not loaded.
    """
    if _refresher is None:
        return None
    for other, module in _our_modules():
        _noted(other, module)
    return _refresher.problem_of(name)


def _machinery() -> Any:
    global _refresher
    if _refresher is None:
        from ece662.live._refresher import Refresher

        _refresher = Refresher(_loaded)
    return _refresher


def _watch(auto: bool) -> None:
    """Hook `refresh` before every cell, or take it off again."""
    shell = running_shell()
    if shell is None:
        if auto:
            print("no notebook is running: call ece662.reload() after an edit")
        return
    # Taken off first: the set-up cell may run twice, the hook must not.
    if _before_cell in shell.events.callbacks["pre_run_cell"]:
        shell.events.unregister("pre_run_cell", _before_cell)
    if auto:
        _edited()  # what is loaded by now is noted, before anyone can load it again
        shell.events.register("pre_run_cell", _before_cell)


def _before_cell(info: Any) -> None:
    """Be called by IPython before it runs a cell."""
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
    """Map the name of each loaded module that is not its file's text to the new text.

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
    """Return what is known of a module; at the first look, what it is now."""
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
    """A module as it was when it was last looked at."""

    module: types.ModuleType
    loader: Any  # another one: somebody has imported the module once more
    text: bytes | None  # that it was made of
    names: dict[str, Any]  # its namespace


_loaded: dict[str, _Loaded] = {}
_refresher: Any = None
# The text each module is loaded from, taken when the package is imported and nothing
# can have been edited yet; where the package's own loader has read a module, it knows.
_texts: dict[str, bytes | None] = {
    path: _read(path)
    for folder, _, files in os.walk(os.path.dirname(os.path.dirname(__file__)))
    for path in (os.path.join(folder, file) for file in files)
    if path.endswith(".py")
}
