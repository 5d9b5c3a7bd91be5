"""Mistakes in naive max pooling."""

import numpy as np

from course.mistakes.registry import mistake
from ece662 import layers
from ece662._checks import pool_output_size


def _windows(x, pool_param, down=None, across=None, height=None, width=None):
    """Yield each output's index and its window, with other steps or another size."""
    stride = pool_param["stride"]
    height, width = (
        height or pool_param["pool_height"],
        width or pool_param["pool_width"],
    )
    H_out, W_out = pool_output_size(x, pool_param)
    for n, c, i, j in np.ndindex(*x.shape[:2], H_out, W_out):
        top, left = i * (down or stride), j * (across or stride)
        place = (n, c, slice(top, top + height), slice(left, left + width))
        yield (n, c, i, j), place


def _forward(x, pool_param, value=np.max, **changed):
    out = np.zeros((*x.shape[:2], *pool_output_size(x, pool_param)), x.dtype)
    for index, place in _windows(x, pool_param, **changed):
        out[index] = value(x[place])
    return out, (x, pool_param)


@mistake(
    "max_pool_forward_naive",
    says="The windows move by their own size, whatever the stride.",
    asks="With windows of 3 x 3 and a stride of 2, where does the second one begin?",
)
def pool_steps_by_window_size(x, pool_param):
    height, width = pool_param["pool_height"], pool_param["pool_width"]

    def largest(window):
        return np.max(window) if window.size else 0

    return _forward(x, pool_param, largest, down=height, across=width)


@mistake(
    "max_pool_forward_naive",
    says="A window that holds only negative numbers gives zero: the search for the "
    "maximum began at zero.",
    asks="What is the largest of -3, -1 and -2?",
)
def pool_maximum_starts_at_zero(x, pool_param):
    out, cache = layers.max_pool_forward_naive(x, pool_param)
    return np.maximum(out, 0), cache


@mistake(
    "max_pool_forward_naive",
    says="The windows were averaged: that is another kind of pooling.",
    asks="What gives max pooling its name?",
)
def pool_takes_the_mean(x, pool_param):
    return _forward(x, pool_param, np.mean)


@mistake(
    "max_pool_forward_naive",
    says="The height and the width of the windows have changed places.",
    asks="Have you tried a window that is not square?",
)
def pool_height_and_width_swapped(x, pool_param):
    height, width = pool_param["pool_height"], pool_param["pool_width"]
    return _forward(x, pool_param, height=width, width=height)


@mistake(
    "max_pool_forward_naive",
    says="The windows are as wide as they are high, whatever `pool_width` says.",
    asks="Have you tried a window that is not square?",
)
def pool_square_windows(x, pool_param):
    return _forward(x, pool_param, width=pool_param["pool_height"])


@mistake(
    "max_pool_forward_naive",
    says="The maximum was taken over the channels as well, so all of them come out "
    "alike.",
    asks="If one channel finds edges and another finds skies, what should pooling do "
    "with the two?",
)
def pool_over_channels(x, pool_param):
    out, cache = layers.max_pool_forward_naive(x, pool_param)
    return np.broadcast_to(out.max(axis=1, keepdims=True), out.shape).copy(), cache


@mistake(
    "max_pool_forward_naive",
    says="The maximum was taken over the images as well.",
    asks="Should the answer for one image depend on its neighbours in the batch?",
)
def pool_over_images(x, pool_param):
    out, cache = layers.max_pool_forward_naive(x, pool_param)
    return np.broadcast_to(out.max(axis=0), out.shape).copy(), cache


@mistake(
    "max_pool_forward_naive",
    says="The windows move by one pixel, whatever the stride.",
    asks="With a stride of 2, where does the second window begin?",
)
def pool_stride_missing(x, pool_param):
    return _forward(x, pool_param, down=1, across=1)


@mistake(
    "max_pool_forward_naive",
    says="What was kept is the number farthest from zero, which may be a negative one.",
    asks="Which is larger, -5 or 2?",
    hidden=True,
)
def pool_largest_magnitude(x, pool_param):
    def farthest(window):
        return window.flat[np.argmax(np.abs(window))]

    return _forward(x, pool_param, farthest)


def _backward(dout, cache, into, **changed):
    """Call `into(dx, window of x, place, gradient)` for each output."""
    x, pool_param = cache
    dx = np.zeros(x.shape, dout.dtype)
    for index, place in _windows(x, pool_param, **changed):
        into(dx, x[place], place, dout[index])
    return dx


