"""From a CINIC-10 tree to arrays: which pictures, in which order, and what is said."""

import hashlib
import itertools
import os
import struct
import subprocess
import sys
import tarfile
import textwrap
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ece662.data import archive
from ece662.data.archive import UnusableError, decode, read_images
from ece662.data.cache import content_sha256
from ece662.data.classes import CLASSES, SPLITS
from ece662.data.entries import ArchiveError, Entry

STAND_IN = Path(__file__).parents[3] / "shared/data/CINIC-10-six.tar.gz"

TEN = dict.fromkeys(("train", "val", "test"), 10)


def shown(arrays, split, cinic, paths):
    """The paths whose pictures ``arrays`` hold, in the order in which they lie."""
    by_pixels = {cinic.pixels(path).tobytes(): path for path in paths}
    images = arrays[f"X_{split}"].transpose(0, 2, 3, 1)
    return [by_pixels[image.tobytes()] for image in images]


def chunk(kind, data):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


# Which pictures


def test_arrays_hold_every_picture_under_its_label(cinic):
    tree = cinic.tree(per_class=3)
    arrays, meta = read_images(cinic.tar(tree))
    for split, folder in SPLITS.items():
        X, y = arrays[f"X_{split}"], arrays[f"y_{split}"]
        assert X.shape == (18, 3, 32, 32)
        assert X.dtype == np.uint8
        assert X.flags.c_contiguous
        assert y.dtype == np.int64
        paths = shown(arrays, split, cinic, tree)
        assert sorted(paths) == sorted(p for p in tree if p.startswith(folder))
        assert [CLASSES[k] for k in y] == [p.split("/")[1] for p in paths]
    assert meta["classes"] == list(CLASSES)
    assert meta["skipped"] == {}


def test_every_packing_and_order_gives_the_same_arrays(cinic):
    tree = cinic.tree()
    backwards = dict(reversed(tree.items()))
    dotted = {f"./{path}": data for path, data in tree.items()}
    windows = {path.replace("/", "\\"): data for path, data in tree.items()}
    sources = [
        cinic.tar(tree, "a.tar.gz"),
        cinic.tar(tree, "a.tar", top="CINIC-10/"),
        cinic.tar(backwards, "b.tar.xz"),
        cinic.tar(dotted, "d.tar.bz2"),
        cinic.zip(tree, "a.zip"),
        cinic.zip(windows, "w.zip"),
        cinic.folder(tree, "f"),
        cinic.folder(tree, "parent/CINIC-10").parent,
    ]
    hashes = {content_sha256(read_images(source)[0]) for source in sources}
    assert len(hashes) == 1


def test_order_is_the_same_on_every_machine_and_in_every_version(cinic):
    """If this fails, prepared images have changed, and with them all results."""
    tree = cinic.tree(per_class=3, classes=["cat", "dog"])
    arrays, _ = read_images(cinic.tar(tree), ["cat", "dog"])
    order = [path[6:9] + path[-5] for path in shown(arrays, "train", cinic, tree)]
    assert order == ["dog0", "cat0", "cat1", "dog2", "dog1", "cat2"]


def test_limits_keep_the_first_of_the_full_order(cinic):
    tree = cinic.tree(per_class=7)
    packed = cinic.tar(tree)
    full = shown(read_images(packed)[0], "train", cinic, tree)
    arrays, meta = read_images(packed, limits={"train": 3, "val": 2, "test": 1})
    few = shown(arrays, "train", cinic, tree)
    for label in CLASSES:
        of_class = [path for path in full if f"/{label}/" in path]
        assert [path for path in few if f"/{label}/" in path] == of_class[:3]
    assert few == [path for path in full if path in few]
    assert [len(arrays[f"y_{split}"]) for split in SPLITS] == [18, 12, 6]
    assert meta["limits"] == {"train": 3, "val": 2, "test": 1}


