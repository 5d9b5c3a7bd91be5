"""A pytest plugin: nbval compares all that a notebook computes, numbers as numbers.

`python scripts/notebooks.py test` loads it. Without it nbval compares text letter by
letter, which holds on one computer only, and does not compare at all where a cell was
stored unexecuted. With it:

- A code cell that was never executed fails.
- Text must agree letter by letter. Numbers must agree to the digits shown, but where
  the cell's rules say otherwise: `number_rules` has them.
- A number printed with what is expected of it is judged by that: `4e-10, expected
  below 1e-8` agrees with `7e-10, expected below 1e-8`.
- A failure names the cell, each number that breaks a rule, the stored one, the rule.
- Widgets are left out, a progress bar for one; what they print is compared. A dashboard
  brings a still picture and a line of text with it: those stay. Of a figure the PNG
  stays, not the same picture once more in HTML.
"""

import pytest
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell, coalesce_streams
from number_rules import Rules

__all__ = ["RULES", "picture_text", "texts", "without_widgets"]

RULES = "compare"  # the key of a cell's metadata
WIDGET = "application/vnd.jupyter.widget-view+json"
_TEXTS = ("text/plain", "text/html", "text/latex", "text/markdown")


def texts(outputs: list) -> list[str]:
    """Return what a cell's outputs say, each in its plainest form."""
    said = (out.get("text") or out.get("data", {}).get("text/plain") for out in outputs)
    return [text for text in said if text]


def without_widgets(outputs: list) -> list:
    """Leave out outputs that are widgets, but for the still pictures they bring."""
    kept = []
    for output in outputs:
        data = output.get("data", {})
        if WIDGET in data:
            if "image/png" not in data:
                continue
            del data[WIDGET]
        if "image/png" in data:
            data.pop("text/html", None)
        kept.append(output)
    return kept


def picture_text(output) -> dict:
    """Return the metadata of an output that are no machine's: a picture's text."""
    text = output.get("metadata", {}).get("image/png", {}).get("alt")
    return {"image/png": {"alt": text}} if text else {}


def _compare_outputs(self, test, ref, skip_compare=None):
    """Compare with nbval's own method, once numbers that agree are made the same."""
    rules = Rules(self.cell.metadata.get(RULES, ()))
    test = coalesce_streams(without_widgets(test))
    ref = coalesce_streams(without_widgets(ref))
    broken = rules.broken_facts([self.sanitize(text) for text in texts(test)])
    for computed, stored in zip(test, ref, strict=False):
        broken += _take_over(self, computed, stored, ("text", "evalue"), rules)
        data = computed.get("data", {}), stored.get("data", {})
        broken += _take_over(self, *data, _TEXTS, rules)
    same = _nbval_compare(self, test, ref, skip_compare)
    if broken:
        heading = f"the cell {self.cell.get('id')}:"
        # Once each: the same text may come as plain text and as HTML.
        report = "\n  ".join([heading, *dict.fromkeys(broken)]) + "\n"
        self.comparison_traceback.insert(0, report)
    return same and not broken


def _take_over(cell, computed, stored, keys, rules):
    """Make numbers the same that agree; return a sentence for each other."""
    broken = []
    for key in keys:
        if key in computed and key in stored:
            mine, other = cell.sanitize(computed[key]), cell.sanitize(stored[key])
            computed[key], sentences = rules.compare(mine, other)
            stored[key] = other
            broken += sentences
    return broken


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
