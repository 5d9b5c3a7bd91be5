"""How every figure and dashboard looks: colours, markers, sizes.

Colours are those of Okabe and Ito, which colour-blind readers tell apart; where lines
cross, their style or markers differ as well.

pyplot is not imported here: that takes longer than all else that a notebook's set-up
cell does, and the first cell that draws does it anyway.
"""

import matplotlib

__all__ = ["COLOURS", "MARKERS", "STYLE", "remove_frame", "use_style"]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = "osD^vP"

# Sizes that can be read from the last row of a lecture hall.
STYLE = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.prop_cycle": matplotlib.cycler(color=COLOURS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 14,
    "figure.constrained_layout.use": True,
    "figure.figsize": (10.0, 4.0),
    "figure.hooks": ["ece662.figures.texts:show_with_text"],
    "font.size": 12,
    "grid.alpha": 0.3,
    "image.cmap": "gray",
    "image.interpolation": "nearest",
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "savefig.dpi": 80,
}


def use_style() -> None:
    """Draw everything from now on with the sizes and colours of STYLE."""
    matplotlib.rcParams.update(STYLE)


def remove_frame(ax) -> None:
    """Take frame, grid and tick marks off a panel that shows a picture or a table."""
    ax.grid(False)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
