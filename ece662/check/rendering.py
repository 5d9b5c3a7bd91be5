"""Show a verdict: HTML in a notebook, colour in a terminal, plain text elsewhere.

The same verdict always has the same text, numbers included, so that the outputs stored
in a notebook can be compared with those of a new run.
"""

import html
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import ece662
from ece662.check.boxes import GREEN, GREY, RED, box
from ece662.check.diagnosis import Diagnosis
from ece662.check.judging import Comparison, Verdict
from ece662.check.mapping import draw_map
from ece662.check.phrases import describe_case
from ece662.check.terms import Role, Status

__all__ = ["Report", "Result", "render"]

_ROOT = Path(ece662.__file__).resolve().parents[1]
SHOWN = 4  # wrong outputs that are listed; more do not help
FEW = 3  # arrays up to this size are printed whole
FAINT = "faint"  # the style of lines with numbers
HEADLINES = {
    Status.PASSED: (GREEN, "passed"),
    Status.FAILED: (RED, "not yet right"),
    Status.STOPPED: (RED, "stopped"),
    Status.NOT_WRITTEN: (GREY, "to do"),
    Status.NEEDS: (GREY, "to do"),
}
ANSI = {GREEN: "\033[32m", RED: "\033[31m", GREY: "\033[90m"}


@dataclass(frozen=True)
class Result:
    """One exercise: the verdict and what went wrong."""

    verdict: Verdict
    diagnosis: Diagnosis | None = None
    seconds: float = 0.0  # not in the text, as it differs from run to run
    notes: tuple[str, ...] = ()  # on the exercise's file

    @property
    def lines(self) -> list[tuple[str, str]]:
        """The lines as (style, text); the headline is first, its style is a colour."""
        verdict, wrong = self.verdict, self.diagnosis
        colour, word = HEADLINES[verdict.status]
        lines = [(colour, f"{verdict.exercise}: {word}")]
        if wrong is not None:
            lines.append(("", wrong.message))
            lines += [("", f"Think: {wrong.question}")] if wrong.question else []
        lines += [(FAINT, line) for line in self._figures]
        return lines + [("", line) for line in self._remarks]

    @property
    def details(self) -> list[str]:
        """The lines that follow the headline, the message and the question."""
        return [*self._figures, *self._remarks]

    @property
    def _figures(self) -> list[str]:
        if self.verdict.passed:
            return _summary(self.verdict)
        message = self.diagnosis.message if self.diagnosis else ""
        return [*_stops(self.verdict, message), *_differences(self.verdict)]

    @property
    def _remarks(self) -> list[str]:
        remarks = [f"Remark: {remark}" for remark in self.verdict.remarks]
        return remarks + [f"Note: {note}." for note in self.notes]

    def text(self, colour: bool = False) -> str:
        """Return the verdict as text; the headline can be coloured for a terminal."""
        (shade, headline), *rest = self.lines
        if colour:
            headline = f"{ANSI[shade]}{headline}\033[0m"
        return "\n  ".join([headline, *(text for _, text in rest)])

    @property
    def message(self) -> str:
        """The verdict in a sentence or two, for a table."""
        if self.diagnosis is None:
            return HEADLINES[self.verdict.status][1]
        return f"{self.diagnosis.message} {self.diagnosis.question}".strip()


class Report:
    """What `check` returns: shows itself wherever it is printed."""

    def __init__(self, results: list[Result]):
        """Keep the results."""
        self.results = results

    @property
    def passed(self) -> bool:
        """True where everything passed."""
        return all(result.verdict.passed for result in self.results)

    def __str__(self) -> str:
        """Return plain text."""
        return "\n".join(result.text() for result in self.results)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return "\n".join(map(_html, self.results))


def render(verdict: Verdict, diagnosis: Diagnosis | None = None) -> Report:
    """Return an object that shows the verdict."""
    return Report([Result(verdict, diagnosis)])


