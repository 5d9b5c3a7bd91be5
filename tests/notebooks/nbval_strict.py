"""A pytest plugin: nbval compares all that a notebook computes, numbers as numbers.

`python scripts/notebooks.py test` loads it. Without it nbval compares text letter by
letter, which holds on one computer only, and does not compare at all where a cell was
stored unexecuted. With it:

- A code cell that was never executed fails.
- Text must agree letter by letter, whole numbers included. Numbers with a decimal point
  or an exponent must agree to 1e-4 of their size, or to 1e-8.
- In a cell tagged `training` such numbers must agree to a quarter of their size, or to
  0.06: rounding differs between processors, and many steps of training amplify it.
- A number printed with what is expected of it is judged by that: `4e-10, expected
  below 1e-8` agrees with `7e-10, expected below 1e-8`.
- Widgets are left out, a progress bar for one; what they print is compared. A dashboard
  brings a still picture and a line of text with it: those stay.
"""

import math
import re
from typing import NamedTuple

import pytest
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell, coalesce_streams

__all__ = ["EXACT", "TRAINING", "Tolerance", "agree", "without_widgets"]


class Tolerance(NamedTuple):
    """How far two numbers may be apart: by a share of their size, or absolutely."""

    relative: float
    absolute: float


EXACT = Tolerance(1e-4, 1e-8)
TRAINING = Tolerance(0.25, 0.06)

_FIGURES = r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
# No number: a part of a name or a version, such as 32x32 or 3.11.2.
NUMBER = re.compile(rf"(?<![\w.])-?{_FIGURES}(?![\w.]*\w)")
JUDGED = re.compile(
    rf"(?<![\w.])(?P<value>-?{_FIGURES})(?P<unit> ?%?), expected "
    rf"(?P<side>below|above|at least) (?P<limit>-?{_FIGURES})"
)
WIDGET = "application/vnd.jupyter.widget-view+json"


def agree(computed: str, stored: str, tolerance: Tolerance = EXACT) -> bool:
    """True where two texts are the same but for numbers that are close enough."""
    computed, stored = (JUDGED.sub(_verdict, text) for text in (computed, stored))
    if NUMBER.sub("#", computed) != NUMBER.sub("#", stored):
        return False
    pairs = zip(NUMBER.findall(computed), NUMBER.findall(stored), strict=True)
    return all(_close(a, b, tolerance) for a, b in pairs)


def _verdict(found: re.Match) -> str:
    """Replace a number by the word of whether it is what was expected."""
    value, limit = float(found["value"]), float(found["limit"])
    holds = {"below": value < limit, "above": value > limit}
    word = "good" if holds.get(found["side"], value >= limit) else "bad"
    return f"{word}{found['unit']}, expected {found['side']} {found['limit']}"


def _close(a: str, b: str, tolerance: Tolerance) -> bool:
    if _is_whole(a) and _is_whole(b):
        return a == b
    return math.isclose(
        float(a), float(b), rel_tol=tolerance.relative, abs_tol=tolerance.absolute
    )


def _is_whole(number: str) -> bool:
    return number.lstrip("-").rstrip(".").isdigit()


def without_widgets(outputs: list) -> list:
    """Leave out outputs that are widgets, but for the still pictures they bring."""
    kept = []
    for output in outputs:
        data = output.get("data", {})
        if WIDGET in data:
            if "image/png" not in data:
                continue
            del data[WIDGET]
        kept.append(output)
    return kept


def _compare_outputs(self, test, ref, skip_compare=None):
    """Compare with nbval's own method, once numbers that agree are made the same."""
    tags = self.cell.metadata.get("tags", [])
    tolerance = TRAINING if "training" in tags else EXACT
    test = coalesce_streams(without_widgets(test))
    ref = coalesce_streams(without_widgets(ref))
    for computed, stored in zip(test, ref, strict=False):
        _take_over(self, computed, stored, ("text", "evalue"), tolerance)
        data = computed.get("data", {}), stored.get("data", {})
        kinds = ("text/plain", "text/html", "text/latex", "text/markdown")
        _take_over(self, *data, kinds, tolerance)
    return _nbval_compare(self, test, ref, skip_compare)


def _take_over(cell, computed, stored, keys, tolerance):
    """Replace computed texts by the stored ones that they agree with."""
    for key in keys:
        if key in computed and key in stored:
            mine, other = computed[key], stored[key]
            if agree(cell.sanitize(mine), cell.sanitize(other), tolerance):
                computed[key] = other


def _execute_cell_input(self, cell_input, allow_stdin=None):
    # nbval's own passes store_history=False, with which IPython shows the value of a
    # last line in spite of its semicolon.
    return self.kc.execute(
        cell_input, store_history=True, allow_stdin=allow_stdin, stop_on_error=False
    )


_nbval_compare = IPyNbCell.compare_outputs


def pytest_configure(config):
    """Put the stricter methods in the place of nbval's."""
    IPyNbCell.compare_outputs = _compare_outputs
    RunningKernel.execute_cell_input = _execute_cell_input


def pytest_runtest_setup(item):
    """Refuse a cell that was never executed: nbval would run it and compare nothing."""
    if isinstance(item, IPyNbCell) and item.cell.execution_count is None:
        pytest.fail(
            f"the cell {item.cell.get('id')} was stored unexecuted: "
            "run `make notebooks`, or Run All Cells, and save",
            pytrace=False,
        )
