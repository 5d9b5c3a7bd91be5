"""Sentences on what Python 3 and NumPy 2 changed, for code that was written before.

Old solutions and old answers on the web still use these, and Python's own messages do
not help somebody who never used the older versions.
"""

import re

__all__ = ["newer_name", "plain_words"]

# What NumPy 2 removed or renamed: functions of np, then methods of arrays.
OF_NUMPY = {
    "product": "np.prod",
    "cumproduct": "np.cumprod",
    "float": "float, or np.float64",
    "int": "int",
    "bool": "bool",
    "object": "object",
    "str": "str",
    "unicode": "str",
    "long": "int",
    "complex": "complex",
    "float_": "np.float64",
    "complex_": "np.complex128",
    "cfloat": "np.complex128",
    "longfloat": "np.longdouble",
    "bool8": "np.bool_",
    "int0": "np.intp",
    "uint0": "np.uintp",
    "string_": "np.bytes_",
    "unicode_": "np.str_",
    "math": "math, with `import math`",
    "Inf": "np.inf",
    "Infinity": "np.inf",
    "infty": "np.inf",
    "PINF": "np.inf",
    "NINF": "-np.inf",
    "NaN": "np.nan",
    "NAN": "np.nan",
    "in1d": "np.isin",
    "row_stack": "np.vstack",
    "alltrue": "np.all",
    "sometrue": "np.any",
    "trapz": "np.trapezoid",
    "round_": "np.round",
    "mat": "np.asarray",
    "asscalar": "a.item()",
    "rank": "a.ndim",
    "alen": "len(a)",
    "asfarray": "np.asarray(a, float)",
    "msort": "np.sort(a, axis=0)",
    "cast": "a.astype(...)",
    "find_common_type": "np.result_type",
    "fastCopyAndTranspose": "a.T.copy()",
    "newshape": "shape, in np.reshape",
}
OF_NUMPY_LIB = {"pad": "np.pad"}
OF_ARRAYS = {
    "itemset": "a[index] = value",
    "ptp": "np.ptp(a)",
    "newbyteorder": "a.view(a.dtype.newbyteorder(...))",
    "tostring": "a.tobytes()",
}
OF_PYTHON = {
    "xrange": "range",
    "raw_input": "input",
    "unicode": "str",
    "long": "int",
    "unichr": "chr",
    "izip": "zip",
    "reduce": "functools.reduce",
}
OF_DICTS = {
    "has_key": "key in d",
    "iteritems": "d.items()",
    "itervalues": "d.values()",
    "iterkeys": "d.keys()",
}

# NumPy's messages for a removed name, the names, and what stands before the name.
FORMS = (
    (r"module 'numpy\.lib' has no attribute '(\w+)'", OF_NUMPY_LIB, "np.lib."),
    (r"'numpy\.ndarray' object has no attribute '(\w+)'", OF_ARRAYS, "."),
    (r"`(\w+)` was removed from the ndarray class", OF_ARRAYS, "."),
    (r"module 'numpy' has no attribute '(\w+)'", OF_NUMPY, "np."),
    (r"`np\.(\w+)` was removed", OF_NUMPY, "np."),
)

