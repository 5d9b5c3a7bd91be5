"""Dashboard: it follows its dials, stays still in a file, and speaks of errors."""

import base64
import io
import threading

import ipywidgets as widgets
import numpy as np
import pytest
from PIL import Image

from ece662 import live
from ece662.widgets._base import (
    Dashboard,
    Drawing,
    choice,
    log_axis,
    log_slider,
    own_random_numbers,
    panel,
    slider,
    to_png,
)


def draw(height, colour="b"):
    figures = []
    for side in ("left", "right"):
        figure, ax = panel(side, 3, 2)
        ax.bar([0], [height], color=colour, label="bar")
        ax.legend()
        ax.set_ylim(0, 10)
        figures.append(figure)
    return Drawing(figures, f"height {height} & <b>")


def test_a_drawing_that_never_ends_is_left_and_the_dials_stay(monkeypatch):
    def draw_or_loop(height):
        while height > 5:
            pass
        return draw(height)

    board = Dashboard("A bar", {"height": slider("height", 0, 10, 3)}, draw_or_loop)
    monkeypatch.setenv("ECE662_PATIENCE", "0.01")
    board.set(height=6)
    first, second = board.text.splitlines()
    assert first.startswith("Stopped after 0.2 seconds in tests/widgets/test_base.py")
    assert second.startswith("Does a loop there never end?")
    monkeypatch.delenv("ECE662_PATIENCE")
    board.set(height=4)
    assert board.text == "height 4 & <b>"


@pytest.fixture
def board():
    dials = {"height": slider("height", 0, 10, 3), "colour": choice("colour", "br")}
    return Dashboard("A bar", dials, draw, {"height": 4})


def test_dashboard_shows_the_start(board, pictures):
    assert board.values == {"height": 4, "colour": "b"}
    assert [picture.shape for picture in pictures(board)] == [(160, 240, 3)] * 2
    assert board.text == "height 4 & <b>"


def test_dashboard_follows_a_dial(board, pictures):
    before = pictures(board)
    board.dials["height"].value = 9
    after = pictures(board)
    assert all((a != b).any() for a, b in zip(before, after, strict=True))
    assert board.text.startswith("height 9")


def test_dashboard_keeps_its_image_widgets(board):
    """New widgets would flicker; new bytes in the old ones do not."""
    before = board._pictures.children
    board.dials["height"].value = 9
    assert board._pictures.children == before


def test_set_draws_once(board):
    texts = []
    board.say = texts.append
    board.set(height=1, colour="r")
    assert texts == ["height 1 & <b>"]


def test_adjust_fits_the_other_dials_before_drawing():
    def adjust(dials):
        dials["colour"].value = "r" if dials["height"].value > 5 else "b"

    dials = {"height": slider("height", 0, 10, 3), "colour": choice("colour", "br")}
    drawn = []

    def watch(**values):
        drawn.append(values)
        return draw(**values)

    board = Dashboard("A bar", dials, watch, adjust=adjust)
    board.dials["height"].value = 6
    assert drawn[1:] == [{"height": 6, "colour": "r"}]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"width": 3}, "expected a dial of height, colour; got 'width'"),
        ({"colour": "g"}, "colour cannot be 'g'"),
        ({"height": 11}, "height goes from 0 to 10, got 11"),
    ],
)
def test_set_refuses_what_no_dial_takes(board, values, message):
    with pytest.raises(ValueError, match=message):
        board.set(**values)


def test_log_slider_out_of_range_names_its_ends():
    board = Dashboard("A bar", {"height": log_slider("h", 0.01, 10, 1)}, draw)
    with pytest.raises(ValueError, match=r"height goes from 0.01 to 10, got 20"):
        board.set(height=20.0)