def _first_maximum(window):
    return np.unravel_index(np.argmax(window), window.shape)


@mistake(
    "max_pool_backward_naive",
    says="Where windows overlap and share their maximum, only the last of them is "
    "heard.",
    asks="If one pixel is the largest of two windows, how many outputs does it reach?",
)
def pool_back_maximum_overwritten(dout, cache):
    def into(dx, window, place, gradient):
        dx[place][_first_maximum(window)] = gradient

    return _backward(dout, cache, into)


@mistake(
    "max_pool_backward_naive",
    says="Where windows overlap and share their maximum, only the last of them is "
    "heard; your loops go through the columns first.",
    asks="If one pixel is the largest of two windows, how many outputs does it reach?",
)
def pool_back_maximum_overwritten_by_columns(dout, cache):
    x, pool_param = cache
    turned = {
        "pool_height": pool_param["pool_width"],
        "pool_width": pool_param["pool_height"],
        "stride": pool_param["stride"],
    }
    turned_cache = (x.swapaxes(2, 3), turned)
    dx = pool_back_maximum_overwritten(dout.swapaxes(2, 3), turned_cache)
    return dx.swapaxes(2, 3)


@mistake(
    "max_pool_backward_naive",
    says="Each window overwrites everything that its neighbours have left in it, with "
    "zeros where its own maximum is not.",
    asks="If windows overlap, may one of them wipe out what another has found?",
)
def pool_back_window_overwritten(dout, cache):
    def into(dx, window, place, gradient):
        dx[place] = (window == window.max()) * gradient

    return _backward(dout, cache, into)


@mistake(
    "max_pool_backward_naive",
    says="On the way back the windows move by their own size, whatever the stride.",
    asks="Where did the window stand that the second output came from?",
)
def pool_back_steps_by_window_size(dout, cache):
    def into(dx, window, place, gradient):
        if window.size:
            dx[place][_first_maximum(window)] += gradient

    _, pool_param = cache
    height, width = pool_param["pool_height"], pool_param["pool_width"]
    return _backward(dout, cache, into, down=height, across=width)


@mistake(
    "max_pool_backward_naive",
    says="The gradient was spread evenly over the window, as if the mean had been "
    "taken.",
    asks="If a pixel that is not the largest moves a little, what does the output do?",
)
def pool_back_spread_evenly(dout, cache):
    def into(dx, window, place, gradient):
        dx[place] += gradient / window.size

    return _backward(dout, cache, into)


@mistake(
    "max_pool_backward_naive",
    says="Every pixel of a window gets the whole gradient.",
    asks="If a pixel that is not the largest moves a little, what does the output do?",
)
def pool_back_given_to_all(dout, cache):
    def into(dx, window, place, gradient):
        dx[place] += gradient

    return _backward(dout, cache, into)


@mistake(
    "max_pool_backward_naive",
    says="The maximum was looked for in the whole image, so pixels outside the window "
    "that happen to be equal get a share.",
    asks="Which pixels can a window's output depend on?",
)
def pool_back_searches_everywhere(dout, cache):
    x, _ = cache

    def into(dx, window, place, gradient):
        n, c = place[:2]
        dx[n, c] += (x[n, c] == window.max()) * gradient

    return _backward(dout, cache, into)


@mistake(
    "max_pool_backward_naive",
    says="dx is zero everywhere: whatever was computed never got there.",
    asks="Which line of your code changes dx itself and not a copy or a local name?",
)
def pool_back_left_zero(dout, cache):
    return np.zeros_like(cache[0])


@mistake(
    "max_pool_backward_naive",
    says="The maxima are marked, but the gradient from above was not multiplied in.",
    asks="If dout were twice as large, what should happen to dx?",
)
def pool_back_mask_without_dout(dout, cache):
    return layers.max_pool_backward_naive(np.ones_like(dout), cache)


@mistake(
    "max_pool_backward_naive",
    says="The maximum was found in its window, and its place used in the whole image: "
    "all gradients pile up in the top left corner.",
    asks="Counted from where are the row and the column that the search gives you?",
)
def pool_back_place_in_window(dout, cache):
    def into(dx, window, place, gradient):
        dx[place[:2]][_first_maximum(window)] += gradient

    return _backward(dout, cache, into)


@mistake(
    "max_pool_backward_naive",
    says="On the way back the windows are as wide as they are high.",
    asks="Have you tried a window that is not square?",
)
def pool_back_square_windows(dout, cache):
    def into(dx, window, place, gradient):
        dx[place][_first_maximum(window)] += gradient

    return _backward(dout, cache, into, width=cache[1]["pool_height"])


