"""Which modules run again after an edit, in which order, and which fail to.

An edited module runs again, and so does each module that imports a name from it which
is now bound to another object or is gone, so that the session agrees with a newly
started Python. A module that fails keeps its former code; the reason is kept until it
runs.
"""

import re
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ece662.live._identity import owned
from ece662.live._rerun import changed_names, holds_most_of, run_again, spread
from ece662.live.exits import no_silent_exit
from ece662.live.limit import LOAD_SECONDS, patience, time_limit
from ece662.live.source import (
    CannotReadError,
    check_source,
    describe,
    imports_of,
    read_source,
)

__all__ = ["Refresher"]


class Refresher:
    """Brings modules up to date; remembers their former objects and their problems."""

    def __init__(self, loaded: dict[str, Any]) -> None:
        """Start with the modules that are loaded.

        Args:
            loaded: the modules at the last refresh, by name; updated in place.
        """
        self._loaded = loaded
        self._known: dict[str, dict[str, Any]] = {}  # objects that are kept, by module
        self._lost: dict[str, dict[str, Any]] = {}  # values of deleted names, by module
        self._problems: dict[str, str] = {}
        self._imports: dict[str, tuple[bytes, dict[str, set[str]]]] = {}

    def refresh(
        self,
        texts: Mapping[str, bytes | None],
        modules: Sequence[types.ModuleType],
        spaces: Sequence[dict[str, Any]],
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Run the edited modules again, and those that an edit affects.

        Args:
            texts: of the modules that were edited, or imported once more.
            modules: all that are loaded.
            spaces: the namespaces of script and notebook.

        Returns:
            The names of the modules that ran again, and the problems of others.
        """
        self._remember()
        own = [vars(module) for module in modules]
        reloaded: list[str] = []
        changed: dict[str, set[str]] = {}
        again = set(texts) | set(self._problems)
        for name in self._importers_last(texts):
            if name not in again and not self._takes(name, changed):
                continue
            names = self._refresh_one(name, own, spaces)
            if names is not None:
                changed[name] = names
                reloaded.append(name)
        return tuple(reloaded), tuple(self._problems.values())

    def problem_of(self, name: str) -> str | None:
        """Return the problem of a module, or of one that it imports."""
        waiting, seen = [name], set()
        while waiting:
            one = waiting.pop()
            if one in seen or one not in self._loaded:
                continue
            seen.add(one)
            if one in self._problems:
                return self._problems[one]
            waiting += self._imports_of(one)
        return None

    def _remember(self) -> None:
        """Record the functions and classes of modules loaded since the last refresh."""
        for name, known in self._loaded.items():
            if name not in self._known:
                self._known[name] = owned(known.names)

    def _refresh_one(self, name: str, own, spaces) -> set[str] | None:
        """Run one module again; return the names that changed, None where it failed."""
        module, known = sys.modules[name], self._loaded[name]
        before = {**self._lost.get(name, {}), **known.names}
        try:
            text = self._text_of(name, module)
            with time_limit(LOAD_SECONDS * patience()), no_silent_exit():
                run_again(module, text, self._known[name])
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            self._problems[name] = describe(module.__file__, error)
            return None
        self._problems.pop(name, None)
        after = vars(module)
        changed = changed_names(known.names, after)
        starred = [s for s in spaces if _did_import_star(s, name, known.names)]
        spread(module, before, [*own, *spaces], starred)
        if known.module is not module:
            _replace_module(known.module, module, [*own, *spaces])
        self._lost[name] = {n: v for n, v in before.items() if n not in after}
        self._loaded[name] = known._replace(
            module=module, loader=module.__loader__, text=text, names=dict(after)
        )
        return changed

    def _text_of(self, name: str, module: types.ModuleType) -> bytes:
        path = module.__file__ or ""
        try:
            text = read_source(path)
        except CannotReadError:
            if self._loaded[name].text == b"" and path:  # it was empty before, too
                return b""
            raise
        check_source(path, text)
        return text

    def _takes(self, name: str, changed: Mapping[str, set[str]]) -> bool:
        """True where a module imports a name that has changed in its module."""
        for source, taken in self._imports_of(name).items():
            names = changed.get(source, set())
            if names and (taken & names or "*" in taken):
                return True
        return False

    def _imports_of(self, name: str) -> dict[str, set[str]]:
        module, text = sys.modules.get(name), self._loaded[name].text or b""
        if module is None:
            return {}
        kept = self._imports.get(name)
        if kept is None or kept[0] != text:
            kept = self._imports[name] = text, imports_of(module, text)
        return kept[1]

    def _importers_last(self, texts: Mapping[str, bytes | None]) -> Iterator[str]:
        """Yield the loaded modules, each after those that it imports."""
        done: set[str] = set()

        def visit(name: str) -> Iterator[str]:
            if name in done or name not in self._loaded or name not in sys.modules:
                return
            done.add(name)  # before what it imports: there may be a circle
            sources = self._imports_of(name)
            if texts.get(name):
                sources = sources | imports_of(sys.modules[name], texts[name])
            for source in sources:
                yield from visit(source)
            yield name

        for name in list(self._loaded):
            yield from visit(name)


def _did_import_star(space: dict[str, Any], name: str, before: dict[str, Any]) -> bool:
    """True where `import *` from a module was run in a namespace.

    IPython keeps a notebook's inputs, which are searched; in a script, the names that
    it holds are compared with those of the module.
    """
    line = re.compile(rf"^\s*from\s+{re.escape(name)}\s+import\s+\*", re.MULTILINE)
    cells = space.get("In")
    if isinstance(cells, list) and any(line.search(str(cell)) for cell in cells):
        return True
    return holds_most_of(space, before)


def _replace_module(old: types.ModuleType, new: types.ModuleType, spaces) -> None:
    """Bind a module that was imported once more to the names that hold the old one."""
    for space in spaces:
        for key, value in list(space.items()):
            if value is old:
                space[key] = new
