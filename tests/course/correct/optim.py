"""Right update rules. Some change w in place: the caller gives them a copy."""

import numpy as np

from tests.course.correct.registry import variant_of


def complete(config, w, **defaults):
    config = {} if config is None else config
    for name, value in defaults.items():
        config.setdefault(name, np.zeros_like(w) if value is None else value)
    return config


MOMENTUM = {"learning_rate": 1e-2, "momentum": 0.9, "velocity": None}


@variant_of("sgd_momentum")
def as_written_on_the_board(w, dw, config=None):
    config = complete(config, w, **MOMENTUM)
    v = config["momentum"] * config["velocity"] - config["learning_rate"] * dw
    next_w = w + v
    config["velocity"] = v
    return next_w, config


@variant_of("sgd_momentum")
def in_place(w, dw, config=None):
    config = complete(config, w, **MOMENTUM)
    v = config["velocity"]
    v *= config["momentum"]
    v -= config["learning_rate"] * dw
    w += v
    return w, config


@variant_of("sgd_momentum")
def scales_the_gradient_in_place(w, dw, config=None):
    config = complete(config, w, **MOMENTUM)
    dw *= config["learning_rate"]
    config["velocity"] = config["momentum"] * config["velocity"] - dw
    return w + config["velocity"], config


@variant_of("sgd_momentum")
def velocity_by_get(w, dw, config=None):
    config = complete(config, w, learning_rate=1e-2, momentum=0.9)
    v = config.get("velocity", np.zeros_like(w))
    mu, lr = config["momentum"], config["learning_rate"]
    v = mu * v - lr * dw
    config["velocity"] = v
    w = w + v
    return w, config


@variant_of("sgd_momentum")
def difference_of_positions(w, dw, config=None):
    config = complete(config, w, **MOMENTUM)
    next_w = w - config["learning_rate"] * dw + config["momentum"] * config["velocity"]
    config["velocity"] = next_w - w
    return next_w, config


@variant_of("sgd_momentum")
def uphill_and_turned(w, dw, config=None):
    config = complete(config, w, **MOMENTUM)
    up = config["momentum"] * -config["velocity"] + config["learning_rate"] * dw
    config["velocity"] = -up
    return w - up, config


@variant_of("sgd_momentum")
def number_by_number(w, dw, config=None):
    config = complete(config, w, **MOMENTUM)
    next_w, velocity = np.zeros_like(w), config["velocity"]
    for i in np.ndindex(w.shape):
        velocity[i] = config["momentum"] * velocity[i] - config["learning_rate"] * dw[i]
        next_w[i] = w[i] + velocity[i]
    return next_w, config


@variant_of("sgd_momentum")
def numpy_functions(w, dw, config=None):
    config = complete(config, w, **MOMENTUM)
    old = np.multiply(config["momentum"], config["velocity"])
    config["velocity"] = np.subtract(old, np.multiply(config["learning_rate"], dw))
    return np.add(w, config["velocity"]), config


@variant_of("sgd_momentum")
def a_new_config(w, dw, config=None):
    config = complete(config, w, **MOMENTUM)
    v = config["momentum"] * config["velocity"] + (-config["learning_rate"]) * dw
    config.update({"velocity": v})
    return np.copy(w) + v, config


@variant_of("sgd_momentum")
def with_prints(w, dw, config=None):
    config = complete(config, w, **MOMENTUM)
    print("momentum", config["momentum"])
    config["velocity"] = config["velocity"] * config["momentum"]
    config["velocity"] = config["velocity"] - dw * config["learning_rate"]
    next_w = np.array(w, copy=True)
    next_w += config["velocity"]
    return next_w, config


@variant_of("sgd_momentum")
def stacked(w, dw, config=None):
    config = complete(config, w, **MOMENTUM)
    weights = np.array([config["momentum"], -config["learning_rate"]])
    config["velocity"] = np.tensordot(weights, np.stack([config["velocity"], dw]), 1)
    return sum([w, config["velocity"]]), config


RMSPROP = {"learning_rate": 1e-2, "decay_rate": 0.99, "epsilon": 1e-8, "cache": None}


@variant_of("rmsprop")
def square_by_power(w, dw, config=None):
    config = complete(config, w, **RMSPROP)
    decay, eps = config["decay_rate"], config["epsilon"]
    config["cache"] = decay * config["cache"] + (1 - decay) * dw**2
    next_w = w - config["learning_rate"] * dw / (np.sqrt(config["cache"]) + eps)
    return next_w, config


@variant_of("rmsprop")
def cache_in_place(w, dw, config=None):
    config = complete(config, w, **RMSPROP)
    cache = config["cache"]
    cache *= config["decay_rate"]
    cache += (1 - config["decay_rate"]) * dw * dw
    w -= config["learning_rate"] * dw / (np.sqrt(cache) + config["epsilon"])
    return w, config


