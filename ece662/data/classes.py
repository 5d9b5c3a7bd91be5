"""The six classes of the course, in label order, and the splits with their sizes.

Label k means ``CLASSES[k]`` wherever the package speaks of labels. No other module
spells a class name.
"""

from types import MappingProxyType

__all__ = ["ALL_CLASSES", "CLASSES", "LIMITS", "SPLITS", "check_classes"]

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog")

# CINIC-10 has four classes more; `ece662 data prepare --classes` may ask for them.
ALL_CLASSES = (*CLASSES, "frog", "horse", "ship", "truck")

# The package's name of a split -> the folder that holds it in CINIC-10.
SPLITS = MappingProxyType({"train": "train", "val": "valid", "test": "test"})

# The most images of a class that the course takes from a split.
LIMITS = MappingProxyType({"train": 9000, "val": 1700, "test": 1700})


def check_classes(classes, known=ALL_CLASSES):
    """Return ``classes`` as a tuple after checking that each is known and once there.

    Args:
        classes: iterable of class names, or None for all of ``known``.
        known: the names to choose from.

    Raises:
        ValueError: an unknown or repeated name, or no name at all.
    """
    if classes is None:
        return tuple(known)
    if isinstance(classes, str):
        raise ValueError(
            f"classes must be a list of names, got the single string {classes!r}; "
            f"write [{classes!r}]"
        )
    classes = tuple(classes)
    if not classes:
        raise ValueError(f"expected at least one class of {', '.join(known)}; got none")
    unknown = [name for name in classes if name not in known]
    if unknown:
        raise ValueError(
            f"expected classes among {', '.join(known)}; "
            f"got {', '.join(map(repr, unknown))}"
        )
    if len(set(classes)) < len(classes):
        raise ValueError(f"expected each class once, got {', '.join(classes)}")
    return classes
