"""Sketches recognise outputs, also those of code that has gone astray."""

import numpy as np

from ece662.check.sketching import matches, sketch


def sketched(value):
    return sketch({"case/dx": np.asarray(value)}, ["case/dx", "case/dw"])


def test_sketch_matches_the_same_outputs_to_within_rounding():
    x = np.linspace(-1, 2, 12).reshape(3, 4)
    assert matches(sketched(x), sketched(x * (1 + 1e-10)))


def test_matches_grants_what_it_is_reported_to():
    x = np.linspace(-1, 2, 12)
    assert not matches(sketched(x), sketched(x * (1 + 1e-5)))
    assert matches(sketched(x), sketched(x * (1 + 1e-5)), tolerance=1e-4)


def test_sketch_tells_values_shapes_and_missing_outputs_apart():
    x = np.linspace(-1, 2, 12).reshape(3, 4)
    assert not matches(sketched(x), sketched(x * 1.0001))
    assert not matches(sketched(x), sketched(x[::-1]))
    assert not matches(sketched(x), sketched(x.reshape(4, 3)))
    assert not matches(sketched(x), sketch({}, ["case/dx", "case/dw"]))


def test_sketch_of_numbers_out_of_bounds_is_silent_and_finite():
    wild = [1e200, -1e300, np.nan, np.inf]
    assert np.all(np.isfinite(sketched(wild)))
    assert matches(sketched(wild), sketched(wild))