@variant_of("rmsprop")
def step_towards_the_square(w, dw, config=None):
    config = complete(config, w, **RMSPROP)
    old = config["cache"]
    config["cache"] = old + (1 - config["decay_rate"]) * (np.square(dw) - old)
    rate = config["learning_rate"] / (config["cache"] ** 0.5 + config["epsilon"])
    return w - rate * dw, config


@variant_of("rmsprop")
def gradient_normalised_first(w, dw, config=None):
    config = complete(config, w, **RMSPROP)
    d = config["decay_rate"]
    cache = d * config["cache"] + (1 - d) * np.power(dw, 2)
    normed = dw / (np.sqrt(cache) + config["epsilon"])
    next_w = -config["learning_rate"] * normed + w
    config["cache"] = cache
    return next_w, config


@variant_of("rmsprop")
def average(w, dw, config=None):
    config = complete(config, w, **RMSPROP)
    d = config["decay_rate"]
    config["cache"] = np.average([config["cache"], dw * dw], axis=0, weights=[d, 1 - d])
    step = np.divide(dw, np.sqrt(config["cache"]) + config["epsilon"])
    return np.subtract(w, config["learning_rate"] * step), config


@variant_of("rmsprop")
def entry_by_entry(w, dw, config=None):
    config = complete(config, w, **RMSPROP)
    d, cache = config["decay_rate"], config["cache"]
    out = w.copy()
    for i in np.ndindex(w.shape):
        cache[i] = d * cache[i] + (1 - d) * dw[i] ** 2
        root = float(cache[i]) ** 0.5
        out[i] -= config["learning_rate"] * dw[i] / (root + config["epsilon"])
    return out, config


@variant_of("rmsprop")
def absolute_value_squared(w, dw, config=None):
    config = complete(config, w, **RMSPROP)
    decay = config["decay_rate"]
    config["cache"] = np.abs(dw) ** 2 * (1 - decay) + config["cache"] * decay
    w = w + config["learning_rate"] * -dw * (
        1.0 / (np.sqrt(config["cache"]) + config["epsilon"])
    )
    return w, config


@variant_of("rmsprop")
def unpacked_and_printed(w, dw, config=None):
    config = complete(config, w, **RMSPROP)
    lr, decay, eps, cache = (config[k] for k in RMSPROP if k in config)
    print(lr, decay, eps)
    cache = cache * decay + (dw * dw) * (1 - decay)
    config["cache"] = cache
    return w - lr * dw / (np.sqrt(cache) + eps), config


@variant_of("rmsprop")
def flattened(w, dw, config=None):
    config = complete(config, w, **RMSPROP)
    shape, g, c = w.shape, dw.ravel(), config["cache"].ravel()
    c = config["decay_rate"] * c + (1 - config["decay_rate"]) * g**2
    config["cache"] = c.reshape(shape)
    next_w = w.ravel() - config["learning_rate"] * g / (np.sqrt(c) + config["epsilon"])
    return next_w.reshape(shape), config


@variant_of("rmsprop")
def einsum(w, dw, config=None):
    config = complete(config, w, **RMSPROP)
    square = np.einsum("...,...->...", dw, dw)
    config["cache"] *= config["decay_rate"]
    config["cache"] += (1 - config["decay_rate"]) * square
    denominator = np.sqrt(config["cache"])
    denominator += config["epsilon"]
    return w - np.true_divide(config["learning_rate"] * dw, denominator), config


ADAM = {
    "learning_rate": 1e-3,
    "beta1": 0.9,
    "beta2": 0.999,
    "epsilon": 1e-8,
    "m": None,
    "v": None,
    "t": 0,
}


@variant_of("adam")
def count_first(w, dw, config=None):
    config = complete(config, w, **ADAM)
    config["t"] += 1
    config["m"] = config["beta1"] * config["m"] + (1 - config["beta1"]) * dw
    config["v"] = config["beta2"] * config["v"] + (1 - config["beta2"]) * dw**2
    mt = config["m"] / (1 - config["beta1"] ** config["t"])
    vt = config["v"] / (1 - config["beta2"] ** config["t"])
    next_w = w - config["learning_rate"] * mt / (np.sqrt(vt) + config["epsilon"])
    return next_w, config


@variant_of("adam")
def corrected_rate(w, dw, config=None):
    config = complete(config, w, **ADAM)
    b1, b2 = config["beta1"], config["beta2"]
    t = config["t"] + 1
    m = b1 * config["m"] + (1 - b1) * dw
    v = b2 * config["v"] + (1 - b2) * dw * dw
    rate = config["learning_rate"] * np.sqrt(1 - b2**t) / (1 - b1**t)
    next_w = w - rate * m / (np.sqrt(v) + config["epsilon"])
    config["m"], config["v"], config["t"] = m, v, t
    return next_w, config


