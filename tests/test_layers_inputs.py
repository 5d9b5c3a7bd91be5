"""What people hand to layers: integers, bytes, lists, float16, any order, no images.

Each layer gives what it gives for the same numbers in float64, or a sentence that says
what was expected.
"""

import numpy as np
import pytest

from ece662 import fast_layers, layers
from ece662.classifiers.cnn import ConvNet, ThreeLayerConvNet
from ece662.classifiers.fc_net import FullyConnectedNet, TwoLayerNet
from ece662.fast import im2col

CONV = {"stride": 2, "pad": 1}
POOL = {"pool_height": 2, "pool_width": 3, "stride": 1}


def ramp(*shape):
    """Whole numbers from 0 to 250, well mixed, so that bytes would wrap around."""
    return np.arange(np.prod(shape)).reshape(shape) * 37 % 251


ROWS, IMAGES = ramp(5, 6), ramp(2, 4, 5, 6)
COLUMN_SCALES, CHANNEL_SCALES = (ramp(6), ramp(6) + 1), (ramp(4), ramp(4) + 1)
GROUP_SCALES = tuple(scale.reshape(1, 4, 1, 1) for scale in CHANNEL_SCALES)
FILTERS = (ramp(3, 4, 3, 2), ramp(3))

# For each layer: module, the name there, arrays, and the other arguments.
LAYERS = {
    "affine": (layers, "affine_{}", (ramp(5, 2, 3), ramp(6, 4), ramp(4)), []),
    "relu": (layers, "relu_{}", (ROWS - 100,), []),
    "batchnorm": (layers, "batchnorm_{}", (ROWS, *COLUMN_SCALES), [{"mode": "train"}]),
    "batchnorm at test": (
        *(layers, "batchnorm_{}", (ROWS, *COLUMN_SCALES)),
        [{"mode": "test", "running_mean": [7] * 6, "running_var": [9] * 6}],
    ),
    "layernorm": (layers, "layernorm_{}", (ROWS, *COLUMN_SCALES), [{}]),
    "dropout": (
        layers,
        "dropout_{}",
        (ROWS,),
        [{"p": 0.8, "mode": "train", "seed": 1}],
    ),
    "dropout at test": (layers, "dropout_{}", (ROWS,), [{"p": 0.8, "mode": "test"}]),
    "conv": (layers, "conv_{}_naive", (IMAGES, *FILTERS), [CONV]),
    "pool": (layers, "max_pool_{}_naive", (IMAGES,), [POOL]),
    "spatial batchnorm": (
        *(layers, "spatial_batchnorm_{}", (IMAGES, *CHANNEL_SCALES)),
        [{"mode": "train"}],
    ),
    "group norm": (
        *(layers, "spatial_groupnorm_{}", (IMAGES, *GROUP_SCALES)),
        [2, {}],
    ),
    "fast conv": (fast_layers, "conv_{}_fast", (IMAGES, *FILTERS), [CONV]),
    "fast pool": (fast_layers, "max_pool_{}_fast", (IMAGES,), [POOL]),
    "im2col conv": (im2col, "conv_{}_im2col", (IMAGES, *FILTERS), [CONV]),
    "im2col pool": (im2col, "max_pool_{}_im2col", (IMAGES,), [POOL]),
}

FORMS = {
    "int64": lambda a: a.astype(np.int64),
    "uint8": lambda a: a.astype(np.uint8),
    "bool": lambda a: a % 2 == 0,
    "list": lambda a: a.tolist(),
    "Fortran order": lambda a: np.asfortranarray(a, dtype=np.float64),
    "float32": lambda a: a.astype(np.float32),
    "float16": lambda a: a.astype(np.float16),
}


def run(layer, form):
    """Return out and all gradients of a layer whose arrays all come in a form."""
    module, name, arrays, others = LAYERS[layer]
    forward, backward = (
        getattr(module, name.format(way)) for way in ("forward", "backward")
    )
    others = [dict(v) if isinstance(v, dict) else v for v in others]
    out, cache = forward(*(form(array) for array in arrays), *others)
    if cache is None:  # a test-time forward
        return [out]
    gradients = backward(form(ramp(*np.shape(out))), cache)
    return [out, *(gradients if isinstance(gradients, tuple) else (gradients,))]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("layer", LAYERS)
def test_layer_gives_what_it_gives_for_floats(layer, form):
    convert = FORMS[form]
    expected = run(layer, lambda a: np.array(convert(a)).astype(np.float64))
    narrow = form in ("float16", "float32")
    with np.errstate(all="raise"):
        results = run(layer, convert)
    for result, value in zip(results, expected, strict=True):
        assert result.shape == value.shape
        assert result.dtype == (np.float32 if narrow else np.float64)
        scale = max(1.0, np.abs(value).max())
        error = np.abs(result - value).max() / scale
        assert error < (1e-3 if narrow else 1e-12)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("loss", [layers.svm_loss, layers.softmax_loss])
def test_loss_gives_what_it_gives_for_floats(loss, form):
    scores, y = FORMS[form](ramp(5, 4)), [0, 3, 2, 1, 1]
    expected, gradient = loss(np.array(scores).astype(np.float64), np.array(y))
    value, dx = loss(scores, y)
    assert np.isfinite(value)
    assert value == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(dx, gradient, atol=1e-6)


def test_dropout_keeps_the_mean_of_integers():
    x = np.full((300, 300), 100)
    out, _ = layers.dropout_forward(x, {"p": 0.8, "mode": "train", "seed": 1})
    assert set(np.unique(out)) == {0, 125}
    assert out.mean() == pytest.approx(100, rel=0.01)


