"""Right pruning by hand, as ten people may write it."""

import copy
import random

import numpy as np

from ece662.pruning import by_hand
from tests.course.correct.registry import variant_of

# -------------------------------------------------------------------- magnitude_masks


def all_sizes(weights):
    return np.concatenate([abs(w).reshape(-1) for w in weights.values()])


@variant_of("magnitude_masks")
def sorted_and_compared(weights, share):
    sizes = np.sort(all_sizes(weights))
    limit = sizes[round(share * len(sizes))]
    return {name: np.abs(w) >= limit for name, w in weights.items()}


@variant_of("magnitude_masks")
def last_that_goes(weights, share):
    sizes = np.sort(all_sizes(weights))
    limit = sizes[round(share * sizes.size) - 1]
    return {name: np.abs(w) > limit for name, w in weights.items()}


@variant_of("magnitude_masks")
def by_a_percentile(weights, share):
    limit = np.percentile(all_sizes(weights), 100 * share)
    return {name: np.abs(w) > limit for name, w in weights.items()}


@variant_of("magnitude_masks")
def by_a_quantile_from_below(weights, share):
    limit = np.quantile(all_sizes(weights), share)
    return {name: ~(np.abs(w) < limit) for name, w in weights.items()}


@variant_of("magnitude_masks")
def by_a_partition(weights, share):
    sizes = all_sizes(weights)
    k = round(share * sizes.size)
    limit = np.partition(sizes, k)[k]
    return {name: np.where(np.abs(w) < limit, 0.0, 1.0) for name, w in weights.items()}


@variant_of("magnitude_masks")
def by_squares(weights, share):
    squares = np.sort(np.concatenate([(w**2).ravel() for w in weights.values()]))
    limit = squares[round(share * squares.size)]
    masks = {}
    for name, w in weights.items():
        masks[name] = (w * w >= limit).astype(int)
    return masks


@variant_of("magnitude_masks")
def with_a_python_list(weights, share):
    sizes = []
    for name in weights:
        sizes += [abs(value) for value in weights[name].flatten().tolist()]
    sizes.sort()
    limit = sizes[round(share * len(sizes))]
    masks = {}
    for name in weights:
        mask = np.ones_like(weights[name])
        mask[np.abs(weights[name]) < limit] = 0
        masks[name] = mask
    return masks


@variant_of("magnitude_masks")
def flat_ranks_cut_again(weights, share):
    sizes = all_sizes(weights)
    ranks = np.argsort(np.argsort(sizes))
    stays, masks, start = ranks >= round(share * len(sizes)), {}, 0
    for name, w in weights.items():
        masks[name] = stays[start : start + w.size].reshape(w.shape)
        start += w.size
    return masks


@variant_of("magnitude_masks")
def largest_first(weights, share):
    sizes = np.sort(all_sizes(weights))[::-1]
    stay = len(sizes) - round(share * len(sizes))
    limit = sizes[stay - 1]
    return {name: np.abs(w) >= limit for name, w in weights.items()}


@variant_of("magnitude_masks")
def one_weight_after_the_other(weights, share):
    masks = {name: np.ones(w.shape, dtype=bool) for name, w in weights.items()}
    everyone = [
        (abs(w[place]), name, place)
        for name, w in weights.items()
        for place in np.ndindex(w.shape)
    ]
    everyone.sort(key=lambda entry: entry[0])
    for _, name, place in everyone[: round(share * len(everyone))]:
        masks[name][place] = False
    return masks


# ----------------------------------------------------------------------- random_masks


@variant_of("random_masks")
def lots_in_the_place_of_sizes(weights, share, seed):
    np.random.seed(seed)
    lots = {name: np.random.rand(*w.shape) for name, w in weights.items()}
    return by_hand.magnitude_masks(lots, share)


@variant_of("random_masks")
def normal_lots(weights, share, seed):
    rng = np.random.RandomState(seed)
    lots = {name: rng.randn(*w.shape) for name, w in weights.items()}
    return by_hand.magnitude_masks(lots, share)


