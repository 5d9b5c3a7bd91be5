"""Rules for the numbers that a notebook prints: which may differ, and how far.

A stored number and the one computed now agree when they are the same to the digits
shown, unless the cell's author said otherwise. Rounding differs from one processor to
the next, and training amplifies it: accuracies and losses after training cannot be the
same to the digit everywhere. For those the cell's metadata holds rules, one a line:

    "compare": [
      "train acc within 0.03",
      "val_acc within 0.02",
      "(Epoch 0 / 15) ... exact",
      "val_acc rises by 0.2"
    ]

Every rule begins with words that pick numbers: those that stand in front of the number,
on its line, behind the number before it. `HEAD ... WORDS` picks them only on lines that
begin with HEAD; `HEAD ...` alone picks every number behind HEAD. All rules that pick a
number hold for it:

    WORDS within 0.02              as close to the stored number as that
    WORDS exact                    the same to the digits shown, whatever else picks it
    WORDS at least 0.4             ... above 0.4, ... below 0.4: against a limit
    WORDS above WORDS by 0.05      one number against another; "by" may be left out
    WORDS falls by 0.2             the last number picked against the first; or rises

The first two compare with what is stored. The others are facts that a lesson claims:
they are judged on the computed output alone, and a number that only facts pick may be
any that fits them. A number printed with its limit is judged by that as well: `4e-10,
expected below 1e-8` needs no rule.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import repeat, zip_longest
from typing import NamedTuple

__all__ = ["Number", "Rules", "agree", "numbers_in", "skeleton"]

_FIGURES = r"(?:\d{1,3}(?:,\d{3})+(?!,?\d)|\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
# No number: a part of a name or a version, such as 32x32 or 3.11.2.
NUMBER = re.compile(rf"(?<![\w.])-?{_FIGURES}(?![\w.]*\w)")
_EXPECTED = re.compile(rf" ?%?, expected (below|above|at least) (-?{_FIGURES})")
_BEFORE_LIMITS = ("expected below ", "expected above ", "expected at least ")

_RULE = re.compile(
    r"(?P<words>\S.*?) (?:(?P<exact>exact)|within (?P<band>\S+)"
    r"|(?P<trend>falls|rises)(?: by (?P<amount>\S+))?"
    r"|(?P<side>at least|above|below) (?P<other>\S.*?)(?: by (?P<lead>\S+))?)"
)


class Number(NamedTuple):
    """One number of a text: how it is written, and where it stands."""

    text: str
    before: str  # the text in front of it, behind the number before it on the line
    head: str  # all of the line in front of it
    line: str
    limit: (
        tuple[str, str] | None
    )  # such as ("below", "1e-8"), if it is printed with one


def numbers_in(text: str) -> Iterator[Number]:
    """Yield a text's numbers; the limits that are printed with some are left out."""
    for line in text.splitlines():
        end = 0
        for found in NUMBER.finditer(line):
            before, end = line[end : found.start()], found.end()
            if before.endswith(_BEFORE_LIMITS):
                continue
            limit = _EXPECTED.match(line, end)
            yield Number(
                found[0],
                before,
                line[: found.start()],
                line.strip(),
                (limit[1], limit[2]) if limit else None,
            )


def skeleton(text: str) -> str:
    """Return the text with # for every number but the limits."""
    return _with_numbers(text, repeat("#"))


def _with_numbers(text: str, numbers: Iterator[str]) -> str:
    """Return the text with these in the place of its own numbers."""

    def replacement(found: re.Match) -> str:
        is_limit = text.endswith(_BEFORE_LIMITS, 0, found.start())
        return found[0] if is_limit else next(numbers)

    return NUMBER.sub(replacement, text)


def agree(computed: str, stored: str) -> bool:
    """True where two numbers are the same to the digits shown.

    Whole numbers must be equal. Others may be apart by 1e-8, by a millionth of their
    size, which is what float32 rounds to, or by one unit of the last digit shown where
    that is less than a ten-thousandth.
    """
    if computed == stored:
        return True
    if _is_whole(computed) and _is_whole(stored):
        return False
    a, b = _value(computed), _value(stored)
    if math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-8):
        return True
    unit = 1.001 * min(_last_digit(computed), _last_digit(stored))
    return abs(a - b) <= unit and math.isclose(a, b, rel_tol=1e-4)


