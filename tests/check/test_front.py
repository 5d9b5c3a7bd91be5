"""Checks from end to end: right code passes, wrong code is told what is wrong."""

import numpy as np
import pytest

from ece662 import layers
from ece662.check import check


def without_bias(x, w, b):
    return x.reshape(len(x), -1) @ w, (x, w, b)


@pytest.mark.parametrize(
    "id", ["affine_forward", "affine_backward", "batchnorm_forward"]
)
def test_check_passes_the_reference(id):
    assert check(id).passed


def test_check_refuses_a_wrong_function(monkeypatch):
    monkeypatch.setattr(layers, "affine_forward", without_bias)
    report = check("affine_forward")
    assert not report.passed
    assert "out (rows): error" in str(report)


def test_check_blames_the_forward_for_a_backward_that_fits_it(monkeypatch):
    def fitting(dout, cache):
        dx, dw, _ = affine_backward(dout, cache)
        return dx, dw, np.zeros(dout.shape[1])

    affine_backward = layers.affine_backward
    monkeypatch.setattr(layers, "affine_forward", without_bias)
    monkeypatch.setattr(layers, "affine_backward", fitting)
    report = check("affine_backward")
    assert not report.passed
    assert report.results[0].diagnosis.id == "forward-at-fault"


def test_check_unknown_id_names_the_nearest():
    with pytest.raises(ValueError, match="did you mean affine_forward"):
        check("affin_forward")
