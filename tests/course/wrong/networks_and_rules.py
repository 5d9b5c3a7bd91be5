"""Wrong affine layers, update rules and networks, as students write them."""

import numpy as np

from ece662 import layers
from ece662.classifiers.cnn import ThreeLayerConvNet
from ece662.classifiers.fc_net import TwoLayerNet
from ece662.layer_utils import affine_relu_forward, conv_relu_pool_forward
from tests.course.wrong.registry import wrong


@wrong("affine_backward", "affine-dx-left-flat")
def flattened_x_in_the_cache():
    def affine_forward(x, w, b):
        x = x.reshape(x.shape[0], -1)
        return x.dot(w) + b, (x, w, b)

    def affine_backward(dout, cache):
        x, w, b = cache
        return dout.dot(w.T).reshape(x.shape), x.T.dot(dout), dout.sum(0)

    return {"affine_forward": affine_forward, "affine_backward": affine_backward}


@wrong("affine_forward", "input-changed", "x is not what it was")
def shape_of_x_set_in_place():
    def affine_forward(x, w, b):
        shape = x.shape
        x -= 0.5
        out = x.reshape(shape[0], -1) @ (w) + b + 0.5 * w.sum(0)
        return out, (x, w, b)

    return {"affine_forward": affine_forward}


@wrong("affine_backward", "affine-db-averaged+affine-dw-transposed")
def two_of_three_gradients():
    def affine_backward(dout, cache):
        dx, dw, db = layers.affine_backward(dout, cache)
        return dx, dw.T, dout.mean(axis=0)

    return {"affine_backward": affine_backward}


@wrong("affine_backward", "forward-at-fault", "it gives the shape (3, 4)", "(4, 3)")
def forward_turned_and_its_gradient():
    def affine_forward(x, w, b):
        out, cache = layers.affine_forward(x, w, b)
        return out.T, cache

    def affine_backward(dout, cache):
        return layers.affine_backward(dout.T, cache)

    return {"affine_forward": affine_forward, "affine_backward": affine_backward}


@wrong("relu_backward", "not-so", "kept outside it")
def mask_on_the_function():
    def relu_forward(x):
        relu_forward.mask = x > 0
        return x * relu_forward.mask, x

    def relu_backward(dout, cache):
        return dout * relu_forward.mask

    return {"relu_forward": relu_forward, "relu_backward": relu_backward}


@wrong("relu_forward", "error", "`//` gives a whole number", "x (4, 6)", "line ")
def half_as_an_index():
    def relu_forward(x):
        out = x.copy()
        half = len(x) / 2
        out[half] = 0
        return out, x

    return {"relu_forward": relu_forward}


@wrong("relu_forward", "error", "In Python 3 write `range`")
def xrange_of_python_2():
    def relu_forward(x):
        for _ in xrange(2):  # noqa: F821
            pass
        return x, x

    return {"relu_forward": relu_forward}


@wrong("adam", "adam-count-stands-still", "divide by zero")
def count_never_moves():
    def adam(w, dw, config=None):
        config = {} if config is None else config
        for name, value in (("learning_rate", 1e-3), ("beta1", 0.9), ("beta2", 0.999)):
            config.setdefault(name, value)
        for name in ("m", "v"):
            config.setdefault(name, np.zeros_like(w))
        config.setdefault("epsilon", 1e-8)
        config.setdefault("t", 0)
        t = config["t"]
        m = config["beta1"] * config["m"] + (1 - config["beta1"]) * dw
        v = config["beta2"] * config["v"] + (1 - config["beta2"]) * (dw * dw)
        mb, vb = m / (1 - config["beta1"] ** t), v / (1 - config["beta2"] ** t)
        config["m"], config["v"] = m, v
        return w - config["learning_rate"] * mb / (
            np.sqrt(vb) + config["epsilon"]
        ), config

    return {"adam": adam}


@wrong("rmsprop", "rmsprop-without-epsilon", "an epsilon of zero")
def another_epsilon():
    def rmsprop(w, dw, config=None):
        config = {} if config is None else config
        decay = config.setdefault("decay_rate", 0.99)
        cache = config.get("cache", np.zeros_like(w))
        config["cache"] = decay * cache + (1 - decay) * dw**2
        step = config.setdefault("learning_rate", 1e-2) * dw
        return w - step / (np.sqrt(config["cache"]) + 1e-8), config

    return {"rmsprop": rmsprop}


@wrong("adam", "different", "where config gives the settings")
def betas_written_out():
    def adam(w, dw, config=None):
        config = {} if config is None else config
        m, v = (config.get(name, np.zeros_like(w)) for name in "mv")
        t = config["t"] = config.get("t", 0) + 1
        config["m"] = m = 0.9 * m + 0.1 * dw
        config["v"] = v = 0.999 * v + 0.001 * dw**2
        step = config.get("learning_rate", 1e-3) * m / (1 - 0.9**t)
        root = np.sqrt(v / (1 - 0.999**t))
        return w - step / (root + config.get("epsilon", 1e-8)), config

    return {"adam": adam}


@wrong("sgd_momentum", "error", "a vector", "w (5,)")
def matrices_only():
    def sgd_momentum(w, dw, config=None):
        config = {"learning_rate": 1e-2, "momentum": 0.9} if config is None else config
        rows, columns = w.shape
        v = config.get("velocity", np.zeros((rows, columns)))
        v = config["momentum"] * v - config["learning_rate"] * dw
        config["velocity"] = v
        return w + v, config

    return {"sgd_momentum": sgd_momentum}


@wrong("sgd_momentum", "momentum-velocity-never-stored")
def velocity_stays_inside():
    def sgd_momentum(w, dw, config=None):
        config = {} if config is None else config
        v = config.setdefault("velocity", np.zeros_like(w))
        v = config.setdefault("momentum", 0.9) * v
        v = v - config.setdefault("learning_rate", 1e-2) * dw
        return w + v, config

    return {"sgd_momentum": sgd_momentum}


@wrong("ThreeLayerConvNet", "error", "filter_size 5", "line ")
def padding_for_filters_of_three():
    class Net(ThreeLayerConvNet):
        def loss(self, X, y=None):
            p = self.params
            pool = {"pool_height": 2, "pool_width": 2, "stride": 2}
            conv = {"stride": 1, "pad": 1}
            h, _ = conv_relu_pool_forward(X, p["W1"], p["b1"], conv, pool)
            h, _ = affine_relu_forward(h, p["W2"], p["b2"])
            return super().loss(X, y) if h.size else None

    return {"ThreeLayerConvNet": Net}


@wrong("ThreeLayerConvNet", "count", "shape of W2 is (1440, 40), where (360, 40)")
def pooling_forgotten_in_a_size():
    class Net(ThreeLayerConvNet):
        def __init__(self, input_dim, num_filters, hidden_dim, **settings):
            settings |= {"num_filters": num_filters, "hidden_dim": hidden_dim}
            super().__init__(input_dim, **settings)
            w = np.random.randn(num_filters * input_dim[1] * input_dim[2], hidden_dim)
            self.params["W2"] = np.float32(settings["weight_scale"] * w)

    return {"ThreeLayerConvNet": Net}


@wrong("TwoLayerNet", "two-layer-net-reg-gradient-missing-in-last-layer")
def regularisation_forgotten_once():
    class Net(TwoLayerNet):
        def loss(self, X, y=None):
            result = super().loss(X, y)
            if y is None:
                return result
            loss, grads = result
            grads["W2"] = grads["W2"] - self.reg * self.params["W2"]
            return loss, grads

    return {"TwoLayerNet": Net}
