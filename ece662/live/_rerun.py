"""Run a module's new text without exchanging its functions and classes.

The idea: a name is easy to find again, a reference is not. A notebook holds functions
under names from `import *`, inside dictionaries, as arguments that a Solver stored long
ago; classes live on in their instances and in subclasses written in a cell. So nothing
that was there is exchanged: a function keeps its identity and receives new code, a
class keeps its identity and receives new methods, and whoever holds either one has the
new version. To this end a decorator is slipped over every top-level `def` and `class`
of the new text, which hands back the old object filled with the new insides.

Only what cannot be filled is bound anew, by `spread`: constants, names that did not
exist before, a class whose bases or slots changed.
"""

import abc
import ast
import contextlib
import functools
import gc
import graphlib
import importlib.util
import sys
import traceback
import types
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

__all__ = ["importers_last", "in_plain_words", "run_again", "spread"]

_ROOT = Path(__file__).parents[1]

_MODULE_PARTS = (
    "__name__",
    "__package__",
    "__loader__",
    "__spec__",
    "__path__",
    "__file__",
    "__cached__",
    "__builtins__",
)
_FUNCTION_PARTS = (
    "__code__",
    "__defaults__",
    "__kwdefaults__",
    "__doc__",
    "__annotations__",
)
# Python shares equal values of these types, so identity says nothing about origin.
_SHARED = (int, float, complex, str, bytes, tuple, frozenset, type(None))
# What a class owns for its memory layout; it cannot be handed to another class.
_LAYOUT = (types.MemberDescriptorType, types.GetSetDescriptorType)
_KEEP = "__keep_identity__"


def importers_last(edited: dict[str, bytes]) -> list[str]:
    """Sort modules so that each stands after those it imports."""
    graph = {
        name: _imports(name, text) & edited.keys() - {name}
        for name, text in edited.items()
    }
    try:
        return list(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError:
        return list(edited)


def _imports(name: str, text: bytes) -> set[str]:
    """Return the dotted names that a module's text imports while it is loaded."""
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError):
        return set()
    package = (
        name if hasattr(sys.modules[name], "__path__") else name.rpartition(".")[0]
    )
    found = set()
    for node in statements:
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            relative = "." * node.level + (node.module or "")
            source = importlib.util.resolve_name(relative, package)
            found.add(source)
            found.update(f"{source}.{alias.name}" for alias in node.names)
    return found


def run_again(module: types.ModuleType, text: bytes) -> dict[str, Any]:
    """Run the new text as `module`; return the namespace as it was before.

    An error while it runs puts back everything and is raised again.
    """
    tree = _KeepIdentity().visit(ast.parse(text, module.__file__))
    code = compile(tree, module.__file__, "exec", dont_inherit=True)
    space = vars(module)
    before = dict(space)
    keeper = _Keeper(before)
    space.clear()
    space.update(_parts_of_the_import(before), **{_KEEP: keeper})
    try:
        exec(code, space)
    except BaseException:
        keeper.undo()
        space.clear()
        space.update(before)
        raise
    del space[_KEEP]
    return before


def _parts_of_the_import(space: dict[str, Any]) -> dict[str, Any]:
    """Pick what the import system put there: dunder names and submodules."""
    inside = f"{space['__name__']}."
    return {
        name: value
        for name, value in space.items()
        if name in _MODULE_PARTS
        or (isinstance(value, types.ModuleType) and value.__name__ == inside + name)
    }


class _KeepIdentity(ast.NodeTransformer):
    """Put `@__keep_identity__("name")` over each top-level function and class."""

    def visit_FunctionDef(self, node: Any) -> Any:
        keep = ast.parse(f"{_KEEP}({node.name!r})", mode="eval").body
        first = node.decorator_list[0] if node.decorator_list else node
        for part in ast.walk(keep):
            ast.copy_location(part, first)
        node.decorator_list.insert(0, keep)
        return node  # without generic_visit: what is defined inside stays as it is

    visit_AsyncFunctionDef = visit_FunctionDef
    visit_ClassDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> ast.Lambda:
        return node


class _Keeper:
    """Hands back old functions and classes, filled with the insides of the new."""

    def __init__(self, before: dict[str, Any]) -> None:
        self._before = before
        self._undo: list[Callable[[], None]] = []

    def __call__(self, name: str) -> Callable[[Any], Any]:
        return lambda new: self.keep(self._before.get(name), new)

    def undo(self) -> None:
        """Give everything that was filled its former insides back."""
        while self._undo:
            self._undo.pop()()

    def keep(self, old: Any, new: Any) -> Any:
        """Return `old` made equal to `new` where that is possible, else `new`."""
        if old is new or type(old) is not type(new):
            return new
        if isinstance(new, types.FunctionType) and _same_frame(old, new):
            return self._keep_function(old, new)
        if type(new) in (type, abc.ABCMeta) and _same_layout(old, new):
            return self._keep_class(old, new)
        return new

    def _keep_function(self, old: types.FunctionType, new: types.FunctionType) -> Any:
        self._undo.append(functools.partial(_fill_function, old, *_insides(old)))
        _fill_function(old, *_insides(new))
        return old

    def _keep_class(self, old: type, new: type) -> type:
        bases = old.__bases__
        if bases != new.__bases__:
            try:
                old.__bases__ = new.__bases__
            except TypeError:  # the instances' layout would differ
                return new
        # super() inside a method finds its class in a closure cell.
        for cell in gc.get_referrers(new):
            if isinstance(cell, types.CellType):
                cell.cell_contents = old
        former = _attributes(old)
        self._undo.append(functools.partial(_fill_class, old, former, bases))
        kept = {
            name: self.keep(former.get(name), value)
            for name, value in _attributes(new).items()
        }
        _fill_class(old, kept, new.__bases__)
        return old


