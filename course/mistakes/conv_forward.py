"""Mistakes in the forward pass of the naive convolution."""

import numpy as np

from course.mistakes.registry import mistake
from course.mistakes.windows import pad_images, window_of
from ece662 import layers
from ece662._checks import conv_output_size


def _forward(x, w, b, conv_param, window=None, padded=None, size=None, each=None):
    """Run the naive convolution, one of its steps replaced.

    Args:
        x, w, b, conv_param: as `layers.conv_forward_naive`.
        window: `window(i, j, stride, HH, WW)`, the rows and columns seen by an output.
        padded: the images with their zeros around.
        size: (H_out, W_out).
        each: `each(patch, filter, bias)`, the number that one window gives.
    """
    stride, pad = conv_param["stride"], conv_param["pad"]
    H_out, W_out = size or conv_output_size(x, w, b, conv_param)
    x_padded = pad_images(x, pad) if padded is None else padded
    out = np.zeros((len(x), len(w), H_out, W_out), np.result_type(x, w))
    for n, f, i, j in np.ndindex(out.shape):
        rows, columns = (window or window_of)(i, j, stride, *w.shape[2:])
        patch = x_padded[n, :, rows, columns]
        out[n, f, i, j] = (each or _each)(patch, w[f], b[f])
    return out, (x, w, b, conv_param)


def _each(patch, filter, bias):
    return np.sum(patch * filter) + bias


@mistake(
    "conv_forward_naive",
    says="The filters were turned upside down and left to right before they met the "
    "image. Mathematicians call that convolution; here the filter stays as it is.",
    asks="Which weight should meet the top left pixel of a window?",
)
def conv_filters_flipped(x, w, b, conv_param):
    out, _ = layers.conv_forward_naive(x, w[:, :, ::-1, ::-1], b, conv_param)
    return out, (x, w, b, conv_param)


@mistake(
    "conv_forward_naive",
    says="The windows move by one pixel, whatever the stride: it sets how many "
    "outputs there are, but not where they look.",
    asks="With stride 2, where does the second window begin?",
)
def conv_stride_missing(x, w, b, conv_param):
    def window(i, j, stride, HH, WW):
        return slice(i, i + HH), slice(j, j + WW)

    return _forward(x, w, b, conv_param, window)


@mistake(
    "conv_forward_naive",
    says="The bias was added once for each channel.",
    asks="How often does the formula of one output contain the bias?",
)
def conv_bias_once_a_channel(x, w, b, conv_param):
    out, _ = layers.conv_forward_naive(x, w, b * x.shape[1], conv_param)
    return out, (x, w, b, conv_param)


@mistake(
    "conv_forward_naive",
    says="The filters are applied, but the biases never arrive in the output.",
    asks="What should the layer return for a black image?",
)
def conv_without_bias(x, w, b, conv_param):
    out, _ = layers.conv_forward_naive(x, w, np.zeros_like(b), conv_param)
    return out, (x, w, b, conv_param)


@mistake(
    "conv_forward_naive",
    says="The bias was added once for every weight of the filter: it is inside the "
    "sum.",
    asks="How often does the formula of one output contain the bias?",
)
def conv_bias_inside_the_sum(x, w, b, conv_param):
    def each(patch, filter, bias):
        return np.sum(patch * filter + bias)

    return _forward(x, w, b, conv_param, each=each)


@mistake(
    "conv_forward_naive",
    says="The output is as wide as it is high: its width was computed from the height.",
    asks="Have you tried an image that is not square?",
)
def conv_width_from_height(x, w, b, conv_param):
    H_out, _ = conv_output_size(x, w, b, conv_param)
    return _forward(x, w, b, conv_param, size=(H_out, H_out))


@mistake(
    "conv_forward_naive",
    says="Each window is as wide as the filter is high.",
    asks="Have you tried a filter that is not square?",
)
def conv_square_windows(x, w, b, conv_param):
    def window(i, j, stride, HH, WW):
        return window_of(i, j, stride, HH, HH)

    return _forward(x, w, b, conv_param, window)


@mistake(
    "conv_forward_naive",
    says="The windows move by the stride down the image, but by one pixel across it.",
    asks="With stride 2, where does the second window of the first row begin?",
)
def conv_stride_missing_across(x, w, b, conv_param):
    def window(i, j, stride, HH, WW):
        return window_of(i * stride, j, 1, HH, WW)

    return _forward(x, w, b, conv_param, window)


@mistake(
    "conv_forward_naive",
    says="The images are padded by one pixel, whatever `pad` says.",
    asks="Does your code read the width of the border anywhere?",
)
def conv_padding_always_one(x, w, b, conv_param):
    size = conv_output_size(x, w, b, {**conv_param, "pad": 1})
    return _forward(x, w, b, conv_param, padded=pad_images(x, 1), size=size)


