"""Live editing: the next cell runs what the editor has just saved.

`reload()` runs again every file of the package whose text has changed, those that
others build on first; `reload(auto=True)` does so by itself before each notebook cell.
Whatever way a function or class was brought in (`import *`, `from ... import`, an
alias, a dictionary, an instance, a subclass), it is the new version afterwards; how,
says `ece662.live._rerun`. IPython's autoreload is not needed: it cannot load on Colab,
where an old IPython meets a Python without the `imp` module.

A file with an error changes nothing: the report names file and line, and the code
from before the edit stays whole. Two things need a restart of the kernel: an edit to
this file or to `_rerun.py`, and a value that another module computed from a changed
one while it was imported.
"""

import os
import sys
import types
from collections.abc import Iterator
from typing import Any, NamedTuple

# The machinery, _rerun, is imported once a file has changed: `import ece662` is quick.

__all__ = ["Report", "refresh", "reload", "running_shell"]

_PACKAGE = "ece662"
_NEVER_RELOADED = (__name__, f"{_PACKAGE}.live._rerun")


class Report(NamedTuple):
    """What `refresh` did: the modules reloaded, and for the others why not."""

    reloaded: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"reloaded {', '.join(self.reloaded)}"] if self.reloaded else []
        lines += self.problems
        return "\n".join(lines) or "no file of the package has changed"

    def _ipython_display_(self) -> None:
        """Show nothing: `reload` has printed the report already."""


def reload(auto: bool | None = None) -> Report | None:
    """Bring edited files of the package into this session and print what happened.

    Args:
        auto: True does this before every cell from now on, False stops that, None
            (the default) does it once, now.

    Returns:
        The Report of the one reload; None where `auto` was given.
    """
    if auto is not None:
        return _watch(auto)
    report = refresh()
    print(report)
    return report


def refresh() -> Report:
    """Reload every edited module of the package; print nothing."""
    edited = _edited_modules()
    if not edited:
        return Report()
    from ece662.live import _rerun

    reloaded, problems = [], []
    for name in _rerun.importers_last(edited):
        module = sys.modules[name]
        try:
            before = _rerun.run_again(module, edited[name])
        except (Exception, SystemExit) as error:
            problems.append(_rerun.in_plain_words(module, error))
            continue
        _texts[module.__file__] = edited[name]
        _rerun.spread(module, before, _namespaces())
        reloaded.append(name)
    return Report(tuple(reloaded), tuple(problems))


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
    """List the namespaces of our modules, of the script and of the notebook."""
    spaces = [vars(module) for _, module in _our_modules()]
    spaces.append(vars(sys.modules["__main__"]))
    shell = running_shell()
    if shell is not None and shell.user_ns is not spaces[-1]:
        spaces.append(shell.user_ns)
    return spaces


def _edited_modules() -> dict[str, bytes]:
    """Map the name of each loaded module whose file changed to the new text."""
    edited = {}
    for name, module in _our_modules():
        text = _read(module.__file__)
        if text is not None and text != _texts.get(module.__file__):
            edited[name] = text
    return edited


def _our_modules() -> Iterator[tuple[str, types.ModuleType]]:
    for name, module in list(sys.modules.items()):
        inside = name == _PACKAGE or name.startswith(f"{_PACKAGE}.")
        path = getattr(module, "__file__", None) or ""
        if inside and name not in _NEVER_RELOADED and path.endswith(".py"):
            yield name, module


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:  # deleted, or half-way through a save: look again next time
        return None


# The text each module is loaded from, taken when the package is imported and nothing
# can have been edited yet. Whole texts, since time stamps lie: one file system counts
# in nanoseconds, the next in seconds.
_texts: dict[str, bytes | None] = {
    path: _read(path)
    for folder, _, files in os.walk(os.path.dirname(os.path.dirname(__file__)))
    for path in (os.path.join(folder, file) for file in files)
    if path.endswith(".py")
}
