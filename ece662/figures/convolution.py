"""Figures that explain convolution, pooling and normalisation of images (Q4).

They compute what they show by themselves: none needs an exercise to be solved. As in
`ece662.figures.training`, each function draws one figure, shows it, and returns
nothing.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle
from numpy.lib.stride_tricks import sliding_window_view

from ece662.fast.im2col import max_pool_backward_im2col, max_pool_forward_im2col
from ece662.figures.moving import show_moving
from ece662.figures.style import COLOURS, remove_frame
from ece662.figures.texts import describe
from ece662.vis_utils import visualize_grid

__all__ = [
    "show_channels",
    "show_collecting",
    "show_convolution",
    "show_fewer_multiplications",
    "show_filtered",
    "show_filters",
    "show_normalised_together",
    "show_pooling",
    "show_speed",
    "show_window_moving",
]

BLUE, ORANGE, GREEN = COLOURS[:3]


def show_convolution(image, kernel, window, stride=1, pad=0) -> None:
    """Show how one output of a convolution comes about, in numbers.

    Args:
        image: (H, W) whole numbers.
        kernel: (HH, WW) whole numbers.
        window: (i, j), the output to explain.
        stride, pad: as in conv_param.
    """
    padded = np.pad(image, pad)
    (HH, WW), (i, j) = kernel.shape, window
    places = sliding_window_view(padded, (HH, WW))[::stride, ::stride]
    out = np.sum(places * kernel, axis=(2, 3))
    axes = _tables(padded.shape, kernel.shape, out.shape)
    _write_numbers(axes[0], padded, "image with padding" if pad else "image", pad)
    _outline(axes[0], i * stride, j * stride, HH, WW, ORANGE)
    _write_numbers(axes[1], kernel, "filter")
    _outline(axes[1], 0, 0, HH, WW, ORANGE)
    _write_numbers(axes[2], out, "output")
    _outline(axes[2], i, j, 1, 1, BLUE)
    plt.gcf().suptitle(_written_out(places[i, j], kernel), fontsize=15)
    describe(
        f"Three tables of numbers. A filter of {HH} x {WW} lies on an image of "
        f"{len(image)} x {len(image[0])} with stride {stride} and padding {pad}; a "
        f"frame marks what it covers, and its sum in row {i}, column {j} of the output."
    )
    plt.show()


def show_window_moving(image, kernel, stride=1, pad=0) -> None:
    """Show the window go over an image, and the output fill, number by number.

    Args:
        image: (H, W) whole numbers.
        kernel: (HH, WW) whole numbers.
        stride, pad: as in conv_param.
    """
    padded = np.pad(image, pad)
    places = sliding_window_view(padded, kernel.shape)[::stride, ::stride]
    out = np.sum(places * kernel, axis=(2, 3))
    text = (
        f"A filter of {kernel.shape[0]} x {kernel.shape[1]} visits every place of an "
        f"image of {image.shape[0]} x {image.shape[1]} with stride {stride} and "
        f"padding {pad}, row by row from the top left corner. Each place adds one "
        f"number to the output; in the end it is {out.tolist()}."
    )
    show_moving(_window_by_window(padded, kernel, places, out, stride, pad), text)


def _window_by_window(padded, kernel, places, out, stride, pad):
    """Yield one figure, again and again, each time with one output more."""
    axes = _tables(padded.shape, kernel.shape, out.shape)
    figure = axes[0].figure
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.12)  # thick frames
    _write_numbers(axes[0], padded, "image with padding" if pad else "image", pad)
    _write_numbers(axes[1], kernel, "filter")
    _write_numbers(axes[2], out, "output")
    _outline(axes[1], 0, 0, *kernel.shape, ORANGE)
    window = _outline(axes[0], 0, 0, *kernel.shape, ORANGE)
    output = _outline(axes[2], 0, 0, 1, 1, BLUE)
    known = np.zeros(out.shape)
    for number in axes[2].texts:
        number.set_visible(False)
    for number, (i, j) in zip(axes[2].texts, np.ndindex(out.shape), strict=True):
        window.set_xy((j * stride - 0.5, i * stride - 0.5))
        output.set_xy((j - 0.5, i - 0.5))
        number.set_visible(True)
        known[i, j] = abs(out[i, j])
        axes[2].images[0].set_data(known)
        figure.suptitle(_written_out(places[i, j], kernel), fontsize=15)
        yield figure
        figure.set_layout_engine("none")  # nothing jumps when the sum is longer


def show_collecting(kernel, dout) -> None:
    """Show how the gradient of an image comes together from windows that overlap.

    Args:
        kernel: (HH, WW) whole numbers.
        dout: (H_out, W_out) whole numbers, the gradient of a convolution with stride 1.
    """
    (HH, WW), pieces = kernel.shape, []
    shape = (len(dout) + HH - 1, dout.shape[1] + WW - 1)
    for (i, j), gradient in np.ndenumerate(dout):
        piece = np.zeros(shape, int)
        piece[i : i + HH, j : j + WW] = gradient * kernel
        pieces.append(piece)
    axes = _tables(*[shape] * (len(pieces) + 1))
    windows = zip(axes, pieces, COLOURS, np.ndenumerate(dout), strict=False)
    for ax, piece, colour, ((i, j), gradient) in windows:
        _write_numbers(ax, piece, f"{gradient} x filter")
        _outline(ax, i, j, HH, WW, colour)
    dx = np.sum(pieces, axis=0)
    _write_numbers(axes[-1], dx, "dx: their sum")
    describe(
        f"{len(pieces)} tables of {shape[0]} x {shape[1]} numbers, each with what one "
        "window gives the pixels it covers, and 0 elsewhere; the last is their sum, "
        f"dx = {dx.tolist()}."
    )
    plt.show()


def show_pooling(x, dout, size=2) -> None:
    """Show 2 x 2 max pooling in numbers: forward, and where the gradient goes.

    Args:
        x: (H, W) whole numbers, H and W multiples of `size`.
        dout: (H / size, W / size) gradient of the output.
        size: height, width and stride of the windows.
    """
    pool_param = {"pool_height": size, "pool_width": size, "stride": size}
    [[out]], cache = max_pool_forward_im2col(x[np.newaxis, np.newaxis], pool_param)
    [[dx]] = max_pool_backward_im2col(dout[np.newaxis, np.newaxis], cache)
    places = np.array(cache[1][0, 0])  # of the maxima, counted through each window
    maxima = [
        (i * size + places[i, j] // size, j * size + places[i, j] % size)
        for i, j in np.ndindex(out.shape)
    ]
    axes = _tables(x.shape, out.shape, dout.shape, dx.shape)
    titles = ("x", "out", "dout", "dx")
    for ax, values, title in zip(axes, (x, out, dout, dx), titles, strict=True):
        _write_numbers(ax, values, title)
    for ax, step in zip(axes, (size, 1, 1, size), strict=True):
        for colour, (i, j) in zip(COLOURS, np.ndindex(dout.shape), strict=False):
            _outline(ax, i * step, j * step, step, step, colour, inset=0.06)
    for row, column in maxima:
        for ax in (axes[0], axes[3]):
            ax.add_patch(plt.Circle((column, row), 0.36, fill=False, linewidth=1.5))
    describe(
        f"Four tables. Of each window of {size} x {size} numbers of x the largest goes "
        f"into out, {out.tolist()}; the gradient dout, {dout.tolist()}, goes back to "
        f"the places of the maxima: dx = {dx.tolist()}."
    )
    plt.show()


def show_filtered(pictures: Sequence, filtered, names: Sequence[str]) -> None:
    """Show photographs, and beside each what every filter makes of it.

    Args:
        pictures: N arrays of (H, W, 3) values from 0 to 255.
        filtered: (N, F, H, W) outputs of a convolution.
        names: F names for the filters.
    """
    rows, columns = len(pictures), 1 + len(names)
    _, axes = plt.subplots(rows, columns, figsize=(3 * columns, 3.1 * rows))
    for n, picture in enumerate(pictures):
        axes[n, 0].imshow(picture)
        for f, ax in enumerate(axes[n, 1:]):
            # The brightest and darkest few pixels must not make all others grey.
            low, high = np.percentile(filtered[n, f], [0.5, 99.5])
            ax.imshow(filtered[n, f], vmin=low, vmax=high)
        for ax in axes[n]:
            _bare(ax)
    for ax, name in zip(axes[0], ["photograph", *names], strict=True):
        ax.set_title(name)
    describe(
        f"{rows} rows: a photograph, and what each filter makes of it. Where "
        "neighbouring pixels are alike the edge pictures are of an even grey; outlines "
        "stand out, lying ones in one of them and upright ones in the other."
    )
    plt.show()


def show_channels(picture, channels) -> None:
    """Show a picture, and beside it what a layer makes of it, channel by channel.

    Args:
        picture: (3, H, W) values from 0 to 255.
        channels: (F, H_out, W_out) outputs, F an even number.
    """
    half = len(channels) // 2
    figure = plt.figure(figsize=(1.3 * half + 3.4, 3.3))
    left, right = figure.subfigures(1, 2, width_ratios=[3, 1.3 * half])
    ax = left.subplots()
    ax.imshow(np.moveaxis(picture, 0, 2).clip(0, 255).astype(np.uint8))
    ax.set_title("picture")
    _bare(ax)
    right.suptitle(f"{len(channels)} channels, each from its darkest to its brightest")
    for ax, channel in zip(right.subplots(2, half).flat, channels, strict=True):
        ax.imshow(channel)
        _bare(ax)
    silent = sum(np.ptp(channel) == 0 for channel in channels)
    silent = "1 of them is" if silent == 1 else f"{silent or 'none'} of them are"
    describe(
        f"A picture, and {len(channels)} grey pictures of what as many channels answer "
        f"to it, bright where the answer is strong; {silent} the same everywhere."
    )
    plt.show()


def show_filters(W, newborn) -> None:
    """Show the filters of a first layer as pictures, and what training has changed.

    Args:
        W: (F, 3, HH, WW) filters.
        newborn: the same before training.
    """
    _, axes = plt.subplots(1, 2, figsize=(12, 6.3))
    panels = {
        f"{len(W)} filters of {W.shape[2]} x {W.shape[3]} pixels": W,
        "what training has added to them": W - newborn,
    }
    for ax, (title, filters) in zip(axes, panels.items(), strict=True):
        grid = visualize_grid(filters.transpose(0, 2, 3, 1))
        ax.imshow(grid.astype(np.uint8))
        ax.set_title(title)
        _bare(ax)
    added = np.linalg.norm(W - newborn) / np.linalg.norm(newborn)
    size = f"{added:.2f} times as large as the noise they began with"
    describe(
        "Two squares of small coloured filters: as they are, and what training has "
        f"added, which is {size if added else 'nothing'}."
    )
    plt.show()


def show_normalised_together(N=3, C=6, G=2) -> None:
    """Show which numbers share a mean and a variance, for three kinds of layer.

    Args:
        N: images in the batch.
        C: channels, at most six, as is N * G: there are six colours.
        G: groups of group normalisation.
    """
    image, channel = np.indices((N, C))
    sharing = {
        "spatial batch norm: a channel, all images": channel,
        f"group norm, G = {G}: an image, C/G channels": image * G + channel * G // C,
        "layer norm: an image, all channels": image,
    }
    _, axes = plt.subplots(1, 3, figsize=(14, 3.6))
    for ax, (title, group) in zip(axes, sharing.items(), strict=True):
        for row, column in np.ndindex(N, C):
            number = group[row, column]
            corner, colour = (column + 0.06, row + 0.06), COLOURS[number]
            ax.add_patch(Rectangle(corner, 0.88, 0.88, fc=colour, alpha=0.75))
            middle = (column + 0.5, row + 0.5)
            ax.text(*middle, "ABCDEF"[number], ha="center", va="center", fontsize=14)
        ax.set(xlim=(0, C), ylim=(N, 0), aspect="equal", xlabel="channel")
        ax.set_title(title, fontsize=12)
        ax.set_xticks(np.arange(C) + 0.5, labels=range(C))
        ax.set_yticks(np.arange(N) + 0.5, labels=range(N))
        _bare(ax, keep_ticks=True)
    axes[0].set_ylabel("image")
    describe(
        f"Three tables of {N} images by {C} channels; equal letters share a mean. "
        "Batch norm: a letter for each column. Group norm: for each image one letter "
        f"for each of {G} groups of channels. Layer norm: a letter for each row."
    )
    plt.show()


def show_speed(times: Mapping[str, Mapping[str, float]]) -> None:
    """Show how long each way of computing a layer takes, on a logarithmic axis.

    Args:
        times: for each way the seconds of each pass, {"naive": {"forward": 1.2}}.
    """
    passes = list(next(iter(times.values())))
    height = 0.7 * len(times) + 1.6
    _, axes = plt.subplots(1, len(passes), figsize=(13, height), sharex=True)
    everything = [seconds for way in times.values() for seconds in way.values()]
    for ax, name in zip(axes, passes, strict=True):
        seconds = [way[name] for way in times.values()]
        bars = ax.barh(list(times), seconds, color=COLOURS[: len(times)])
        ax.bar_label(bars, fmt=_duration, padding=4)
        ax.set(title=name, xlabel="seconds; a grid line is ten times the one before")
        ax.set_xscale("log")
        ax.set_xlim(min(everything) / 4, max(everything) * 12)
        ax.invert_yaxis()
        ax.grid(False, axis="y")
    axes[-1].set_yticks([])
    plt.show()


def show_fewer_multiplications() -> None:
    """Show what two neighbouring tiles see, and what an output costs by tile size."""
    _, (pixels, costs) = plt.subplots(1, 2, figsize=(12, 4.2), width_ratios=(3, 4))
    pixels.imshow(np.zeros((6, 10)), cmap="Greys", vmin=0, vmax=1)
    for column in (0, 4):
        _outline(pixels, 0, column, 6, 6, BLUE if column else ORANGE)
        outputs = Rectangle((column + 0.5, 0.5), 4, 4, fc="0.75" if column else "0.88")
        pixels.add_patch(outputs)
    pixels.set_xticks(np.arange(-0.5, 10), minor=True)
    pixels.set_yticks(np.arange(-0.5, 6), minor=True)
    pixels.set(
        xticks=[], yticks=[], title="two tiles: 4 x 4 outputs, 6 x 6 pixels each"
    )
    pixels.grid(visible=True, which="minor", color="0.7")
    pixels.tick_params(which="both", length=0)
    names = ["direct", "tiles of 2 x 2", "tiles of 4 x 4"]
    bars = costs.barh(names, [9, 16 / 4, 36 / 16], color=[BLUE, ORANGE, GREEN])
    costs.bar_label(bars, fmt="%.4g", padding=4)
    costs.set(xlim=(0, 10), xlabel="multiplications an output and channel")
    costs.invert_yaxis()
    costs.grid(visible=False, axis="y")
    describe("Two tiles side by side read two columns of pixels in common.")
    plt.show()


def _tables(*shapes):
    """Return axes side by side, for tables of these shapes with pixels of one size."""
    heights, widths = zip(*shapes, strict=True)
    width = sum(widths) + len(widths)
    pixel = min(0.72, 13 / width)
    size = (pixel * width, pixel * max(heights) + 1.2)
    figure, axes = plt.subplots(1, len(shapes), figsize=size, width_ratios=widths)
    figure.set_layout_engine("constrained", w_pad=pixel / 4)  # half a pixel between
    return axes


def _write_numbers(ax, values, title, margin=0):
    """Draw a table of numbers as grey pixels, the `margin` around it hatched."""
    H, W = values.shape
    limit = max(1, np.abs(values).max())
    ax.imshow(np.abs(values), cmap="Greys", vmin=0, vmax=2.6 * limit)
    for (row, column), value in np.ndenumerate(values):
        ax.text(column, row, _signed(value), ha="center", va="center", fontsize=15)
        at_edge = min(row, column, H - 1 - row, W - 1 - column) < margin
        pixel = Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, ec="0.75")
        pixel.set_hatch("///" if at_edge else None)
        ax.add_patch(pixel)
    ax.set_title(f"{title}\n{H} x {W}", fontsize=13)
    _bare(ax)


def _outline(ax, top, left, height, width, colour, inset=0.0):
    """Draw a thick frame around some pixels, and return it."""
    corner = (left - 0.5 + inset, top - 0.5 + inset)
    size = (width - 2 * inset, height - 2 * inset)
    return ax.add_patch(
        Rectangle(corner, *size, fill=False, ec=colour, lw=4, zorder=3, clip_on=False)
    )


def _written_out(window, kernel):
    """Write a filter's answer as the sum of products that it is."""
    products = zip(window.ravel(), kernel.ravel(), strict=True)
    terms = [f"{pixel}·{_factor(weight)}" for pixel, weight in products if weight]
    return f"{' + '.join(terms)} = {_signed(np.sum(window * kernel))}"


def _signed(number):
    """Write a number with a true minus sign."""
    return f"{number:g}".replace("-", "\N{MINUS SIGN}")


def _factor(number):
    """Write a number for the right side of a product: a negative one in brackets."""
    return f"({_signed(number)})" if number < 0 else _signed(number)


def _duration(seconds):
    """Write a time with three digits and the unit that suits it."""
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"


def _bare(ax, keep_ticks=False):
    if not keep_ticks:
        ax.set_xticks([])
        ax.set_yticks([])
    remove_frame(ax)
