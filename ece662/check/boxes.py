"""The frame in which a notebook shows verdicts, hints and answers to questions.

The colour is that of the bar on the left alone. Words keep the colour of the notebook's
theme, so they can be read on white and on black, and no word is said by colour alone.
"""

import html

__all__ = ["BLUE", "GREEN", "GREY", "RED", "box"]

# Each at least 3 : 1 against white and against JupyterLab's dark #111111.
GREEN, RED, GREY, BLUE = "#2e8b57", "#d9534f", "#808080", "#3b82c4"


def box(colour: str, headline: str, lines: str) -> str:
    """Return a headline and what belongs to it as HTML.

    Args:
        colour: of the bar, "#rrggbb".
        headline: plain text.
        lines: HTML that follows the headline.
    """
    return (
        f'<div style="border-left: 4px solid {colour}; padding: 2px 0 2px 10px; '
        f'margin: 4px 0"><b>{html.escape(headline)}</b>{lines}</div>'
    )
