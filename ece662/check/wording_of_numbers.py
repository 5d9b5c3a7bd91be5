"""The sentences on how numbers differ from the expected ones; `wording` has the rest.

A fact "case" is there where something was seen in that case, and not in every case in
which the output is wrong.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ece662.check.factors import CLOSE
from ece662.check.phrases import describe_map, listed
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


def _one_number(facts) -> tuple[str, str]:
    says = f"Every number of {facts['name']} is {facts['number']:.6g}, in every case"
    return f"{says} in which it is wrong.", "What should it be made of, and is it used?"


def _function_of(facts) -> tuple[str, str]:
    says = f"Each number of {facts['name']} is {facts['function']} what it should be."
    return says, "Which of your operations does that to a number?"


def _is_array(facts) -> tuple[str, str]:
    says = f"{facts['name']} is wrong: it equals {facts['array']}."
    question = "Do you return what you computed, and is nothing overwritten on the way?"
    return says, question


def _product(facts) -> tuple[str, str]:
    says = f"{facts['name']} is {facts['one']} times {facts['other']}, entry by entry."
    return says, "Does each of the two belong there?"


def _step_alone(facts) -> tuple[str, str]:
    sign = "minus " if facts["factor"] < 0 else ""
    times = _multiple_of(facts, abs(facts["factor"]))
    says = (
        f"{facts['name']} is {sign}{times}what should be added to {facts['array']}, "
        f"alone{_in_case(facts)}."
    )
    return says, "To what does that have to be added?"


def _off_by_array(facts) -> tuple[str, str]:
    sign = "minus" if facts["factor"] < 0 else "plus"
    times = _multiple_of(facts, abs(facts["factor"]))
    says = f"{facts['name']} is what it should be {sign} {times}{facts['array']}"
    return f"{says}{_in_case(facts)}.", "Where does that enter, and by what factor?"


def _scaled_step(facts) -> tuple[str, str]:
    if abs(facts["factor"] + 1) < CLOSE and not facts["size"]:
        by = "has the wrong sign"
    elif facts["size"]:
        by = f"is {_times(facts['size'])} what it should be"
    else:
        by = f"is {facts['factor']:.6g} times what it should be"
    says = f"What {facts['name']} adds to {facts['array']} {by}{_in_case(facts)}."
    return says, "Which factor belongs to that part alone?"


def _multiple_of(facts, factor) -> str:
    if facts["size"]:
        return f"{_times(facts['size'])} "
    return "" if abs(factor - 1) < CLOSE else f"{factor:.6g} times "


def _factor_and_term(facts) -> tuple[str, str]:
    before = ", before gamma and beta," if facts.get("before") else ""
    says = (
        f"{facts['name']}{before} is off by a factor and a term, and both are the same "
        f"along {_axes(facts['axes'])} ({_shape(facts)})."
    )
    question = (
        "Which numbers are shared along that: a mean, a deviation, a scale, a shift? "
        "Is each of them right, and in its place?"
    )
    return says, question


def _off_along_array(facts) -> tuple[str, str]:
    says = (
        f"What {facts['name']} is off by is {facts['array']} times a factor, plus a "
        f"term, and both are the same along {_axes(facts['axes'])} ({_shape(facts)})."
    )
    question = (
        "Which terms of the formula are a sum along that, or such a sum times "
        f"{facts['array']}? Are they there, with the right sign and divisor?"
    )
    return says, question


def _axes(axes) -> str:
    return f"{'axis' if len(axes) == 1 else 'axes'} {listed(axes)}"


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
    Kind.ONE_NUMBER: _one_number,
    Kind.FUNCTION_OF: _function_of,
    Kind.IS_ARRAY: _is_array,
    Kind.OFF_BY_ARRAY: _off_by_array,
    Kind.PRODUCT: _product,
    Kind.STEP_ALONE: _step_alone,
    Kind.SCALED_STEP: _scaled_step,
    Kind.FACTOR_AND_TERM: _factor_and_term,
    Kind.OFF_ALONG_ARRAY: _off_along_array,
}
