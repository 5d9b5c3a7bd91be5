"""Mistakes in the backward pass of naive max pooling."""

import numpy as np

from course.mistakes.registry import mistake
from course.mistakes.windows import pool_windows
from ece662 import layers


def _backward(dout, cache, into, **changed):
    """Call `into(dx, window of x, place, gradient)` for each output."""
    x, pool_param = cache
    dx = np.zeros(x.shape, dout.dtype)
    for index, place in pool_windows(x, pool_param, **changed):
        into(dx, x[place], place, dout[index])
    return dx


def _first_maximum(window):
    return np.unravel_index(np.argmax(window), window.shape)


@mistake(
    "max_pool_backward_naive",
    says="Where windows overlap and share their maximum, only the gradient of the last "
    "one is kept.",
    asks="If one pixel is the largest of two windows, how many outputs does it reach?",
)
def pool_back_maximum_overwritten(dout, cache):
    def into(dx, window, place, gradient):
        dx[place][_first_maximum(window)] = gradient

    return _backward(dout, cache, into)


@mistake(
    "max_pool_backward_naive",
    says="Where windows overlap and share their maximum, only the gradient of the last "
    "one is kept; your loops go down each column first.",
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
    says="Each window overwrites all that earlier ones have written into it, with "
    "zeros everywhere but at its own maximum.",
    asks="If windows overlap, may one of them delete what another has written?",
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
    says="dx is zero everywhere: what was computed is never written into it.",
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
    says="The place of the maximum was counted within its window, but used in the "
    "whole image: all gradients pile up in the top left corner.",
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
def pool_back_squarepool_windows(dout, cache):
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
    says="The place of the maximum, one number, was split into row and column by the "
    "height of the window; but its rows are as long as the window is wide.",
    asks="In a window of 2 rows and 3 columns, where is the entry number 4?",
)
def pool_back_place_split_by_height(dout, cache):
    height = cache[1]["pool_height"]

    def into(dx, window, place, gradient):
        row, column = divmod(int(np.argmax(window)), height)
        dx[place][row, column] += gradient

    return _backward(dout, cache, into)


@mistake(
    "max_pool_backward_naive",
    says="Where windows overlap and share their maximum, only the gradient of the "
    "first one is kept: the loops run from the last window to the first.",
    asks="If one pixel is the largest of two windows, how many outputs does it reach?",
    hidden=True,
)
def pool_back_first_window_only(dout, cache):
    x, pool_param = cache
    dx = np.zeros_like(x)
    for index, place in reversed(list(pool_windows(x, pool_param))):
        dx[place][_first_maximum(x[place])] = dout[index]
    return dx
