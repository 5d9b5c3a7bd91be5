"""Models of PyTorch and Keras that a student made, where a framework's own code stops.

A class without `super().__init__()`, or without `forward`, or layers that do not fit
each other stop inside the framework: no line of the student's is in the traceback. Yet
it is their model that stops, and this module finds their class, the layer, and words.
"""

import contextlib
import difflib
import inspect
import linecache
import re
from collections.abc import Iterator
from typing import Any

from ece662.live.place import StudentLine, is_students, name_of

__all__ = [
    "ARGUMENTS",
    "in_model",
    "lacks_a_method",
    "layer_of",
    "line_of_model",
    "stopped_model",
    "words_of_frameworks",
]

NO_METHOD = re.compile(
    r'is missing the required "(forward)" function'
    r"|does not have a `(call)\(\)` method implemented"
    r"|\.(__init__)\(\) takes (?:1|from 1 to \d+) positional arguments? but"
)
# How Python speaks of a call's arguments, and Keras, which binds them itself.
ARGUMENTS = re.compile(
    r"\(\) (takes|got|missing) |^(too many positional|missing a required) argument"
)
DECORATORS = 10  # lines of them above a def
TOO_FEW = re.compile(r"\.(\w+)\(\) takes \d+ positional arguments? but")
LAYER = "(ReLU|LeakyReLU|Flatten|Conv2d|Linear|MaxPool2d|BatchNorm2d|Dropout|Softmax)"
# What the messages of both frameworks mean.
MEANINGS = (
    (
        r"you forgot to call `super\(\)\.__init__\(\)`"
        r"|before Module\.__init__\(\) call"
        r"|object has no attribute '_(parameters|modules|buffers|\w+_hooks|tracker)'",
        "The first line of `__init__` has to be `super().__init__()`: it makes the "
        "object a model that can hold layers.",
    ),
    (
        r"cannot add new elements of state",
        "Layers are made once, in `__init__`; `call` only uses them.",
    ),
    (
        r"mat1 and mat2 shapes cannot be multiplied \(\d+x(\d+) and \d+x\1\)",
        "Both have as many columns: one `.T` is missing or too many, and F.linear does "
        "one itself.",
    ),
    (
        r"modified by an inplace operation",
        "The backward pass needs what a layer has computed, and a line in place (`+=`, "
        "`mul_`, `inplace=True`) has written over it.",
    ),
    (
        r"mat1 and mat2 shapes cannot be multiplied",
        "Another number of columns came into the affine layer than it was made for: "
        "flattening each picture gives C * H * W of them.",
    ),
    (
        rf"must be Tensor, not {LAYER}|"
        rf"'{LAYER}' object has no attribute '(shape|view|flatten|reshape|size|dim)'",
        "A layer of torch.nn is made first, and then called with x: `nn.ReLU(x)` only "
        "makes one.",
    ),
    (
        r"must be Tensor, not NoneType",
        "None came in: does the step before return what it computes?",
    ),
    (
        r"must be tuple of ints, ?but got float|received an invalid combination of "
        r"arguments - got \(.*float|'float' object cannot be interpreted as an integer",
        "Sizes are whole numbers, and `/` gives a float even where it comes out even.",
    ),
)


@contextlib.contextmanager
def in_model(model: Any) -> Iterator[None]:
    """Mark exceptions as raised by a student's model.

    Args:
        model: it, its class, or the function that has made it: the outermost counts.
    """
    try:
        yield
    except Exception as error:
        error.stopped_model = model
        raise


def stopped_model(error: BaseException) -> Any:
    """Return the model, class or function marked in an exception; None if none is."""
    return getattr(error, "stopped_model", None)


def line_of_model(model: Any) -> StudentLine | None:
    """Return the line where a model's class, or its function, begins."""
    if inspect.isfunction(model) and is_students(model.__code__.co_filename):
        return _line_of_code(model.__name__, model.__code__)
    kind = model if isinstance(model, type) else type(model)
    for parent in kind.__mro__:
        for code in _codes_of(parent):
            if is_students(code.co_filename):
                return _line_of_code(parent.__name__, code)
    return None


def _line_of_code(name, code) -> StudentLine:
    number, text = _first_line(name, code)
    return StudentLine(name_of(code.co_filename), number, text, name)


def _codes_of(kind):
    """Return the codes of the methods of a class, in the order of their lines."""
    methods = map(inspect.unwrap, filter(inspect.isfunction, vars(kind).values()))
    return sorted((m.__code__ for m in methods), key=lambda c: c.co_firstlineno)


def _first_line(name, code) -> tuple[int, str]:
    """Return number and text of the class statement above a method, or of a def."""
    linecache.checkcache(code.co_filename)
    number = code.co_firstlineno  # of the decorators, where there are any
    for line in (*range(number, 0, -1), *range(number, number + DECORATORS)):
        text = linecache.getline(code.co_filename, line).strip()
        if re.match(rf"(class|def) {name}\b", text):
            return line, text
    return number, linecache.getline(code.co_filename, number).strip()


def layer_of(error: BaseException) -> str:
    """Return the innermost layer of PyTorch that an exception passed; "" if none."""
    found, traceback = "", error.__traceback__
    while traceback is not None:
        layer = traceback.tb_frame.f_locals.get("self")
        if type(layer).__module__.startswith("torch.nn.modules."):
            found = "" if next(layer.children(), None) else str(layer)
        traceback = traceback.tb_next
    return found


def lacks_a_method(error: BaseException) -> bool:
    """True where a framework found no `forward` or `call` that a student wrote."""
    return bool(NO_METHOD.search(str(error)))


def words_of_frameworks(error: BaseException) -> str:
    """Return a sentence on what a framework's exception means; "" if none is needed."""
    text, model = str(error), stopped_model(error)
    missing, kind = NO_METHOD.search(text), None
    if model is not None and not inspect.isfunction(model):
        kind = model if isinstance(model, type) else type(model)
    if missing and kind is not None:
        name = next(filter(None, missing.groups()))
        return "" if name in vars(kind) else _of_missing(kind, name)
    if kind is not None and (found := TOO_FEW.search(text)):
        method = vars(kind).get(found[1])
        if inspect.isfunction(method) and "self" not in method.__code__.co_varnames[:1]:
            return f"`{found[1]}` is a method: its first argument is `self`."
    for form, meaning in MEANINGS:
        if re.search(form, text):
            return meaning
    return ""


def _of_missing(kind, name) -> str:
    own = [other for other, value in vars(kind).items() if inspect.isfunction(value)]
    near = difflib.get_close_matches(name, own, 1)
    near += [other for other in ("forward", "call") if other in own]
    says = f"{kind.__name__} has no method `{name}`"
    if near:
        return f"{says}: is `{near[0]}` meant to be it?"
    return f"{says} of its own: is it there, and indented as a method of the class?"
