"""The sentences for diagnoses, filled in with their facts.

Each kind has a sentence, which is true whenever the facts are, and a question that
leads to the answer. Nothing else in `check` makes sentences for diagnoses.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ece662.check import wording_of_numbers
from ece662.check.phrases import listed
from ece662.check.terms import Kind, Trait

__all__ = ["words_of"]

SENTENCES: dict[str, tuple[str, str]] = {
    Kind.MISSING: ("There is no {name}.", ""),
    Kind.NOT_SO: ("This should hold, and does not: {name}.", ""),
    Kind.COUNT: (
        "{name} is {got}, where {want} is expected.",
        "From which of the arguments does it follow?",
    ),
    Kind.TYPE: (
        "{name} holds numbers of type {got}, where {want} is expected.",
        "Which array did you create without its dtype, or compare instead of compute?",
    ),
    Kind.SINGLE_PRECISION: (
        "{name} is right to about seven digits and no further, as if float32 had been "
        "used somewhere; x is float64 here, and the result should be as exact.",
        "Which of your arrays has a dtype that you wrote yourself?",
    ),
    Kind.KEPT_AXES: (
        "The numbers are right. {name} has the shape {got}, where {want} is expected.",
        "What will be computed with it later, and is this the shape that is needed?",
    ),
    Kind.BROADCAST: (
        "{name} has the shape {got}, where {want} is expected. Broadcasting would make "
        "them agree and hide that.",
        "Over which axes did you sum, and which should have stayed?",
    ),
    Kind.SHAPE: (
        "{name} has the shape {got}, where {want} is expected.",
        "Which size goes with which axis, and what does each axis of your arrays mean?",
    ),
    Kind.TEST_MODE: (
        "In training everything is right, in test mode it is not.",
        "What does the layer know of the data when a single picture comes in to be "
        "classified?",
    ),
    Kind.LATER_STEPS: (
        "The first step is right, the later ones are not: look at what one call leaves "
        "for the next.",
        "What must this remember between two calls, and where do you store it?",
    ),
    Kind.SIGN: (
        "{name} has the wrong sign everywhere.",
        "In which direction should it point?",
    ),
    Kind.ZERO: (
        "{name} is zero everywhere.",
        "Is it ever filled, and is what you fill it with what you return?",
    ),
    Kind.SHARE_REVERSED: (
        "Of x, {share:.0%} is kept where p is {p:g}: p was read as the probability to "
        "drop a number; in this course it is the probability to keep it.",
        "With p = 0.9, how many of a hundred units should survive?",
    ),
    Kind.SHARE_OF_NORMAL: (
        "Of x, {share:.0%} is kept where p is {p:g}: that is the share "
        "of a bell curve (a normal distribution) that lies below p.",
        "Which of NumPy's functions draws uniformly between 0 and 1?",
    ),
    Kind.SHARE: (
        "Of x, {share:.0%} is kept where p is {p:g}.",
        "Between which bounds do your random numbers lie, and which of them pass?",
    ),
    Kind.DIVERGED: (
        "The loss grew instead of falling: the steps are too large.",
        "What happens if the learning rate is three times smaller?",
    ),
    Kind.NOT_LEARNING: (
        "The loss has hardly fallen from where it began.",
        "Does anything reach the last layer with these first weights, and how far does "
        "one step move them?",
    ),
    Kind.OVERFITTING: (
        "The network overfits: it classifies {training:.0%} of the training pictures "
        "correctly, and {validation:.0%} of those it has not seen.",
        "What would keep it from learning single pictures by heart?",
    ),
    Kind.NOT_FAR_ENOUGH: (
        "The network learns, but its accuracy is still too low.",
        "Was the loss still falling when it ended? Change one setting at a time, by a "
        "factor of three.",
    ),
    Kind.LOSS_AT_FAULT: (
        "Your gradients are those of your own loss; it is the loss itself that is not "
        "right, or the scores that it is computed from.",
        "Which terms does the loss have, and which layers lead to the scores?",
    ),
    Kind.NO_SIGNATURE: ("What {exercise} should give is not known.", ""),
    Kind.OURS: (
        "The check could not go on ({error}). No line of your code stopped: either "
        "what it returns is not of the form that its docstring asks for, or the check "
        "is wrong. If the form is right, show this line to your teacher: then the "
        "mistake is ours, and what you wrote is kept.",
        "",
    ),
}


def words_of(diagnosis) -> tuple[str, str]:
    """Return the message and the question of a diagnosis."""
    says, asks = _own_words(diagnosis)
    for other in diagnosis.also:
        more, question = words_of(other)
        says, asks = f"{says} {more}", asks or question
    return says, asks


def _own_words(diagnosis) -> tuple[str, str]:
    facts = diagnosis.facts
    if diagnosis.says:
        return diagnosis.says, diagnosis.asks
    if diagnosis.id in MADE or "message" in facts:
        return MADE.get(diagnosis.id, _stopped)(facts)
    # A problem without a message (a submission may send one) may be of any kind.
    says, asks = SENTENCES.get(diagnosis.id, ("", ""))
    return says.format(**facts), asks


TRAITS = {
    Trait.NO_PADDING: "there is no padding",
    Trait.PADDING: "there is padding",
    Trait.STRIDE: "the stride is more than 1",
    Trait.OVERLAP: "windows overlap",
    Trait.GAPS: "the stride is larger than a side of the window",
    Trait.WINDOW: "the window is not square",
    Trait.IMAGE: "the images are not square",
    Trait.ONE_IMAGE: "x holds a single input",
    Trait.ONE_CHANNEL: "there is one channel",
    Trait.MORE_AXES: "x has more than two axes",
    Trait.ONE_AXIS: "there is one axis",
    Trait.EPS: "eps is large enough to be seen",
    Trait.ONE_GROUP: "there is one group",
    Trait.MORE_GROUPS: "there is more than one group",
    Trait.REGULARISED: "there is regularisation",
    Trait.MORE_LAYERS: "there is more than one hidden layer",
    Trait.DEFAULTS: "no settings are given, and so the defaults count",
    Trait.SETTINGS: "config gives the settings; where the defaults count, it is right",
}


def _only_where(facts) -> tuple[str, str]:
    says = (
        f"Of the cases that were tried, {facts['name']} is wrong in those, and only "
        f"those, where {TRAITS[facts['trait']]}."
    )
    return says, ""


def _different(facts) -> tuple[str, str]:
    says = f"{facts['name']} is wrong{'' if facts['single'] else ' nearly everywhere'}"
    if facts["cases"] > 1:
        number = facts["wrong"]
        says += (
            ", in every case"
            if number == facts["cases"]
            else (f", in {number} of {facts['cases']} cases")
        )
    if facts["numbers"]:
        got, want = facts["numbers"]
        says += (
            f" (in the case '{facts['case']}' {got:.6g}, where {want:.6g} is expected)"
        )
    says += _what_is_right(facts)
    question = (
        "Can you compute one entry of the smallest case by hand, and follow it through "
        "your code?"
    )
    return f"{says}.", question


def _what_is_right(facts) -> str:
    right, only, cases = facts["right"], facts["only"], facts["right_cases"]
    if right:
        return f"; {listed(right)} {'is' if len(right) == 1 else 'are'} right"
    if only:
        are = "is" if len(only) == 1 else "are"
        return f"; of all outputs, only {listed(only)} {are} wrong"
    if cases:
        in_cases = listed([f"'{case}'" for case in cases])
        return f"; it is right in the case{'' if len(cases) == 1 else 's'} {in_cases}"
    return ""


def _input_changed(facts) -> tuple[str, str]:
    right = "The results are right, but " if facts["alone"] else ""
    says = (
        f"{right}{facts['name']} is not what it was before the call: your code writes "
        "into an array that belongs to the caller."
    )
    return says, "Which of your lines works in place: an index on the left of =, +=?"


def _not_finite(facts) -> tuple[str, str]:
    word = "nan" if facts["nan"] else "infinite"
    return (
        f"{facts['name']} holds {word} numbers.",
        "Where could you divide by zero, take the root of something negative, or never "
        "fill what np.empty made?",
    )


def _scale(facts) -> tuple[str, str]:
    low, high, p = facts["low"], facts["high"], facts["p"]
    if not np.isfinite(low):
        return "Nothing is kept, so there is no scale.", ""
    ways = (
        (1, "left as it was"),
        (p, "multiplied by p"),
        (1 / (1 - p), "divided by 1 - p"),
        (1 - p, "multiplied by 1 - p"),
        (1 / p**2, "divided by p twice"),
    )
    even = np.isclose(low, high)
    found = next((way for at, way in ways if even and np.isclose(low, at)), "")
    if not found:
        found = f"multiplied by {low:.4g}" + ("" if even else f" to {high:.4g}")
    return (
        f"What is kept is {found}, where p is {p:g} and it should be divided by p.",
        "If a unit stays with probability p, by what must it grow to keep its mean?",
    )


def _test_scale(facts) -> tuple[str, str]:
    low, high, p = facts["low"], facts["high"], facts["p"]
    if np.isclose(low, high):
        by = "p" if np.isclose(low, p) else f"{low:.4g}"
        says = f"In test mode x is multiplied by {by}; it should come out as it is."
    else:
        says = "In test mode x should come out as it is, and some of it does not."
    return says, "If training divides by p already, what is left to do in test mode?"


def _back_kept(facts) -> tuple[str, str]:
    says = (
        f"Where x was kept, dx is {_times_of(facts)} dout; on the way there x was "
        f"multiplied by {facts['want']:.4g} (p is {facts['p']:g})."
    )
    return says, "By what was a unit multiplied on the way there, if it was kept?"


def _back_dropped(facts) -> tuple[str, str]:
    says = f"Where x was dropped, dx is {_times_of(facts)} dout; it should be zero."
    return says, "How does the output depend on a unit that was dropped?"


def _times_of(facts) -> str:
    low, high = facts["low"], facts["high"]
    if np.isclose(low, high):
        return f"{low:.4g} times"
    return f"between {low:.4g} and {high:.4g} times"


def _layers_dropped(facts) -> tuple[str, str]:
    if facts["got"] == 0:
        return (
            "The scores in training are the same at every call: nothing is dropped, or "
            "the same units each time.",
            "Where is the mask drawn, and what sets the seed?",
        )
    says = (
        f"In training the scores vary as much as if {facts['got']:g} hidden layers "
        f"dropped units, where {facts['want']:g} should (in the case "
        f"'{facts['case']}')."
    )
    return says, "Does dropout follow every ReLU, once, and with the p that was given?"


def _not_slopes(facts) -> tuple[str, str]:
    names = listed(facts["names"])
    are = "is not the slope" if len(facts["names"]) == 1 else "are not the slopes"
    return (
        f"{names} {are} of the loss that came back with the gradients.",
        "Which functions did the forward pass go through, and did the backward pass "
        "meet each of them?",
    )


def _stopped(facts) -> tuple[str, str]:
    says = facts["message"]
    if facts["case"]:
        number, cases = facts["stopped"], facts["cases"]
        among = f", one of {number} (of {cases}) that stop" if number > 1 else ""
        only = " alone" if number == 1 and cases > 1 else ""
        sizes = f": {facts['sizes']}" if facts["sizes"] else ""
        says += f" This is the case '{facts['case']}'{only}{among}{sizes}."
    if facts["inside"]:
        says += (
            f" It stopped inside {facts['inside']}, which was called from "
            f"{facts.get('calling') or facts['exercise']}."
        )
    if facts["broken"]:
        wrong = " and ".join(facts["broken"])
        says += f" It builds on {wrong}, not right yet."
    return says, ""


def _forward_stops(facts) -> tuple[str, str]:
    says, _ = _stopped(facts)
    first = f"Your {facts['forward']} has to run first, and it does not come through."
    return f"{first} {says}", f"What does the check say of {facts['forward']}?"


def _forward_at_fault(facts) -> tuple[str, str]:
    forward, shapes = facts["forward"], ""
    if facts.get("got"):
        shapes = (
            f" (it gives the shape {facts['got']} where {facts['want']} is expected, "
            f"in the case '{facts['case']}')"
        )
    says = (
        f"This is the right gradient of your {forward}, but {forward} itself is not "
        f"right{shapes}. Mend that, and this may well pass as it is."
    )
    return says, f"What does the check say of {forward}?"


def _both_at_fault(facts) -> tuple[str, str]:
    forward, wrong, right = facts["forward"], facts["wrong"], facts["right"]
    does = "does" if len(wrong) == 1 else "do"
    says = f"{' and '.join(wrong)} {does} not fit your own {forward}"
    if right:
        says += f"; {' and '.join(right)} {'does' if len(right) == 1 else 'do'}"
    says += f". And {forward} is not right either: begin there."
    return says, f"What does the check say of {forward}?"


def _needs_mending(facts) -> tuple[str, str]:
    wrong = " and ".join(facts["broken"])
    return f"This builds on {wrong}, not right yet: mend that first.", ""


MADE: dict[str, Callable[[Mapping[str, Any]], tuple[str, str]]] = {
    **wording_of_numbers.MADE,
    Kind.INPUT_CHANGED: _input_changed,
    Kind.NOT_FINITE: _not_finite,
    Kind.DIFFERENT: _different,
    Kind.ONLY_WHERE: _only_where,
    Kind.SCALE: _scale,
    Kind.TEST_SCALE: _test_scale,
    Kind.BACK_KEPT: _back_kept,
    Kind.BACK_DROPPED: _back_dropped,
    Kind.LAYERS_DROPPED: _layers_dropped,
    Kind.NOT_SLOPES: _not_slopes,
    Kind.STOPPED: _stopped,
    Kind.FORWARD_STOPS: _forward_stops,
    Kind.FORWARD_AT_FAULT: _forward_at_fault,
    Kind.BOTH_AT_FAULT: _both_at_fault,
    Kind.NEEDS_MENDING: _needs_mending,
}