A_WHOLE_NUMBER = (
    "A size or a place in an array has to be a whole number. In Python 3 `/` gives a "
    "float even where it divides evenly; `//` gives a whole number."
)
# By the type and message of an exception: what it means.
MEANINGS = (
    (
        r"TypeError: .*'(numpy\.)?float\w*' object cannot be interpreted as an integer"
        r"|TypeError: slice indices must be integers"
        r"|TypeError: can't multiply sequence by non-int of type '(numpy\.)?float"
        r"|TypeError: .*must be of integral type"
        r"|TypeError: (list|tuple|string) indices must be integers.* not (np\.)?float"
        r"|TypeError: Cannot cast (array data|scalar) from dtype\('float\d+'\) to dtype"
        r"\('u?int"
        r"|TypeError: expected a sequence of integers or a single integer, got '[\d.]+'"
        r"|TypeError: integer argument expected, got float"
        r"|TypeError: only int indices permitted"
        r"|TypeError: (conv2d|view|reshape|zeros|ones|rand|randn)\(\) .*\bfloat\b"
        r"|IndexError: arrays used as indices must be of integer",
        A_WHOLE_NUMBER,
    ),
    (
        r"IndexError: only integers, slices",
        "An array was indexed by something else: by a name, as if it were a dict, or "
        "by a float (in Python 3 `/` gives one even where it divides evenly; `//` "
        "gives a whole number).",
    ),
    (
        r"TypeError: 'tuple' object cannot be interpreted as an integer",
        "A tuple came where single numbers are asked for, one for each axis: `*` in "
        "front of a tuple takes it apart.",
    ),
    (
        r"TypeError: only (0-dimensional|length-1|size-1) arrays can be converted"
        r"|DeprecationWarning: Conversion of an array with ndim > 0",
        "NumPy 2 does not take an array in the place of a number, not even an array "
        "that holds one: an index or `.item()` takes the number out.",
    ),
    (
        r"ValueError: Unable to avoid copy while creating an array",
        "In NumPy 2 `copy=False` means that nothing may be copied; np.asarray copies "
        "where it has to.",
    ),
    (
        r"ValueError: setting an array element with a sequence",
        "One place of an array was given something that holds several numbers or has "
        "an axis left.",
    ),
    (
        r"UnboundLocalError: ",
        "The name gets its value only in a branch (an `if`, a loop) that was not taken "
        "in this case.",
    ),
    (
        r"KeyError: '(eps|momentum|seed|running_mean|running_var|learning_rate|velocity"
        r"|decay_rate|epsilon|cache|beta1|beta2|m|v|t)'",
        "Nobody has put it into the dict in this case: `d.get(name, default)` gives a "
        "default then.",
    ),
    (
        r"UFuncTypeError: Cannot cast ufunc '\w+' output",
        "An array of whole numbers or booleans cannot take up decimals in place: make "
        "it with a dtype of floats.",
    ),
    (
        r"TypeError: numpy boolean (subtract|negative)",
        "True and False cannot be subtracted: turn them into numbers first.",
    ),
    (
        r"TypeError: .*'(map|filter|zip|range|dict_keys|dict_values|dict_items)'"
        r"|TypeError: arrays to stack must be passed as a .sequence. type",
        "In Python 3 `range`, `map`, `filter`, `zip` and `d.keys()` give no list: "
        "`list(...)` around them does.",
    ),
    (
        r"SyntaxError: multiple exception types must be parenthesized",
        "In Python 3 write `except ValueError as error:`.",
    ),
    (
        r"SyntaxError: Missing parentheses in call to 'print'",
        "In Python 3 print is a function.",
    ),
)


def newer_name(error: BaseException) -> tuple[str, str] | None:
    """Return the old NumPy name that an exception is about, and its new name."""
    text = str(error)
    if isinstance(error, AttributeError):
        for form, names, prefix in FORMS:
            found = re.search(form, text)
            if found and found[1] in names:
                return f"{prefix}{found[1]}", names[found[1]]
    if isinstance(error, TypeError) and "newshape" in text:
        return "newshape", OF_NUMPY["newshape"]
    return None


def plain_words(error: BaseException) -> str:
    """Return a sentence on what an exception means; "" if its own message is enough."""
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, NameError) and error.name in OF_PYTHON:
        return f"In Python 3 write `{OF_PYTHON[error.name]}`."
    if isinstance(error, AttributeError):
        found = re.search(r"has no attribute '(\w+)'", text)
        if found and found[1] in OF_DICTS:
            return f"In Python 3 write `{OF_DICTS[found[1]]}`."
    kinds = {kind.__name__ for kind in type(error).__mro__}
    for form, meaning in MEANINGS:
        if re.match(form, text) or _of_a_parent(form, kinds, error):
            return meaning
    return ""


def _of_a_parent(form, kinds, error) -> bool:
    return any(re.match(form, f"{kind}: {error}") for kind in kinds)
