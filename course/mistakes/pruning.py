"""Mistakes in pruning by hand: masks, the step that keeps them, a filter taken out."""

import numpy as np

from course.mistakes.registry import mistake
from ece662.pruning import by_hand

# ------------------------------------------------------------------------ masks


@mistake(
    "magnitude_masks",
    says="Each layer loses the same share of its own weights: each has a limit of its "
    "own, where one limit should hold for the whole network.",
    asks="How many limits are there, if layers of small weights are to lose more?",
)
def masks_layer_by_layer(weights, share):
    masks = {}
    for name, w in weights.items():
        masks |= by_hand.magnitude_masks({name: w}, share)
    return masks


@mistake(
    "magnitude_masks",
    says="The masks are inverted: what should stay is marked as gone.",
    asks="What is left of a weight that is multiplied by its mask?",
)
def masks_inside_out(weights, share):
    masks = by_hand.magnitude_masks(weights, share)
    return {name: ~mask for name, mask in masks.items()}


@mistake(
    "magnitude_masks",
    says="The lowest weights go, large negative ones first, where it should be those "
    "nearest to zero.",
    asks="Which of the weights -5 and 0.1 does a scalar product miss less?",
)
def masks_by_value(weights, share):
    lowest = min(w.min() for w in weights.values())
    return by_hand.magnitude_masks({n: w - lowest for n, w in weights.items()}, share)


@mistake(
    "magnitude_masks",
    says="The share was read as the part that stays; it is the part that goes.",
    asks="If 10 % are to go, how many per cent of a mask are True?",
)
def masks_share_stays(weights, share):
    return by_hand.magnitude_masks(weights, 1 - share)


@mistake(
    "magnitude_masks",
    says="The largest weights go, and the smallest stay.",
    asks="On which side of the limit lies a weight that hardly matters?",
)
def masks_largest_go(weights, share):
    turned = {name: -np.abs(w) for name, w in weights.items()}
    highest = max(np.abs(w).max() for w in weights.values())
    return by_hand.magnitude_masks(
        {name: w + highest for name, w in turned.items()}, share
    )


@mistake(
    "magnitude_masks",
    says="The limit is a part of the largest weight, so how many weights go depends on "
    "how large that one happens to be.",
    asks="Is the share counted in weights or in sizes?",
)
def masks_share_of_the_largest(weights, share):
    limit = share * max(np.abs(w).max() for w in weights.values())
    return {name: np.abs(w) >= limit for name, w in weights.items()}


@mistake(
    "random_masks",
    says="The smallest weights go: the choice depends on their sizes, where it should "
    "be random.",
    asks="What may a random choice depend on?",
)
def lots_by_magnitude(weights, share, seed):
    return by_hand.magnitude_masks(weights, share)


@mistake(
    "random_masks",
    says="A random number decides on each weight by itself, so the share that goes is "
    "only near the one that was asked for.",
    asks="How do you draw exactly as many as are wanted?",
)
def lots_tossed_one_by_one(weights, share, seed):
    rng = np.random.default_rng(seed)
    return {name: rng.random(w.shape) >= share for name, w in weights.items()}


@mistake(
    "random_masks",
    says="The seed has no effect: the same masks are drawn whatever it is.",
    asks="Where does your random generator get its seed?",
)
def lots_without_seed(weights, share, seed):
    return by_hand.random_masks(weights, share, 0)


@mistake(
    "random_masks",
    says="Each call draws other masks, though the seed is the same.",
    asks="What has to be done with the seed before the first number is drawn?",
    hidden=True,
)
def lots_never_the_same(weights, share, seed):
    return by_hand.random_masks(weights, share, np.random.randint(10**9))


@mistake(
    "random_masks",
    says="The share was read as the part that stays; it is the part that goes.",
    asks="If a fifth is to go, how much of a mask is True?",
)
def lots_share_stays(weights, share, seed):
    return by_hand.random_masks(weights, 1 - share, seed)


# ------------------------------------------------------------------- keeping masks


@mistake(
    "masked_step",
    says="The weights that were pruned come back: the mask has no effect on the step.",
    asks="Is the gradient of a weight zero because the weight is?",
)
def step_without_mask(rule, w, dw, mask, config):
    return rule(w, dw, config)


@mistake(
    "masked_step",
    says="The gradient is masked, but not the weights: what is not zero yet does not "
    "become zero, and what the rule has stored, such as a velocity, goes on moving it.",
    asks="With momentum, does a gradient of zero mean that a weight stands still?",
)
def step_masks_the_gradient(rule, w, dw, mask, config):
    return rule(w, dw * mask, config)


@mistake(
    "masked_step",
    says="The mask is applied before the step, and the step moves the zeros again.",
    asks="Which of the two has to come last?",
)
def step_masks_before(rule, w, dw, mask, config):
    return rule(w * mask, dw, config)


@mistake(
    "masked_step",
    says="The mask is applied inverted: what should stay is set to zero.",
    asks="Where is a mask True?",
)
def step_mask_inside_out(rule, w, dw, mask, config):
    next_w, config = rule(w, dw, config)
    return next_w * ~mask, config


@mistake(
    "masked_step",
    says="The weights that stay do not move: the step was thrown away.",
    asks="Which array should the mask be multiplied with?",
)
def step_thrown_away(rule, w, dw, mask, config):
    _, config = rule(w, dw, config)
    return w * mask, config


@mistake(
    "masked_step",
    says="The first step is right and later ones are not: the config that the rule "
    "gives back is lost.",
    asks="What else does a rule return beside the weights?",
)
def step_forgets_the_config(rule, w, dw, mask, config):
    next_w, _ = rule(w, dw, dict(config))
    return next_w * mask, config


