"""Convolution: kernels that are read, dilated and slid, and pictures of one's own."""

import io
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image

from ece662 import layers
from ece662.widgets import convolution_window
from ece662.widgets.convolution import (
    KERNELS,
    OWN,
    _peaks,
    convolve,
    dilate,
    read_kernel,
    shrink,
    uploaded_picture,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("text", ["1 2\n3 4", " 1,2 ; 3 4\n", "1 2\n\n3 4"])
def test_read_kernel_takes_rows(text):
    assert read_kernel(text).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2\n3", "row 2 of the kernel has 1 numbers, row 1 has 2"),
        ("1 x", "numbers only"),
        ("  \n ", "the kernel is empty"),
    ],
)
def test_read_kernel_says_what_is_wrong(text, message):
    with pytest.raises(ValueError, match=message):
        read_kernel(text)


@pytest.mark.parametrize("name", KERNELS)
def test_ready_kernels_can_be_read(name):
    assert read_kernel(KERNELS[name]).shape in ((3, 3), (5, 5))


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("dilation", [1, 3])
def test_convolve_agrees_with_torch(stride, dilation):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, 9, 11)), rng.standard_normal((2, 2, 3))
    out = convolve(x, w, stride=stride, pad=1, dilation=dilation)
    expected = torch.nn.functional.conv2d(
        torch.tensor(x[None]),
        torch.tensor(w[None]),
        stride=stride,
        padding=1,
        dilation=dilation,
    )
    assert np.allclose(out, expected[0, 0].numpy())


def test_dilate_puts_zeros_between():
    assert dilate(np.array([[1.0, 2.0]]), 3).tolist() == [[1, 0, 0, 2]]


@pytest.mark.parametrize("shape", [(200, 200, 3), (90, 200, 3), (32, 32, 3)])
def test_shrink_to_a_square(shape):
    small = shrink(np.full(shape, 255))
    side = min(48, *shape[:2])
    assert small.shape == (3, side, side)
    assert (small == 1).all()


def png(colour=(255, 0, 0)):
    file = io.BytesIO()
    Image.new("RGB", (60, 50), colour).save(file, format="PNG")
    return file.getvalue()


@pytest.mark.parametrize("version", [7, 8])
def test_uploaded_picture_of_both_widget_versions(version):
    content = memoryview(png())
    value = {"a.png": {"content": png()}} if version == 7 else ({"content": content},)
    assert uploaded_picture(value).shape == (50, 60, 3)


def test_convolution_window_takes_an_upload(pictures):
    board = convolution_window()
    before = pictures(board)[0]
    _, upload, _ = board.extra[0].children
    kind = {"name": "a.png", "type": "image/png", "size": 9, "content": b"no picture"}
    if isinstance(upload.value, dict):
        pytest.skip("ipywidgets 7 sets this value in the page only")
    upload.value = (kind | {"last_modified": NOON},)
    assert "no picture that can be read" in board.text
    upload.value = (kind | {"content": png(), "last_modified": NOON},)
    assert board.values["picture"] == OWN
    assert (pictures(board)[0] != before).any()


def test_convolution_window_every_dial_changes_the_picture(pictures):
    filters = np.random.default_rng(0).standard_normal((2, 3, 5, 5))
    board = convolution_window(filters=filters)
    for values in (
        {"picture": "coffee"},
        {"kernel": "1 1\n1 1"},
        {"stride": 2},
        {"pad": 3},
        {"dilation": 2},
        {"window": 80},
        {"filter": 2},
    ):
        before = pictures(board)
        board.set(**values)
        after = pictures(board)
        assert any((a != b).any() for a, b in zip(before, after, strict=True)), values


def test_convolution_window_ready_kernel_fills_the_text():
    board = convolution_window()
    presets, *_ = board.extra[0].children
    presets.value = KERNELS["blur"]
    assert board.values["kernel"] == KERNELS["blur"]


def test_convolution_window_says_the_output_size():
    board = convolution_window(
        stride=2, pad=0, dilation=3, kernel="1 1 1\n1 1 1\n1 1 1"
    )
    x = np.zeros((1, 1, 48, 48))
    w = np.zeros((1, 1, 7, 7))
    out, _ = layers.conv_forward_naive(x, w, np.zeros(1), {"stride": 2, "pad": 0})
    assert f"= {out.shape[2]}. The window" in board.text


def test_convolution_window_unreadable_kernel_is_said():
    board = convolution_window()
    board.set(kernel="1 2\n3")
    assert "row 2 of the kernel has 1 numbers" in board.text


def test_convolution_window_unwritten_layer(monkeypatch):
    monkeypatch.setattr(layers, "conv_forward_naive", lambda *arguments: (None, ()))
    assert "conv_forward_naive returns None so far" in convolution_window().text


def test_peaks_are_apart_and_leave_the_padding_for_last():
    out = np.zeros((20, 20))
    out[0, 0], out[4, 4], out[4, 5], out[15, 2] = 9, 3, 2, 1
    found = list(_peaks(out, 2, (20, 20), pad=1, stride=1, reach=(3, 3)))
    assert found == [(4, 4), (15, 2)]
