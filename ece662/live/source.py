"""A module's source: whether Python can read it, and what it imports.

A file that cannot be read (missing, empty, a syntax error) is reported with its line,
and in the same words by a notebook, a check and the command line.
"""

import ast
import codecs
import importlib.util
import sys
import time
import tokenize
import traceback
import types
from collections.abc import Iterator
from pathlib import Path

from ece662.live.limit import EndlessError

__all__ = [
    "CannotReadError",
    "check_source",
    "describe",
    "explain_import",
    "imports_of",
    "read_source",
    "short",
]

_ROOT = Path(__file__).parents[2]
_HERE = Path(__file__).parent
_ALL = "*"


class CannotReadError(ValueError):
    """Python cannot read a file; the message says which file, where and why."""

    def __init__(self, path: str, line: int, why: str, source: str = ""):
        """Keep file and line, so that callers can link to them."""
        self.path, self.line, self.source = path, line, source.strip()
        where = f"cannot be read, line {line}" if line else "cannot be read"
        super().__init__(f"{short(path)} {where}: {why}")


def read_source(path: str, tries: int = 3) -> bytes:
    """Read a module's file, and make sure that Python can read it.

    Args:
        path: of the file.
        tries: how often to look; an editor may be half-way through a save.

    Raises:
        CannotReadError: it is missing or empty, or cannot be opened.
    """
    for tries_left in reversed(range(tries)):
        try:
            return _read(path)
        except CannotReadError as error:
            if error.line or not tries_left:
                raise
            time.sleep(0.02)
    raise AssertionError("the last try returns or raises")


def _read(path: str) -> bytes:
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise CannotReadError(path, 0, "it is not there") from None
    except OSError as error:
        why = "it is a folder" if Path(path).is_dir() else error.strerror or str(error)
        raise CannotReadError(path, 0, why) from None
    if not data.removeprefix(codecs.BOM_UTF8).strip():
        raise CannotReadError(path, 0, "it is empty")
    return data


def check_source(path: str, data: bytes) -> None:
    """Make sure that Python can read a text.

    Raises:
        CannotReadError: it cannot; the message names the line.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise CannotReadError(path, 1, "it is not UTF-8 but UTF-16")
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise CannotReadError(path, line, "it holds a zero byte, which no text has")
    try:
        encoding, _ = tokenize.detect_encoding(iter(data.splitlines(True)).__next__)
        data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise CannotReadError(path, line, f"it is not {error.encoding}") from None
    except SyntaxError as error:  # an unknown encoding, or not UTF-8
        line = _line_of_bad_byte(data)
        raise CannotReadError(path, line, error.msg or "no encoding") from None
    try:
        compile(data, path, "exec", dont_inherit=True)
    except SyntaxError as error:
        source = error.text or ""
        why = error.msg or "it is no Python"
        raise CannotReadError(path, error.lineno or 1, why, source) from None
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise CannotReadError(path, 1, f"{type(error).__name__}: {error}") from None


def _line_of_bad_byte(data: bytes) -> int:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return data.count(b"\n", 0, error.start) + 1
    return 1


def imports_of(module: types.ModuleType, text: bytes) -> dict[str, set[str]]:
    """Map each module that a text imports when it is loaded to the imported names.

    A module imported as a whole has "*" among them; the packages that contain the
    module are listed without names.
    """
    name = module.__name__
    parts = name.split(".")
    found = {".".join(parts[:n]): set() for n in range(1, len(parts))}
    package = name if hasattr(module, "__path__") else name.rpartition(".")[0]
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return found
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found.setdefault(alias.name, set()).add(_ALL)
        elif isinstance(node, ast.ImportFrom):
            relative = "." * node.level + (node.module or "")
            source = importlib.util.resolve_name(relative, package)
            taken = {alias.name for alias in node.names}
            found.setdefault(source, set()).update(taken)
            for one in taken:
                if f"{source}.{one}" in sys.modules:
                    found.setdefault(f"{source}.{one}", set()).add(_ALL)
    found.pop(name, None)
    return found


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements that run when a module is loaded: none inside functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.expr):
            continue
        yield child
        yield from _statements(child)


def explain_import(name: str, error: BaseException) -> str:
    """Say why a module of the package could not be imported.

    Args:
        name: of the module.
        error: raised by its import, in this module or in one that it imports.
    """
    path = _ROOT.joinpath(*name.split(".")).with_suffix(".py")
    if isinstance(error, SyntaxError) and error.filename:
        path = Path(error.filename)
    elif isinstance(error, ModuleNotFoundError) and error.name:
        missing = _ROOT.joinpath(*error.name.split("."))
        path = missing.with_suffix(".py") if error.name.startswith("ece662.") else path
    try:
        check_source(str(path), read_source(str(path)))
    except CannotReadError as reason:
        return describe(str(path), reason)
    return describe(str(path), error)


def describe(file: str, error: BaseException) -> str:
    """Say in a line or two which file cannot be used, where, and why.

    Args:
        file: of the module.
        error: the reason.
    """
    if isinstance(error, CannotReadError):
        path, line, source, text = error.path, error.line, error.source, str(error)
    else:
        path, line, source = file, 0, ""
        frames = traceback.extract_tb(error.__traceback__)
        for frame in frames:
            inside = Path(frame.filename)
            if inside.is_relative_to(_ROOT / "ece662") and inside.parent != _HERE:
                path, line, source = frame.filename, frame.lineno or 0, frame.line or ""
        where = f"{short(path)}, line {line}" if line else short(path)
        own = "" if short(path) == short(file) else f"{short(file)}, in "
        text = f"{own}{where}: {_fault(error)}"
    return f"{text}\n    {source.strip()}" if source.strip() else text


def _fault(error: BaseException) -> str:
    """Say what an error is; in an ImportError, with the short path of the file."""
    if isinstance(error, EndlessError):
        return f"{error} while it was loaded"
    if isinstance(error, ImportError) and error.path:
        return f"{type(error).__name__}: {error}".replace(error.path, short(error.path))
    return f"{type(error).__name__}: {error}"


def short(path: str) -> str:
    """Write a path from the package's folder on, with forward slashes."""
    full = Path(path)
    inside = full.is_relative_to(_ROOT)
    return full.relative_to(_ROOT).as_posix() if inside else full.name
