"""What Q5 in TensorFlow leans on. Pictures are wider than high, so that turns show."""

import os
import subprocess
import sys

import numpy as np
import pytest

from ece662.frameworks.tf_tools import (
    Dataset,
    KerasModel,
    accuracy_of,
    fast_precision,
    make_datasets,
    probabilities_of,
    quietly,
    vary_pictures,
)
from ece662.layers import softmax_loss


def images(N=10, H=6, W=8, C=3):
    """Images in which each number is another one."""
    return np.arange(1.0, N * H * W * C + 1).reshape(N, H, W, C)


def test_dataset_gives_all_in_order_and_the_rest_last():
    X, y = images(), np.arange(10)
    dataset = Dataset(X, y, batch_size=4)
    assert [len(labels) for _, labels in dataset] == [4, 4, 2]
    assert len(dataset) == 3
    assert np.array_equal(np.concatenate([batch for batch, _ in dataset]), X)


def test_dataset_shuffle_gives_another_order_each_epoch_and_keeps_pairs():
    np.random.seed(0)
    X, y = images(), np.arange(10)
    dataset = Dataset(X, y, batch_size=4, shuffle=True)
    epochs = [np.concatenate([labels for _, labels in dataset]) for _ in range(2)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(10))
    assert not np.array_equal(*epochs)
    for batch, labels in dataset:
        assert np.array_equal(batch, X[labels])


def test_dataset_changes_a_batch_and_not_its_images():
    X, y = images(), np.arange(10)
    dataset = Dataset(X, y, batch_size=4, change=np.negative)
    assert np.array_equal(np.concatenate([batch for batch, _ in dataset]), -X)
    assert np.array_equal(X, images())


@pytest.mark.parametrize(
    ("labels", "batch_size", "said"),
    [(9, 4, "each of 10 images, got 9"), (10, 0, "at least 1, got 0")],
)
def test_dataset_says_what_does_not_fit(labels, batch_size, said):
    with pytest.raises(ValueError, match=said):
        Dataset(images(), np.arange(labels), batch_size)


def test_make_datasets_channels_last_and_scaled_by_the_training_images():
    rng = np.random.default_rng(0)
    data = {"y_train": np.arange(6), "y_val": np.arange(4), "y_test": np.arange(2)}
    for split in ("train", "val", "test"):
        N = len(data[f"y_{split}"])
        data[f"X_{split}"] = rng.normal(0, 50, (N, 3, 4, 5)).astype(np.float32)
    data["X_val"] *= 3  # of no influence
    train, val, test = make_datasets(data, batch_size=5)
    assert (train.shuffle, val.shuffle, test.shuffle) == (True, False, False)
    assert train.X.std() == pytest.approx(1)
    assert train.X.dtype == np.float32
    scale = data["X_train"].std()
    assert val.X[1, 2, 4, 0] == pytest.approx(data["X_val"][1, 0, 2, 4] / scale)
    assert len(test.y) == 2


def test_vary_pictures_moves_and_mirrors_whole_pictures():
    np.random.seed(0)
    X = images(N=200, C=2)
    before = X.copy()
    varied = vary_pictures(X, shift=1)
    assert np.array_equal(X, before)
    padded = np.pad(X, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    found = {}
    for n, picture in enumerate(varied):
        for top, left, mirrored in np.ndindex(3, 3, 2):
            window = padded[n, top : top + 6, left : left + 8]
            if np.array_equal(picture, window[:, ::-1] if mirrored else window):
                found[n] = (top, left, mirrored)
    assert len(found) == 200
    assert len(set(found.values())) == 18  # each way of doing it is met


def test_vary_pictures_without_shift_mirrors_about_half():
    np.random.seed(0)
    X = images(N=200)
    varied = vary_pictures(X, shift=0)
    same = np.all(varied == X, axis=(1, 2, 3))
    assert 70 < same.sum() < 130
    assert np.array_equal(varied[~same], X[~same][:, :, ::-1])


@pytest.mark.parametrize(
    ("flags", "policy"),
    [("avx2 avx512_bf16 fma", "mixed_bfloat16"), ("avx2 avx512f fma", "float32")],
)
def test_fast_precision_asks_the_processor(tmp_path, monkeypatch, flags, policy):
    tf = pytest.importorskip("tensorflow")
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    cpu_info = tmp_path / "cpuinfo"
    assert fast_precision(cpu_info) == "float32"
    cpu_info.write_text(f"flags\t\t: fpu {flags}\n")
    assert fast_precision(cpu_info) == policy
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["one"])
    assert fast_precision(cpu_info) == "float32"


