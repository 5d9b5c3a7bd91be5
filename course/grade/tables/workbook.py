"""Rows of an .xlsx, for the child that reads it; see `reading`."""

import datetime
from pathlib import Path
from typing import Any

__all__ = ["sheets_of"]

MAX_ROWS = 300_000
MAX_COLUMNS = 500
MAX_CELL = 40_000  # characters; a spreadsheet's own limit is 32,767


def sheets_of(path: Path) -> list[list[tuple[int, list[str]]]]:
    """Return the rows of each sheet, as a CSV would have them.

    Raises:
        ValueError: this is no workbook, or one without openpyxl.
    """
    try:
        import openpyxl
    except ImportError:
        raise ValueError(
            "openpyxl is missing: pip install 'ece662[staff]', or save it as .csv"
        ) from None
    results = openpyxl.load_workbook(path, read_only=True, data_only=True)
    written = openpyxl.load_workbook(path, read_only=True)
    sheets = []
    for sheet, as_written in zip(results.worksheets, written.worksheets, strict=True):
        sheet.reset_dimensions()  # what a file says of its size may be wrong
        as_written.reset_dimensions()
        rows = []
        pairs = zip(_values(sheet), _values(as_written), strict=True)
        for line, (values, formulas) in enumerate(pairs, start=1):
            if line > MAX_ROWS:
                raise ValueError(f"it has more than {MAX_ROWS} rows")
            cells = [_text(*pair) for pair in zip(values, formulas, strict=True)]
            rows.append((line, cells))
        sheets.append(rows)
    return sheets


def _values(sheet: Any):
    return sheet.iter_rows(values_only=True, max_col=MAX_COLUMNS)


def _text(value: Any, formula: Any) -> str:
    """Return a cell as text; a formula that was never computed as itself."""
    value = formula if value is None else value
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.15g}"  # as a spreadsheet shows it
    if isinstance(value, datetime.datetime):
        return value.date().isoformat()
    return str(value)[:MAX_CELL]
