"""Pruning the smallest of all weights of a Keras network, in many hands.

Each takes a trained network and returns the pruned ones by share. The wrong ones stand
beside words that are true of them.
"""

import copy
import functools
import warnings

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

from tests.course.frameworks.hands import right, wrong
from tests.course.frameworks.pruned import SHARES

__all__ = ["RIGHT", "WRONG", "make_network"]

RIGHT, WRONG = {}, {}


@functools.cache
def _first_network():
    keras.utils.set_random_seed(231)
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(20, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(10, 3, padding="same"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(6),
        ]
    )


def make_network():
    """Return a network of 3,300 weights in three layers of different widths."""
    return copied(_first_network())


def copied(model):
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    return twin


def each_share(shares=SHARES):
    """Turn a function that prunes a copy in place into one that makes them all."""

    def wrap(prune_one):
        @functools.wraps(prune_one)
        def prune_all(model):
            found = {}
            for share in shares:
                found[share] = copied(model)
                prune_one(found[share], share)
            return found

        return prune_all

    return wrap


def kernels_of(model):
    return [w for w in model.trainable_weights if len(w.shape) > 1]


def arrays_of(model):
    return [w.numpy() for w in kernels_of(model)]


def limit_of(arrays, share):
    sizes = np.sort(np.concatenate([np.abs(a).ravel() for a in arrays]))
    return sizes[round(share * len(sizes))]


@right(RIGHT)
@each_share()
def by_sorted_sizes(model, share):
    limit = limit_of(arrays_of(model), share)
    for w in kernels_of(model):
        w.assign(np.where(np.abs(w.numpy()) < limit, 0, w.numpy()))


@right(RIGHT)
@each_share()
def by_quantile_and_tf_where(model, share):
    kernels = kernels_of(model)
    row = np.concatenate([np.abs(w.numpy()).ravel() for w in kernels])
    limit = np.quantile(row, share)
    for w in kernels:
        w.assign(tf.where(tf.abs(w) <= limit, tf.zeros_like(w), w))


@right(RIGHT)
@each_share()
def layer_after_layer_by_set_weights(model, share):
    with_kernel = [layer for layer in model.layers if hasattr(layer, "kernel")]
    limit = limit_of([layer.get_weights()[0] for layer in with_kernel], share)
    for layer in with_kernel:
        kernel, *bias = layer.get_weights()
        layer.set_weights([kernel * (abs(kernel) >= limit), *bias])


@right(RIGHT)
@each_share()
def all_arrays_at_once(model, share):
    arrays = model.get_weights()
    limit = limit_of([a for a in arrays if a.ndim > 1], share)
    model.set_weights([a * (abs(a) >= limit) if a.ndim > 1 else a for a in arrays])


@right(RIGHT)
@each_share()
def by_tf_sort(model, share):
    row = tf.concat([tf.reshape(tf.abs(w), [-1]) for w in kernels_of(model)], axis=0)
    limit = tf.sort(row)[int(share * row.shape[0])]
    for w in kernels_of(model):
        w.assign(w * tf.cast(tf.abs(w) >= limit, w.dtype))


@right(RIGHT)
@each_share()
def by_percentile_through_paths(model, share):
    kernels = {w.path: w for w in model.weights if w.path.endswith("kernel")}
    row = np.concatenate([w.numpy().ravel() for w in kernels.values()])
    limit = np.percentile(np.abs(row), share * 100)
    for w in kernels.values():
        mask = np.abs(w.numpy()) > limit
        w.assign(w.numpy() * mask.astype("float32"))


@right(RIGHT)
@each_share()
def by_positions(model, share):
    kernels = kernels_of(model)
    row = np.concatenate([w.numpy().ravel() for w in kernels])
    row[np.argsort(np.abs(row))[: round(share * row.size)]] = 0
    ends = np.cumsum([np.prod(w.shape) for w in kernels])[:-1]
    for w, part in zip(kernels, np.split(row, ends), strict=True):
        w.assign(part.reshape(w.shape))


@right(RIGHT)
def copied_by_deepcopy_from_the_largest_share_down(model):
    found = {}
    for share in reversed(SHARES):
        with warnings.catch_warnings():  # Keras's own, of NumPy 2
            warnings.simplefilter("ignore")
            found[share] = copy.deepcopy(model)
        limit = limit_of(arrays_of(model), share)
        for w in kernels_of(found[share]):
            w.assign(w.numpy() * (np.abs(w.numpy()) >= limit))
    return found