def _summary(verdict) -> list[str]:
    lines = [_detail(c) for c in verdict.comparisons if c.at_least]
    counted = [c for c in verdict.comparisons if not c.at_least]
    if not counted:
        return lines
    worst = max(counted, key=lambda c: c.error / c.tolerance)
    cases = len({c.case for c in counted})
    return [
        *lines,
        f"{_count(len(counted), 'comparison')} in {_count(cases, 'case')}: "
        f"error {_short(worst.error)}, expected below {_short(worst.tolerance)}",
    ]


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _stops(verdict, message) -> list[str]:
    """List the errors, each with its cases, except those that the message contains."""
    stopped: dict[str, list[str]] = {}
    for problem in verdict.problems:
        if problem.case and problem.message not in message:
            stopped.setdefault(problem.message, []).append(problem.case)
    return [
        f"{text} (in the case {_named(verdict, cases[0])}"
        + (f", and in {len(cases) - 1} more)" if len(cases) > 1 else ")")
        for text, cases in list(stopped.items())[:SHOWN]
    ]


def _named(verdict, case) -> str:
    """Return the name of a case, with its sizes where they are known."""
    sizes = describe_case(verdict.inputs.get(case, {}))
    return f"{case}: {sizes}" if sizes else case


def _differences(verdict) -> list[str]:
    """List the wrong outputs, each with its cases, and the names of the right ones."""
    failed: dict[str, list[Comparison]] = {}
    for found in verdict.failed:
        failed.setdefault(found.name, []).append(found)
    lines, shown = [], set()
    for name, wrong in list(failed.items())[:SHOWN]:
        cases = sum(c.name == name for c in verdict.comparisons)
        among = f"; wrong in {len(wrong)} of {cases} cases" if cases > 1 else ""
        smallest = min(wrong, key=lambda c: np.size(c.want))
        case = smallest.case
        named = case if case in shown else _named(verdict, case)
        shown.add(case)
        lines.append(_detail(smallest, named) + among)
    right = dict.fromkeys(
        c.name
        for c in verdict.comparisons
        if c.name not in failed and c.output.role is not Role.UNCHANGED
    )
    if failed and right and len(right) <= 2 * SHOWN:
        lines.append(f"right in all cases: {', '.join(right)}")
    return lines


def _detail(found: Comparison, case: str = "") -> str:
    what = f"{found.name} ({case or found.case})"
    if found.got is None:
        return f"{what}: missing"
    if found.at_least:
        ways = (".1%", ".0%") if found.name.endswith("accuracy") else ("g", "g")
        got, limit = map(format, (float(found.got), found.tolerance), ways)
        return f"{found.name} {got}, expected at least {limit}"
    if found.got.shape != found.want.shape:
        return f"{what}: shape {found.got.shape}, expected {found.want.shape}"
    if found.got.dtype.kind != found.want.dtype.kind:
        return f"{what}: {found.got.dtype}, expected {found.want.dtype}"
    if found.output.role is Role.UNCHANGED:
        return f"{what}: it was changed"
    if 1 < found.want.size <= FEW:
        return f"{what}: {_numbers(found.got)}, expected {_numbers(found.want)}"
    value, wanted = found.got[found.where], found.want[found.where]
    place = f" at {list(found.where)}" if found.where else ""
    return (
        f"{what}: error {_short(found.error)}, expected below {_short(found.tolerance)}"
        f"; largest{place}: {value:.6g} instead of {wanted:.6g}"
    )


def _numbers(array) -> str:
    return f"[{', '.join(f'{value:.4g}' for value in array.ravel())}]"


def _short(number: float) -> str:
    """Write an error with few digits: 3e-10, 0.25, 0."""
    if number == 0 or 0.01 <= number < 1000:
        return f"{number:.2g}"
    return f"{number:.0e}".replace("e-0", "e-").replace("e+0", "e+")


def _html(result: Result) -> str:
    (colour, headline), *rest = result.lines
    lines = "".join(
        f'<br><span style="opacity: 0.7">{_linked(text)}</span>'
        if style == FAINT
        else f"<br>{_linked(text)}"
        for style, text in rest
    )
    picture = draw_map(result.verdict.failed)
    return box(colour, headline, lines + picture)


def _linked(text: str) -> str:
    """Escape a text for HTML; "FILE, line N" becomes a link that JupyterLab opens."""

    def link(match: re.Match) -> str:
        # From the notebook's folder, which is where its kernel runs.
        try:
            path = os.path.relpath(_ROOT / match[1]).replace(os.sep, "/")
        except ValueError:  # on another drive of Windows
            return match[0]
        return f'<a href="{path}#line={int(match[2]) - 1}">{match[0]}</a>'

    return re.sub(r"\b(ece662/[\w/]+\.py), line (\d+)", link, html.escape(text))
