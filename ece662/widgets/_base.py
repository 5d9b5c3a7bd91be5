"""What the dashboards share: dials, pictures that follow them, and a line of text.

A dashboard is a function `draw(**values) -> Drawing` of the values of its dials. It
computes with the student's own functions, which it looks up anew each time, and knows
no widget. `Dashboard` puts the dials above the pictures, calls `draw` when one moves,
and says it in words where the student's code is unfinished or fails.

    board = optimiser_race(rate=0.05)  # shown where it is the last line of a cell
    board.set(rate=0.1)                # the same as moving the dial

Only what ipywidgets 7.7 (Colab) and 8 share is used. Pictures are PNGs in `Image`
widgets: the page keeps the old one until the new one is there, so nothing flickers.
Each panel is a picture of its own, so that they wrap below each other on a narrow page.
"""

import base64
import html
import io
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import ipywidgets as widgets
import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from ece662 import live
from ece662.figures.style import STYLE
from ece662.figures.texts import spoken
from ece662.live.limit import EndlessError, patience, time_limit
from ece662.widgets._errors import describe_error
from ece662.widgets._names import BOX, make_names

__all__ = [
    "Dashboard",
    "Drawing",
    "choice",
    "folded_code",
    "log_axis",
    "log_slider",
    "own_random_numbers",
    "panel",
    "slider",
    "to_png",
]

SECONDS = 20  # that a drawing may take: some 0.1 is usual
DPI = 80
MARGINS = (0.8, 0.62, 0.2, 0.42)  # inches: left, bottom, right, top
# Another thread may train and draw at the same time; matplotlib's settings are global.
_drawing = threading.RLock()


class Drawing(NamedTuple):
    """What a dashboard shows: figures of one height, and what they say in words."""

    panels: Sequence[Figure]
    text: str