@mistake(
    "max_pool_backward_naive",
    says="On the way back the windows move by one pixel, whatever the stride.",
    asks="Where did the window stand that the second output came from?",
)
def pool_back_stride_missing(dout, cache):
    def into(dx, window, place, gradient):
        dx[place][_first_maximum(window)] += gradient

    return _backward(dout, cache, into, down=1, across=1)


@mistake(
    "max_pool_backward_naive",
    says="The gradient went to the smallest number of each window.",
    asks="Which pixel did the forward pass let through?",
    hidden=True,
)
def pool_back_to_the_minimum(dout, cache):
    x, pool_param = cache
    return layers.max_pool_backward_naive(dout, (-x, pool_param))


@mistake(
    "max_pool_forward_naive",
    says="The windows are as large as the stride, whatever `pool_height` and "
    "`pool_width` say.",
    asks="Which of the three numbers says how far a window reaches?",
)
def pool_windows_as_large_as_stride(x, pool_param):
    stride = pool_param["stride"]
    return _forward(x, pool_param, height=stride, width=stride)


@mistake(
    "max_pool_forward_naive",
    says="H_out and W_out have changed places: the output is as high as it should be "
    "wide.",
    asks="Which size of x does the height of the output come from?",
)
def pool_output_sides_exchanged(x, pool_param):
    (H_out, W_out), out = pool_output_size(x, pool_param), None
    out = np.zeros((*x.shape[:2], W_out, H_out))
    for n, c, i, j in np.ndindex(*out.shape):
        window = x[n, c, i * pool_param["stride"] :, j * pool_param["stride"] :]
        window = window[: pool_param["pool_height"], : pool_param["pool_width"]]
        out[n, c, i, j] = np.max(window)
    return out, (x, pool_param)


@mistake(
    "max_pool_backward_naive",
    says="On the way back the windows are as large as the stride, whatever "
    "`pool_height` and `pool_width` say.",
    asks="Which of the three numbers says how far a window reaches?",
)
def pool_back_windows_as_large_as_stride(dout, cache):
    def into(dx, window, place, gradient):
        dx[place][_first_maximum(window)] += gradient

    stride = cache[1]["stride"]
    return _backward(dout, cache, into, height=stride, width=stride)


@mistake(
    "max_pool_backward_naive",
    says="On the way back each window is as high as it should be wide, and as wide as "
    "it should be high.",
    asks="Have you tried a window that is not square?",
)
def pool_back_sides_exchanged(dout, cache):
    def into(dx, window, place, gradient):
        dx[place][_first_maximum(window)] += gradient

    height, width = cache[1]["pool_height"], cache[1]["pool_width"]
    return _backward(dout, cache, into, height=width, width=height)


@mistake(
    "max_pool_backward_naive",
    says="The place of the maximum, one number, was taken apart by the height of the "
    "window: rows are as long as the window is wide.",
    asks="In a window of 2 rows and 3 columns, where is the entry number 4?",
)
def pool_back_place_split_by_height(dout, cache):
    height = cache[1]["pool_height"]

    def into(dx, window, place, gradient):
        row, column = divmod(int(np.argmax(window)), height)
        dx[place][row, column] += gradient

    return _backward(dout, cache, into)


@mistake(
    "max_pool_forward_naive",
    says="W_out was computed with the height of the window in the place of its width.",
    asks="Have you tried a window that is not square?",
)
def pool_width_from_window_height(x, pool_param):
    H_out, _ = pool_output_size(x, pool_param)
    stride, height = pool_param["stride"], pool_param["pool_height"]
    out = np.zeros((*x.shape[:2], H_out, 1 + (x.shape[3] - height) // stride))
    for n, c, i, j in np.ndindex(*out.shape):
        window = x[n, c, i * stride :, j * stride :]
        window = window[:height, : pool_param["pool_width"]]
        out[n, c, i, j] = np.max(window)
    return out, (x, pool_param)


@mistake(
    "max_pool_backward_naive",
    says="Where windows overlap, each of them writes over the places of its maximum "
    "that another has filled, and the rest of the window is left alone; the loops "
    "run from the last window to the first.",
    asks="If one pixel is the largest of two windows, how many outputs does it reach?",
    hidden=True,
)
def pool_back_first_window_only(dout, cache):
    x, pool_param = cache
    dx = np.zeros_like(x)
    for index, place in reversed(list(_windows(x, pool_param))):
        dx[place][_first_maximum(x[place])] = dout[index]
    return dx
