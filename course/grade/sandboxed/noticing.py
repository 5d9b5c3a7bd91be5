"""Find unusual code in a submission, for a teacher to look at; it changes no mark.

An exercise needs NumPy and the course's own functions. Code that uses something else
may be a new idea, or a way around the exercise: it may inspect its caller, change what
other code uses, or measure a gradient instead of deriving it. For each finding there is
a fixed sentence. Nothing is run, but parsing a text can take all memory, so it is done
in the sandbox, where this file is copied into the students' package as
`ece662.check._noticing`.
"""

import ast
import json
import re
import textwrap
from collections.abc import Iterator, Mapping

import numpy as np

from ece662.check.as_python import RUNNING, without_options
from ece662.check.running import recipe_of
from ece662.exercises import EXERCISES, Exercise, find_exercise
from ece662.exercises.regions import is_empty, parse_file

__all__ = ["NOTICED", "notice", "notice_all", "provided_for", "sentences_of"]

NOTICED = "noticed"  # the output's name; it holds the bytes of a JSON text
# What an exercise may import; of ece662 not the parts in NOT_FOR_EXERCISES.
IN_LAYERS = {
    "collections", "copy", "ece662", "functools", "itertools", "math", "numpy", "time",
    "typing", "warnings",
}  # fmt: skip
IN_CELLS = IN_LAYERS | {
    "IPython", "keras", "matplotlib", "random", "tensorflow", "torch", "tqdm"
}  # fmt: skip
NOT_FOR_EXERCISES = ("check", "fast", "exercises", "live")
REFLECTION = {
    "__import__", "breakpoint", "compile", "delattr", "eval", "exec", "get_ipython",
    "getattr", "globals", "locals", "open", "setattr", "vars",
}  # fmt: skip
INNER = {
    "builtins", "ctypes", "ctypeslib", "currentframe", "f_back", "f_globals",
    "f_locals", "gc", "get_objects", "get_referrers", "getframe", "importlib",
    "inspect", "os", "setprofile", "settrace", "sys", "tb_frame",
}  # fmt: skip
USUAL_DUNDERS = {"__init__", "__call__", "__len__", "__name__", "__iter__"}
# Of NumPy what finds a square root of -1, and what has more digits than float64: with
# either, a measured gradient is as exact as a derived one.
COMPLEX = {"cdouble", "cfloat", "clongdouble", "csingle", "emath", "imag", "scimath"}
LONG = {"float96", "float128", "longdouble", "longfloat"}
COMPLEX_TYPE = re.compile(r"[<>=|]?(?:c(?:8|16|24|32)|c?longcomplex|complex\w*|[FDG])")
LONG_TYPE = re.compile(r"[<>=|]?(?:f(?:12|16)|g)")
MAKERS = {"array", "asanyarray", "asarray", "empty", "empty_like", "full_like", "ones",
          "ones_like", "zeros", "zeros_like"}  # fmt: skip
BY_TYPE = {"astype", "dtype", "view"}
UNSEEN = "its text cannot be looked through by itself"
NUMERICAL = {"eval_numerical_gradient", "eval_numerical_gradient_array"}
# Names of modules that other code uses, too, and settings in them that may be changed.
SHARED = {"F", "keras", "layers", "nn", "np", "numpy", "optim", "tf", "torch", "plt"}
SETTINGS = {"backends", "rcParams"}

Found = Iterator[str]


def notice_all(arrays, provided):
    """Return the findings in the regions of a submission.

    Args:
        arrays: the bodies of regions, as the bytes of their text, by "file/owner/n".
        provided: from `provided_for`, by exercise.

    Returns:
        The sentences by exercise, as the bytes of a JSON text.
    """
    texts = {name: array.tobytes().decode() for name, array in arrays.items()}
    found = {}
    for exercise in EXERCISES:
        if exercise.is_checked:
            owners = exercise.regions or (exercise.id,)
            starts = tuple(f"{exercise.file}/{owner}/" for owner in owners)
            mine = [text for name, text in texts.items() if name.startswith(starts)]
            found[exercise.id] = notice(exercise, mine, {*provided[exercise.id]})
    text = json.dumps({id: sentences for id, sentences in found.items() if sentences})
    return {NOTICED: np.frombuffer(text.encode(), np.uint8)}


