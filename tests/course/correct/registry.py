"""Right solutions in many hands, for the checks to pass and never to blame.

A variant is a function without arguments that defines what a student wrote, under the
names that it has in the package, and returns it as a dict: functions that share a cache
belong together. The styles are those of real solutions, loops, prints and all.
"""

from collections import defaultdict

__all__ = ["MAKERS", "VARIANTS", "variant", "variant_of"]

VARIANTS = defaultdict(dict)  # group -> name of the variant -> dict of functions
MAKERS = {}  # (group, name) -> where the variant is written


def variant(group):
    """Enter the decorated function's result as a right solution of a group."""

    def enter(make):
        assert make.__name__ not in VARIANTS[group], make.__name__
        VARIANTS[group][make.__name__] = make()
        MAKERS[group, make.__name__] = make
        return make

    return enter


def variant_of(name):
    """Enter the decorated function itself as a right solution of this name."""

    def enter(function):
        def make():
            return {name: function}

        make.__name__ = function.__name__
        variant(name)(make)
        MAKERS[name, function.__name__] = function
        return function

    return enter
