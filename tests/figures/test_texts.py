"""A figure's text: what it says, and that a notebook shows it."""

import base64
import io

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from matplotlib_inline.config import InlineBackend
from PIL import Image

from ece662 import live
from ece662.figures import texts
from ece662.figures.style import use_style


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_text_of_curves_says_where_they_begin_end_and_turn():
    figure, (left, right) = plt.subplots(1, 2)
    left.plot([3, 1, 2], label="loss")
    left.plot([9, 9, 9], ".")  # a cloud, and a line across: not read out
    left.axhline(5, label="asked for")
    left.set(title="Loss", xlabel="step", ylabel="loss")
    right.plot([0.25, np.nan], label="validation")
    texts.describe("It falls.")
    said = texts.text_of(figure)
    assert said == (
        "It falls. Loss: loss over step; loss from 3 to 2, lowest 1. "
        "validation at 0.25."
    )


def test_text_of_bars_names_each_of_them():
    figure, (left, right) = plt.subplots(1, 2)
    left.barh(["naive", "fast"], [2.5, 0.001])
    right.bar(["conv1", "conv2"], [16, 32], label="whole")
    assert texts.text_of(figure) == "naive 2.5, fast 0.001. whole conv1 16, conv2 32."


def test_text_of_a_cloud_says_where_it_lies():
    figure, (left, right) = plt.subplots(1, 2)
    left.plot([1, 2, 3], [-1, 1, -1], "o")
    right.plot(np.arange(9), np.arange(9) ** 2, ".")
    assert texts.text_of(figure) == (
        "3 points, x from 1 to 3, y only -1, 1. "
        "9 points, x from 0 to 8, y from 0 to 64."
    )


def test_formulas_and_double_signs_are_not_read_out():
    said = texts.spoken(r"How large?: $\hat{x}$ over $\gamma$,  {twice}")
    assert said == "How large? x-hat over gamma, twice"


def test_describe_belongs_to_its_figure_alone():
    first = plt.figure()
    texts.describe("The first one.")
    second = plt.figure()
    second.suptitle("The second")
    assert texts.text_of(first) == "The first one."
    assert texts.text_of(second) == "The second."
    texts.describe("Said later.", first)
    assert texts.text_of(first) == "Said later."


@pytest.fixture
def shell(monkeypatch):
    """A shell that shows figures with their texts, as the style asks for."""
    shell = InteractiveShell()
    monkeypatch.setattr(live, "running_shell", lambda: shell)
    with plt.rc_context():
        use_style()
        yield shell


def picture_of(shell, figure):
    """Return the PNG and the text that are shown, and the HTML."""
    data, metadata = shell.display_formatter.format(figure)
    png = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    return png, metadata["image/png"]["alt"], data["text/html"]


def test_a_notebook_shows_every_figure_with_its_text(shell):
    figure, ax = plt.subplots()
    ax.plot([1, 2], label='a "b" <c>')
    png, alt, html = picture_of(shell, figure)
    assert alt == texts.text_of(figure) == 'a "b" <c> from 1 to 2.'
    assert 'alt="a &quot;b&quot; &lt;c&gt; from 1 to 2."' in html
    assert png.mode == "P"  # a palette: a third of the size
    ax.plot([5, 4], label="later")
    assert "later from 5 to 4" in picture_of(shell, figure)[1]


def test_photographs_keep_their_colours(shell):
    figure, ax = plt.subplots()
    colours = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    ax.imshow(colours, interpolation="nearest")
    png, _, _ = picture_of(shell, figure)
    assert len(png.convert("RGB").getcolors(2**20)) > 1000


@pytest.mark.filterwarnings("ignore:InlineBackend:DeprecationWarning")
def test_a_format_that_the_reader_chose_is_left_alone(shell, monkeypatch):
    monkeypatch.setattr(InlineBackend.instance(), "figure_formats", {"svg"})
    figure, _ = plt.subplots()
    assert set(shell.display_formatter.format(figure)[0]) == {"text/plain"}
