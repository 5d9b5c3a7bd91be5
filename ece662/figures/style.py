"""How every figure and dashboard looks: colours, markers, sizes.

Colours are those of Okabe and Ito, which colour-blind readers tell apart; where lines
cross, their style or markers differ as well.
"""

import matplotlib.pyplot as plt

__all__ = ["COLOURS", "MARKERS", "STYLE", "remove_frame", "use_style"]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = "osD^vP"

# Sizes that can be read from the last row of a lecture hall.
STYLE = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.prop_cycle": plt.cycler(color=COLOURS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 14,
    "figure.constrained_layout.use": True,
    "figure.figsize": (10.0, 4.0),
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
    plt.rcParams.update(STYLE)


def remove_frame(ax) -> None:
    """Take frame, grid and tick marks off a panel that shows a picture or a table."""
    ax.grid(False)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