def _value(number: str) -> float:
    return float(number.replace(",", ""))


def _is_whole(number: str) -> bool:
    return number.lstrip("-").rstrip(".").replace(",", "").isdigit()


def _last_digit(number: str) -> float:
    """Return what one unit of the last digit is worth: 0.01 for 2.30."""
    figures, _, exponent = number.lower().partition("e")
    return 10.0 ** (int(exponent or 0) - len(figures.partition(".")[2]))


@dataclass(frozen=True)
class _Words:
    """What a rule picks numbers by: `WORDS`, `HEAD ... WORDS` or `HEAD ...`."""

    text: str

    def pick(self, number: Number) -> bool:
        head, dots, words = (part.strip() for part in self.text.rpartition("..."))
        if dots and not number.head.lstrip().startswith(head):
            return False
        return not words or bool(_whole_words(words).search(number.before))


def _whole_words(words: str) -> re.Pattern:
    """Find words, not parts of longer ones: sgd, but not in sgd_momentum."""
    return re.compile(rf"(?<!\w){re.escape(words)}(?!\w)")


@dataclass(frozen=True)
class _Rule:
    """One line of the list, taken apart."""

    text: str
    words: _Words
    band: float | None = None
    side: str | None = None  # also "falls" and "rises"
    other: _Words | float | None = None
    amount: float = 0.0

    @property
    def is_fact(self) -> bool:
        return self.side is not None

    def picks(self, number: Number) -> bool:
        """True where the rule is about this number."""
        both = [self.words] + [self.other] * isinstance(self.other, _Words)
        return any(words.pick(number) for words in both)

    def broken_by(self, numbers: list[Number]) -> Iterator[str]:
        """Yield what contradicts the fact among the numbers of a computed output."""
        mine = [number for number in numbers if self.words.pick(number)]
        if not mine:
            yield "no number has its words before it"
        elif self.side in ("falls", "rises"):
            first, last = _value(mine[0].text), _value(mine[-1].text)
            change = last - first if self.side == "rises" else first - last
            if len(mine) < 2:
                yield "there is one such number only"
            elif not change > self.amount:
                yield f"from {mine[0].text} to {mine[-1].text}"
        elif isinstance(self.other, _Words):
            others = [number for number in numbers if self.other.pick(number)]
            if (len(mine), len(others)) != (1, 1):
                counts = f"{len(mine)} and {len(others)}"
                yield f"expected one number on each side, got {counts}"
            elif not self._leads(_value(mine[0].text), _value(others[0].text)):
                yield f"{mine[0].text} against {others[0].text}"
        else:
            for number in mine:
                if not _holds(self.side, _value(number.text), self.other):
                    yield f"{number.text} in {number.line!r}"

    def _leads(self, mine: float, other: float) -> bool:
        lead = other - mine if self.side == "below" else mine - other
        return lead >= self.amount if self.side == "at least" else lead > self.amount


def _holds(side: str, value: float, limit: float) -> bool:
    return {"below": value < limit, "above": value > limit}.get(side, value >= limit)


