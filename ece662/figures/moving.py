"""Pictures that move: a still for everyone, and the animation for whoever opens it.

Nothing moves by itself (WCAG 2.2.2). A page shows the last picture; the animation takes
its place while the fold above it is open, and closing the fold ends it. Where pages
cannot fold, on paper for one, the still is what there is to see.

`imageio` writes the animations, as GIF: of the formats that move, the one that every
page shows.
"""

import base64
import html
from collections.abc import Iterable, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from ece662.figures.texts import spoken

__all__ = ["Moving", "show_moving"]

DPI = 80
COLOURS = 256  # of an animation: those that a GIF can hold
SECONDS = 0.6  # that each picture stays
LAST = 3.0  # that the last one stays, before it begins anew
# The still steps aside for the animation. The background is for the dark theme: what is
# written in the pictures is black.
PAGE = """\
<style>.ece662-moving > details[open] + img {{ display: none }}</style>
<div class="ece662-moving"><details><summary>Play; close it to stop</summary>
<img src="data:image/gif;base64,{gif}" alt="In motion: {alt}" {style}>
</details><img src="data:image/png;base64,{png}" alt="{alt}" {style}></div>"""
STYLE = 'style="max-width: 100%; height: auto; background: white"'


class Moving:
    """Pictures of one size that follow each other.

    Attributes:
        text: what there is to see, for somebody who does not see it.
        gif: the animation, a file's bytes.
        png: the last picture, a file's bytes.
    """

    def __init__(self, pictures: Sequence[np.ndarray], text: str, seconds=SECONDS):
        """Write both files.

        Args:
            pictures: (H, W, 3) arrays of uint8.
            text: what there is to see.
            seconds: that each picture stays; the last one stays longer.

        Raises:
            ValueError: there is nothing that could move, or the sizes differ.
        """
        import imageio.v3 as imageio

        sizes = {picture.shape for picture in pictures}
        if len(pictures) < 2 or len(sizes) != 1:
            raise ValueError(
                "expected two or more pictures of one size, "
                f"got {len(pictures)} of {sorted(sizes)}"
            )
        frames = _few_colours(pictures)
        times = [1000 * seconds] * (len(pictures) - 1) + [1000 * LAST]
        self.text = spoken(text)
        self.gif = imageio.imwrite(
            "<bytes>", np.stack(frames), extension=".gif", duration=times, loop=0
        )
        self.png = imageio.imwrite("<bytes>", pictures[-1], extension=".png")

    def _repr_mimebundle_(self, include=None, exclude=None):
        """Be shown: as a page with both, else as the still, else as the text."""
        png, gif = (base64.b64encode(f).decode("ascii") for f in (self.png, self.gif))
        alt = html.escape(self.text, quote=True)
        page = PAGE.format(png=png, gif=gif, alt=alt, style=STYLE)
        bundle = {"text/html": page, "image/png": png, "text/plain": self.text}
        return bundle, {"image/png": {"alt": self.text}}


def _few_colours(pictures):
    """Paint all pictures with the same few colours.

    With colours of its own for each picture, what does not move would be written anew
    each time, in shades that nobody can tell apart.
    """
    from PIL import Image

    painted = Image.fromarray(np.concatenate(pictures)).quantize(COLOURS)
    return np.split(np.array(painted.convert("RGB")), len(pictures))


def show_moving(states: Iterable[Figure], text: str, seconds=SECONDS) -> None:
    """Show how a figure changes.

    Args:
        states: the figure, once for each of its states: it is drawn before the next
            one is asked for.
        text: what there is to see.
        seconds: that each state stays.
    """
    from IPython.display import display

    pictures = []
    for figure in states:
        figure.set_dpi(DPI)
        figure.canvas.draw()
        pictures.append(np.array(figure.canvas.buffer_rgba())[..., :3])
    plt.close(figure)
    display(Moving(pictures, text, seconds))
