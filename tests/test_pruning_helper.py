"""Trained models kept on disk: `load_model` and `test_model` of the pruning helper."""

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest

from ece662.data.cache import commit, exclusive
from ece662.data.classes import CLASSES
from ece662.data_utils import get_CINIC10_data
from ece662.pruning import store, training
from ece662.pruning.architecture import residual
from ece662.pruning.training import TrainingPlan
from ece662.pruning_helper import _framework, load_model
from ece662.pruning_helper import test_model as accuracy_of

pytest.importorskip("safetensors")


def put_in_place(arrays):
    source = {"kind": "cinic10", "file": "small", "official": False}
    with exclusive("cinic10") as folder:
        commit(folder, arrays, {"classes": list(CLASSES), "source": source})


@pytest.fixture
def small(data_root, small_arrays, monkeypatch, tmp_path):
    """A small data set, a small network, and a folder to work in."""
    put_in_place(small_arrays(per_class=4))
    plan = TrainingPlan(epochs=1, batch_size=8, learning_rate=0.01)
    monkeypatch.setattr(training, "course_network", lambda *_: (residual(1), plan))
    monkeypatch.delenv("ECE662_MODELS", raising=False)
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    return tmp_path / "notebooks"


@pytest.fixture(params=["torch", "tensorflow"])
def mode(request):
    pytest.importorskip(request.param)
    return request.param


def never(*_, **__):
    raise AssertionError("should not have been called")


def test_load_model_trains_keeps_and_loads_again(small, mode, monkeypatch):
    framework = _framework(mode)
    trained = load_model(f"ece662/models/{mode}.model", mode=mode)
    initial = framework.build(residual(1), seed=231)
    monkeypatch.setattr(framework, "train", never)
    loaded = load_model(f"ece662/models/{mode}.model", mode=mode)

    assert loaded.architecture == residual(1)
    weights = framework.get_weights(loaded)
    for name, w in framework.get_weights(trained).items():
        np.testing.assert_array_equal(weights[name], w)
    before = framework.prunable(initial)
    assert all(np.any(w != before[n]) for n, w in framework.prunable(loaded).items())
    files = sorted(path.name for path in (small / "ece662" / "models").iterdir())
    expected = [f"{mode}.model", f"{mode}.model.json", f"{mode}.model.lock"]
    assert [name for name in files if name in expected[:2]] == expected[:2]
    assert set(files) <= set(expected)


@pytest.mark.parametrize("place", ["file/m", "full"])
def test_load_model_without_a_place_to_keep_it(small, capsys, place):
    pytest.importorskip("torch")
    resource = pytest.importorskip("resource", reason="files have no limit here")
    kept = load_model("kept", mode="torch")
    (small / "file").write_text("")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    if place == "full":  # no file may be longer than 100 bytes
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        model = load_model(place, mode="torch")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    said = capsys.readouterr().err
    assert "cannot be kept ([Errno" in said
    assert "Set ECE662_MODELS" in said
    assert not list(small.glob("*.part"))
    weights = _framework("torch").get_weights(kept)
    for name, w in _framework("torch").get_weights(model).items():
        np.testing.assert_array_equal(weights[name], w)


def test_load_model_describes_what_it_keeps(small):
    pytest.importorskip("torch")
    model = load_model("m", mode="torch")
    described = json.loads((small / "m.json").read_text())
    data = get_CINIC10_data(verbose=False)
    predicted = _framework("torch").predict(model, data["X_val"])
    accuracy = np.mean(predicted == data["y_val"])
    assert described["validation_accuracy"] == pytest.approx(accuracy, abs=1e-4)
    assert (described["mode"], described["recipe"]["epochs"]) == ("torch", 1)


def test_load_model_relative_to_the_folder_set_for_models(small, monkeypatch, tmp_path):
    pytest.importorskip("torch")
    monkeypatch.setenv("ECE662_MODELS", str(tmp_path / "models"))
    load_model("a/torch.model", mode="torch")
    assert (tmp_path / "models" / "a" / "torch.model").is_file()
    assert list(small.iterdir()) == []


