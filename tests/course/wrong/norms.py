"""Wrong normalisations and dropout, as students write them."""

import numpy as np

from ece662 import layers
from tests.course.wrong.registry import wrong


@wrong("dropout_backward", "forward-at-fault", "right gradient of your dropout_forward")
def exact_gradient_of_a_forward_without_scale():
    def dropout_forward(x, dropout_param):
        mask = None
        if dropout_param["mode"] == "train":
            mask = np.random.rand(*x.shape) < dropout_param["p"]
            return x * mask, (dropout_param, mask)
        return x, (dropout_param, mask)

    def dropout_backward(dout, cache):
        return dout * cache[1]

    return {"dropout_forward": dropout_forward, "dropout_backward": dropout_backward}


@wrong("dropout_forward", "share-of-normal+scale", "bell curve", "left as it was")
def normal_numbers_and_no_scale():
    def dropout_forward(x, dropout_param):
        if dropout_param["mode"] == "test":
            return x, (dropout_param, None)
        mask = np.random.randn(*x.shape) < dropout_param["p"]
        return x * mask, (dropout_param, mask)

    return {"dropout_forward": dropout_forward}


@wrong("dropout_forward", "dropout-p-drops-and-is-never-scaled")
def drops_with_p_and_no_scale():
    def dropout_forward(x, dropout_param):
        if dropout_param["mode"] == "test":
            return x, (dropout_param, None)
        mask = np.random.rand(*x.shape) > dropout_param["p"]
        return x * mask, (dropout_param, mask)

    return {"dropout_forward": dropout_forward}


@wrong(
    "dropout_forward",
    "share-reversed+test-scale",
    "drop a number",
    "multiplied by p",
)
def drops_with_p_and_shrinks_in_test_mode():
    def dropout_forward(x, dropout_param):
        p = dropout_param["p"]
        if dropout_param["mode"] == "test":
            return x * p, (dropout_param, None)
        mask = (np.random.rand(*x.shape) >= p) / (1 - p)
        return x * mask, (dropout_param, mask)

    return {"dropout_forward": dropout_forward}


@wrong("dropout_forward", "not-so", "Two calls drop the same numbers")
def seeded_at_each_call():
    def dropout_forward(x, dropout_param):
        p, mask = dropout_param["p"], None
        if dropout_param["mode"] == "train":
            np.random.seed(662)
            mask = (np.random.rand(*x.shape) < p) / p
            x = x * mask
        return x, (dropout_param, mask)

    return {"dropout_forward": dropout_forward}


@wrong("dropout_forward", "share", "100% is kept")
def one_number_for_all():
    def dropout_forward(x, dropout_param):
        p, mask = dropout_param["p"], None
        if dropout_param["mode"] == "train":
            mask = (np.random.rand() < p) / p
            x = x * mask
        return x, (dropout_param, mask)

    return {"dropout_forward": dropout_forward}


@wrong("dropout_forward", "error", "takes it apart", "x (60, 80)", "p 0.3")
def shape_in_one_piece():
    def dropout_forward(x, dropout_param):
        mask = np.random.rand(x.shape) < dropout_param["p"]
        return x * mask / dropout_param["p"], (dropout_param, mask)

    return {"dropout_forward": dropout_forward}


@wrong("dropout_forward", "error", "images, keep 0.6")
def matrices_only():
    def dropout_forward(x, dropout_param):
        p = dropout_param["p"]
        if dropout_param["mode"] == "test":
            return x, (dropout_param, None)
        N, D = x.shape
        mask = (np.random.rand(N, D) < p) / p
        return x * mask, (dropout_param, mask)

    return {"dropout_forward": dropout_forward}


@wrong("batchnorm_forward", "batchnorm-running-var-with-eps")
def eps_added_to_the_variance_itself():
    def batchnorm_forward(x, gamma, beta, bn_param):
        eps, momentum = bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
        mean = bn_param.get("running_mean", np.zeros(x.shape[1]))
        var = bn_param.get("running_var", np.zeros(x.shape[1]))
        cache = None
        if bn_param["mode"] == "train":
            m, v = x.mean(axis=0), x.var(axis=0)
            v += eps
            out = gamma * (x - m) / np.sqrt(v) + beta
            mean = momentum * mean + (1 - momentum) * m
            var = momentum * var + (1 - momentum) * v
        else:
            out = gamma * (x - mean) / np.sqrt(var + eps) + beta
        bn_param["running_mean"], bn_param["running_var"] = mean, var
        return out, cache

    return {"batchnorm_forward": batchnorm_forward}