def notice(exercise: Exercise, bodies: list[str], provided: set[str]) -> list[str]:
    """Return the findings in an exercise, one sentence each.

    Args:
        exercise: which one.
        bodies: the texts in its regions.
        provided: names of functions and classes that it is given.
    """
    found: list[str] = []
    for body in bodies:
        if is_empty(body):
            continue
        tree = _tree(body, exercise.file.endswith(".ipynb"))
        if tree is None:
            found.append(UNSEEN)
            continue
        nodes = list(ast.walk(tree))
        shared = SHARED | {name for node in nodes for name in _bound_by_import(node)}
        course = {name for node in nodes for name in _names_of_course(node)}
        for node in nodes:
            found += _imports(exercise, node)
            found += _parts(node, course)
            found += _reflection(exercise, node)
            found += _changes(exercise, node, provided, shared)
            found += _instead_of_deriving(exercise, node)
    return list(dict.fromkeys(found))


def _tree(body: str, is_cell: bool) -> ast.Module | None:
    """Parse a body; None where Python cannot read it without the code around it.

    Only where a cell cannot be read as it is, it may hold IPython's own syntax.
    """
    body = textwrap.dedent(body.expandtabs())
    for text in (body, _plain(body)) if is_cell else (body,):
        try:
            return ast.parse("if 1:\n" + textwrap.indent(text, " ") + "\n pass")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return None


def _plain(body: str) -> str:
    """Return a body without IPython's own syntax, but with the code that it runs."""
    return "\n".join(map(_plain_line, body.split("\n")))


def _plain_line(line: str) -> str:
    bare = line.strip()
    indent = line[: len(line) - len(line.lstrip())]
    if magic := re.match(r"%(?!%)(\w+)\s+(.+)", bare):
        is_run = magic[1] in RUNNING
        return indent + (without_options(magic[2]) if is_run else "pass")
    if bare.startswith(("%", "!")) or re.fullmatch(r"\?{1,2}[\w.*]+|[\w.*]+\?+", bare):
        return f"{indent}pass"
    return re.sub(r"^(\s*[\w.]+\s*=\s*)[%!].*", r"\1None", line)


def _imports(exercise: Exercise, node: ast.AST) -> Found:
    names = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        module = ["ece662"] * bool(node.level) + [node.module] * bool(node.module)
        names = [".".join([*module, alias.name]) for alias in node.names]
    for name in names:
        first, *rest = name.split(".")
        if rest and rest[-1] in NUMERICAL:
            yield "it takes a numerical gradient"
        elif first not in (IN_CELLS if exercise.kind == "training" else IN_LAYERS):
            yield "it imports a module that the exercise has no need of"
        elif first == "ece662" and {*rest[:1]} & {*NOT_FOR_EXERCISES}:
            yield "it imports from a part of ece662 that is not for exercises"


def _bound_by_import(node: ast.AST) -> list[str]:
    return [name for name, _ in _stored(node)] if isinstance(node, ast.alias) else []


def _names_of_course(node: ast.AST) -> Iterator[str]:
    """Yield the names by which an import makes the whole package known."""
    for alias in node.names if isinstance(node, ast.Import) else ():
        if alias.name.partition(".")[0] == "ece662" and (
            alias.name == "ece662" or not alias.asname
        ):
            yield alias.asname or "ece662"


def _parts(node: ast.AST, course: set[str]) -> Found:
    """Yield parts of the package that are reached through the whole of it."""
    is_part = isinstance(node, ast.Attribute) and node.attr in NOT_FOR_EXERCISES
    if is_part and _name_of(node.value) in course:
        yield "it imports from a part of ece662 that is not for exercises"


def _reflection(exercise: Exercise, node: ast.AST) -> Found:
    name = _name_of(node)
    if isinstance(node, ast.Name) and name in REFLECTION:
        yield f"it uses {name}"
    elif isinstance(node, ast.Attribute | ast.alias) and name.strip("_") in INNER:
        yield "it looks into the code that calls it, or into Python itself"
    elif name.startswith("__") and name not in USUAL_DUNDERS:
        yield "it reaches for inner workings of Python"
    if isinstance(node, ast.ClassDef):
        methods = {getattr(part, "name", "") for part in node.body}
        unusual = any(m.startswith("__") for m in methods - USUAL_DUNDERS)
        if unusual or exercise.kind != "training":
            yield "it makes a class of its own"
    called = _name_of(node.func) if isinstance(node, ast.Call) else ""
    if called == "type" and len(node.args) == 3:
        yield "it makes a class of its own"


def _name_of(node: ast.AST) -> str:
    if isinstance(node, ast.alias):
        return node.name.rpartition(".")[2]
    return getattr(node, "attr", None) or getattr(node, "id", None) or ""


