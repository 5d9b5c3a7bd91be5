"""Run a module's new text in its own namespace, and update the modules that use it.

Functions and classes keep their identity (`ece662.live._identity`): a decorator, added
to the last top-level `def` or `class` of each name, returns the old object with the new
code in it. Names for which this is impossible are rebound by `spread`: constants, new
names, a class whose slots changed.
"""

import ast
import contextlib
import gc
import types
from collections.abc import Iterable
from typing import Any

from ece662.live._identity import Keeper

__all__ = ["changed_names", "holds_most_of", "run_again", "spread"]

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
# Python shares equal values of these types, so identity says nothing about origin.
_SHARED = (int, float, complex, str, bytes, tuple, frozenset, type(None))
_KEEP = "__keep_identity__"
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def run_again(module: types.ModuleType, text: bytes, known: dict[str, Any]) -> None:
    """Run the new text as `module`.

    If it raises, everything is put back as it was.

    Args:
        module: the module; its namespace is emptied first.
        text: of its file.
        known: its functions and classes by qualified name; new ones are added.
    """
    space, before = vars(module), dict(vars(module))
    own: set[str] = set()  # names that the text binds to something else after the def
    while True:
        keeper = Keeper(known)
        kept = _run(module, text, keeper, own, before)
        others = {name for name, thing in kept.items() if space.get(name) is not thing}
        if not others:
            break
        # `f = timed(f)`: callers of the old f must get the wrapper, and it the new f.
        keeper.undo()
        own |= others
    keeper.settle(space)


def _run(
    module: types.ModuleType,
    text: bytes,
    keeper: Keeper,
    own: set[str],
    before: dict[str, Any],
) -> dict[str, Any]:
    """Run a text in an emptied namespace; return the objects it defined, by name."""
    tree = _with_identities(ast.parse(text, module.__file__), own)
    code = compile(tree, module.__file__, "exec", dont_inherit=True)
    space, kept = vars(module), {}

    def keep(name):
        def decorate(new):
            kept[name] = keeper(name)(new)
            return kept[name]

        return decorate

    space.clear()
    space.update(_parts_of_the_import(before), **{_KEEP: keep})
    try:
        exec(code, space)
    except BaseException:
        keeper.undo()
        space.clear()
        space.update(before)
        raise
    del space[_KEEP]
    return kept


def _parts_of_the_import(space: dict[str, Any]) -> dict[str, Any]:
    """Return what the import system put there: dunder names and submodules."""
    inside = f"{space['__name__']}."
    return {
        name: value
        for name, value in space.items()
        if name in _MODULE_PARTS
        or (isinstance(value, types.ModuleType) and value.__name__ == inside + name)
    }


def _with_identities(tree: ast.Module, own: set[str]) -> ast.Module:
    """Put `@__keep_identity__("name")` over the last definition of most names.

    An earlier definition of the same name is a function of its own: the text may keep
    it under another name, with `slow = f` between two definitions of f.

    Args:
        tree: the module; changed in place.
        own: names that are left out.
    """
    last = {node.name: node for node in _definitions(tree) if node.name not in own}
    for node in last.values():
        keep = ast.parse(f"{_KEEP}({node.name!r})", mode="eval").body
        first = node.decorator_list[0] if node.decorator_list else node
        for part in ast.walk(keep):
            ast.copy_location(part, first)
        node.decorator_list.insert(0, keep)
    return tree


def _definitions(node: ast.AST) -> Iterable[Any]:
    """Yield the definitions at the top level, those below `if` and `try` too."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _DEFINITIONS):
            yield child
        elif not isinstance(child, ast.expr):
            yield from _definitions(child)


def changed_names(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """Return the names that were rebound, added or deleted."""
    found = {n for n in before.keys() | after.keys() if not n.startswith("__")}
    found = {n for n in found if before.get(n, gc) is not after.get(n, gc)}
    if before.get("__all__") != after.get("__all__"):
        found.add("__all__")
    return found


def spread(
    module: types.ModuleType,
    before: dict[str, Any],
    namespaces: Iterable[dict[str, Any]],
    starred: Iterable[dict[str, Any]] = (),
) -> None:
    """Rebind replaced objects, and bind new names, in the namespaces that import them.

    Args:
        module: the module that was run again.
        before: its namespace before that, with the names that were deleted earlier.
        namespaces: where names of the module may have been bound.
        starred: those of them that get new names, too, as with `import *`.
    """
    after = vars(module)
    exchanged = {
        name: (old, after[name])
        for name, old in before.items()
        if not name.startswith("__")
        and not _is_imported(old, module)
        and name in after
        and after[name] is not old
    }
    for old, new in exchanged.values():
        if isinstance(old, type) and isinstance(new, type):
            _move_subclasses(old, new)
    for space in namespaces:
        if space is not after:
            _replace(space, exchanged, {id(value) for value in after.values()})
    for space in starred:
        for name in _public(after):
            if name not in before:
                space.setdefault(name, after[name])


def _is_imported(thing: Any, module: types.ModuleType) -> bool:
    """True for an object that the module imported: its own module replaces it."""
    if isinstance(thing, (type, types.FunctionType)):
        return thing.__module__ != module.__name__
    return isinstance(thing, types.ModuleType)


def _replace(
    space: dict[str, Any], exchanged: dict[str, tuple[Any, Any]], alive: set[int]
) -> None:
    """Bind the new object to each name that holds an old one, aliases included.

    Args:
        space: the namespace to change.
        exchanged: old and new object by name.
        alive: ids of objects that the module still has, under whatever name: those are
            not replaced.
    """
    aliases = {
        id(old): new
        for old, new in exchanged.values()
        if not isinstance(old, _SHARED) and id(old) not in alive
    }
    for name, value in list(space.items()):
        old, new = exchanged.get(name, (None, None))
        if name in exchanged and value is old:
            space[name] = new
        elif id(value) in aliases:
            space[name] = aliases[id(value)]


def holds_most_of(space: dict[str, Any], before: dict[str, Any]) -> bool:
    """True where a namespace has most public names of a module, as by `import *`."""
    public = _public(before)
    held = sum(name in space and space[name] is before[name] for name in public)
    return bool(held) and 2 * held >= len(public)


def _public(space: dict[str, Any]) -> list[str]:
    names = space.get("__all__")
    if names is None:
        names = [name for name in space if not name.startswith("_")]
    return [name for name in names if name in space]


def _move_subclasses(old: type, new: type) -> None:
    """Make instances and subclasses of a replaced class those of the new one."""
    for cls in old.__subclasses__():
        with contextlib.suppress(TypeError):
            cls.__bases__ = tuple(new if b is old else b for b in cls.__bases__)
    for thing in gc.get_referrers(old):
        if type(thing) is old:
            # Where the slots differ, the object keeps its old class.
            with contextlib.suppress(TypeError):
                thing.__class__ = new