@pytest.fixture
def kept(small, monkeypatch):
    """The path of a kept model, which nobody may replace or train again."""
    torch_net = pytest.importorskip("torch") and _framework("torch")
    load_model("torch.model", mode="torch")
    monkeypatch.setattr(torch_net, "train", never)
    monkeypatch.setattr(pickle, "loads", never)
    return small / "torch.model"


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


class Evil:
    def __reduce__(self):
        return never, ()


def pickled(path):
    path.write_bytes(pickle.dumps(Evil()))


def change(path, **items):
    beside = path.with_name("torch.model.json")
    beside.write_text(json.dumps(json.loads(beside.read_text()) | items))


DAMAGES = {
    "a bit": (flip_a_bit, "damaged or has been replaced"),
    "cut short": (lambda p: p.write_bytes(p.read_bytes()[:-9]), "damaged or has been"),
    "a pickle": (pickled, "damaged or has been replaced"),
    "no JSON": (lambda p: p.with_name(p.name + ".json").unlink(), "not one of this"),
    "broken JSON": (lambda p: p.with_name(p.name + ".json").write_text("{"), "damaged"),
    "JSON of a list": (
        lambda p: p.with_name(p.name + ".json").write_text("[]"),
        "damaged or was not written by ece662",
    ),
    "other format": (lambda p: change(p, format="x"), "expected the format 'ece662"),
    "other network": (
        lambda p: change(p, architecture=residual(2).to_json()),
        "does not fit its description: stem.conv.weight: expected float32",
    ),
    "other framework": (lambda p: change(p, mode="tensorflow"), "mode='tensorflow'"),
    "other data": (lambda p: change(p, data_sha256="0" * 64), "on other data .* 000"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_load_model_names_what_it_does_not_load(kept, damage):
    harm, said = DAMAGES[damage]
    harm(kept)
    before = kept.read_bytes()
    with pytest.raises(ValueError, match=said) as caught:
        load_model("torch.model", mode="torch")
    assert "torch.model" in str(caught.value)
    assert kept.read_bytes() == before


def test_load_model_pickle_with_the_right_hash(kept):
    import hashlib

    pickled(kept)
    change(kept, weights_sha256=hashlib.sha256(kept.read_bytes()).hexdigest())
    with pytest.raises(ValueError, match="no safetensors file"):
        load_model("torch.model", mode="torch")


def test_load_model_after_the_data_changed(kept, small_arrays):
    put_in_place(small_arrays(per_class=4, seed=1))
    with pytest.raises(ValueError, match="trained on other data than those in use"):
        load_model("torch.model", mode="torch")


@pytest.mark.parametrize("writes", [0, 1])
def test_load_model_killed_while_it_keeps_trains_again(small, monkeypatch, writes):
    pytest.importorskip("torch")
    real, count = store.write_file, []

    def killed(path, content):
        if len(count) == writes:
            raise KeyboardInterrupt
        count.append(path)
        real(path, content)

    monkeypatch.setattr(store, "write_file", killed)
    with pytest.raises(KeyboardInterrupt):
        load_model("torch.model", mode="torch")
    assert not (small / "torch.model").exists()
    monkeypatch.setattr(store, "write_file", real)
    load_model("torch.model", mode="torch")
    assert not list(small.glob("*.part"))


def test_test_model_prints_and_returns(small, mode, capsys):
    framework = _framework(mode)
    model = framework.build(residual(1), seed=0)
    data = get_CINIC10_data(verbose=False, lazy=True)
    y = framework.predict(model, data["X_test"][:])
    y[:6] = (y[:6] + 1) % 6
    assert accuracy_of(model, [data["X_test"], y], mode=mode) == 0.75
    assert capsys.readouterr().out == "Test Acc: 0.7500\n"


def test_test_model_labels_missing(small):
    with pytest.raises(
        ValueError, match="one label for each picture, got 1 labels for 2"
    ):
        accuracy_of(None, [np.zeros((2, 3, 32, 32)), np.zeros(1)])


def test_import_of_the_helper_and_the_figures_brings_no_framework():
    code = (
        "import sys, ece662.pruning_helper, ece662.figures.pruning\n"
        "assert not {'torch', 'tensorflow', 'keras', 'safetensors'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_load_model_unknown_mode(small):
    with pytest.raises(ValueError, match=r"'torch' or 'tensorflow', got 'jax'"):
        load_model("m", mode="jax")