def test_predict_gives_probabilities_in_order_and_the_mean_of_mirror_images():
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((6, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(4)]
    )
    X = images().astype(np.float32) / 100
    dataset = Dataset(X, np.arange(10), batch_size=4)

    def softmax(scores):
        e = np.exp(scores)
        return e / e.sum(axis=1, keepdims=True)

    one, other = (softmax(model(view).numpy()) for view in (X, X[:, :, ::-1]))
    assert np.abs(one - other).max() > 0.01
    assert np.allclose(probabilities_of(model, dataset), one, atol=1e-6)
    mean = probabilities_of(model, dataset, mirrored=True)
    assert np.allclose(mean, (one + other) / 2, atol=1e-6)

    dataset.y = one.argmax(axis=1)
    dataset.y[:3] += 1
    assert accuracy_of(model, dataset) == pytest.approx(0.7)


def test_quietly_hides_what_compiled_code_writes(capfd):
    with quietly():
        os.write(2, b"a remark")
    os.write(2, b"an error")
    assert capfd.readouterr().err == "an error"


def fail_quietly():
    with quietly():
        os.write(2, b"a remark that says why")
        raise ImportError("no such library")


def test_quietly_shows_it_where_the_import_fails(capfd):
    with pytest.raises(ImportError, match="no such library"):
        fail_quietly()
    assert capfd.readouterr().err == "a remark that says why"


def test_tensorflow_says_nothing():
    pytest.importorskip("tensorflow")
    code = (
        "from ece662.frameworks.tf_tools import quietly\n"
        "with quietly():\n    import tensorflow as tf\n"
        "print(int(tf.reduce_sum(tf.constant([1, 2]))))"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("3\n", "")


@pytest.fixture
def keras_model():
    """A model that sums up each pixel's channels, last ones first."""
    pytest.importorskip("tensorflow")
    with quietly():
        from tensorflow import keras
    network = keras.Sequential([keras.Input((6, 8, 3)), keras.layers.Flatten()])
    network.add(keras.layers.Dense(3))
    W = np.sin(np.arange(6 * 8 * 3 * 3)).reshape(-1, 3) / 20
    network.set_weights([W, np.zeros(3)])
    return KerasModel(network, keras.optimizers.SGD(0.1), reg=0.7, scale=288)


def test_keras_model_step_trains_and_returns_the_loss_before(keras_model):
    W = keras_model.network.get_weights()[0]
    X, y = np.float32(images(5)), np.arange(5) % 3
    rows, X = X.reshape(5, -1) / 288, X.transpose(0, 3, 1, 2)
    scores = keras_model.loss(X)
    assert np.allclose(scores, rows @ W, atol=1e-5)
    data_loss, dscores = softmax_loss(scores, y)
    loss = keras_model.step(X, y)
    assert loss == pytest.approx(data_loss + 0.35 * np.sum(W**2), rel=1e-5)
    assert keras_model.params == {}
    dW = rows.T @ dscores + 0.7 * W
    assert np.allclose(keras_model.network.get_weights()[0], W - 0.1 * dW, atol=1e-5)


def test_keras_model_state_is_a_copy(keras_model):
    X, y = np.float32(images(5)).transpose(0, 3, 1, 2), np.arange(5) % 3
    scores, state = keras_model.loss(X), keras_model.state_dict()
    keras_model.step(X, y)
    assert not np.array_equal(keras_model.loss(X), scores)
    keras_model.load_state_dict(state)
    assert np.array_equal(keras_model.loss(X), scores)


def test_keras_model_loss_trains_nothing():
    """Neither weights nor running statistics, and dropout keeps everything."""
    pytest.importorskip("tensorflow")
    with quietly():
        from tensorflow import keras
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Flatten(), keras.layers.Dense(8)]
    layers += [keras.layers.BatchNormalization(), keras.layers.Dropout(0.5)]
    network = keras.Sequential([keras.Input((6, 8, 3)), *layers, keras.layers.Dense(3)])
    model = KerasModel(network, keras.optimizers.Adam(0.01), reg=0.7, scale=288)
    X, y = images(5).transpose(0, 3, 1, 2), np.arange(5) % 3
    model.step(X, y)
    before = model.state_dict()
    steps = int(model.optimizer.iterations)
    loss, grads = model.loss(X, y)
    assert grads == {}
    penalty = 0.35 * sum(np.sum(before[i] ** 2) for i in (0, 6))
    assert before[6].shape == (8, 3)
    assert loss == pytest.approx(softmax_loss(model.loss(X), y)[0] + penalty, rel=1e-5)
    assert int(model.optimizer.iterations) == steps
    for i, value in model.state_dict().items():
        assert np.array_equal(value, before[i])