@variant_of("random_masks")
def a_permutation(weights, share, seed):
    n = sum(w.size for w in weights.values())
    order = np.random.default_rng(seed).permutation(n)
    stays = np.ones(n, bool)
    stays[order[: round(share * n)]] = False
    masks, start = {}, 0
    for name, w in weights.items():
        masks[name] = stays[start : start + w.size].reshape(w.shape)
        start += w.size
    return masks


@variant_of("random_masks")
def a_shuffle(weights, share, seed):
    n = sum(w.size for w in weights.values())
    flat = np.arange(n) >= round(share * n)
    np.random.RandomState(seed).shuffle(flat)
    ends = np.cumsum([w.size for w in weights.values()])[:-1]
    parts = np.split(flat, ends)
    return {
        name: part.reshape(w.shape)
        for (name, w), part in zip(weights.items(), parts, strict=True)
    }


@variant_of("random_masks")
def a_choice_without_replacement(weights, share, seed):
    rng = np.random.default_rng(seed)
    masks = {name: np.ones(w.shape) for name, w in weights.items()}
    n = sum(w.size for w in weights.values())
    gone = set(rng.choice(n, round(share * n), replace=False).tolist())
    start = 0
    for mask in masks.values():
        flat = mask.reshape(-1)
        for i in range(flat.size):
            if start + i in gone:
                flat[i] = 0
        start += flat.size
    return masks


@variant_of("random_masks")
def pythons_own_sample(weights, share, seed):
    random.seed(seed)
    n = sum(w.size for w in weights.values())
    stays = np.ones(n)
    stays[random.sample(range(n), round(share * n))] = 0
    masks, start = {}, 0
    for name, w in weights.items():
        masks[name] = stays[start : start + w.size].reshape(w.shape)
        start += w.size
    return masks


@variant_of("random_masks")
def layer_by_layer(weights, share, seed):
    rng = np.random.default_rng(seed)
    masks = {}
    for name, w in weights.items():
        flat = np.arange(w.size) >= round(share * w.size)
        masks[name] = rng.permutation(flat).reshape(w.shape)
    return masks


@variant_of("random_masks")
def limit_of_the_lots(weights, share, seed):
    rng = np.random.default_rng(seed)
    lots = {name: rng.uniform(size=w.shape) for name, w in weights.items()}
    line = np.sort(np.concatenate([lot.ravel() for lot in lots.values()]))
    limit = line[round(share * len(line))]
    return {name: lot >= limit for name, lot in lots.items()}


@variant_of("random_masks")
def places_one_by_one(weights, share, seed):
    rng = random.Random(seed)
    places = [
        (name, place) for name, w in weights.items() for place in np.ndindex(w.shape)
    ]
    rng.shuffle(places)
    masks = {name: np.full(w.shape, True) for name, w in weights.items()}
    for name, place in places[: round(share * len(places))]:
        masks[name][place] = False
    return masks


@variant_of("random_masks")
def signs_at_random_too(weights, share, seed):
    rng = np.random.default_rng(seed)
    lots = {}
    for name in weights:
        lots[name] = rng.uniform(-1, 1, weights[name].shape)
    return by_hand.magnitude_masks(lots, share)


# ------------------------------------------------------------------------ masked_step


@variant_of("masked_step")
def step_then_mask(rule, w, dw, mask, config):
    next_w, config = rule(w, dw, config)
    return next_w * mask, config


@variant_of("masked_step")
def mask_first_in_the_product(rule, w, dw, mask, config):
    w, config = rule(w, dw, config)
    return mask * w, config


@variant_of("masked_step")
def zeros_by_index(rule, w, dw, mask, config):
    next_w, config = rule(w, dw, config)
    next_w = next_w.copy()
    next_w[~mask] = 0
    return next_w, config


@variant_of("masked_step")
def in_place(rule, w, dw, mask, config):
    next_w, config = rule(w, dw, config)
    next_w *= mask
    return next_w, config


@variant_of("masked_step")
def chosen_by_where(rule, w, dw, mask, config):
    next_w, config = rule(w, dw, config)
    return np.where(mask, next_w, 0.0), config


