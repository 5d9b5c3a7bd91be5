"""Likeness of code, whatever its names and spacing."""

from course.grade.similar import fingerprints, likenesses

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
