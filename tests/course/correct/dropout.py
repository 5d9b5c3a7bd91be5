"""Right dropout layers. Which units fall is chance, and so is the way to draw it."""

import numpy as np

from tests.course.correct.registry import variant


def seeded(dropout_param):
    if "seed" in dropout_param:
        np.random.seed(dropout_param["seed"])
    return dropout_param["p"], dropout_param["mode"]


def drawing(draw):
    """Make a pair that keeps the scaled mask, drawn by `draw(x, p)`."""

    def dropout_forward(x, dropout_param):
        p, mode = seeded(dropout_param)
        mask = None
        if mode == "train":
            mask = draw(x, p)
            out = x * mask
        else:
            out = x
        return out.astype(x.dtype, copy=False), (dropout_param, mask)

    def dropout_backward(dout, cache):
        dropout_param, mask = cache
        return dout * mask if dropout_param["mode"] == "train" else dout

    return {"dropout_forward": dropout_forward, "dropout_backward": dropout_backward}


@variant("dropout")
def rand_below_p():
    return drawing(lambda x, p: (np.random.rand(*x.shape) < p) / p)


@variant("dropout")
def rand_above_one_minus_p():
    return drawing(lambda x, p: (np.random.rand(*x.shape) > 1 - p) / p)


@variant("dropout")
def binomial():
    return drawing(lambda x, p: np.random.binomial(1, p, size=x.shape) / p)


@variant("dropout")
def choice():
    return drawing(lambda x, p: np.random.choice([0, 1 / p], x.shape, p=[1 - p, p]))


@variant("dropout")
def uniform_and_floor():
    return drawing(lambda x, p: np.floor(np.random.uniform(0, 1, x.shape) + p) / p)


@variant("dropout")
def one_number_at_a_time():
    def draw(x, p):
        mask = np.zeros(x.shape)
        for index in np.ndindex(x.shape):
            if np.random.random() < p:
                mask[index] = 1 / p
        return mask

    return drawing(draw)


@variant("dropout")
def a_generator_of_its_own():
    rng = np.random.default_rng()
    return drawing(lambda x, p: np.where(rng.random(x.shape) <= p, 1.0 / p, 0.0))


@variant("dropout")
def plain_mask_scaled_twice():
    def dropout_forward(x, dropout_param):
        p, mode = seeded(dropout_param)
        mask = None
        out = x
        if mode == "train":
            mask = np.random.random_sample(x.shape) < p
            out = x * mask / p
        return out, (dropout_param, mask)

    def dropout_backward(dout, cache):
        dropout_param, mask = cache
        if dropout_param["mode"] == "test":
            return dout
        dx = np.zeros_like(dout)
        dx[mask] = dout[mask] / dropout_param["p"]
        return dx

    return locals()


@variant("dropout")
def list_of_the_dropped():
    def dropout_forward(x, dropout_param):
        p, mode = seeded(dropout_param)
        if mode == "test":
            return x.copy(), (dropout_param, None)
        out = x.copy()
        dropped = np.random.rand(*x.shape) >= p
        out[dropped] = 0
        out /= p
        return out, (dropout_param, dropped)

    def dropout_backward(dout, cache):
        dropout_param, dropped = cache
        if dropout_param["mode"] == "test":
            return dout.copy()
        dout[dropped] = 0
        dout *= 1 / dropout_param["p"]
        return dout

    return locals()


@variant("dropout")
def dict_cache_and_prints():
    def dropout_forward(x, dropout_param):
        p, mode = seeded(dropout_param)
        cache = {"mode": mode, "p": p}
        if mode == "train":
            cache["kept"] = np.random.rand(x.size).reshape(x.shape) < p
            print("kept", cache["kept"].mean())
            return np.where(cache["kept"], x / p, 0), cache
        return x, cache

    def dropout_backward(dout, cache):
        if cache["mode"] == "train":
            return np.where(cache["kept"], dout, 0) / cache["p"]
        return dout

    return locals()


@variant("dropout")
def a_shuffled_share():
    def draw(x, p):
        # each unit kept for itself: the order statistics of uniform numbers
        u = np.random.permutation(np.random.uniform(size=x.size))
        return (u < p).astype(x.dtype).reshape(x.shape) / p

    return drawing(draw)