@variant_of("masked_step")
def gradient_and_weights(rule, w, dw, mask, config):
    next_w, config = rule(w * mask, dw * mask, config)
    return next_w * mask, config


@variant_of("masked_step")
def memory_masked_as_well(rule, w, dw, mask, config):
    next_w, config = rule(w, dw * mask, config)
    config = {name: value * mask for name, value in config.items()}
    return next_w * mask, config


@variant_of("masked_step")
def only_the_living(rule, w, dw, mask, config):
    stepped, config = rule(w, dw, config)
    next_w = np.zeros_like(w)
    next_w[mask] = stepped[mask]
    return next_w, config


@variant_of("masked_step")
def as_floats(rule, w, dw, mask, config):
    result = rule(w, dw, config)
    return result[0] * mask.astype(np.float64), result[1]


@variant_of("masked_step")
def number_by_number(rule, w, dw, mask, config):
    stepped, config = rule(w, dw, config)
    next_w = stepped.copy()
    for place in np.ndindex(next_w.shape):
        if not mask[place]:
            next_w[place] = 0.0
    return next_w, config


# ------------------------------------------------------------------------ sensitivity


def pruned(w, share):
    return w * by_hand.magnitude_masks({"w": w}, share)["w"]


@variant_of("sensitivity")
def a_table_filled_in(weights, shares, accuracy_of):
    table = np.zeros((len(weights), len(shares)))
    for i, name in enumerate(weights):
        for j, share in enumerate(shares):
            trial = dict(weights)
            trial[name] = pruned(weights[name], share)
            table[i, j] = accuracy_of(trial)
    return table


@variant_of("sensitivity")
def a_list_of_rows(weights, shares, accuracy_of):
    return [
        [accuracy_of({**weights, name: pruned(w, share)}) for share in shares]
        for name, w in weights.items()
    ]


@variant_of("sensitivity")
def a_copy_of_everything(weights, shares, accuracy_of):
    rows = []
    for name in weights:
        row = []
        for share in shares:
            trial = copy.deepcopy(dict(weights))
            mask = by_hand.magnitude_masks({name: trial[name]}, share)[name]
            trial[name][~mask] = 0
            row.append(accuracy_of(trial))
        rows.append(row)
    return np.array(rows)


@variant_of("sensitivity")
def by_columns_and_turned(weights, shares, accuracy_of):
    columns = [
        [accuracy_of(weights | {n: pruned(w, share)}) for n, w in weights.items()]
        for share in shares
    ]
    return np.array(columns).T


@variant_of("sensitivity")
def put_back_afterwards(weights, shares, accuracy_of):
    trial, rows = dict(weights), []
    for name, w in weights.items():
        rows.append([])
        for share in shares:
            trial[name] = pruned(w, share)
            rows[-1].append(accuracy_of(trial))
        trial[name] = w
    return np.array(rows)


@variant_of("sensitivity")
def a_helper_for_one(weights, shares, accuracy_of):
    def one(name, share):
        return accuracy_of(
            {n: pruned(w, share) if n == name else w for n, w in weights.items()}
        )

    return np.array([[one(name, share) for share in shares] for name in weights])


@variant_of("sensitivity")
def masks_of_ones_elsewhere(weights, shares, accuracy_of):
    table = np.empty((len(weights), len(shares)))
    for i, name in enumerate(weights):
        for j, share in enumerate(shares):
            masks = {n: np.ones_like(w) for n, w in weights.items()}
            masks |= by_hand.magnitude_masks({name: weights[name]}, share)
            table[i, j] = accuracy_of({n: w * masks[n] for n, w in weights.items()})
    return table


@variant_of("sensitivity")
def with_a_limit_of_its_own(weights, shares, accuracy_of):
    table = []
    for name, w in weights.items():
        sizes = np.sort(np.abs(w).ravel())
        row = []
        for share in shares:
            limit = sizes[round(share * len(sizes))]
            row.append(accuracy_of({**weights, name: np.where(abs(w) < limit, 0, w)}))
        table.append(row)
    return np.array(table)


