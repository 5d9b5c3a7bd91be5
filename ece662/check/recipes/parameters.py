"""What the recipes of Q5's networks have in common: parameters, put in by their shapes.

Whatever a student calls the layers, conv 5x5 - relu - conv 3x3 - relu - affine with the
same parameters gives the same scores.
"""

import linecache

from ece662.check.recipe import Misfit, array_of
from ece662.exercises.regions import is_empty
from ece662.exercises.sources import parse

__all__ = [
    "LEARNING",
    "PARAMS",
    "PICTURES",
    "SMALL",
    "numpy_of",
    "put",
    "require",
    "written",
]

LEARNING = "every parameter gets a gradient"
PARAMS = ("conv_w1", "conv_b1", "conv_w2", "conv_b2", "fc_w", "fc_b")
# Channels in, of both convolutions, height, width, classes. No two are the same, or
# weights could not be told apart by their shapes.
SMALL = (3, 4, 2, 6, 5, 7)
PICTURES = (2, 4, 3, 32, 32, 5)


def written(code, name: str):
    """Return a function or class of a cell.

    Raises:
        NotImplementedError: nothing is written yet in the regions of its cell.
    """
    found = getattr(code, name)
    methods = [found, *vars(found).values()] if isinstance(found, type) else [found]
    codes = [m.__code__ for m in methods if hasattr(m, "__code__")]
    if codes:
        source = parse("".join(linecache.getlines(codes[0].co_filename)))
        regions = [r for d in source.definitions.values() for r in d.regions]
        if regions and all(is_empty(source.body(region)) for region in regions):
            raise NotImplementedError
    return found


def require(value, kind, name, what):
    """Raise Misfit where a value is not of a kind of a framework's."""
    if not isinstance(value, kind):
        got = "None" if value is None else f"a {type(value).__name__}"
        raise Misfit(f"{name} should be {what}; it is {got}")


def put(arrays, places):
    """Put each array where there is a parameter of its shape.

    Args:
        arrays: by name.
        places: (shape, function that takes the array) for each parameter.
    """
    left = dict(arrays)
    for shape, place in places:
        name = next((n for n, array in left.items() if array.shape == shape), None)
        if name is None:
            wanted = ", ".join(str(array.shape) for array in arrays.values())
            raise Misfit(f"there is a parameter of shape {shape}; expected {wanted}")
        place(left.pop(name))
    if left:
        missing = ", ".join(str(array.shape) for array in left.values())
        raise Misfit(f"there is no parameter of shape {missing}")


def numpy_of(value, name):
    """Return a tensor of either framework as an array."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    return array_of(value.numpy() if hasattr(value, "numpy") else value, name)