def _changes(
    exercise: Exercise, node: ast.AST, provided: set[str], shared: set[str]
) -> Found:
    """Yield changes to what other code uses, and what is kept from call to call."""
    if isinstance(node, ast.Global):
        yield "it keeps something from one call to the next"
    for base, path in _stored(node):
        if not path:
            if base in provided and exercise.kind == "training":
                yield f"it puts something else in the place of {base}"
        elif SETTINGS & {*path}:
            continue
        elif base in shared | provided or _is_class_name(base):
            yield "it changes functions or modules that others use"
        elif exercise.kind != "training" and base in _own_names(exercise):
            yield "it keeps something from one call to the next"


def _own_names(exercise: Exercise) -> set[str]:
    return {exercise.id, *exercise.regions, *exercise.provides}


def _is_class_name(name: str) -> bool:
    return name[:1].isupper() and any(c.islower() for c in name)


def _stored(node: ast.AST) -> Iterator[tuple[str, list[str]]]:
    """Yield names that a node binds or changes, each with its attributes."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name, []
    elif isinstance(node, ast.alias):
        yield (node.asname or node.name).partition(".")[0], []
    elif isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
        path = []
        while isinstance(node, ast.Attribute | ast.Subscript):
            path += [node.attr] if isinstance(node, ast.Attribute) else []
            node = node.value
        if isinstance(node, ast.Name):
            yield node.id, path


def _instead_of_deriving(exercise: Exercise, node: ast.AST) -> Found:
    """Yield signs of a gradient that is computed without being derived."""
    if exercise.kind == "training":
        return
    name, forward = _name_of(node), recipe_of(exercise).forward
    if name in NUMERICAL:
        yield "it takes a numerical gradient"
    elif (
        name and name == forward and (name != "loss" or isinstance(node, ast.Attribute))
    ):
        yield f"it calls {forward} again"
    elif name == exercise.id:
        yield "it calls itself"
    if _is_complex(node):
        yield "it computes with complex numbers"
    if name in LONG or any(map(LONG_TYPE.fullmatch, _types_in(node))):
        yield "it computes with more digits than float64 has"


def _is_complex(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):  # (-1) ** 0.5
        is_root = isinstance(getattr(node.right, "value", 0), float)
        is_root = is_root or isinstance(getattr(node.right, "op", None), ast.Div)
        return is_root and isinstance(getattr(node.left, "op", None), ast.USub)
    name = _name_of(node)
    is_number = isinstance(node, ast.Constant) and isinstance(node.value, complex)
    is_type = any(map(COMPLEX_TYPE.fullmatch, _types_in(node)))
    return is_number or is_type or name in COMPLEX or name.startswith("complex")


def _types_in(node: ast.AST) -> list[str]:
    """Return texts that a call takes for the type of an array's numbers."""
    if not isinstance(node, ast.Call):
        return []
    name = _name_of(node.func)
    first = node.args[:1] if name in BY_TYPE else node.args[1:2]
    given = [*first] if name in BY_TYPE | MAKERS else []
    given += [word.value for word in node.keywords if word.arg == "dtype"]
    texts = [part.value for part in given if isinstance(part, ast.Constant)]
    return [text for text in texts if isinstance(text, str)]


def provided_for(exercise: Exercise, notebook: str = "") -> list[str]:
    """Return the names of functions and classes that an exercise is given to use.

    Args:
        exercise: which one.
        notebook: the text of its notebook as handed out, where it is in one.
    """
    names = {"Solver", "TrainingLog"}
    for need in map(find_exercise, exercise.needs):
        # Variables of an earlier cell may be assigned again.
        names |= {name for name in need.provides if _is_class_name(name)}
        if need.kind != "training":
            names |= {need.id, *need.provides}
    if notebook:
        names |= _made_in(notebook, exercise.context)
    return sorted(names - {*exercise.provides})


def _made_in(notebook: str, context: tuple[str, ...]) -> set[str]:
    """Return the names of functions and classes that cells define or import."""
    cells, found = parse_file(notebook, "given.ipynb").cells, set()
    for id in context:
        tree = _tree(cells[id].source, True) if id in cells else None
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.alias):
                found |= {name for name, _ in _stored(node)}
    return found - {"*"}


def sentences_of(found: Mapping) -> dict[str, list[str]]:
    """Return the findings from the sandbox after a check of their form.

    Raises:
        ValueError: they have another form than `notice_all` returns.
    """
    for id, sentences in found.items():
        find_exercise(id)
        if not isinstance(sentences, list) or not all(
            isinstance(text, str) and len(text) < 200 and text.isprintable()
            for text in sentences
        ):
            raise ValueError("these are no sentences")
    return dict(found)
