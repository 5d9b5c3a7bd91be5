"""What a figure shows, in words: what a screen reader says in its place (WCAG 1.1.1).

    describe("The sigmoid's derivative is a quarter at most.")

notes a sentence for the current figure; titles, axes, and where each curve begins and
ends are read from the figure itself. `show_with_text` has every figure of a notebook
shown with its text: as `alt` in the metadata of its PNG, where nbconvert and the web
pages look, and in HTML as well, since JupyterLab does not read that metadata. Neither
can do without the other: what turns a notebook into a PDF takes no HTML.
"""

import base64
import html
import io
import re
import weakref
from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.container import BarContainer
from matplotlib.figure import Figure

__all__ = ["describe", "show_with_text", "spoken", "text_of"]

CURVES = 8  # that are read out for a pair of axes
_sentences: weakref.WeakKeyDictionary[Figure, str] = weakref.WeakKeyDictionary()
_drawn: weakref.WeakKeyDictionary[Figure, str] = weakref.WeakKeyDictionary()


def describe(sentence: str, figure: Figure | None = None) -> None:
    """Note what there is to see in a figure.

    Args:
        sentence: one or a few, for somebody who does not see it.
        figure: by default the one that is being drawn.
    """
    _sentences[figure or plt.gcf()] = sentence.strip()


def text_of(figure: Figure) -> str:
    """Return a figure's text: what was noted, then what its axes say themselves."""
    title = figure.get_suptitle()
    parts = [_sentences.get(figure, ""), *map(_ended, [title])]
    parts += [_ended("; ".join(_read(ax))) for ax in figure.axes if ax.get_visible()]
    return spoken(" ".join(filter(None, parts)))


def spoken(text: str) -> str:
    """Return a text as it is read out: without the signs that set a formula."""
    text = re.sub(r"\\hat\{?(\w)\}?", r"\1-hat", text)
    text = re.sub(r"[\\${}]|(?<=[?!]):", "", text)
    return " ".join(text.split())


def _read(ax) -> Iterator[str]:
    """Yield what a pair of axes says: title and labels, then curves and bars."""
    title = ax.get_title("left") or ax.get_title() or ax.get_title("right")
    labels = " over ".join(filter(None, (ax.get_ylabel(), ax.get_xlabel())))
    if title or labels:
        yield ": ".join(filter(None, (title, labels)))
    curves = [line for line in ax.get_lines() if _is_curve(line)]
    for line in curves[:CURVES]:
        y = np.asarray(line.get_ydata(), float)
        y = y[np.isfinite(y)]
        name = line.get_label()
        name = "" if name.startswith("_") else f"{name} "
        yield f"{name}{_range(y)}"
    for line in ax.get_lines() if not curves else ():
        if len(line.get_ydata()) > 1 and line.get_linestyle() == "None":
            yield _read_cloud(np.asarray(line.get_xydata(), float))
    for bars in ax.containers:
        if isinstance(bars, BarContainer):
            yield _read_bars(ax, bars)


def _is_curve(line) -> bool:
    """True for a line of data: no cloud of dots beside it, no line across the panel."""
    y = np.asarray(line.get_ydata(), float)
    across = line.get_transform() != line.axes.transData
    is_cloud = line.get_label().startswith("_") and line.get_linestyle() == "None"
    return np.isfinite(y).any() and not across and not is_cloud


def _range(y) -> str:
    """Say where a curve begins and ends, and how far it goes between."""
    first, last, low, high = y[0], y[-1], y.min(), y.max()
    if len(y) == 1:
        return f"at {first:.3g}"
    said = f"from {first:.3g} to {last:.3g}"
    margin = 0.02 * (high - low)
    if low < min(first, last) - margin:
        said += f", lowest {low:.3g}"
    if high > max(first, last) + margin:
        said += f", highest {high:.3g}"
    return said


def _read_cloud(points) -> str:
    """Say where dots lie, and whether the heights that occur are few."""
    x, y = points[np.isfinite(points).all(axis=1)].T
    heights = np.unique(y.round(3))
    said = f"{len(x)} points, x from {x.min():.3g} to {x.max():.3g}"
    if len(heights) <= 5:
        return f"{said}, y only {', '.join(f'{height:.3g}' for height in heights)}"
    return f"{said}, y from {y.min():.3g} to {y.max():.3g}"


def _read_bars(ax, bars) -> str:
    """Say how long each bar is, under its name."""
    lying = bars.orientation == "horizontal"
    names = ax.get_yticklabels() if lying else ax.get_xticklabels()
    names = [name.get_text() for name in names]
    sizes = [bar.get_width() if lying else bar.get_height() for bar in bars]
    label = bars.get_label()
    label = "" if label.startswith("_") else f"{label} "
    if len(names) != len(sizes):
        return f"{label}{len(sizes)} bars, the longest {max(sizes):.3g}"
    pairs = zip(names, sizes, strict=True)
    return label + ", ".join(f"{name} {size:.3g}" for name, size in pairs)


def _ended(text: str) -> str:
    """Return a text that ends like a sentence."""
    text = text.strip()
    return f"{text}." if text and text[-1] not in ".!?" else text


def show_with_text(_figure: Figure) -> None:
    """Have the figures of the running notebook shown with their texts.

    Matplotlib calls this for each new figure (`figure.hooks` in STYLE): later than the
    inline backend, which enters a formatter of its own when it is loaded. A format that
    the reader chose (`%config InlineBackend.figure_format`) is left alone.
    """
    from ece662 import live

    shell = live.running_shell()
    if shell is None or not _format_is_default():
        return
    formatters = shell.display_formatter.formatters
    formatters["text/html"].for_type(Figure, _as_html)
    formatters["image/png"].for_type(Figure, _as_png)


def _format_is_default() -> bool:
    from matplotlib_inline.config import InlineBackend

    return InlineBackend.instance().figure_formats == {"png"}


def _as_html(figure: Figure) -> str:
    png = _drawn[figure] = _encoded(figure)
    alt = html.escape(text_of(figure), quote=True)
    image = f'<img src="data:image/png;base64,{png}" alt="{alt}" '
    return f'{image}style="max-width: 100%; height: auto; background: white">'


def _as_png(figure: Figure) -> tuple[str, dict[str, str]]:
    """Return the PNG and its metadata; the HTML form has just been made, if any."""
    png = _drawn.pop(figure, None) or _encoded(figure)
    return png, {"alt": text_of(figure)}


def _encoded(figure: Figure) -> str:
    """Draw a figure; return its PNG in base64.

    A plot needs few colours: with a palette its file has a third of the size. Figures
    that hold photographs keep all of theirs.
    """
    from IPython.core.pylabtools import print_figure
    from PIL import Image

    png = print_figure(figure, fmt="png", bbox_inches="tight", base64=False)
    if not any(np.ndim(image.get_array()) == 3 for image in figure.findobj(_is_image)):
        file = io.BytesIO()
        picture = Image.open(io.BytesIO(png)).convert("RGB")
        picture.quantize(256, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
        png = file.getvalue()
    return base64.b64encode(png).decode("ascii")


def _is_image(artist) -> bool:
    from matplotlib.image import AxesImage

    return isinstance(artist, AxesImage)