@wrong("layernorm_backward", "layernorm-back-without-eps")
def root_of_the_variance_alone():
    def layernorm_forward(x, gamma, beta, ln_param):
        eps = ln_param.get("eps", 1e-5)
        mu, var = x.mean(1, keepdims=True), x.var(1, keepdims=True)
        hat = (x - mu) / np.sqrt(var + eps)
        return gamma * hat + beta, (hat, var, gamma)

    def layernorm_backward(dout, cache):
        hat, var, gamma = cache
        D = dout.shape[1]
        g = dout * gamma
        dx = D * g - g.sum(1, keepdims=True) - hat * (g * hat).sum(1, keepdims=True)
        return dx / D / np.sqrt(var), (dout * hat).sum(0), dout.sum(0)

    return {
        "layernorm_forward": layernorm_forward,
        "layernorm_backward": layernorm_backward,
    }


@wrong(
    "spatial_groupnorm_backward",
    "error",
    "IndexError",
    "axes[3]",
    "G 2",
)
def own_crash_in_group_norm():
    def spatial_groupnorm_backward(dout, cache):
        axes = (0, 2, 3)
        dbeta = dout.sum(axis=axes, keepdims=True)
        return dout[..., axes[3]], dbeta, dbeta

    return {"spatial_groupnorm_backward": spatial_groupnorm_backward}


@wrong("batchnorm_backward", "float32", "seven digits")
def gradient_in_single_precision():
    def batchnorm_backward(dout, cache):
        dx, dgamma, dbeta = layers.batchnorm_backward(dout, cache)
        return dx.astype(np.float32), dgamma, dbeta

    return {"batchnorm_backward": batchnorm_backward}


@wrong("batchnorm_forward", "batchnorm-running-keeps-its-row")
def kept_rows():
    def batchnorm_forward(x, gamma, beta, bn_param):
        out, cache = layers.batchnorm_forward(x, gamma, beta, bn_param)
        for name in ("running_mean", "running_var") if cache else ():
            bn_param[name] = bn_param[name].reshape(1, -1)
        return out, cache

    return {"batchnorm_forward": batchnorm_forward}


@wrong("batchnorm_forward", "batchnorm-eps-always-the-same", "has no effect")
def eps_written_out():
    def batchnorm_forward(x, gamma, beta, bn_param):
        given = {**bn_param, "eps": 1e-5}
        out, cache = layers.batchnorm_forward(x, gamma, beta, given)
        for name in ("running_mean", "running_var"):
            bn_param[name] = given[name]
        return out, cache

    return {"batchnorm_forward": batchnorm_forward}


@wrong("spatial_groupnorm_forward", "kept-axes", "(6, 2, 3)", "x holds a single input")
def squeezed():
    def spatial_groupnorm_forward(x, gamma, beta, G, gn_param):
        out, cache = layers.spatial_groupnorm_forward(x, gamma, beta, G, gn_param)
        return np.squeeze(out, 0) if len(out) == 1 else out, cache

    return {"spatial_groupnorm_forward": spatial_groupnorm_forward}


@wrong("layernorm_forward", "factor-and-term+only-where", "no settings are given")
def another_default_of_eps():
    def layernorm_forward(x, gamma, beta, ln_param):
        eps = ln_param.get("eps", 1e-3)
        return layers.layernorm_forward(x, gamma, beta, {"eps": eps})

    return {"layernorm_forward": layernorm_forward}


@wrong("relu_backward", "forward-at-fault", "relu_forward itself is not right")
def forward_gives_its_mask():
    def relu_forward(x):
        return x > 0, x

    def relu_backward(dout, cache):
        return 0 * dout

    return {"relu_forward": relu_forward, "relu_backward": relu_backward}


@wrong("batchnorm_forward", "different", "running_mean is wrong nearly everywhere")
def running_mean_without_decay():
    def batchnorm_forward(x, gamma, beta, bn_param):
        eps, momentum = bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
        mean = bn_param.setdefault("running_mean", np.zeros(x.shape[1]))
        var = bn_param.setdefault("running_var", np.zeros(x.shape[1]))
        if bn_param["mode"] == "train":
            batch_mean, batch_var = x.mean(axis=0), x.var(axis=0)
            x_hat = (x - batch_mean) / np.sqrt(batch_var + eps)
            bn_param["running_mean"] = mean + (1 - momentum) * batch_mean
            bn_param["running_var"] = momentum * var + (1 - momentum) * batch_var
        else:
            x_hat = (x - mean) / np.sqrt(var + eps)
        return gamma * x_hat + beta, (x_hat, gamma)

    return {"batchnorm_forward": batchnorm_forward}