def _same_frame(old: types.FunctionType, new: types.FunctionType) -> bool:
    """True where `old` can run the code of `new`: same globals, same closure."""
    return (
        old.__globals__ is new.__globals__
        and (old.__module__, old.__qualname__) == (new.__module__, new.__qualname__)
        and old.__code__.co_freevars == new.__code__.co_freevars
    )


def _same_layout(old: type, new: type) -> bool:
    """True where instances of `old` could be instances of `new`."""
    return (old.__module__, old.__qualname__, vars(old).get("__slots__")) == (
        new.__module__,
        new.__qualname__,
        vars(new).get("__slots__"),
    )


def _insides(function: types.FunctionType) -> tuple[dict[str, Any], list, dict]:
    """Return what makes a function do what it does: parts, cells, attributes."""
    parts = {part: getattr(function, part) for part in _FUNCTION_PARTS}
    cells = [_content(cell) for cell in function.__closure__ or ()]
    return parts, cells, dict(vars(function))


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # empty: its variable has no value yet
        return _content


def _fill_function(
    function: types.FunctionType, parts: dict[str, Any], cells: list, attributes: dict
) -> None:
    for part, value in parts.items():
        setattr(function, part, value)
    for cell, content in zip(function.__closure__ or (), cells, strict=True):
        if content is not _content:
            cell.cell_contents = content
    vars(function).clear()
    vars(function).update(attributes)


def _attributes(cls: type) -> dict[str, Any]:
    return {k: v for k, v in vars(cls).items() if not isinstance(v, _LAYOUT)}


def _fill_class(cls: type, attributes: dict[str, Any], bases: tuple) -> None:
    if cls.__bases__ != bases:
        cls.__bases__ = bases
    for name in _attributes(cls).keys() - attributes.keys():
        type.__delattr__(cls, name)
    for name, value in attributes.items():
        type.__setattr__(cls, name, value)


def spread(
    module: types.ModuleType,
    before: dict[str, Any],
    namespaces: Iterable[dict[str, Any]],
) -> None:
    """Carry what was exchanged or added to the namespaces that imported it.

    Args:
        module: the module that was run again.
        before: its namespace as `run_again` returned it.
        namespaces: where names of the module may have been bound.
    """
    after = vars(module)
    exchanged = {
        name: (old, after[name])
        for name, old in before.items()
        if not name.startswith("__")
        and not _is_guest(old, module)
        and name in after
        and after[name] is not old
    }
    for old, new in exchanged.values():
        if isinstance(old, type) and isinstance(new, type):
            _move_heirs(old, new)
    for space in namespaces:
        if space is not after:
            _replace(space, exchanged)
            _add_new_names(space, before, after)


def _is_guest(thing: Any, module: types.ModuleType) -> bool:
    """True for what the module itself had imported: its owner answers for it."""
    if isinstance(thing, (type, types.FunctionType)):
        return thing.__module__ != module.__name__
    return isinstance(thing, types.ModuleType)


def _replace(space: dict[str, Any], exchanged: dict[str, tuple[Any, Any]]) -> None:
    """Bind the new object to each name that holds an old one, aliases included."""
    aliases = {
        id(old): new for old, new in exchanged.values() if not isinstance(old, _SHARED)
    }
    for name, value in list(space.items()):
        old, new = exchanged.get(name, (None, None))
        if name in exchanged and value is old:
            space[name] = new
        elif id(value) in aliases:
            space[name] = aliases[id(value)]


def _add_new_names(
    space: dict[str, Any], before: dict[str, Any], after: dict[str, Any]
) -> None:
    """Bring names new in the module to a namespace that did `import *` from it.

    Nothing records a star import; it shows in the namespace, which then holds most of
    the module's public names. A name that is taken there already stays untouched.
    """
    public = [name for name in _public(before) if name in after]
    held = sum(name in space and space[name] is after[name] for name in public)
    if not held or 2 * held < len(public):
        return
    for name in _public(after):
        if name not in before:
            space.setdefault(name, after[name])


def _public(space: dict[str, Any]) -> list[str]:
    names = space.get("__all__")
    if names is None:
        names = [name for name in space if not name.startswith("_")]
    return [name for name in names if name in space]


def _move_heirs(old: type, new: type) -> None:
    """Hand the instances and subclasses of a class not kept to the new one."""
    for heir in old.__subclasses__():
        with contextlib.suppress(TypeError):
            heir.__bases__ = tuple(new if b is old else b for b in heir.__bases__)
    for thing in gc.get_referrers(old):
        if type(thing) is old:
            # Where the slots differ, the object stays what it was.
            with contextlib.suppress(TypeError):
                thing.__class__ = new


def in_plain_words(module: types.ModuleType, error: BaseException) -> str:
    """Say file, line and fault, and which code is in use now."""
    path, line, source = module.__file__, None, ""
    if isinstance(error, SyntaxError) and error.filename:
        path, line, source = error.filename, error.lineno, error.text or ""
        fault = error.msg
    else:
        ours = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if Path(frame.filename).is_relative_to(_ROOT) and frame.filename != __file__
        ]
        if ours:
            path, line, source = ours[-1].filename, ours[-1].lineno, ours[-1].line
        fault = f"{type(error).__name__}: {error}"
    where = f"{_short(path)}, line {line}" if line else _short(path)
    shown = f"\n    {source.strip()}" if source.strip() else ""
    return (
        f"{_short(module.__file__)} was not reloaded, its code from before the edit "
        f"stays in use.\n{where}: {fault}{shown}"
    )


def _short(path: str) -> str:
    """Write a path from the package's folder on, with forward slashes."""
    full = Path(path)
    inside = full.is_relative_to(_ROOT)
    return full.relative_to(_ROOT.parent).as_posix() if inside else full.name
