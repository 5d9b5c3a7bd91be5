"""What moves: a file that does, a still, a text, and nothing that starts by itself."""

import io
import re

import matplotlib

matplotlib.use("Agg")

import IPython.display
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from ece662.figures import moving
from ece662.figures.moving import Moving, show_moving


def pictures(count, size=(20, 30)):
    """Return white pictures, with a black spot that goes to the right."""
    drawn = np.full((count, *size, 3), 255, dtype=np.uint8)
    for place, picture in enumerate(drawn):
        picture[5:10, 5 * place : 5 * place + 5] = 0
    return list(drawn)


def frames(file):
    """Return the pictures of an animation, and the milliseconds each of them stays."""
    with Image.open(io.BytesIO(file)) as animation:
        shown = []
        for place in range(animation.n_frames):
            animation.seek(place)
            pixels = np.array(animation.convert("RGB"))
            shown.append((pixels, animation.info["duration"]))
        assert animation.info["loop"] == 0  # again and again, until the fold is closed
    return shown


def test_animation_and_still_hold_the_pictures():
    drawn = pictures(4)
    spot = Moving(drawn, "A spot goes to the right.", seconds=0.5)
    for (shown, _), picture in zip(frames(spot.gif), drawn, strict=True):
        assert np.array_equal(shown, picture)
    times = [milliseconds for _, milliseconds in frames(spot.gif)]
    assert times == [500, 500, 500, 1000 * moving.LAST]
    with Image.open(io.BytesIO(spot.png)) as still:
        assert np.array_equal(np.array(still), drawn[-1])


def test_what_does_not_move_is_written_once():
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    drawn = [noise.copy() for _ in range(11)]
    for place, picture in enumerate(drawn):
        picture[5:10, 5 * place : 5 * place + 5] = 0
    few, many = (len(Moving(drawn[:n], "A spot.").gif) for n in (2, 11))
    assert many < 2 * few


def test_page_plays_only_what_was_opened():
    bundle, metadata = Moving(pictures(2), 'A "spot" <moves>.')._repr_mimebundle_()
    page = bundle["text/html"]
    fold = re.search(r"<details>(.*)</details>", page, re.DOTALL)[1]
    assert page.count("image/gif") == fold.count("image/gif") == 1
    assert "image/png" not in fold
    assert "details[open] + img { display: none }" in page
    assert "image/png" in page
    texts = re.findall(r'alt="([^"]*)"', page)
    still = "A &quot;spot&quot; &lt;moves&gt;."
    assert texts == [f"In motion: {still}", still]
    assert bundle["text/plain"] == metadata["image/png"]["alt"] == 'A "spot" <moves>.'


@pytest.mark.parametrize("drawn", [[], pictures(1), pictures(1) + pictures(1, (9, 9))])
def test_what_cannot_move_is_refused(drawn):
    with pytest.raises(ValueError, match=r"expected two or more pictures of one size"):
        Moving(drawn, "Nothing.")


def test_show_moving_draws_each_state_and_closes_the_figure(monkeypatch):
    shown = []
    monkeypatch.setattr(IPython.display, "display", shown.append)

    def growing():
        figure, ax = plt.subplots(figsize=(2, 1))
        for height in (1, 2, 3):
            ax.bar([0], [height], color="black")
            ax.set_ylim(0, 3)
            yield figure

    show_moving(growing(), "A bar grows.", seconds=0.1)
    [bar] = shown
    dark = [(picture < 50).sum() for picture, _ in frames(bar.gif)]
    assert dark == sorted(set(dark))  # more in each than in the one before
    assert [milliseconds for _, milliseconds in frames(bar.gif)][:-1] == [100, 100]
    assert bar.text == "A bar grows."
    assert not plt.get_fignums()
