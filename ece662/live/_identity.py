"""Functions and classes that keep their identity when their source changes.

A name can be rebound, a reference cannot: a notebook holds functions under names from
`import *`, inside dictionaries, as arguments that a Solver stored earlier; and classes
are referred to by their instances and by subclasses written in a cell. So the first
object of a name is kept, and a new definition puts its code into that object. Where
this is impossible (the function was deleted, or the name is now something else), the
object forwards each call to whatever the module has under that name, and raises an
error that says so if there is nothing. A function that is deleted and written again is
the old object again, for everyone who refers to it.
"""

import abc
import functools
import gc
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["Keeper", "current", "owned"]

_FUNCTION_PARTS = (
    "__code__",
    "__defaults__",
    "__kwdefaults__",
    "__doc__",
    # From Python 3.14 on they are computed when they are read, and name what may be
    # defined further down.
    "__annotate__" if sys.version_info >= (3, 14) else "__annotations__",
)
# Attributes that belong to a class's memory layout and cannot be copied to another.
_LAYOUT = (types.MemberDescriptorType, types.GetSetDescriptorType)
_CLASSES = (type, abc.ABCMeta)
_WRAPPERS = (staticmethod, classmethod)
_ROOT = Path(__file__).parents[2]


def owned(space: dict[str, Any]) -> dict[str, Any]:
    """Return a module's functions, classes and methods by qualified name.

    Args:
        space: the module's namespace.
    """
    found = {}
    for name, value in list(space.items()):
        kinds = (types.FunctionType, *_CLASSES)
        if type(value) in kinds and _is_named(value, space.get("__name__"), name):
            found[name] = value
            if isinstance(value, type):
                found |= _methods(value, name)
    return found


def _methods(cls: type, path: str) -> dict[str, types.FunctionType]:
    functions = {f"{path}.{k}": _unwrapped(v) for k, v in vars(cls).items()}
    return {
        name: value
        for name, value in functions.items()
        if type(value) is types.FunctionType and value.__qualname__ == name
    }


def _unwrapped(value: Any) -> Any:
    return value.__func__ if isinstance(value, _WRAPPERS) else value


def _is_named(value: Any, module: str | None, path: str) -> bool:
    return (value.__module__, value.__qualname__) == (module, path)


class Keeper:
    """Keeps the objects of one module, and fills them with the code of new ones."""

    def __init__(self, known: dict[str, Any]) -> None:
        """Prepare for one run of the module's text.

        Args:
            known: the objects to keep, by qualified name; new ones are added.
        """
        self._known = known
        self._undo: list[Callable[[], None]] = []

    def __call__(self, name: str) -> Callable[[Any], Any]:
        """Return the decorator for the definition of a name."""
        return lambda new: self._keep(name, new)

    def undo(self) -> None:
        """Put the former code back into every object that was filled."""
        while self._undo:
            self._undo.pop()()

    def settle(self, space: dict[str, Any]) -> None:
        """Make objects that the text no longer defines forward calls; add new ones.

        Args:
            space: the module's namespace, after the run.
        """
        now = owned(space)
        for path, old in self._known.items():
            if now.get(path) is not old:
                self._forward(old, space["__name__"], path)
        self._known.update(now)

    def _forward(self, old: Any, module: str, path: str) -> None:
        """Make an object without a definition forward to what has its name now."""
        if isinstance(old, types.FunctionType):
            old.__code__ = _forwarding_code(module, path, old.__code__.co_freevars)
            old.__defaults__ = old.__kwdefaults__ = None
        elif not hasattr(sys.modules[module], path):
            inside = f"{path}."
            methods = {p.removeprefix(inside) for p in self._known if inside in p}
            _close(old, module, path, methods)

    def _keep(self, path: str, new: Any) -> Any:
        """Return the known object of this name, filled from `new`, or `new` itself."""
        old = self._known.get(path)
        if old is new or type(old) is not type(new):
            return new
        if isinstance(new, types.FunctionType) and _can_run_code_of(old, new):
            undo = functools.partial(_fill_function, old, *_parts_of(old))
            self._undo.append(undo)
            _fill_function(old, *_parts_of(new))
            return old
        if type(new) in _CLASSES and _same_layout(old, new):
            return self._keep_class(path, old, new)
        return new

    def _keep_class(self, path: str, old: type, new: type) -> type:
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
        self._undo.append(functools.partial(_fill_class, old, _attributes(old), bases))
        kept = {
            name: self._keep_member(f"{path}.{name}", value)
            for name, value in _attributes(new).items()
        }
        _fill_class(old, kept, new.__bases__)
        return old

    def _keep_member(self, path: str, value: Any) -> Any:
        inner = _unwrapped(value)
        if getattr(inner, "__qualname__", "") != path:
            return value
        kept = self._keep(path, inner)
        return type(value)(kept) if isinstance(value, _WRAPPERS) else kept


def _can_run_code_of(old: types.FunctionType, new: types.FunctionType) -> bool:
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


def _parts_of(function: types.FunctionType) -> tuple[dict[str, Any], list, dict]:
    """Return what defines a function: code and defaults, closure cells, attributes."""
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


def _forwarding_code(
    module: str, path: str, variables: tuple[str, ...]
) -> types.CodeType:
    """Compile a function that looks up a name in a module and calls it.

    Args:
        module: its name.
        path: the qualified name of the function to call.
        variables: the closure variables of the code to be replaced; Python lets a
            function's code be replaced only by code with as many.
    """
    around = "".join(f"    {name} = None\n" for name in variables)
    used = ", ".join(variables) or "None"
    source = (
        f"def around():\n{around}"
        f"    def inner(*args, **kwargs):\n"
        f"        {used}\n"
        f"        import {__name__} as identity\n"
        f"        return identity.current({module!r}, {path!r})(*args, **kwargs)\n"
        f"    return inner\n"
    )
    names: dict[str, Any] = {}
    exec(compile(source, __file__, "exec"), names)
    return names["around"]().__code__


def current(module: str, path: str) -> Any:
    """Return what a module has under a qualified name now.

    Raises:
        NameError: it has nothing of that name; the message names the file.
    """
    value: Any = sys.modules.get(module)
    file = getattr(value, "__file__", None)
    try:
        for name in path.split("."):
            value = getattr(value, name)
    except AttributeError:
        raise _gone(file or module, path) from None
    return value


def _gone(file: str, path: str) -> NameError:
    where = Path(file)
    if where.is_relative_to(_ROOT):
        where = where.relative_to(_ROOT)
    return NameError(f"there is no {path} in {where.as_posix()} any more", name=path)


def _close(cls: type, module: str, path: str, methods: set[str]) -> None:
    """Make a class that was deleted raise an error that says so when it is used."""
    file = sys.modules[module].__file__ or module

    def __init__(self, *args, **kwargs):
        raise _gone(file, path)

    def __getattr__(self, name):
        if name in methods:
            raise _gone(file, path)
        raise AttributeError(name)

    left = {k: v for k, v in _attributes(cls).items() if k not in methods}
    closed = {"__init__": __init__, "__getattr__": __getattr__}
    _fill_class(cls, left | closed, cls.__bases__)