@mistake(
    "conv_forward_naive",
    says="The border is not zero: it repeats the outermost pixels.",
    asks="What should a filter see beyond the edge of an image?",
)
def conv_padding_repeats_the_edge(x, w, b, conv_param):
    pad = conv_param["pad"]
    return _forward(x, w, b, conv_param, padded=pad_images(x, pad, mode="edge"))


@mistake(
    "conv_forward_naive",
    says="Only one channel of the image reaches the output.",
    asks="How many weights does one filter have, and does each of them meet a pixel?",
)
def conv_first_channel_only(x, w, b, conv_param):
    def each(patch, filter, bias):
        return np.sum(patch[0] * filter[0]) + bias

    return _forward(x, w, b, conv_param, each=each)


@mistake(
    "conv_forward_naive",
    says="The products were averaged over the window, where they should be added.",
    asks="If a filter gets a second channel of zeros, should the output shrink?",
)
def conv_mean_for_sum(x, w, b, conv_param):
    def each(patch, filter, bias):
        return np.mean(patch * filter) + bias

    return _forward(x, w, b, conv_param, each=each)


@mistake(
    "conv_forward_naive",
    says="Rows and columns have changed places in the output.",
    asks="Which of your two inner loops runs down the image?",
)
def conv_output_transposed(x, w, b, conv_param):
    out, cache = layers.conv_forward_naive(x, w, b, conv_param)
    return out.transpose(0, 1, 3, 2), cache


@mistake(
    "conv_forward_naive",
    says="The whole border stands above and to the left of the image; below and to "
    "the right there is none.",
    asks="On how many sides of the image does a padding of 1 add a row or column?",
    hidden=True,
)
def conv_padding_on_two_sides(x, w, b, conv_param):
    pad = conv_param["pad"]
    padded = np.pad(x, ((0, 0), (0, 0), (2 * pad, 0), (2 * pad, 0)))
    return _forward(x, w, b, conv_param, padded=padded)


@mistake(
    "conv_forward_naive",
    says="With pad 0 the images never get into the array that the windows are taken "
    "from; with more they do.",
    asks="With pad 0, which array should your windows slide over?",
)
def conv_padded_only_if_asked(x, w, b, conv_param):
    if conv_param["pad"] > 0:
        padded = pad_images(x, conv_param["pad"])
    return _forward(x, w, b, conv_param, padded=padded)


@mistake(
    "conv_forward_naive",
    says="Each window is as high as the filter is wide, and as wide as it is high.",
    asks="Which of the two sizes of w belongs to the rows of a window?",
)
def conv_window_sides_exchanged(x, w, b, conv_param):
    def window(i, j, stride, HH, WW):
        return window_of(i, j, stride, WW, HH)

    return _forward(x, w, b, conv_param, window)


@mistake(
    "conv_forward_naive",
    says="H_out and W_out have changed places: the output is as high as it should be "
    "wide.",
    asks="Which size of x does the height of the output come from?",
)
def conv_output_sides_exchanged(x, w, b, conv_param):
    H_out, W_out = conv_output_size(x, w, b, conv_param)
    return _forward(x, w, b, conv_param, size=(W_out, H_out))


@mistake(
    "conv_forward_naive",
    says="H_out was computed from the width, so images that are not square come out "
    "square.",
    asks="Have you tried an image that is wider than high?",
)
def conv_height_from_width(x, w, b, conv_param):
    _, W_out = conv_output_size(x, w, b, conv_param)
    return _forward(x, w, b, conv_param, size=(W_out, W_out))


@mistake(
    "conv_forward_naive",
    says="The windows move by the size of the filter, whatever the stride.",
    asks="With a 3 x 3 filter and stride 1, where does the second window begin?",
)
def conv_steps_by_filter_size(x, w, b, conv_param):
    def window(i, j, stride, HH, WW):
        return slice(i * HH, i * HH + HH), slice(j * WW, j * WW + WW)

    def each(patch, filter, bias):
        return np.sum(patch * filter) + bias if patch.shape == filter.shape else 0.0

    return _forward(x, w, b, conv_param, window, each=each)


@mistake(
    "conv_forward_naive",
    says="W_out was computed with the height of the filter in the place of its width.",
    asks="Have you tried a filter that is not square?",
)
def conv_width_from_filter_height(x, w, b, conv_param):
    H_out, _ = conv_output_size(x, w, b, conv_param)
    stride, pad, HH = conv_param["stride"], conv_param["pad"], w.shape[2]
    W_out = 1 + (x.shape[3] + 2 * pad - HH) // stride
    return _forward(x, w, b, conv_param, size=(H_out, W_out))
