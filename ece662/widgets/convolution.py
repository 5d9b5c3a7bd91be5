"""Convolution: a window moves over a picture, and a kernel answers.

The output is that of the student's `conv_forward_naive`; a dilated kernel is handed to
it with zeros between its numbers. The kernel is written as rows of numbers, or is one
of the filters that a network has learned.
"""

import io

import ipywidgets as widgets
import numpy as np
from matplotlib.patches import Rectangle

from ece662 import layers
from ece662.data.pictures import PICTURES, load_picture
from ece662.figures.style import COLOURS
from ece662.widgets._base import Dashboard, Drawing, choice, panel, slider
from ece662.widgets._errors import finished

__all__ = [
    "KERNELS",
    "convolution_window",
    "convolve",
    "dilate",
    "read_kernel",
    "shrink",
    "uploaded_picture",
]

KERNELS = {
    "vertical edges (Sobel)": "-1 0 1\n-2 0 2\n-1 0 1",
    "horizontal edges (Sobel)": "-1 -2 -1\n0 0 0\n1 2 1",
    "all edges (Laplace)": "0 1 0\n1 -4 1\n0 1 0",
    "blur": "1 2 1\n2 4 2\n1 2 1",
    "sharpen": "0 -1 0\n-1 5 -1\n0 -1 0",
    "leave as it is": "0 0 0\n0 1 0\n0 0 0",
    "shift": "0 0 0 0 0\n0 0 0 0 0\n1 0 0 0 0\n0 0 0 0 0\n0 0 0 0 0",
}
SIZE = 48  # pixels across: the naive loops must answer while a dial is being moved
OWN = "your picture"
BARE = (0.2, 0.62, 0.2, 0.42)  # margins of a panel without numbers at its left


def read_kernel(text: str) -> np.ndarray:
    """Read rows of numbers, one row a line (or between semicolons).

    Raises:
        ValueError: something is no number, or the rows differ in length.
    """
    lines = [
        line.replace(",", " ").split() for line in text.replace(";", "\n").split("\n")
    ]
    lines = [line for line in lines if line]
    if not lines:
        raise ValueError("the kernel is empty: write rows of numbers, such as -1 0 1")
    for number, line in enumerate(lines, start=1):
        if len(line) != len(lines[0]):
            raise ValueError(
                f"row {number} of the kernel has {len(line)} numbers, "
                f"row 1 has {len(lines[0])}"
            )
    try:
        return np.array(lines, dtype=float)
    except ValueError as error:
        raise ValueError(f"the kernel takes numbers only: {error}") from None


def dilate(kernel: np.ndarray, dilation: int) -> np.ndarray:
    """Put dilation - 1 zeros between neighbours of the last two axes."""
    *rest, HH, WW = kernel.shape
    size = ((HH - 1) * dilation + 1, (WW - 1) * dilation + 1)
    wide = np.zeros((*rest, *size))
    wide[..., ::dilation, ::dilation] = kernel
    return wide


def convolve(picture, kernel, stride=1, pad=0, dilation=1) -> np.ndarray:
    """Convolve a picture with one filter, by the student's layer.

    Args:
        picture: (C, H, W).
        kernel: (C, HH, WW).
        stride, pad: as in conv_param.
        dilation: distance of neighbouring kernel numbers on the picture.

    Returns:
        out: (H_out, W_out).

    Raises:
        ValueError: the kernel does not fit into the padded picture.
    """
    w = dilate(kernel, dilation)[np.newaxis]
    conv_param = {"stride": stride, "pad": pad}
    result = layers.conv_forward_naive(picture[np.newaxis], w, np.zeros(1), conv_param)
    return finished("conv_forward_naive", result)[0][0, 0]


def shrink(picture: np.ndarray, size: int = SIZE) -> np.ndarray:
    """Cut the middle square out of a picture and make it `size` pixels wide.

    Args:
        picture: (H, W, 3) from 0 to 255.
        size: of the result; a smaller picture keeps its own.

    Returns:
        (3, size, size), from 0 to 1.
    """
    from PIL import Image

    H, W = picture.shape[:2]
    side = min(H, W)
    top, left = (H - side) // 2, (W - side) // 2
    square = Image.fromarray(
        np.clip(picture[top : top + side, left : left + side], 0, 255).astype(np.uint8)
    )
    size = min(size, side)
    small = square.resize((size, size), Image.Resampling.BOX)
    return np.array(small).transpose(2, 0, 1) / 255