@dataclass(frozen=True)
class Rules:
    """The rules of one cell.

    Raises:
        ValueError: a line that is no rule; it says which lines are.
    """

    lines: Iterable[str] = ()
    rules: list[_Rule] = field(init=False)

    def __post_init__(self):
        if isinstance(self.lines, str):
            raise ValueError(f"expected a list of rules, got {self.lines!r}")
        object.__setattr__(self, "rules", [_parse(line) for line in self.lines])

    def compare(self, computed: str, stored: str) -> tuple[str, list[str]]:
        """Compare two texts that should be the same but for what rules allow.

        Returns:
            text: the stored text, with those numbers as they were computed that break a
                rule. Where the texts differ in more than numbers, the computed one.
            broken: a sentence for each difference that no rule allows.
        """
        if skeleton(computed) != skeleton(stored):
            return computed, list(self._differences_by_line(computed, stored))
        pairs = list(zip(numbers_in(computed), numbers_in(stored), strict=True))
        complaints = [self._complaint(*pair) for pair in pairs]
        shown = (
            (mine if complaint else other).text
            for (mine, other), complaint in zip(pairs, complaints, strict=True)
        )
        return _with_numbers(stored, shown), [text for text in complaints if text]

    def _differences_by_line(self, computed: str, stored: str) -> Iterator[str]:
        """Yield what `compare` says of each line, and of those with other words."""
        lines = zip_longest(computed.splitlines(), stored.splitlines())
        for mine, other in lines:
            if None not in (mine, other) and skeleton(mine) == skeleton(other):
                yield from self.compare(mine, other)[1]
            else:
                limits = [_broken_limit(number) for number in numbers_in(mine or "")]
                broken = ", ".join(["the same words", *filter(None, limits)])
                yield f"{mine!r} where {other!r} is stored; broken: {broken}"

    def _complaint(self, computed: Number, stored: Number) -> str | None:
        about = [rule for rule in self.rules if rule.picks(computed)]
        broken = [f'"{r.text}"' for r in about if _is_broken(r, computed, stored)]
        if limit := _broken_limit(computed):
            broken.append(limit)
        if not about and not computed.limit and not agree(computed.text, stored.text):
            broken.append("the same to the digits shown, for no rule picks it")
        if not broken:
            return None
        return (
            f"{computed.line!r}: {computed.text} where {stored.text} is stored; "
            f"broken: {', '.join(broken)}"
        )

    def broken_facts(self, outputs: list[str]) -> list[str]:
        """Return a sentence for each fact that the texts of an output contradict."""
        numbers = [number for text in outputs for number in numbers_in(text)]
        facts = (rule for rule in self.rules if rule.is_fact)
        return [
            f'broken: "{fact.text}": {what}'
            for fact in facts
            for what in fact.broken_by(numbers)
        ]

    def problems(self, outputs: list[str]) -> Iterator[str]:
        """Yield what is wrong with the rules themselves, for the stored outputs."""
        numbers = [number for text in outputs for number in numbers_in(text)]
        for rule in self.rules:
            if not any(rule.words.pick(number) for number in numbers):
                yield f'the rule "{rule.text}" picks no number of the output'
        yield from self.broken_facts(outputs)


def _broken_limit(number: Number) -> str | None:
    """Return the limit printed with a number where it does not hold."""
    if number.limit is None:
        return None
    side, limit = number.limit
    holds = _holds(side, _value(number.text), _value(limit))
    return None if holds else f'"expected {side} {limit}"'


def _is_broken(rule: _Rule, computed: Number, stored: Number) -> bool:
    if rule.is_fact:
        return False
    if rule.band is None:
        return not agree(computed.text, stored.text)
    # The digits shown are themselves rounded.
    slack = 1e-9 + 1e-9 * abs(_value(stored.text))
    return not abs(_value(computed.text) - _value(stored.text)) <= rule.band + slack


def _parse(line: str) -> _Rule:
    found = _RULE.fullmatch(line) if isinstance(line, str) else None
    try:
        if found is None:
            raise ValueError
        words = _Words(found["words"])
        if found["exact"]:
            return _Rule(line, words)
        if found["band"]:
            return _Rule(line, words, band=_amount(found["band"]))
        if found["trend"]:
            amount = _amount(found["amount"] or "0")
            return _Rule(line, words, side=found["trend"], amount=amount)
        other = found["other"]
        is_limit = NUMBER.fullmatch(other) is not None
        if is_limit and found["lead"]:
            raise ValueError
        other = _value(other) if is_limit else _Words(other)
        lead = _amount(found["lead"] or "0")
        return _Rule(line, words, side=found["side"], other=other, amount=lead)
    except ValueError:
        raise ValueError(
            f"{line!r} is no rule; expected such as 'val_acc within 0.02', 'loss "
            "exact', 'val_acc at least 0.4', 'adam above sgd by 0.05' or 'val_acc "
            "rises by 0.2'"
        ) from None


def _amount(text: str) -> float:
    """Read a band or a lead: a number, at least 0."""
    amount = float(text)
    if not 0 <= amount < math.inf:
        raise ValueError(text)
    return amount
