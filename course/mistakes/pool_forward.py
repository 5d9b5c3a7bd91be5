"""Mistakes in the forward pass of naive max pooling."""

import numpy as np

from course.mistakes.registry import mistake
from course.mistakes.windows import pool_windows
from ece662 import layers
from ece662._checks import pool_output_size


def _forward(x, pool_param, value=np.max, **changed):
    out = np.zeros((*x.shape[:2], *pool_output_size(x, pool_param)), x.dtype)
    for index, place in pool_windows(x, pool_param, **changed):
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
def pool_squarepool_windows(x, pool_param):
    return _forward(x, pool_param, width=pool_param["pool_height"])


@mistake(
    "max_pool_forward_naive",
    says="The maximum was taken over the channels as well, so all of them come out "
    "alike.",
    asks="If one channel finds edges and another finds skies, should pooling mix the "
    "two?",
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
