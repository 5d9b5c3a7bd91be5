"""Likeness of code, whatever its names and spacing."""

import json

from course.grade.reports.records import Records
from course.grade.reports.similar_pages import write_similar
from course.grade.run import record_path
from course.grade.similar import Likeness, code_of, fingerprints, likenesses

KEY = ("ece662/layers.py", "conv_forward_naive", 1)
LOOPS = """
    out = np.zeros((N, F, H_out, W_out))
    for n in range(N):
        for f in range(F):
            for i in range(H_out):
                for j in range(W_out):
                    window = x_padded[n, :, i * stride : i * stride + HH, j:j + WW]
                    out[n, f, i, j] = np.sum(window * w[f]) + b[f]
"""
OTHERS = [
    f"""
    rows = [{", ".join(["a"] * k)}] * {k}
    result = np.tensordot(windows_{k}, w, axes=([1, {k}], [{k}, 3])) ** {k} - {k}
    while result.sum() > {k} and not np.any(result) or {k} in rows: result -= {k} / 7
    out = np.moveaxis(result, {k}, 1)[:, ::{k}] if {k} else result @ w[{k}].T + b[{k}]
"""
    for k in range(2, 12)
]


def _kept(codes):
    return {
        name: fingerprints({KEY: code}).get("conv_forward_naive", ())
        for name, code in codes.items()
    }


def test_likenesses_sees_through_names_and_spacing():
    renamed = (
        LOOPS.replace("window", "patch").replace("out", "res").replace("\n", "\n  ")
    )
    codes = {f"s{i}": code for i, code in enumerate(OTHERS)}
    codes |= {"ann": LOOPS, "bob": renamed + "    # mine\n"}
    [found] = likenesses("conv_forward_naive", _kept(codes))
    assert (found.one, found.other) == ("ann", "bob")
    assert found.share == 1.0


def test_likenesses_says_nothing_of_what_all_write():
    codes = {f"s{i}": LOOPS for i in range(30)}
    assert likenesses("conv_forward_naive", _kept(codes)) == []


def test_fingerprints_does_not_mind_code_that_is_none():
    assert fingerprints({KEY: "    def (((\n 'open"}) is not None
    assert fingerprints({KEY: ""}).get("conv_forward_naive", []) == []


def test_pairs_are_shown_side_by_side_with_what_they_share(tmp_path):
    given = "out = np.zeros(x.shape)"
    works = {
        "ann": f"{given}\nodd = x[1:] * 7 - shift\nfirst = sum(x, axis=0)\n<b>own</b>",
        "bob": f"{given}\nrare = y[1:] * 7 - move  # mine\nreturn y",
        **dict.fromkeys(("cem", "dan", "eve"), given),
    }
    (tmp_path / "records").mkdir()
    for name, body in works.items():
        code = code_of({KEY: f"    {body}".replace("\n", "\n    ")})
        record = {"student": name, "marks": [], "answers": {}, "code": code}
        record_path(tmp_path, name).write_text(json.dumps(record))
    pair = Likeness("conv_forward_naive", "ann", "bob", 4, 0.9)
    write_similar(tmp_path / "similar", Records(tmp_path), [pair])
    text = (tmp_path / "similar" / "1.html").read_text("utf-8")
    assert "<mark>odd = x[1:] * 7 - shift</mark>" in text
    assert "<mark>rare = y[1:] * 7 - move  # mine</mark>" in text
    assert text.count("<mark>") == 2  # what all have is the task's own
    assert "&lt;b&gt;own" in text
    assert '"1.html"' in (tmp_path / "similar" / "index.html").read_text("utf-8")