def uploaded_picture(value) -> np.ndarray:
    """Decode what a FileUpload holds: a dict in ipywidgets 7, a tuple in 8.

    Raises:
        ValueError: the file is not a picture.
    """
    from PIL import Image, UnidentifiedImageError

    files = list(value.values()) if isinstance(value, dict) else list(value)
    try:
        with Image.open(io.BytesIO(bytes(files[-1]["content"]))) as picture:
            return np.array(picture.convert("RGB"))
    except UnidentifiedImageError:
        raise ValueError("this file is no picture that can be read") from None


def convolution_window(filters=None, pictures=None, **start) -> Dashboard:
    """Show a window moving over a picture, and what a kernel makes of it.

    Args:
        filters: (F, 3, HH, WW) filters of a trained network, or None.
        pictures: further pictures to look at: {name: (H, W, 3) values from 0 to 255}.
        **start: the dials' first values: `picture`, `kernel` (rows of numbers),
            `stride`, `pad`, `dilation`, `window` (in % of the way), `filter` (the
            number of a trained one; 0 for the kernel).
    """
    shelf = {name: load_picture(name) for name in PICTURES} | dict(pictures or {})
    learned = 0 if filters is None else len(filters)
    window = slider("window, in %", 0, 100, 35)
    play = widgets.Play(min=0, max=100, value=35, step=1, interval=300)
    widgets.jslink((play, "value"), (window, "value"))
    dials = {
        "picture": choice("picture", list(shelf)),
        "kernel": _kernel_to_edit(),
        "stride": slider("stride", 1, 4, 1),
        "pad": slider("pad", 0, 4, 1),
        "dilation": slider("dilation", 1, 4, 1),
        "window": window,
        "filter": slider("trained filter", 0, learned, 0),
    }
    dials["filter"].disabled = not learned
    presets = choice("ready kernels", KERNELS)
    upload = widgets.FileUpload(
        description="your own picture",
        accept="image/*",
        multiple=False,
        layout=widgets.Layout(width="auto"),
    )

    def draw(picture, kernel, filter, **settings):
        w = filters[filter - 1] if filter else read_kernel(kernel)
        return draw_convolution(shelf[picture], np.asarray(w, dtype=float), **settings)

    tools = widgets.Box([presets, upload, play])
    tools.layout.flex_flow = "row wrap"
    board = Dashboard("Convolution", dials, draw, start, extra=[tools])
    presets.observe(lambda change: board.set(kernel=change["new"], filter=0), "value")
    upload.observe(lambda change: _take(board, shelf, upload), "value")
    return board


def _kernel_to_edit():
    return widgets.Textarea(
        description="kernel",
        value=KERNELS["vertical edges (Sobel)"],
        rows=3,
        continuous_update=False,
        style={"description_width": "105px"},
        layout=widgets.Layout(width="auto", min_width="0"),
    )


def _take(board, shelf, upload):
    """Put an uploaded picture on the shelf and show it."""
    if not upload.value:
        return
    try:
        shelf[OWN] = uploaded_picture(upload.value)
    except ValueError as error:
        board.say(str(error))
        return
    if OWN not in board.dials["picture"].options:
        board.dials["picture"].options = list(shelf)
    board.set(picture=OWN)