def test_choice_does_not_depend_on_the_order_of_the_archive(cinic):
    tree = cinic.tree(per_class=5)
    limits = {"train": 2, "val": 3, "test": 1}
    orders = [sorted(tree), sorted(tree, reverse=True), sorted(tree, key=hash)]
    hashes = set()
    for order in orders:
        source = cinic.tar({path: tree[path] for path in order}, "c.tar")
        hashes.add(content_sha256(read_images(source, limits=limits)[0]))
    assert len(hashes) == 1


def test_choice_and_order_look_random(cinic):
    """A class limited to half takes from both ends, and the labels are mixed."""
    tree = cinic.tree(per_class=40, classes=["cat", "dog"])
    limits = {**TEN, "train": 20}
    arrays, _ = read_images(cinic.tar(tree, "c.tar"), ["cat", "dog"], limits)
    numbers = [
        int(path[-9:-4])
        for path in shown(arrays, "train", cinic, tree)
        if "/cat/" in path
    ]
    assert 12 < np.mean(numbers) < 27
    assert numbers != sorted(numbers)
    changes = np.count_nonzero(np.diff(arrays["y_train"]))
    assert 10 < changes < 30


def test_a_class_is_filled_up_where_a_picture_is_unusable(cinic):
    tree = cinic.tree(per_class=6)
    full = shown(read_images(cinic.tar(tree))[0], "val", cinic, tree)
    first_cat = next(path for path in full if "/cat/" in path)
    tree[first_cat] = cinic.png(first_cat, mode="L")
    arrays, _ = read_images(cinic.tar(tree), limits={**TEN, "val": 5})
    chosen = shown(arrays, "val", cinic, tree)
    assert first_cat not in chosen
    assert sum("/cat/" in path for path in chosen) == 5


def test_only_the_classes_asked_are_opened(cinic):
    tree = cinic.tree(classes=["dog", "frog"])
    tree |= {f"{folder}/cat/1.png": b"garbage" for folder in SPLITS.values()}
    arrays, meta = read_images(cinic.tar(tree), ["frog", "dog"])
    assert meta["classes"] == ["frog", "dog"]
    assert meta["skipped"] == {}
    paths = shown(arrays, "test", cinic, tree)
    assert ["frog", "dog"][arrays["y_test"][0]] == paths[0].split("/")[1]


# What is left out


def test_unusable_files_are_named_with_the_reason(cinic):
    tree = cinic.tree(per_class=2)
    tree |= {
        "train/cat/grey.png": cinic.png("grey", mode="L"),
        "train/cat/alpha.png": cinic.png("alpha", mode="RGBA"),
        "train/cat/palette.png": cinic.png("palette", mode="P"),
        "valid/dog/big.png": cinic.png("big", size=(64, 32)),
        "valid/dog/half.png": cinic.png("half")[:900],
        "valid/dog/readme.txt": b"hello",
        "test/bird/empty.png": b"",
        "test/bird/.DS_Store": b"macOS writes such",
        "test/bird/._00000.png": b"and such",
        "__MACOSX/test/bird/._00000.png": b"and such",
        "imagenet-contributors.csv": b"a,b",
    }
    link = tarfile.TarInfo("test/bird/link.png")
    link.type, link.linkname = tarfile.SYMTYPE, "00000.png"
    arrays, meta = read_images(cinic.tar(tree, extra=[link]))
    assert len(arrays["y_train"]) == len(arrays["y_val"]) == len(arrays["y_test"]) == 12
    skipped = meta["skipped"]
    assert skipped["not RGB"] == {
        "count": 3,
        "files": [
            "train/cat/alpha.png: RGBA",
            "train/cat/grey.png: L",
            "train/cat/palette.png: P",
        ],
    }
    assert skipped["not 32x32"]["files"] == ["valid/dog/big.png: 64x32"]
    assert skipped["refused"]["files"] == ["test/bird/link.png: a link"]
    assert skipped["unreadable"]["count"] == 3
    names = [text.split(":")[0] for text in skipped["unreadable"]["files"]]
    assert names == [
        "test/bird/empty.png",
        "valid/dog/half.png",
        "valid/dog/readme.txt",
    ]