@right(RIGHT)
@each_share()
def frozen_afterwards(model, share):
    limit = limit_of(arrays_of(model), share)
    for w in kernels_of(model):
        w.assign(w.numpy() * (np.abs(w.numpy()) >= limit))
    model.layers[0].trainable = False


def prune_all_at(model, share, sizes_of=np.abs):
    row = np.concatenate([sizes_of(w.numpy()).ravel() for w in kernels_of(model)])
    limit = np.quantile(row, share)
    for w in kernels_of(model):
        w.assign(w.numpy() * (sizes_of(w.numpy()) >= limit))


@wrong(WRONG, None, "one for all layers")
@each_share()
def layer_by_layer(model, share):
    for w in kernels_of(model):
        w.assign(w.numpy() * (np.abs(w.numpy()) >= limit_of([w.numpy()], share)))


@wrong(WRONG, None, "work on a copy")
def without_a_copy(model):
    found = {}
    for share in SHARES:
        prune_all_at(model, share)
        found[share] = model
    return found


@wrong(WRONG, None, "other values")
def cloned_without_weights(model):
    found = {}
    for share in SHARES:
        found[share] = keras.models.clone_model(model)
        prune_all_at(found[share], share)
    return found


@wrong(WRONG, None, "from 10 % to 80 %")
@each_share(SHARES[:3])
def stopped_at_thirty(model, share):
    prune_all_at(model, share)


@wrong(WRONG, None, "from 10 % to 80 %")
@each_share([10, 20, 30, 40, 50, 60, 70, 80])
def shares_in_percent(model, share):
    prune_all_at(model, share / 100)


@wrong(WRONG, None, "larger ones")
@each_share()
def without_the_absolute_value(model, share):
    prune_all_at(model, share, sizes_of=lambda w: w)


@wrong(WRONG, None, "larger ones")
@each_share()
def the_largest(model, share):
    prune_all_at(model, share, sizes_of=lambda w: -np.abs(w))


@wrong(WRONG, None, "larger ones")
@each_share()
def by_chance(model, share):
    rng = np.random.default_rng(0)
    lots = {w.size: rng.random(w.shape) for w in arrays_of(model)}
    prune_all_at(model, share, sizes_of=lambda w: lots[w.size])


@wrong(WRONG, None, "share of zeros")
@each_share()
def convolutions_only(model, share):
    kernels = [w for w in kernels_of(model) if len(w.shape) == 4]
    limit = limit_of([w.numpy() for w in kernels], share)
    for w in kernels:
        w.assign(w.numpy() * (np.abs(w.numpy()) >= limit))


@wrong(WRONG, None, "share of zeros")
@each_share()
def what_is_to_stay(model, share):
    prune_all_at(model, 1 - share)


@wrong(WRONG, None, "share of zeros")
@each_share()
def masks_never_used(model, share):
    limit = limit_of(arrays_of(model), share)
    for w in kernels_of(model):
        w.numpy() * (np.abs(w.numpy()) >= limit)


@wrong(WRONG, None, "share of zeros")
@each_share()
def share_of_the_largest_weight(model, share):
    top = max(np.abs(w.numpy()).max() for w in kernels_of(model))
    for w in kernels_of(model):
        w.assign(w.numpy() * (np.abs(w.numpy()) >= share * top))


@wrong(WRONG, None, "other values")
@each_share()
def kept_ones_are_scaled(model, share):
    prune_all_at(model, share)
    for w in kernels_of(model):
        w.assign(w.numpy() / (1 - share))


@wrong(WRONG, "misfit", "should be a dict of networks", "it is a list")
def networks_in_a_list(model):
    return list(by_sorted_sizes(model).values())


@wrong(WRONG, "misfit", "not something like list")
def weights_for_networks(model):
    return {s: net.get_weights() for s, net in by_sorted_sizes(model).items()}


@wrong(WRONG, "misfit", "not something like float")
def accuracies_for_networks(model):
    return dict.fromkeys(SHARES, 0.5)


@wrong(WRONG, "misfit", "has the key '10%'")
def shares_as_text(model):
    return {f"{s:.0%}": net for s, net in by_sorted_sizes(model).items()}


@wrong(WRONG, "misfit", "has no weights yet")
def networks_never_built(model):
    return {s: keras.Sequential([layers.Flatten(), layers.Dense(6)]) for s in SHARES}