def test_softmax_of_bytes_is_finite():
    loss, _ = layers.softmax_loss(np.array([[3, 5], [7, 2]], np.uint8), [1, 0])
    expected = (np.log1p(np.exp(-2)) + np.log1p(np.exp(-5))) / 2
    assert loss == pytest.approx(expected)


def test_float16_does_not_overflow_in_the_variance():
    x = np.array([[-300.0], [300.0]], np.float16)
    out, _ = layers.batchnorm_forward(x, np.ones(1), np.zeros(1), {"mode": "train"})
    np.testing.assert_allclose(out, [[-1], [1]], rtol=1e-5)


@pytest.mark.parametrize("layer", LAYERS)
def test_layer_takes_no_images_or_says_why_not(layer):
    module, name, (x, *arrays), others = LAYERS[layer]
    forward = getattr(module, name.format("forward"))
    backward = getattr(module, name.format("backward"))
    others = [dict(v) if isinstance(v, dict) else v for v in others]
    if layer in ("batchnorm", "spatial batchnorm"):
        with pytest.raises(ValueError, match=r"at least one input .* shape \(0, "):
            forward(x[:0], *arrays, *others)
        return
    shape = forward(x, *arrays, *others)[0].shape
    out, cache = forward(x[:0], *arrays, *others)
    assert out.shape == (0, *shape[1:])
    if cache is None:
        return
    gradients = backward(out, cache)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    for gradient, array in zip(gradients, (x[:0], *arrays), strict=True):
        assert gradient.shape == array.shape
        assert not gradient.any()


@pytest.mark.parametrize("loss", [layers.svm_loss, layers.softmax_loss])
def test_loss_of_no_rows_is_refused(loss):
    with pytest.raises(ValueError, match=r"N of at least 1, got \(0, 4\) and \(0,\)"):
        loss(np.zeros((0, 4)), np.zeros(0, int))


@pytest.mark.parametrize("bad", [1j, "a", None])
@pytest.mark.parametrize("layer", LAYERS)
def test_layer_refuses_what_is_no_number(layer, bad):
    module, name, (x, *arrays), others = LAYERS[layer]
    with pytest.raises(ValueError, match="x must hold numbers, got an array of"):
        getattr(module, name.format("forward"))(np.full(x.shape, bad), *arrays, *others)


@pytest.mark.parametrize("layer", [name for name in LAYERS if "test" not in name])
def test_numpy_numbers_in_a_param_do_not_change_the_type(layer):
    """NumPy's float64 turns a float32 array into float64; Python's float does not."""
    module, name, arrays, others = LAYERS[layer]
    numpy_number = {float: np.float64, int: np.int64}
    others = [
        {k: numpy_number.get(type(v), type(v))(v) for k, v in other.items()}
        | (
            {"eps": np.float64(1e-5), "momentum": np.float64(0.9)}
            if other != POOL
            else {}
        )
        if isinstance(other, dict)
        else np.int64(other)
        for other in others
    ]
    floats = [array.astype(np.float32) for array in arrays]
    out, cache = getattr(module, name.format("forward"))(*floats, *others)
    assert out.dtype == np.float32
    gradients = getattr(module, name.format("backward"))(out, cache)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    assert {gradient.dtype for gradient in gradients} == {np.dtype(np.float32)}


@pytest.mark.parametrize("G", [0, 3, -2, 2.0, "2", None])
def test_group_norm_names_a_number_of_groups_that_does_not_divide(G):
    with pytest.raises(ValueError, match="must divide the 4 channels, got"):
        layers.spatial_groupnorm_forward(IMAGES, *GROUP_SCALES, G, {})


@pytest.mark.parametrize(
    ("param", "message"),
    [({}, "got 'no p at all'"), ({"p": None}, "got None"), ({"p": np.nan}, "got nan")],
)
def test_dropout_names_a_p_that_is_no_probability(param, message):
    with pytest.raises(ValueError, match=message):
        layers.dropout_forward(ROWS, {"mode": "train"} | param)


NETWORKS = {
    "TwoLayerNet": lambda **k: TwoLayerNet(3 * 8 * 8, 7, 5, **k),
    "FullyConnectedNet": lambda **k: FullyConnectedNet(
        [7, 6], 3 * 8 * 8, 5, normalization="layernorm", **k
    ),
    "ThreeLayerConvNet": lambda **k: ThreeLayerConvNet((3, 8, 8), 4, 3, 6, 5, **k),
    "ConvNet": lambda **k: ConvNet((3, 8, 8), ((4,), (4,)), 5, **k),
}


@pytest.mark.parametrize("form", ["int64", "uint8", "list"])
@pytest.mark.parametrize("network", NETWORKS)
def test_network_computes_in_its_own_type(network, form):
    np.random.seed(0)
    model = NETWORKS[network](dtype=np.float32)
    X, y = ramp(4, 3, 8, 8), [0, 1, 4, 2]
    expected, _ = model.loss(X.astype(np.float32), np.array(y))
    loss, grads = model.loss(FORMS[form](X), y)
    assert loss == expected
    assert {grad.dtype for grad in grads.values()} == {np.dtype(np.float32)}
    assert model.loss(FORMS[form](X)).dtype == np.float32
    assert model.loss(X[:0]).shape == (0, 5)


@pytest.mark.parametrize("network", NETWORKS)
def test_network_refuses_a_type_that_is_no_float(network):
    with pytest.raises(ValueError, match=r"must be a float .* got int64"):
        NETWORKS[network](dtype=np.int64)
