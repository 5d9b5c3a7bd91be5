"""Mistakes are named in whoever's code they stand, not only in that of the staff.

Right solutions in many hands are spoilt by an edit each, as their authors might have
done, and the check has to find the name of that mistake: signatures were made from
quite different code.
"""

import inspect
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

from ece662.exercises import find_exercise
from tests.course.correct import registry
from tests.course.correct.variants import VARIANTS  # noqa: F401 (enters them)
from tests.course.trying import try_code

SPOILT = tomllib.loads(Path(__file__).with_name("spoilt.toml").read_text("utf-8"))[
    "spoilt"
]


def spoilt(group, variant, edits):
    """Return a right solution's functions with some of its text replaced."""
    make = registry.MAKERS[group, variant]
    source = textwrap.dedent(inspect.getsource(make))
    for old, new in edits:
        assert old in source, f"{variant} does not contain {old!r}"
        source = source.replace(old, new)
    module = sys.modules[make.__module__]
    made = []
    keep = dict.fromkeys(("variant", "variant_of"), lambda group: made.append)
    exec(compile(source, make.__module__, "exec"), {**vars(module), **keep})
    function = made[0]
    return {group: function} if inspect.signature(function).parameters else function()


@pytest.mark.parametrize(
    "row", SPOILT, ids=[f"{row['mistake']}-{row['variant']}" for row in SPOILT]
)
def test_mistake_is_named_in_other_hands(row):
    exercise = find_exercise(row["exercise"])
    functions = spoilt(row["group"], row["variant"], row["edits"])
    _, named = try_code(exercise, functions)
    assert named is not None
    assert named.id == row["mistake"]