def test_many_skipped_files_are_all_counted_and_some_named(cinic):
    tree = cinic.tree(per_class=1)
    tree |= {f"train/cat/x{i}.png": b"x" for i in range(150)}
    _, meta = read_images(cinic.tar(tree))
    assert meta["skipped"]["unreadable"]["count"] == 150
    assert len(meta["skipped"]["unreadable"]["files"]) == archive.NAMED


def test_a_picture_packed_twice_counts_once(cinic):
    tree = cinic.tree()
    again = {**tree, "./train/cat/00000.png": tree["train/cat/00000.png"]}
    arrays, meta = read_images(cinic.tar(again))
    assert len(arrays["y_train"]) == 12
    assert meta["skipped"]["repeated"]["files"] == ["./train/cat/00000.png"]


def test_names_in_the_report_cannot_drive_a_terminal(cinic):
    tree = {**cinic.tree(), "train/cat/\x1b]0;pwned\x07\x1b[2J.png": b"x"}
    _, meta = read_images(cinic.tar(tree))
    (name,) = meta["skipped"]["unreadable"]["files"]
    assert name.isprintable()
    assert "pwned" in name


def test_names_that_are_no_text_are_read_all_the_same(cinic):
    path = cinic.tar({**cinic.tree(), "train/cat/QQ.png": cinic.png("q")}, "c.tar")
    path.write_bytes(path.read_bytes().replace(b"QQ.png", b"\xff\xfe.png"))
    data = bytearray(path.read_bytes())
    at = data.index(b"train/cat/\xff\xfe.png")
    header = data[at : at + 512]
    header[148:156] = b" " * 8
    data[at + 148 : at + 156] = b"%06o\0 " % sum(header)
    path.write_bytes(data)
    arrays, _ = read_images(path)
    assert len(arrays["y_train"]) == 13


# What is no CINIC-10


def test_archive_that_breaks_inside_a_picture_is_not_read_on(monkeypatch, tmp_path):
    def broken():
        raise ArchiveError("the stream ends here")

    entry = Entry("train/cat/0.png", "", broken)
    monkeypatch.setattr(archive, "entries", lambda path: iter([entry]))
    with pytest.raises(ArchiveError, match="the stream ends here"):
        read_images(tmp_path)


def test_missing_class_is_named_with_what_was_found(cinic):
    tree = {p: d for p, d in cinic.tree().items() if not p.startswith("valid/deer")}
    with pytest.raises(ArchiveError) as caught:
        read_images(cinic.tar(tree))
    message = str(caught.value)
    assert "expected folders train/, valid/ and test/" in message
    assert "no usable image in valid/deer;" in message
    assert "found train/airplane/" in message


def test_class_with_unusable_pictures_only_says_what_was_left_out(cinic):
    tree = cinic.tree() | {"test/dog/00000.png": b"x", "test/dog/00001.png": b""}
    with pytest.raises(ArchiveError, match=r"test/dog; .* left out: 2 unreadable"):
        read_images(cinic.tar(tree))


def test_empty_folder_says_what_was_expected(tmp_path):
    with pytest.raises(ArchiveError, match=r"expected folders .* found no file at all"):
        read_images(tmp_path)


def test_folder_inside_the_tree_says_what_it_found(cinic):
    folder = cinic.folder(cinic.tree())
    with pytest.raises(ArchiveError, match=r"found airplane/00000\.png"):
        read_images(folder / "train")


def test_nothing_at_the_path_is_file_not_found(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_images(tmp_path / "nowhere")


def test_two_data_sets_in_one_are_refused(cinic):
    tree = cinic.tree()
    both = {f"{top}/{p}": d for top in "ab" for p, d in tree.items()}
    with pytest.raises(ArchiveError, match="more than one data set: 'a/', 'b/'"):
        read_images(cinic.tar(both))


def test_limit_below_one_is_refused(cinic):
    with pytest.raises(ValueError, match="at least one image a class for val, got 0"):
        read_images(cinic.tar(cinic.tree()), limits={**TEN, "val": 0})


def test_unknown_class_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(ValueError, match="got 'wolf'"):
        read_images(tmp_path / "nowhere", ["wolf"])


# Decoding


def test_decode_gives_the_pixels_row_by_row(cinic):
    assert decode(cinic.png("x")) == cinic.pixels("x").tobytes()


@pytest.mark.parametrize(
    "size", [(100_000, 100_000), (32, 2**31 - 1), (0, 0), (31, 32)]
)
def test_decode_never_allocates_what_a_header_claims(cinic, size):
    header = struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)
    data = cinic.png("x")
    bomb = data[:8] + chunk(b"IHDR", header) + data[33:]
    with pytest.raises(UnusableError, match=f"{size[0]}x{size[1]}") as caught:
        decode(bomb)
    assert caught.value.reason == "not 32x32"