def test_mimebundle_holds_a_live_view_and_a_still_picture(board):
    bundle = board._repr_mimebundle_()[0]
    view = bundle["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == board.box.model_id
    assert bundle["text/plain"] == "A bar: height 4 & <b>"
    still = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
    assert still.size == (480, 160)


def test_text_of_the_still_picture_is_one_that_can_be_spoken():
    board = Dashboard("A bar?", {"height": slider("h", 0, 9, 4)}, draw)
    alt = board._repr_mimebundle_()[1]["image/png"]["alt"]
    assert alt == "A bar? height 4 & <b>"


def test_text_is_escaped_and_announced(board):
    assert "&amp; &lt;b&gt;" in board._message.value
    assert 'role="status"' in board._message.value


def test_every_dial_has_a_label(board):
    assert all(dial.description for dial in board.dials.values())


def test_error_is_said_and_hides_the_pictures_until_the_next(board, pictures):
    """Nobody should take what was drawn before for the answer."""

    def fail(**values):
        raise ValueError("no such height")

    before, right = pictures(board), board._draw
    board._draw = fail
    board.dials["height"].value = 9
    assert "ValueError: no such height" in board.text
    assert board._pictures.layout.visibility == "hidden"
    assert "image/png" not in board._repr_mimebundle_()[0]
    board._draw = right
    board.dials["height"].value = 4
    assert board._pictures.layout.visibility == "visible"
    assert all((a == b).all() for a, b in zip(before, pictures(board), strict=True))
    assert "image/png" in board._repr_mimebundle_()[0]


def test_draw_now_draws_in_the_courses_style(board, pictures):
    """From a thread, where nobody has set it."""
    before = pictures(board)
    thread = threading.Thread(target=board.draw_now)
    thread.start()
    thread.join()
    assert all((a == b).all() for a, b in zip(before, pictures(board), strict=True))


def test_nothing_drawn_leaves_text_only():
    def unfinished(height):
        raise NotImplementedError

    board = Dashboard("A bar", {"height": slider("h", 0, 9, 1)}, unfinished)
    assert "image/png" not in board._repr_mimebundle_()[0]
    assert board.text.startswith("Not written yet")


def test_file_with_an_error_is_named(board, monkeypatch):
    report = live.ReloadReport(problems=("layers.py, line 3: a bracket is open",))
    monkeypatch.setattr(live, "refresh", lambda: report)
    board.redraw()
    assert board.text == "layers.py, line 3: a bracket is open"
    assert board._pictures.layout.visibility == "hidden"


def test_saved_edits_count_at_the_next_turn(board, monkeypatch):
    calls = []
    monkeypatch.setattr(live, "refresh", lambda: calls.append(1) or live.ReloadReport())
    board.dials["height"].value = 9
    assert calls == [1]


def test_own_random_numbers_leave_the_notebooks_alone():
    np.random.seed(5)
    expected = np.random.RandomState(5).rand()
    with own_random_numbers(1):
        first = np.random.rand()
    with own_random_numbers(1):
        assert np.random.rand() == first
    assert np.random.rand() == expected


def test_to_png_puts_panels_side_by_side():
    png = to_png(draw(3).panels)
    assert Image.open(io.BytesIO(png)).size == (480, 160)


@pytest.mark.parametrize("letter", "xy")
def test_log_axis_has_few_plain_ticks(letter):
    _, ax = panel("errors")
    axis = getattr(ax, f"{letter}axis")
    log_axis(axis, 5e-9, 1e3)
    labels = [label.get_text() for label in axis.get_ticklabels()]
    assert labels == ["1e-8", "1e-6", "1e-4", "0.01", "1", "100"]
    assert axis.get_scale() == "log"
    assert axis.get_minorticklocs().size == 0


def test_slider_is_whole_or_not():
    assert isinstance(slider("n", 1, 9, 3), widgets.IntSlider)
    assert isinstance(slider("p", 0.0, 1.0, 0.5, step=0.1), widgets.FloatSlider)
    assert slider("n", 1, 9, 3, live=False).continuous_update is False