# --------------------------------------------------------------------- sensitivity


@mistake(
    "sensitivity",
    says="Layers that were tried before stay pruned while the next one is.",
    asks="What does the network look like when the second layer's turn comes?",
)
def sensitivity_adds_up(weights, shares, accuracy_of):
    table, now = np.zeros((len(weights), len(shares))), dict(weights)
    for i, name in enumerate(weights):
        for j, share in enumerate(shares):
            mask = by_hand.magnitude_masks({name: weights[name]}, share)[name]
            now[name] = weights[name] * mask
            table[i, j] = accuracy_of(now)
    return table


@mistake(
    "sensitivity",
    says="All layers are pruned at once, so every row says the same.",
    asks="How many layers may differ from the whole network in one trial?",
)
def sensitivity_of_all_at_once(weights, shares, accuracy_of):
    row = []
    for share in shares:
        masks = by_hand.magnitude_masks(weights, share)
        row.append(accuracy_of({n: w * masks[n] for n, w in weights.items()}))
    return np.array([row] * len(weights))


@mistake(
    "sensitivity",
    says="The limit is that of the whole network, so a layer loses another share of "
    "its weights than the one that was asked for.",
    asks="Of which weights is the share counted here?",
)
def sensitivity_by_one_limit(weights, shares, accuracy_of):
    table = np.zeros((len(weights), len(shares)))
    for j, share in enumerate(shares):
        masks = by_hand.magnitude_masks(weights, share)
        for i, (name, w) in enumerate(weights.items()):
            table[i, j] = accuracy_of({**weights, name: w * masks[name]})
    return table


@mistake(
    "sensitivity",
    says="The table holds what is lost, where it should hold the accuracy itself.",
    asks="What does the table say of a layer that nothing was taken from?",
)
def sensitivity_as_a_loss(weights, shares, accuracy_of):
    return accuracy_of(weights) - by_hand.sensitivity(weights, shares, accuracy_of)


@mistake(
    "sensitivity",
    says="The layer under trial keeps its small weights and loses the large ones.",
    asks="Where is a mask True?",
)
def sensitivity_mask_inside_out(weights, shares, accuracy_of):
    table = np.zeros((len(weights), len(shares)))
    for i, (name, w) in enumerate(weights.items()):
        for j, share in enumerate(shares):
            mask = by_hand.magnitude_masks({name: w}, share)[name]
            table[i, j] = accuracy_of({**weights, name: w * ~mask})
    return table


# -------------------------------------------------------------- a filter taken out


@mistake(
    "take_out_filter",
    says="The filter was set to zero and is still there: nothing became smaller.",
    asks="How many filters does the convolution compute now?",
)
def filter_only_zeroed(w1, norm, w2, k):
    w1, w2 = w1.copy(), w2.copy()
    w1[k], w2[:, k] = 0, 0
    return w1, {name: array.copy() for name, array in norm.items()}, w2


@mistake(
    "take_out_filter",
    says="The second convolution has lost one of its own filters, where it should lose "
    "the input channel that nobody writes any more.",
    asks="Which axis of the second convolution counts what it reads?",
)
def filter_of_the_second_goes_too(w1, norm, w2, k):
    w1, norm, _ = by_hand.take_out_filter(w1, norm, w2, k)
    return w1, norm, np.delete(w2, k % len(w2), axis=0)


@mistake(
    "take_out_filter",
    says="The second convolution still reads the channel that is gone.",
    asks="How many channels does the first convolution write now?",
)
def filter_still_read(w1, norm, w2, k):
    w1, norm, _ = by_hand.take_out_filter(w1, norm, w2, k)
    return w1, norm, w2.copy()


@mistake(
    "take_out_filter",
    says="Batch norm still has a place for the channel that is gone.",
    asks="How many channels does batch norm receive now?",
)
def filter_still_normalised(w1, norm, w2, k):
    w1, _, w2 = by_hand.take_out_filter(w1, norm, w2, k)
    return w1, dict(norm), w2


@mistake(
    "take_out_filter",
    says="Gamma and beta have lost their entry, and the running statistics have not.",
    asks="What does batch norm use at test time?",
)
def filter_keeps_running_statistics(w1, norm, w2, k):
    w1, smaller, w2 = by_hand.take_out_filter(w1, norm, w2, k)
    running = {n: array for n, array in norm.items() if n.startswith("running")}
    return w1, smaller | running, w2


@mistake(
    "take_out_filter",
    says="Only the k-th filter is left, and all others are gone.",
    asks="Which of them was to be taken out?",
)
def filter_alone_is_left(w1, norm, w2, k):
    one = slice(k, k + 1)
    return w1[one], {name: array[one] for name, array in norm.items()}, w2[:, one]


@mistake(
    "take_out_filter",
    says="The next filter went in the place of the k-th.",
    asks="From which number are filters counted?",
    hidden=True,
)
def filter_counted_from_one(w1, norm, w2, k):
    return by_hand.take_out_filter(w1, norm, w2, (k + 1) % len(w1))


@mistake(
    "take_out_filter",
    says="The first convolution has lost an input channel in the place of a filter.",
    asks="Which axis of its weights counts what a convolution writes?",
)
def filter_channel_of_the_first(w1, norm, w2, k):
    _, norm, w2 = by_hand.take_out_filter(w1, norm, w2, k)
    return np.delete(w1, k % w1.shape[1], axis=1), norm, w2
