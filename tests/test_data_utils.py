"""get_CINIC10_data: what notebooks get, from which source, and at what cost."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from ece662 import data_utils
from ece662.data import synthetic
from ece662.data.cache import commit, exclusive, open_data_set
from ece662.data.classes import CLASSES, SPLITS
from ece662.data.lazy import LazyImages
from ece662.data_utils import get_CINIC10_data
from tests.limits import WAIT

KEYS = ["X_train", "y_train", "X_val", "y_val", "X_test", "y_test"]


def prepare(arrays, classes=CLASSES, **source):
    meta = {
        "name": "cinic10",
        "classes": list(classes),
        "source": {"kind": "archive", "file": "my.tar.gz", "official": False} | source,
    }
    with exclusive("cinic10") as folder:
        return commit(folder, arrays, meta)


@pytest.fixture
def prepared(data_root, small_arrays):
    arrays = small_arrays(per_class=4)
    prepare(arrays)
    return arrays


@pytest.fixture
def quick_synthetic(monkeypatch, small_arrays):
    """Replaces the generator by one that takes no time; holds what it gives."""
    arrays = small_arrays(seed=9)
    calls = []
    monkeypatch.setattr(
        synthetic, "generate", lambda *a: (calls.append(1), dict(arrays))[1]
    )
    arrays["calls"] = calls
    return arrays


# What comes back


def test_data_is_the_six_arrays_with_the_training_mean_off(prepared):
    data = get_CINIC10_data()
    assert list(data) == KEYS
    mean = prepared["X_train"].mean(axis=0)
    for split in SPLITS:
        X, y = data[f"X_{split}"], data[f"y_{split}"]
        np.testing.assert_allclose(X, prepared[f"X_{split}"] - mean, atol=2e-5)
        np.testing.assert_array_equal(y, prepared[f"y_{split}"])
        assert X.dtype == np.float32
        assert X.flags.writeable
        assert X.flags.c_contiguous
        assert y.dtype == np.int64
    np.testing.assert_allclose(data["X_train"].mean(axis=0), 0, atol=1e-4)


def test_data_keeps_values_where_the_mean_is_left_on(prepared):
    data = get_CINIC10_data(subtract_mean=False)
    np.testing.assert_array_equal(data["X_test"], prepared["X_test"])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, "float64"])
def test_data_comes_in_the_dtype_asked(prepared, dtype):
    data = get_CINIC10_data(dtype=dtype)
    assert data["X_val"].dtype == np.dtype(dtype)
    assert get_CINIC10_data(dtype=dtype, lazy=True)["X_val"][:2].dtype == dtype


@pytest.mark.parametrize("dtype", [np.uint8, int, complex])
def test_data_refuses_a_dtype_that_is_no_float(prepared, dtype):
    with pytest.raises(ValueError, match=r"expected a float dtype .* got "):
        get_CINIC10_data(dtype=dtype)


@pytest.mark.parametrize("lazy", [False, True])
def test_counts_take_the_first_and_their_own_mean(prepared, lazy):
    data = get_CINIC10_data(5, 3, 2, lazy=lazy)
    assert [len(data[key]) for key in KEYS] == [5, 5, 3, 3, 2, 2]
    first = prepared["X_train"][:5]
    np.testing.assert_allclose(
        data["X_train"][:], first - first.mean(axis=0), atol=1e-4
    )
    np.testing.assert_allclose(
        data["X_val"][:], prepared["X_val"][:3] - first.mean(axis=0), atol=1e-4
    )
    np.testing.assert_array_equal(data["y_test"], prepared["y_test"][:2])


@pytest.mark.parametrize("lazy", [False, True])
def test_classes_are_numbered_in_the_order_asked(prepared, lazy):
    wanted = ["dog", "airplane", "cat"]
    data = get_CINIC10_data(classes=wanted, subtract_mean=False, lazy=lazy)
    for split in SPLITS:
        y = prepared[f"y_{split}"]
        rows = [i for i, label in enumerate(y) if CLASSES[label] in wanted]
        expected = [wanted.index(CLASSES[y[i]]) for i in rows]
        np.testing.assert_array_equal(data[f"y_{split}"], expected)
        np.testing.assert_array_equal(
            data[f"X_{split}"][:], prepared[f"X_{split}"][rows]
        )


def test_all_classes_in_another_order_are_renumbered(prepared):
    data = get_CINIC10_data(classes=CLASSES[::-1], num_training=6)
    np.testing.assert_array_equal(data["y_train"], 5 - prepared["y_train"][:6])


def test_mean_is_that_of_the_classes_and_counts_asked(prepared):
    data = get_CINIC10_data(3, classes=["cat", "bird"])
    rows = np.flatnonzero(np.isin(prepared["y_train"], [2, 3]))[:3]
    images = prepared["X_train"][rows]
    np.testing.assert_allclose(data["X_train"], images - images.mean(0), atol=1e-4)


def test_lazy_data_reads_from_the_memory_map(prepared):
    lazy, full = get_CINIC10_data(lazy=True), get_CINIC10_data()
    images = lazy["X_train"]
    assert isinstance(images, LazyImages)
    assert isinstance(images._stored, np.memmap)
    np.testing.assert_array_equal(images[[3, 1]], full["X_train"][[3, 1]])
    assert lazy["y_train"].dtype == np.int64


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_training": 25}, "0 to 24 images for the train split .* got 25"),
        ({"num_test": -1}, "0 to 24 images for the test split .* got -1"),
        ({"num_validation": 9, "classes": ["cat", "dog"]}, "0 to 8 images .* got 9"),
        ({"num_training": 0}, "at least one training image, got num_training=0"),
        ({"classes": ["frog"]}, "got 'frog'.* prepare PATH --classes"),
        ({"classes": "cat"}, "single string 'cat'"),
        ({"source": "cifar"}, "None, 'cinic10' or 'synthetic', got 'cifar'"),
    ],
)
def test_impossible_wishes_say_what_was_expected(prepared, arguments, message):
    with pytest.raises(ValueError, match=message):
        get_CINIC10_data(**arguments)


def test_counts_that_are_no_integers_are_refused(prepared):
    with pytest.raises(TypeError, match="integer"):
        get_CINIC10_data(num_training=2.5)
    assert len(get_CINIC10_data(np.int32(2))["y_train"]) == 2


def test_no_test_images_may_be_asked_for(prepared):
    data = get_CINIC10_data(num_test=0)
    assert data["X_test"].shape == (0, 3, 32, 32)


# Which source


def test_synthetic_serves_where_nothing_was_prepared(
    data_root, quick_synthetic, capsys
):
    data = get_CINIC10_data(subtract_mean=False)
    np.testing.assert_array_equal(data["X_train"], quick_synthetic["X_train"])
    line = capsys.readouterr().out
    assert line.startswith("SYNTHETIC pictures drawn by ece662")
    assert "18 training, 18 validation, 18 test images" in line
    assert line.count("\n") == 1


def test_prepared_images_serve_once_they_are_there(prepared, quick_synthetic, capsys):
    get_CINIC10_data()
    assert capsys.readouterr().out == (
        "Real images, from my.tar.gz (not the official archive): "
        "24 training, 24 validation, 24 test images.\n"
    )
    assert not quick_synthetic["calls"]


def test_official_archive_is_called_so(data_root, small_arrays, capsys):
    prepare(small_arrays(), official=True)
    get_CINIC10_data()
    assert capsys.readouterr().out.startswith("CINIC-10, from the official archive: 18")


def test_synthetic_can_be_asked_for_beside_prepared_images(
    prepared, quick_synthetic, capsys
):
    data = get_CINIC10_data(source="synthetic", subtract_mean=False)
    np.testing.assert_array_equal(data["X_val"], quick_synthetic["X_val"])
    assert "SYNTHETIC" in capsys.readouterr().out
    real = get_CINIC10_data(source="cinic10", subtract_mean=False)
    np.testing.assert_array_equal(real["X_val"], prepared["X_val"])


def test_cinic10_that_is_not_there_names_the_commands(data_root, quick_synthetic):
    with pytest.raises(FileNotFoundError, match=r"data fetch.*data prepare PATH"):
        get_CINIC10_data(source="cinic10")
    assert not quick_synthetic["calls"]


def test_damaged_real_images_are_never_replaced_by_synthetic(
    prepared, quick_synthetic, data_root
):
    folder = open_data_set("cinic10").folder
    (folder / "X_val.npy").write_bytes(b"garbage")
    for source in (None, "cinic10"):
        with pytest.raises(ValueError, match=r"cannot be used.*prepare PATH"):
            get_CINIC10_data(source=source)
    assert not quick_synthetic["calls"]


def test_verbose_false_prints_nothing(prepared, capsys):
    get_CINIC10_data(verbose=False)
    assert capsys.readouterr() == ("", "")


def test_synthetic_is_drawn_once_and_kept_under_its_version(
    data_root, quick_synthetic, monkeypatch
):
    get_CINIC10_data()
    get_CINIC10_data()
    assert len(quick_synthetic["calls"]) == 1
    monkeypatch.setattr(synthetic, "VERSION", synthetic.VERSION + 1)
    get_CINIC10_data()
    assert len(quick_synthetic["calls"]) == 2
    assert len(list(data_root.glob("synthetic-v*"))) == 2


def test_synthetic_that_was_damaged_is_drawn_again(data_root, quick_synthetic):
    get_CINIC10_data()
    folder = next(data_root.glob("synthetic-v*/images-*"))
    (folder / "X_val.npy").unlink()
    get_CINIC10_data()
    assert len(quick_synthetic["calls"]) == 2


def test_synthetic_serves_from_memory_where_nothing_can_be_written(
    data_root, quick_synthetic, capsys
):
    data_root.mkdir()
    (data_root / f"synthetic-v{synthetic.VERSION}").write_text("no folder")
    data = get_CINIC10_data(subtract_mean=False)
    np.testing.assert_array_equal(data["X_test"], quick_synthetic["X_test"])
    assert "Set ECE662_DATA" in capsys.readouterr().err
    assert len(quick_synthetic["calls"]) == 1


def test_two_processes_draw_the_synthetic_set_once(data_root):
    script = textwrap.dedent("""
        import time
        import numpy as np
        from ece662.data import synthetic
        from ece662.data_utils import get_CINIC10_data

        def generate():
            print("drawn")
            time.sleep(0.5)
            X, y = np.zeros((6, 3, 32, 32), np.uint8), np.arange(6)
            return {f"{a}_{s}": v for s in ("train", "val", "test")
                    for a, v in (("X", X), ("y", y))}

        synthetic.generate = generate
        assert get_CINIC10_data(verbose=False)["y_val"].tolist() == [0, 1, 2, 3, 4, 5]
    """)
    command = [sys.executable, "-c", script]
    processes = [
        subprocess.Popen(command, stdout=-1, stderr=-1, text=True) for _ in range(3)
    ]
    outputs = [process.communicate(timeout=WAIT)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert sorted(outputs) == ["", "", "drawn\n"]


# What it costs


@pytest.mark.slow
def test_full_size_peaks_below_the_bound_and_opens_at_once(tmp_path, define_peak):
    """The course's 74,364 images: below 1.6 GiB as floats, 0.2 s of CPU to open."""
    script = define_peak + textwrap.dedent("""
        import json, time
        import numpy as np
        from ece662.data import cache
        from ece662.data.classes import CLASSES

        folder = cache.cache_root() / "cinic10/images-0"
        folder.mkdir(parents=True)
        (folder.parent / "current").write_text("images-0")
        np.save(folder / "mean_image.npy", np.full((3, 32, 32), 0.25))
        for split, n in (("train", 53973), ("val", 10195), ("test", 10196)):
            np.lib.format.open_memmap(
                folder / f"X_{split}.npy", "w+", np.uint8, (n, 3, 32, 32)
            )  # a sparse file: no byte is written
            np.save(folder / f"y_{split}.npy", np.arange(n) % 6)
        source = {"kind": "archive", "file": "fabricated"}
        meta = {"format": cache.FORMAT, "classes": CLASSES, "source": source}
        (folder / "meta.json").write_text(json.dumps(meta))

        from ece662.data_utils import get_CINIC10_data
        began = time.process_time()
        lazy = get_CINIC10_data(lazy=True, verbose=False)
        opening = time.process_time() - began
        assert (lazy["X_train"][::1000] == -0.25).all()
        lazily = peak()
        data = get_CINIC10_data(verbose=False)
        assert [len(data[f"X_{s}"]) for s in ("train", "val", "test")] == [
            53973, 10195, 10196
        ]
        assert (data["X_test"] == -0.25).all()
        assert data["X_train"].dtype == np.float32
        print(opening, lazily, peak())
    """)
    result = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "ECE662_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    opening, lazily, peak = map(float, result.stdout.split())
    assert opening < 0.2
    assert lazily < 0.2
    assert 0.8 < peak < 1.6, "0.85 GiB of floats cannot take less"


def test_importing_the_front_brings_no_heavy_library():
    script = """
import sys, ece662.data_utils
print(*{"PIL", "pooch", "requests", "matplotlib", "torch"} & set(sys.modules))
"""
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == []


def test_front_exports():
    assert data_utils.__all__ == [
        "SOURCES",
        "describe",
        "find_data_set",
        "get_CINIC10_data",
    ]