class Dashboard:
    """Dials, the pictures that follow them, and a line of text.

    Attributes:
        dials: the widgets by the names that `draw` has for their values.
        extra: the widgets below them.
        text: what the text line says now.
        box: the widget that holds everything.
    """

    def __init__(
        self,
        title: str,
        dials: Mapping[str, widgets.Widget],
        draw: Callable[..., Drawing],
        start: Mapping[str, object] | None = None,
        extra: Sequence[widgets.Widget] = (),
        adjust: Callable[[Mapping], None] | None = None,
    ):
        """Lay everything out, and draw the first picture.

        Args:
            title: what the dashboard is called.
            dials: widgets with a `value`, under the names of draw's arguments.
            draw: makes the pictures; called with the value of each dial.
            start: values to begin with, where they are not the dials' own.
            extra: further widgets, below the dials.
            adjust: fits dials to each other before drawing; called with all of them.
        """
        self.title, self.dials, self._draw = title, dict(dials), draw
        self._adjust, self.extra = adjust, tuple(extra)
        self._figures, self._quiet = [], True
        self.text = ""
        self._message = widgets.HTML()
        self._pictures = widgets.Box(
            layout=widgets.Layout(flex_flow="row wrap", width="100%")
        )
        for dial in self.dials.values():
            dial.observe(self._on_dial, names="value")
        columns = "repeat(auto-fit, minmax(min(100%, 300px), 1fr))"
        layout = widgets.Layout(grid_template_columns=columns, width="100%")
        heading = widgets.HTML(f"<b>{html.escape(title)}</b>")
        grid = widgets.GridBox(list(self.dials.values()), layout=layout)
        self._names = make_names(title)
        names = [self._names.widget] if self._names.widget else []
        content = [heading, grid, *extra, self._message, self._pictures, *names]
        self.box = widgets.VBox(content, layout=widgets.Layout(width="100%"))
        self.box.add_class(BOX)
        self._quiet = False
        self.set(**(start or {}))

    @property
    def values(self) -> dict[str, object]:
        """The value of each dial."""
        return {name: dial.value for name, dial in self.dials.items()}

    def set(self, **values) -> None:
        """Move dials from code, then draw once.

        Raises:
            ValueError: there is no such dial, or it cannot take the value.
        """
        for name in values:
            if name not in self.dials:
                known = ", ".join(self.dials)
                raise ValueError(f"expected a dial of {known}; got {name!r}")
        with self._without_drawing():
            for name, value in values.items():
                self._turn(name, value)
                self._fit()
        self.redraw()

    def redraw(self) -> None:
        """Draw again with the values of the dials and the student's latest code."""
        report = live.refresh()
        if report.problems:
            self._show_nothing("\n".join(report.problems))
            return
        try:
            with time_limit(SECONDS * patience()), own_random_numbers(), _style():
                drawing = self._draw(**self.values)
        except (Exception, EndlessError) as error:
            self._show_nothing(describe_error(error))
        else:
            self.show(drawing)

    def draw_now(self) -> None:
        """Draw what there is to see now, from whatever thread, with the code loaded."""
        with _style():
            self.show(self._draw(**self.values))

    def show(self, drawing: Drawing) -> None:
        """Put new pictures in the place of the old ones."""
        with _style():
            pngs = [to_png([figure]) for figure in drawing.panels]
        if len(pngs) != len(self._pictures.children):
            self._pictures.children = [_frame(f) for f in drawing.panels]
        for image, png in zip(self._pictures.children, pngs, strict=True):
            image.value = png
        self._names.say([_described(f, drawing.text) for f in drawing.panels])
        self._pictures.layout.visibility = "visible"
        self._figures = drawing.panels
        self.say(drawing.text)

    def _show_nothing(self, reason: str) -> None:
        """Hide the old pictures: they are not of the values that the dials have now.

        They keep their place, so that the page does not jump when the next ones come.
        """
        self._pictures.layout.visibility = "hidden"
        self._figures = []
        self.say(reason)

    def say(self, text: str) -> None:
        """Show a line of text above the pictures."""
        self.text = text
        words = html.escape(text).replace("\n", "<br>")
        self._message.value = f'<div role="status">{words}</div>'

    def _turn(self, name: str, value) -> None:
        dial = self.dials[name]
        try:
            dial.value = value
        except Exception as error:  # traitlets' own: TraitError
            raise ValueError(f"{name} cannot be {value!r}: {error}") from None
        # A slider moves what is out of its range to its end, and says nothing.
        if hasattr(dial, "min") and not np.allclose(dial.value, value):
            ends = np.array([dial.min, dial.max])
            if isinstance(dial, widgets.FloatLogSlider):
                ends = dial.base**ends
            raise ValueError(
                f"{name} goes from {ends[0]:g} to {ends[1]:g}, got {value}"
            )

    def _on_dial(self, change) -> None:
        if self._quiet:
            return
        with self._without_drawing():
            self._fit()
        self.redraw()

    def _fit(self) -> None:
        if self._adjust is not None:
            self._adjust(self.dials)

    @contextmanager
    def _without_drawing(self):
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False

    def _repr_mimebundle_(self, include=None, exclude=None):
        """Be shown: as widgets where the page is live, else as a picture and text."""
        view = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        bundle = {"application/vnd.jupyter.widget-view+json": view}
        bundle["text/plain"] = f"{self.title}: {self.text}"
        if self._figures:
            with _style():
                png = to_png(self._figures)
            bundle["image/png"] = base64.b64encode(png).decode("ascii")
        return bundle, {"image/png": {"alt": spoken(bundle["text/plain"])}}


def slider(name: str, low, high, value, step=1, live: bool = True):
    """Make a slider for whole numbers, or for others where `step` is a float.

    Args:
        name: the label.
        low, high: the ends.
        value: where it stands at first.
        step: from one position to the next.
        live: draw while it is being moved; False waits until it is let go.
    """
    whole = all(isinstance(number, int) for number in (low, high, value, step))
    kind = widgets.IntSlider if whole else widgets.FloatSlider
    return kind(
        description=name,
        min=low,
        max=high,
        value=value,
        step=step,
        continuous_update=live,
        **_labelled(),
    )


def log_slider(name: str, low: float, high: float, value: float, live: bool = True):
    """Make a slider whose every step is a factor: for rates and scales.

    Args:
        name: the label.
        low, high: the ends, powers of ten.
        value: where it stands at first.
        live: as for `slider`.
    """
    return widgets.FloatLogSlider(
        description=name,
        base=10,
        min=np.log10(low),
        max=np.log10(high),
        value=value,
        step=0.1,
        readout_format=".2g",
        continuous_update=live,
        **_labelled(),
    )


