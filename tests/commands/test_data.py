"""What `ece662 data` does and says, run as its users run it."""

import io
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from ece662.commands import cli
from ece662.data import archive, fetch, synthetic
from ece662.data.cache import open_data_set
from ece662.data.classes import CLASSES
from ece662.data_utils import get_CINIC10_data


@pytest.fixture
def data(data_root, capsys):
    """Runs `ece662 data ...`; returns exit code, what was printed, what went wrong."""

    def run(*arguments):
        code = cli.main(["data", *map(str, arguments)])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def quick_synthetic(monkeypatch, small_arrays):
    monkeypatch.setattr(synthetic, "generate", small_arrays)


def test_prepare_serves_an_archive(data, cinic):
    tree = cinic.tree(per_class=3) | {"train/dog/g.png": cinic.png("g", mode="L")}
    code, out, _ = data("prepare", cinic.tar(tree))
    assert code == 0
    assert "airplane          3        3        3" in out
    assert "all              18       18       18" in out
    assert "1 file left out: not RGB\n    train/dog/g.png: L" in out
    assert "Done in " in out
    assert f"The images are in {open_data_set('cinic10').folder}." in out
    assert "restart the kernel" in out
    assert get_CINIC10_data(source="cinic10")["X_train"].shape == (18, 3, 32, 32)


def test_prepare_takes_classes_and_limits(data, cinic):
    tree = cinic.tree(per_class=4, classes=["ship", "cat", "dog"])
    code, _, _ = data(
        "prepare",
        cinic.folder(tree),
        "--classes",
        "ship,cat",
        "--train",
        3,
        "--valid",
        2,
    )
    assert code == 0
    meta = open_data_set("cinic10").meta
    assert meta["classes"] == ["ship", "cat"]
    assert meta["counts"] == {
        "train": {"ship": 3, "cat": 3},
        "val": {"ship": 2, "cat": 2},
        "test": {"ship": 4, "cat": 4},
    }


def test_prepare_again_replaces_the_images(data, cinic):
    data("prepare", cinic.tar(cinic.tree(per_class=1)))
    assert data("prepare", cinic.tar(cinic.tree(per_class=2)))[0] == 0
    assert len(get_CINIC10_data()["y_train"]) == 12


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "nothing is there"),
        (lambda path: path.write_bytes(path.read_bytes()[:-99]), "download it again"),
        (lambda path: path.write_bytes(b""), "no archive"),
    ],
)
def test_prepare_that_fails_keeps_the_former_images(data, cinic, damage, message):
    path = cinic.tar(cinic.tree(per_class=1))
    data("prepare", path)
    damage(path)
    code, _, err = data("prepare", path)
    assert code == 1
    assert err.startswith("ece662 data prepare: ")
    assert message in err
    assert len(get_CINIC10_data()["y_train"]) == 6


def test_prepare_that_fails_leaves_no_cache(data, data_root, tmp_path):
    code, _, err = data("prepare", tmp_path)
    assert code == 1
    assert "expected folders train/, valid/ and test/" in err
    left = {path.name for path in (data_root / "cinic10").iterdir()}
    assert left <= {"lock"}  # which only filelock 4 leaves there


def test_prepare_stopped_by_the_keyboard_says_what_is_in_force(
    data, cinic, monkeypatch
):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(archive, "decode", interrupt)
    code, out, _ = data("prepare", cinic.tar(cinic.tree()))
    assert code == 130
    assert "What was in the cache before is still in force" in out


def test_prepare_shows_how_many_files_more_were_left_out(data, cinic):
    tree = cinic.tree() | {f"test/cat/x{i}.png": b"x" for i in range(12)}
    _, out, _ = data("prepare", cinic.tar(tree))
    assert "12 files left out: unreadable" in out
    assert out.count("not a PNG file") == 5
    assert "... and 7 more" in out


def test_info_shows_real_images_and_draws_them(data, cinic, tmp_path):
    data("prepare", cinic.tar(cinic.tree(per_class=2)))
    sheet = tmp_path / "sheet.png"
    code, out, _ = data("info", "--sheet", sheet)
    meta = open_data_set("cinic10").meta
    assert code == 0
    assert "c.tar.gz, not the official one, sha256 " + meta["source"]["sha256"] in out
    assert f"content   sha256 {meta['content_sha256']}" in out
    assert "dog               2        2        2" in out
    assert "No file had to be left out." in out
    assert f"sheet     {sheet}" in out
    with Image.open(sheet) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    # The first airplane stands in the first row, each of its pixels twice as large.
    arrays = open_data_set("cinic10").arrays
    first = arrays["X_train"][np.flatnonzero(arrays["y_train"] == 0)[0]]
    np.testing.assert_array_equal(
        pixels[28 : 28 + 64 : 2, 110 : 110 + 64 : 2], first.transpose(1, 2, 0)
    )


def test_info_calls_the_default_synthetic(data, quick_synthetic, data_root):
    code, out, _ = data("info")
    assert code == 0
    assert out.startswith("SYNTHETIC pictures drawn by ece662")
    for name in CLASSES:
        assert f"{name:<10}        3        3        3" in out
    assert len(list(data_root.glob("synthetic-v*/images-*/contact_sheet.png"))) == 1
    assert "left out" not in out


def test_info_of_images_that_are_not_there_names_the_commands(data, quick_synthetic):
    code, _, err = data("info", "--source", "cinic10")
    assert code == 1
    assert "ece662 data fetch" in err


def test_fetch_downloads_checks_and_prepares(data, cinic, monkeypatch):
    path = cinic.tar(cinic.tree(), "CINIC-10.tar.gz")
    md5 = archive.read_images(path)[1]["source"]["md5"]
    monkeypatch.setattr(archive, "OFFICIAL_MD5", md5)
    quick = partial(fetch.fetch_archive, md5=md5, pause=0)
    monkeypatch.setattr(fetch, "fetch_archive", quick)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(path.parent) as address:
        code, out, err = data(
            "fetch",
            "--mirror",
            f"{address}/nowhere",
            "--mirror",
            f"{address}/{path.name}",
        )
    assert code == 0, err
    assert "nowhere: the server answers 404" in out
    assert "its MD5 is right" in out
    assert "to free 0.7 GB" in out
    assert open_data_set("cinic10").meta["source"]["official"] is True


def test_fetch_that_finds_no_server_leaves_the_notebooks_working(
    data, monkeypatch, quick_synthetic
):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(fetch.time, "sleep", lambda seconds: None)
    code, _, err = data("fetch", "--mirror", "http://127.0.0.1:9/x")
    assert code == 1
    assert "none of 1 mirrors gave the archive" in err
    assert len(get_CINIC10_data()["y_val"]) == 18


class serving:
    """A web server on this machine for the files of a folder."""

    def __init__(self, folder):
        class Handler(SimpleHTTPRequestHandler):
            def __init__(self, *args):
                super().__init__(*args, directory=folder)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))

    def __enter__(self):
        self.thread.start()
        return f"http://127.0.0.1:{self.server.server_port}"

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def test_command_runs_as_a_module_and_its_help_reads_well(data_root):
    for action, wanted in (("", "prepare PATH"), ("prepare", "--classes NAME,NAME")):
        command = [sys.executable, "-m", "ece662", "data", *action.split(), "--help"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert wanted in done.stdout
        assert max(map(len, io.StringIO(done.stdout))) <= 90
    assert not data_root.exists()
