"""The sentences on how numbers differ from the expected ones; `wording` has the rest.

A fact "case" is there where something was seen in that case, and not in every case in
which the output is wrong.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ece662.check.factors import CLOSE
from ece662.check.phrases import describe_map
from ece662.check.terms import Kind

__all__ = ["MADE"]


def _axes_exchanged(facts) -> tuple[str, str]:
    name, case = facts["name"], _in_case(facts)
    if facts.get("reshaped"):
        says = (
            f"{name} has the right shape, but its numbers come in the order that they "
            f"have where axes are exchanged{case}: as if it had been turned before a "
            "reshape without need, or not turned where it has to be."
        )
    elif "want" in facts:
        says = (
            f"{name} has the shape {facts['got']}, where {facts['want']} is expected. "
            "Its axes are exchanged."
        )
    else:
        says = f"{name} has its axes exchanged{case}."
    return says, "Which axis is which, before and after you rearrange?"


def _scrambled(facts) -> tuple[str, str]:
    says = f"{facts['name']} holds the right numbers in the wrong places"
    question = (
        "In which order does reshape read, and what did you mean to keep together?"
    )
    return f"{says}{_in_case(facts)}.", question


def _constant_term(facts) -> tuple[str, str]:
    says = f"{facts['name']} is off by the same number everywhere, {facts['term']:.6g}"
    return f"{says}{_in_case(facts)}.", "Which term does not depend on where you are?"


def _term_along_axis(facts) -> tuple[str, str]:
    says = (
        f"{facts['name']} is off by a term that is the same along "
        f"{_axes(facts['axes'])} ({_shape(facts)})."
    )
    question = (
        "Which term of the formula has one value for all of that: a bias, a mean? Is "
        "it there, and taken over the right axis?"
    )
    return says, question


def _factor_along_axis(facts) -> tuple[str, str]:
    others = [
        axis
        for axis, size in enumerate(facts["shape"])
        if size > 1 and axis not in facts["axes"]
    ]
    says = (
        f"{facts['name']} is off by a factor that is the same along "
        f"{_axes(facts['axes'])} ({_shape(facts)}) and differs along {_axes(others)}."
    )
    return says, "Which scale belongs to each row or column, and does it enter once?"


def _factor(facts) -> tuple[str, str]:
    name, case = facts["name"], facts["case"]
    question = "Sum or mean? By what do you divide, and how often?"
    if not facts["everywhere"]:
        by = f"{facts['factor']:.6g} times what it should be"
        is_zero = abs(facts["factor"]) < CLOSE
        return f"In the case '{case}' {name} is {'zero' if is_zero else by}.", question
    says = f"{name} is right but for a constant factor"
    if facts["size"]:
        return f"{says}: it is {_times(facts['size'])} what it should be.", question
    by = f"{facts['factor']:.6g}"
    return f"{says}: in the case '{case}' it is {by} times what it should be.", question


def _times(size) -> str:
    if size.of == "2":
        return "half of" if size.over else "twice"
    names = {
        "N": "N, the number of inputs,",
        "D": "D, the length of a row,",
        "all": f"the number of entries of {size.array}",
        "pixels": "N H W, the count of all pixels,",
        "area": "H W, the pixels of an image,",
        "unbiased": "n / (n - 1), where n numbers are averaged,",
    }
    name = names.get(size.of, size.of)
    name = f"(1 - {name})" if size.rest else name
    return f"{f'1 over {name}' if size.over else name} times"


def _partly(facts) -> tuple[str, str]:
    wrong = facts["wrong"]
    where = describe_map(wrong)
    number = int(wrong.sum())
    says = (
        f"{number} of the {wrong.size} entries of {facts['name']} "
        f"{'is' if number == 1 else 'are'} wrong{', ' + where if where else ''}; the "
        f"others are right{_in_case(facts)}."
    )
    return says, "What is special about the wrong ones: the border, an overlap, a sign?"


def _axes(axes) -> str:
    *first, last = map(str, axes)
    return f"axes {', '.join(first)} and {last}" if first else f"axis {last}"


def _shape(facts) -> str:
    case = facts.get("case")
    return f"of shape {facts['shape']}" + (f", in the case '{case}'" if case else "")


def _in_case(facts) -> str:
    case = facts.get("case")
    return f" (in the case '{case}')" if case else ""


MADE: dict[str, Callable[[Mapping[str, Any]], tuple[str, str]]] = {
    Kind.AXES_EXCHANGED: _axes_exchanged,
    Kind.SCRAMBLED: _scrambled,
    Kind.CONSTANT_TERM: _constant_term,
    Kind.TERM_ALONG_AXIS: _term_along_axis,
    Kind.FACTOR_ALONG_AXIS: _factor_along_axis,
    Kind.FACTOR: _factor,
    Kind.PARTLY: _partly,
}