def test_decode_believes_no_second_header(cinic):
    data = cinic.png("x")
    second = chunk(b"IHDR", struct.pack(">IIBBBBB", 9000, 9000, 8, 2, 0, 0, 0))
    with pytest.raises(UnusableError, match="9000x9000"):
        decode(data[:33] + second + data[33:])


def test_decode_survives_a_compressed_text_bomb(cinic):
    data = cinic.png("x")
    text = chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(8 << 20), 9))
    with pytest.raises(UnusableError) as caught:
        decode(data[:33] + text + data[33:])
    assert caught.value.reason == "unreadable"


@settings(max_examples=300)
@given(
    flips=st.lists(st.tuples(st.integers(0, 3500), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 3500),
)
def test_decode_gives_pixels_or_says_why_not(flips, cut):
    data = bytearray(PNG)
    for at, value in flips:
        data[at % len(data)] = value
    with suppress(UnusableError):
        assert len(decode(bytes(data[: cut or len(data)]))) == 3072


def _png_for_fuzzing():
    row = bytes([0, *itertools.islice(itertools.cycle((9, 200, 77)), 96)])
    header = struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(row * 32, 0))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


PNG = _png_for_fuzzing()


# Sources


def test_archive_is_described_by_its_hashes(cinic):
    path = cinic.tar(cinic.tree())
    source = read_images(path)[1]["source"]
    assert source["kind"] == "archive"
    assert source["file"] == "c.tar.gz"
    assert source["bytes"] == path.stat().st_size
    assert source["official"] is False
    assert source["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_official_archive_is_recognised_by_its_md5(cinic, monkeypatch):
    path = cinic.tar(cinic.tree())
    md5 = read_images(path)[1]["source"]["md5"]
    monkeypatch.setattr(archive, "OFFICIAL_MD5", md5)
    assert read_images(path)[1]["source"]["official"] is True


def test_folder_is_described_by_its_name(cinic):
    source = read_images(cinic.folder(cinic.tree(), "mine"))[1]["source"]
    assert source == {"kind": "folder", "file": "mine"}


# Real images


@pytest.mark.real_images
@pytest.mark.slow
@pytest.mark.skipif(not STAND_IN.exists(), reason=f"no real images at {STAND_IN}")
def test_stand_in_archive_is_prepared_within_its_bounds(tmp_path, define_peak):
    """83 MB, 36,828 pictures: 60 s of CPU and 1.5 GiB at most, in the order kept."""
    script = define_peak + textwrap.dedent(f"""
        import time
        from ece662.data.archive import read_images
        from ece662.data.cache import commit, exclusive

        began = time.process_time()
        with exclusive("cinic10") as folder:
            meta = commit(folder, *read_images({str(STAND_IN)!r})).meta
        print(time.process_time() - began)
        print(peak())
        for split in ("train", "val", "test"):
            print(*meta["counts"][split].values())
        print(meta["skipped"]["not RGB"]["count"], *meta["skipped"])
        print(meta["content_sha256"])
    """)
    result = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "ECE662_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    seconds, peak, train, val, test, skipped, content = result.stdout.splitlines()
    assert float(seconds) < 60
    assert float(peak) < 1.5
    assert train == " ".join(["4602"] * 6)
    assert val == test == " ".join(["767"] * 6)
    assert skipped == "12 not RGB"
    assert content.startswith("9130014b42cb71e4")
