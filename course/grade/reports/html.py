"""The few pieces of HTML that pages are made of; everything in them is escaped.

Pages hold all they show: no script, no picture, nothing from elsewhere, which a policy
in their head also tells the browser.
"""

import html
from collections.abc import Iterable

from course.grade.text import printable

__all__ = ["bars", "escape", "page", "paragraph", "preformatted", "table"]

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #222; --pale: #f5f5f5;
        --edge: #595959; --accent: #0b5394; --good: #2e7d32; --bad: #c62828;
        --other: #595959; --mark: #ffe08a; --bar: #5b8db8; --bar-bad: #c98888;
        --bar-other: #ccc; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #16191d; --ink: #e6e6e6; --pale: #22272e; --edge: #9aa4af;
          --accent: #8ab8f0; --good: #81c995; --bad: #f28b82; --other: #a8b0b8;
          --mark: #5c4a00; --bar: #5b8db8; --bar-bad: #a86464; --bar-other: #666; }
}
body { font: 16px/1.45 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
       padding: 0 1rem; background: var(--paper); color: var(--ink); }
a { color: var(--accent); }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
pre { background: var(--pale); padding: .7rem; white-space: pre-wrap;
      overflow-wrap: anywhere; }
table { border-collapse: collapse; } td, th { padding: .2rem .8rem .2rem 0;
      text-align: left; vertical-align: top; }
.passed { color: var(--good); } .failed { color: var(--bad); }
.other { color: var(--other); }
.bars td { white-space: nowrap; }
.bar { display: inline-block; height: .8rem; background: var(--bar); }
.bar.failed { background: var(--bar-bad); } .bar.other { background: var(--bar-other); }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def escape(text: object) -> str:
    """Return text that a browser shows as it is."""
    return html.escape(printable(str(text)))


def page(title: str, body: Iterable[str], allowed: str = "") -> str:
    """Return a whole page.

    Args:
        title: of the page.
        body: pieces of HTML.
        allowed: what its policy lets the browser do beside showing it.
    """
    policy = f"{POLICY}; {allowed}" if allowed else POLICY
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width">',
            f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
            f"<main><h1>{escape(title)}</h1>",
            *body,
            "</main></body></html>\n",
        ]
    )


def paragraph(text: object, kind: str = "", tag: str | None = "p") -> str:
    """Return a paragraph, or with no tag the escaped text alone."""
    if tag is None:
        return escape(text)
    shade = f' class="{kind}"' if kind else ""
    return f"<{tag}{shade}>{escape(text)}</{tag}>"


def preformatted(text: object) -> str:
    """Return text that keeps its lines."""
    return f"<pre>{escape(text)}</pre>"


def table(heads: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """Return a table of text."""
    lines = ["".join(f"<th>{escape(head)}</th>" for head in heads)]
    lines += ["".join(f"<td>{escape(value)}</td>" for value in row) for row in rows]
    return "<table>\n" + "\n".join(f"<tr>{line}</tr>" for line in lines) + "\n</table>"


def bars(counts: Iterable[tuple[str, int, str]]) -> str:
    """Return a histogram: a row for each (name, count, kind)."""
    counts = list(counts)
    most = max([1, *(count for _, count, _ in counts)])
    rows = [
        f'<tr><td>{escape(name)}</td><td><span class="bar {escape(kind)}" '
        f'style="width: calc({count / most:.3f} * var(--longest-bar))"></span> '
        f"{count}</td></tr>"
        for name, count, kind in counts
    ]
    return '<table class="bars">\n' + "\n".join(rows) + "\n</table>"