def choice(name: str, options, value=None):
    """Make a drop-down list.

    Args:
        name: the label.
        options: what there is to choose from, or a dict of what stands for what.
        value: the first choice; the first option by default.
    """
    pairs = list(options.items()) if isinstance(options, Mapping) else list(options)
    menu = widgets.Dropdown(description=name, options=pairs, **_labelled())
    if value is not None:
        menu.value = value
    return menu


def panel(
    title: str, width: float = 5.0, height: float = 3.8, margins=MARGINS, **labels
):
    """Make a figure with one pair of axes, in the course's style.

    Its margins are fixed: to have them computed would take a third of the time.

    Returns:
        figure, ax.
    """
    with _style():
        figure = Figure(figsize=(width, height), dpi=DPI, layout="none")
        FigureCanvasAgg(figure)
        left, bottom, right, top = margins
        across, up = width - left - right, height - bottom - top
        ax = figure.add_axes(
            (left / width, bottom / height, across / width, up / height)
        )
    ax.set_title(title, y=1.0)  # given a place, it is not looked for at each drawing
    ax.locator_params(nbins=5)  # ticks are half of the work
    ax.set(**labels)
    return figure, ax


def log_axis(axis, low: float, high: float, count: int = 6) -> None:
    """Make an axis logarithmic, quickly: few ticks, and plain text instead of maths.

    Args:
        axis: ax.xaxis or ax.yaxis.
        low, high: its ends.
        count: ticks at most.
    """
    vertical = axis.axis_name == "y"
    getattr(axis.axes, "set_yscale" if vertical else "set_xscale")("log")
    exponents = range(int(np.ceil(np.log10(low))), int(np.floor(np.log10(high))) + 1)
    exponents = list(exponents)[:: -(-len(exponents) // count)]
    labels = [f"{10.0**e:g}" if abs(e) < 4 else f"1e{e}" for e in exponents]
    axis.set_ticks([10.0**e for e in exponents], labels=labels)
    axis.set_minor_locator(NullLocator())
    getattr(axis.axes, "set_ylim" if vertical else "set_xlim")(low, high)


def to_png(figures: Sequence[Figure]) -> bytes:
    """Draw figures side by side into one PNG; they must be of one height."""
    from PIL import Image

    pixels = []
    for figure in figures:
        figure.canvas.draw()
        pixels.append(np.asarray(figure.canvas.buffer_rgba())[..., :3])
    file = io.BytesIO()
    # The lightest compression: it goes to the page next door, and time matters.
    Image.fromarray(np.hstack(pixels)).save(file, format="PNG", compress_level=1)
    return file.getvalue()


@contextmanager
def own_random_numbers(seed: int = 231):
    """Draw numbers from a fixed seed, and leave the notebook's own as they were."""
    state = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(state)


@contextmanager
def _style():
    with _drawing, matplotlib.rc_context(STYLE):
        yield


def _labelled() -> dict:
    """Room for a label of some words; the dial fills what is left of its column."""
    return {
        "style": {"description_width": "105px"},
        "layout": widgets.Layout(width="auto", min_width="0"),
    }


def _frame(figure: Figure) -> widgets.Image:
    """Make an image as wide as its figure, and somewhat narrower where that helps."""
    width = round(figure.get_figwidth() * DPI)
    layout = widgets.Layout(
        flex=f"1 1 {0.75 * width:.0f}px",
        max_width=f"min(100%, {width}px)",
        min_width="0",
    )
    layout.height = "auto"
    layout.object_fit = "contain"
    return widgets.Image(format="png", layout=layout)


def _described(figure: Figure, text: str) -> str:
    """Say in words what a panel shows: its titles and axes, and what came out."""
    parts = []
    for ax in figure.axes:
        axes = " over ".join(filter(None, (ax.get_ylabel(), ax.get_xlabel())))
        title = ax.get_title("left") or ax.get_title()
        parts.append(": ".join(filter(None, (title, axes))))
    return f"{'; '.join(filter(None, parts)) or 'A picture'}. {text}"


def folded_code(best: str, code: str) -> str:
    """Write, as HTML, the cell that repeats the best run or trial, to be unfolded."""
    return (
        f"<details><summary>{best} is the best so far; the cell for it:</summary>"
        f"<pre>{html.escape(code)}</pre></details>"
    )
