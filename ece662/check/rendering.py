"""Show a verdict: HTML in a notebook, colour in a terminal, plain text elsewhere.

The same verdict always gives the same text, figures included, so that a stored notebook
can be compared with a new run.
"""

import html
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import ece662
from ece662.check.diagnosis import Diagnosis
from ece662.check.judging import Comparison, Verdict
from ece662.check.mapping import draw_map
from ece662.check.phrases import describe_case
from ece662.check.terms import Role, Status

__all__ = ["Report", "Result", "render"]

_ROOT = Path(ece662.__file__).resolve().parents[1]
SHOWN = 4  # outputs that are wrong; more do not help
FEW = 3  # numbers that are shown all
FAINT = "faint"  # the style of figures, beside what is said in words
GREEN, RED, GREY = "#2e7d32", "#c62828", "#757575"
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
    seconds: float = 0.0  # for tables; never shown, as it is never the same
    notes: tuple[str, ...] = ()  # on the file, for whoever hands it in

    @property
    def lines(self) -> list[tuple[str, str]]:
        """What to say, as (style, text); the headline first, its style a colour."""
        verdict, wrong = self.verdict, self.diagnosis
        colour, word = HEADLINES[verdict.status]
        told = [(colour, f"{verdict.exercise}: {word}")]
        if wrong is not None:
            told.append(("", wrong.message))
            told += [("", f"Think: {wrong.question}")] if wrong.question else []
        told += [(FAINT, line) for line in self._figures]
        return told + [("", line) for line in self._remarks]

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
        """Return the verdict as text, the headline coloured for a terminal if asked."""
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
        """Keep the results, in their order."""
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
    told = [_detail(c) for c in verdict.comparisons if c.at_least]
    counted = [c for c in verdict.comparisons if not c.at_least]
    if not counted:
        return told
    worst = max(counted, key=lambda c: c.error / c.tolerance)
    cases = len({c.case for c in counted})
    return [
        *told,
        f"{_count(len(counted), 'comparison')} in {_count(cases, 'case')}: "
        f"error {_short(worst.error)}, expected below {_short(worst.tolerance)}",
    ]


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _stops(verdict, message) -> list[str]:
    """Tell of what stopped in which cases, where the message has not done so."""
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
    """Tell of each output that is wrong in which cases, and which are right."""
    failed: dict[str, list[Comparison]] = {}
    for found in verdict.failed:
        failed.setdefault(found.name, []).append(found)
    told, shown = [], set()
    for name, wrong in list(failed.items())[:SHOWN]:
        cases = sum(c.name == name for c in verdict.comparisons)
        among = f"; wrong in {len(wrong)} of {cases} cases" if cases > 1 else ""
        smallest = min(wrong, key=lambda c: np.size(c.want))
        case = smallest.case
        named = case if case in shown else _named(verdict, case)
        shown.add(case)
        told.append(_detail(smallest, named) + among)
    right = dict.fromkeys(
        c.name
        for c in verdict.comparisons
        if c.name not in failed and c.output.role is not Role.UNCHANGED
    )
    if failed and right and len(right) <= 2 * SHOWN:
        told.append(f"right in all cases: {', '.join(right)}")
    return told


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
    """Write an error as a reader wants it: 3e-10, 0.25, 0."""
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
    return (
        f'<div style="border-left: 4px solid {colour}; padding: 2px 0 2px 10px; '
        f'margin: 4px 0"><b style="color: {colour}">{html.escape(headline)}</b>'
        f"{lines}{picture}</div>"
    )


def _linked(text: str) -> str:
    """Escape a text; a line of a file becomes a link, which JupyterLab follows."""

    def link(match: re.Match) -> str:
        # From the notebook's folder, which is where its kernel runs.
        try:
            path = os.path.relpath(_ROOT / match[1]).replace(os.sep, "/")
        except ValueError:  # on another drive of Windows
            return match[0]
        return f'<a href="{path}#line={int(match[2]) - 1}">{match[0]}</a>'

    return re.sub(r"\b(ece662/[\w/]+\.py), line (\d+)", link, html.escape(text))