@variant_of("adam")
def everything_in_place(w, dw, config=None):
    config = complete(config, w, **ADAM)
    m, v = config["m"], config["v"]
    config["t"] += 1
    m *= config["beta1"]
    m += (1 - config["beta1"]) * dw
    v *= config["beta2"]
    v += (1 - config["beta2"]) * dw * dw
    root = np.sqrt(v / (1 - config["beta2"] ** config["t"])) + config["epsilon"]
    w -= config["learning_rate"] * (m / (1 - config["beta1"] ** config["t"])) / root
    return w, config


@variant_of("adam")
def unpacked_names(w, dw, config=None):
    config = complete(config, w, **ADAM)
    eps, lr = config["epsilon"], config["learning_rate"]
    b1, b2 = config["beta1"], config["beta2"]
    m, v, t = config["m"], config["v"], config["t"]
    t = t + 1
    m = b1 * m + (1 - b1) * dw
    v = b2 * v + (1 - b2) * (dw**2)
    m_corr, v_corr = m / (1.0 - b1**t), v / (1.0 - b2**t)
    config.update(m=m, v=v, t=t)
    return w - (lr * m_corr) / (v_corr**0.5 + eps), config


@variant_of("adam")
def steps_towards(w, dw, config=None):
    config = complete(config, w, **ADAM)
    config["t"] = config["t"] + 1
    config["m"] = config["m"] - (1 - config["beta1"]) * (config["m"] - dw)
    config["v"] = config["v"] - (1 - config["beta2"]) * (config["v"] - dw * dw)
    c1 = 1 / (1 - pow(config["beta1"], config["t"]))
    c2 = 1 / (1 - pow(config["beta2"], config["t"]))
    ratio = c1 * config["m"] / (np.sqrt(c2 * config["v"]) + config["epsilon"])
    return w - config["learning_rate"] * ratio, config


@variant_of("adam")
def scalar_loop(w, dw, config=None):
    config = complete(config, w, **ADAM)
    config["t"] += 1
    b1, b2, t = config["beta1"], config["beta2"], config["t"]
    next_w = np.empty_like(w)
    for i in np.ndindex(w.shape):
        config["m"][i] = b1 * config["m"][i] + (1 - b1) * dw[i]
        config["v"][i] = b2 * config["v"][i] + (1 - b2) * dw[i] ** 2
        m, v = config["m"][i] / (1 - b1**t), config["v"][i] / (1 - b2**t)
        next_w[i] = w[i] - config["learning_rate"] * m / (v**0.5 + config["epsilon"])
    return next_w, config


@variant_of("adam")
def helper_functions(w, dw, config=None):
    config = complete(config, w, **ADAM)

    def average(old, new, beta):
        return beta * old + (1 - beta) * new

    def unbias(value, beta):
        return value / (1 - beta ** config["t"])

    config["t"] += 1
    config["m"] = average(config["m"], dw, config["beta1"])
    config["v"] = average(config["v"], np.square(dw), config["beta2"])
    m, v = unbias(config["m"], config["beta1"]), unbias(config["v"], config["beta2"])
    return w - config["learning_rate"] * m / (np.sqrt(v) + config["epsilon"]), config


@variant_of("adam")
def one_root_for_both(w, dw, config=None):
    config = complete(config, w, **ADAM)
    config["t"] += 1
    b1, b2, t = config["beta1"], config["beta2"], config["t"]
    config["m"] = b1 * config["m"] + (1 - b1) * dw
    config["v"] = b2 * config["v"] + (1 - b2) * dw**2
    m_hat = config["m"] / (1 - np.power(b1, t))
    root = np.sqrt(config["v"]) / np.sqrt(1 - np.power(b2, t))
    next_w = w.copy()
    next_w -= config["learning_rate"] * m_hat / (root + config["epsilon"])
    return next_w, config


@variant_of("adam")
def rate_corrected_and_in_place(w, dw, config=None):
    config = complete(config, w, **ADAM)
    config["t"] += 1
    b1, b2, t = config["beta1"], config["beta2"], config["t"]
    config["m"] = b1 * config["m"] + (1 - b1) * dw
    config["v"] = b2 * config["v"] + (1 - b2) * dw**2
    print("step", t)
    lr_t = config["learning_rate"] * (1 - b2**t) ** 0.5 / (1 - b1**t)
    w += -lr_t * config["m"] / (np.sqrt(config["v"]) + config["epsilon"])
    return w, config


@variant_of("adam")
def weights_by_tensordot(w, dw, config=None):
    config = complete(config, w, **ADAM)
    t = config["t"] = config["t"] + 1
    hats = []
    for name, beta, new in (("m", "beta1", dw), ("v", "beta2", dw * dw)):
        beta = config[beta]
        config[name] = np.tensordot([beta, 1 - beta], [config[name], new], 1)
        hats.append(np.true_divide(config[name], 1 - beta**t))
    m_hat, v_hat = hats
    divisor = np.add(np.sqrt(v_hat), config["epsilon"])
    return w - config["learning_rate"] * np.divide(m_hat, divisor), config
