"""The forward pass of a small ConvNet in PyTorch, in many hands.

The wrong ones stand beside what is true of them: the diagnosis, and words of its
message.
"""

import torch
import torch.nn.functional as F
from torch import nn

from tests.course.frameworks.hands import right, wrong

__all__ = ["RIGHT", "WRONG"]

RIGHT, WRONG = {}, {}


@right(RIGHT)
def in_one_line(x, params):
    w1, b1, w2, b2, fw, fb = params
    hidden = F.relu(F.conv2d(F.relu(F.conv2d(x, w1, b1, 1, 2)), w2, b2, 1, 1))
    return hidden.flatten(1).mm(fw) + fb


@right(RIGHT)
def padding_same(x, params):
    w1, b1, w2, b2, fw, fb = params
    x = torch.relu(F.conv2d(x, w1, bias=b1, padding="same"))
    x = torch.relu(F.conv2d(x, w2, bias=b2, padding="same"))
    return torch.addmm(fb, x.reshape(x.shape[0], -1), fw)


@right(RIGHT)
def padding_from_filters(x, params):
    for w, b in (params[:2], params[2:4]):
        pad = (w.shape[2] // 2, w.shape[3] // 2)
        x = F.conv2d(x, w, b, padding=pad).clamp(min=0)
    return x.view(len(x), -1) @ params[4] + params[5]


@right(RIGHT)
def padded_by_hand(x, params):
    w1, b1, w2, b2, fw, fb = params
    x = F.relu(F.conv2d(F.pad(x, (2, 2, 2, 2)), w1, b1))
    x = F.relu(F.conv2d(F.pad(x, (1, 1, 1, 1)), w2, b2))
    return torch.einsum("nd,dc->nc", x.flatten(start_dim=1), fw) + fb


@right(RIGHT)
def bias_added_later(x, params):
    w1, b1, w2, b2, fw, fb = params
    x = (F.conv2d(x, w1, padding=2) + b1.view(1, -1, 1, 1)).relu()
    x = (F.conv2d(x, w2, padding=1) + b2[None, :, None, None]).relu()
    return torch.matmul(x.reshape(len(x), -1), fw) + fb


@right(RIGHT)
def with_modules(x, params):
    w1, b1, w2, b2, fw, fb = params
    conv1 = nn.Conv2d(w1.shape[1], w1.shape[0], w1.shape[2], padding=2)
    conv2 = nn.Conv2d(w2.shape[1], w2.shape[0], w2.shape[2], padding=1)
    conv1.weight, conv1.bias = nn.Parameter(w1), nn.Parameter(b1)
    conv2.weight, conv2.bias = nn.Parameter(w2), nn.Parameter(b2)
    x = nn.ReLU()(conv2(nn.ReLU()(conv1(x))))
    return F.linear(nn.Flatten()(x), fw.t(), fb)


@right(RIGHT)
def relu_in_place(x, params):
    w1, b1, w2, b2, fw, fb = params
    maps = F.conv2d(x, w1, b1, padding=2)
    F.relu(maps, inplace=True)
    maps = F.conv2d(maps, w2, b2, padding=1)
    maps[maps < 0] = 0
    return maps.flatten(1) @ fw + fb


@right(RIGHT)
def by_unfolding(x, params):
    w1, b1, w2, b2, fw, fb = params
    N, _, H, W = x.shape
    for w, b, pad in ((w1, b1, 2), (w2, b2, 1)):
        columns = F.unfold(x, tuple(w.shape[2:]), padding=pad)
        maps = w.flatten(1) @ columns + b[:, None]
        x = torch.maximum(maps, torch.zeros_like(maps)).view(N, len(w), H, W)
    return x.reshape(N, -1) @ fw + fb


@right(RIGHT)
def one_picture_after_the_other(x, params):
    w1, b1, w2, b2, fw, fb = params
    rows = []
    for picture in x:
        maps = F.relu(F.conv2d(picture[None], w1, b1, padding=2))
        maps = F.relu(F.conv2d(maps, w2, b2, padding=1))
        rows.append(maps.flatten() @ fw + fb)
    return torch.stack(rows)


def forward(x, params, pads=(2, 1), after=F.relu, flatten=None, last=None):
    """Run the network, with parts changed as given; the affine weights are cut."""
    w1, b1, w2, b2, fw, fb = params
    x = after(F.conv2d(x, w1, b1, padding=pads[0]))
    x = after(F.conv2d(x, w2, b2, padding=pads[1]))
    flat = flatten(x) if flatten else x.flatten(1)
    scores = flat @ fw[: flat.shape[1]] + fb
    return last(scores) if last else scores


@wrong(WRONG, "torch-second-padding-missing")
def weights_cut_to_what_is_left(x, params):
    return forward(x, params, pads=(2, 0))


@wrong(WRONG, "torch-without-relu")
def nothing_between_the_layers(x, params):
    return forward(x, params, after=lambda maps: maps)


@wrong(WRONG, "torch-softmax-on-scores")
def softmax_before_the_loss(x, params):
    return forward(x, params, last=lambda scores: F.softmax(scores, dim=1))


@wrong(WRONG, "torch-relu-on-scores")
def relu_everywhere(x, params):
    return forward(x, params, last=F.relu)


@wrong(WRONG, "torch-height-and-width-swapped")
def pictures_turned_by_the_flattening(x, params):
    return forward(x, params, flatten=lambda maps: maps.mT.flatten(1))


@wrong(WRONG, "torch-flattened-channels-last")
def channels_moved_to_the_end(x, params):
    return forward(x, params, flatten=lambda maps: maps.movedim(1, 3).flatten(1))


@wrong(WRONG, "torch-without-biases")
def biases_left_out(x, params):
    w1, _, w2, _, fw, fb = params
    x = F.relu(F.conv2d(x, w1, padding=2))
    return F.relu(F.conv2d(x, w2, padding=1)).flatten(1) @ fw + fb


@wrong(WRONG, "torch-second-relu-missing")
def relu_after_the_first_alone(x, params):
    w1, b1, w2, b2, fw, fb = params
    x = F.relu(F.conv2d(x, w1, b1, padding=2))
    return F.conv2d(x, w2, b2, padding=1).flatten(1) @ fw + fb


@wrong(WRONG, "error", "line ")
def padding_forgotten(x, params):
    w1, b1, w2, b2, fw, fb = params
    x = F.relu(F.conv2d(x, w1, b1))
    return F.relu(F.conv2d(x, w2, b2)).flatten(1) @ fw + fb


@wrong(WRONG, "error", "line ")
def never_flattened(x, params):
    w1, b1, w2, b2, fw, fb = params
    x = F.relu(F.conv2d(x, w1, b1, padding=2))
    return F.relu(F.conv2d(x, w2, b2, padding=1)) @ fw + fb


@wrong(WRONG, None, "scores")
def sigmoid_for_relu(x, params):
    return forward(x, params, after=torch.sigmoid)


@wrong(WRONG, None, "scores")
def bias_of_the_scores_left_out(x, params):
    *others, fb = params
    return forward(x, [*others, torch.zeros_like(fb)])


@wrong(WRONG, None, "scores")
def flattened_with_the_pictures(x, params):
    w1, b1, w2, b2, fw, fb = params
    x = F.relu(F.conv2d(x, w1, b1, padding=2))
    x = F.relu(F.conv2d(x, w2, b2, padding=1))
    return x.transpose(0, 1).reshape(len(x), -1) @ fw + fb


@wrong(WRONG, "error", "line ", "as many columns: one `.T` is missing or too many")
def weights_transposed_twice(x, params):
    w1, b1, w2, b2, fw, fb = params
    x = F.relu(F.conv2d(x, w1, b1, padding=2))
    x = F.relu(F.conv2d(x, w2, b2, padding=1))
    return F.linear(x.flatten(1), fw, fb)