def draw_convolution(picture, w, stride, pad, dilation, window) -> Drawing:
    """Draw the picture with its window, the output, and where it is the largest."""
    x = shrink(picture)
    if w.ndim == 2:  # a kernel of one's own looks at grey values
        x, w = x.mean(axis=0, keepdims=True), w[np.newaxis]
    else:  # a network sees its pictures without their mean
        x = x - x.mean(axis=(1, 2), keepdims=True)
    out = convolve(x, w, stride, pad, dilation)
    place = np.unravel_index(round(window / 100 * (out.size - 1)), out.shape)
    reach = dilate(w, dilation).shape[1:]
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    panels = (
        _draw_input(padded, place, stride, reach),
        _draw_output(out, place),
        _draw_strongest(x, out, pad, stride, reach),
    )
    H, HH = x.shape[1], w.shape[1]
    rows = f"({H} + 2·{pad} - {dilation}·({HH} - 1) - 1) // {stride} + 1"
    text = (
        f"H_out = (H + 2·pad - dilation·(HH - 1) - 1) // stride + 1 = {rows} = "
        f"{out.shape[0]}. The window's answer: out[{place[0]}, {place[1]}] = "
        f"{out[place]:.2f}."
    )
    return Drawing(panels, text)


def _as_picture(x):
    """Turn (C, H, W) values into what imshow takes."""
    x = x - min(0, x.min())
    x = x / max(1, x.max())
    return x[0] if len(x) == 1 else x.transpose(1, 2, 0)


def _draw_input(padded, place, stride, reach):
    figure, ax = panel("The window on the input", 4.1, 4.2, xlabel="column")
    ax.imshow(_as_picture(padded), cmap="gray", vmin=0, vmax=1)
    top, left = place[0] * stride, place[1] * stride
    corner = (left - 0.5, top - 0.5)
    frame = {"fill": False, "ec": COLOURS[1], "lw": 3}
    ax.add_patch(Rectangle(corner, reach[1], reach[0], **frame))
    ax.grid(False)
    return figure


def _draw_output(out, place):
    H, W = out.shape
    said = f"from {out.min():.2g} (black) to {out.max():.2g} (white)"
    figure, ax = panel(f"Output, {H} x {W}", 4.1, 4.2, xlabel=said)
    ax.imshow(out, cmap="gray")
    frame = {"fill": False, "ec": COLOURS[1], "lw": 2.5}
    corner = (place[1] - 1, place[0] - 1)
    ax.add_patch(Rectangle(corner, 2, 2, **frame))
    ax.grid(False)
    return figure


def _draw_strongest(x, out, pad, stride, reach):
    """Draw the surroundings of the nine largest outputs, none beside another."""
    said = "around the largest outputs"
    figure, ax = panel("Where it answers most", 3.6, 4.2, BARE, xlabel=said)
    size = max(*reach, 9)
    around = np.pad(x, ((0, 0), (size, size), (size, size)), mode="edge")
    tiles = []
    for i, j in _peaks(out, 9, x.shape[1:], pad, stride, reach):
        top = i * stride - pad + size - (size - reach[0]) // 2
        left = j * stride - pad + size - (size - reach[1]) // 2
        tile = around[:, top : top + size, left : left + size]
        tile = (tile - x.min()) / max(1e-9, x.max() - x.min())
        tiles.append(np.pad(tile, ((0, 0), (0, 1), (0, 1)), constant_values=1))
    rows = [np.concatenate(tiles[row : row + 3], axis=2) for row in (0, 3, 6)]
    ax.imshow(_as_picture(np.concatenate(rows, axis=1)), cmap="gray", vmin=0, vmax=1)
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return figure


def _peaks(out, count, shape, pad, stride, reach):
    """Yield places of the largest outputs, each as far as a window from the others.

    Windows that reach into the padding come last: its edge is not the picture's.
    """
    left_over = out - out.max() - 1
    for axis, size in enumerate(shape):
        starts = np.arange(out.shape[axis]) * stride - pad
        outside = (starts < 0) | (starts + reach[axis] > size)
        far = np.where(outside, -1e6 * np.abs(out).max() - 1e6, 0)
        left_over = left_over + np.expand_dims(far, axis=1 - axis)
    near = [max(1, -(-max(size, 5) // stride)) for size in reach]
    for _ in range(count):
        i, j = np.unravel_index(left_over.argmax(), out.shape)
        yield i, j
        rows = slice(max(0, i - near[0] + 1), i + near[0])
        columns = slice(max(0, j - near[1] + 1), j + near[1])
        left_over[rows, columns] = -np.inf