@variant_of("sensitivity")
def all_pairs_in_a_row(weights, shares, accuracy_of):
    pairs = [(name, share) for name in weights for share in shares]
    found = [accuracy_of({**weights, n: pruned(weights[n], s)}) for n, s in pairs]
    return np.reshape(found, (len(weights), len(shares)))


@variant_of("sensitivity")
def through_a_dict(weights, shares, accuracy_of):
    table = {}
    for name in weights:
        table[name] = {}
        for share in shares:
            trial = {**weights}
            trial.update({name: pruned(weights[name], share)})
            table[name][share] = accuracy_of(trial)
    return np.array([list(row.values()) for row in table.values()])


# -------------------------------------------------------------------- take_out_filter


@variant_of("take_out_filter")
def deleted(w1, norm, w2, k):
    norm = {name: np.delete(array, k, 0) for name, array in norm.items()}
    return np.delete(w1, k, 0), norm, np.delete(w2, k, 1)


@variant_of("take_out_filter")
def by_a_mask(w1, norm, w2, k):
    keep = np.arange(len(w1)) != k
    return w1[keep], {name: array[keep] for name, array in norm.items()}, w2[:, keep]


@variant_of("take_out_filter")
def by_a_list(w1, norm, w2, k):
    keep = [i for i in range(w1.shape[0]) if i != k]
    return w1[keep], {name: array[keep] for name, array in norm.items()}, w2[:, keep]


@variant_of("take_out_filter")
def joined_again(w1, norm, w2, k):
    w1 = np.concatenate([w1[:k], w1[k + 1 :]])
    smaller = {}
    for name in norm:
        smaller[name] = np.concatenate([norm[name][:k], norm[name][k + 1 :]])
    w2 = np.concatenate([w2[:, :k], w2[:, k + 1 :]], axis=1)
    return w1, smaller, w2


@variant_of("take_out_filter")
def copied_one_by_one(w1, norm, w2, k):
    F = w1.shape[0]
    new_w1 = np.zeros((F - 1, *w1.shape[1:]))
    new_w2 = np.zeros((w2.shape[0], F - 1, *w2.shape[2:]))
    new_norm = {name: np.zeros(F - 1) for name in norm}
    place = 0
    for f in range(F):
        if f == k:
            continue
        new_w1[place] = w1[f]
        new_w2[:, place] = w2[:, f]
        for name in norm:
            new_norm[name][place] = norm[name][f]
        place += 1
    return new_w1, new_norm, new_w2


@variant_of("take_out_filter")
def shifted_and_cut(w1, norm, w2, k):
    def without(array):
        array = array.copy()
        array[k:-1] = array[k + 1 :]
        return array[:-1]

    norm = {name: without(array) for name, array in norm.items()}
    return without(w1), norm, without(w2.swapaxes(0, 1)).swapaxes(0, 1)


@variant_of("take_out_filter")
def taken(w1, norm, w2, k):
    keep = np.delete(np.arange(len(w1)), k)
    norm = {name: array.take(keep) for name, array in norm.items()}
    return w1.take(keep, axis=0), norm, w2.take(keep, axis=1)


@variant_of("take_out_filter")
def popped(w1, norm, w2, k):
    filters = list(w1)
    filters.pop(k)
    channels = list(w2.transpose(1, 0, 2, 3))
    del channels[k]
    smaller = {}
    for name, array in norm.items():
        entries = array.tolist()
        entries.pop(k)
        smaller[name] = np.array(entries)
    return np.stack(filters), smaller, np.stack(channels, axis=1)


@variant_of("take_out_filter")
def name_by_name(w1, norm, w2, k):
    keep = np.setdiff1d(np.arange(w1.shape[0]), [k])
    norm = dict(norm)
    for name in list(norm):
        norm[name] = norm[name][keep]
    return w1[keep, :, :, :], norm, w2[:, keep, :, :]


@variant_of("take_out_filter")
def compressed(w1, norm, w2, k):
    keep = np.ones(len(w1), dtype=bool)
    keep[k] = False
    norm = {name: np.compress(keep, array) for name, array in norm.items()}
    return np.compress(keep, w1, axis=0), norm, np.compress(keep, w2, axis=1)
