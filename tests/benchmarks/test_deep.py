"""The deep network's benchmark: both sides train, and no part of a step is lost."""

import numpy as np
import pytest

from benchmarks import deep, ece662_layers
from benchmarks.harness import compare

torch_layers = pytest.importorskip("benchmarks.torch_layers")

SMALL = {"batch_size": 4, "num_train": 8}


@pytest.mark.parametrize("channels_last", [False, True])
def test_both_sides_train(channels_last):
    ours = ece662_layers.deep_net_step(**SMALL)
    theirs = torch_layers.deep_net_step(**SMALL, channels_last=channels_last)
    for _ in range(3):  # the third step begins a new shuffle
        assert ours()
        assert np.isfinite(theirs())


def test_a_row_compares_with_the_better_torch():
    result = compare(deep.contestants(**SMALL), 1, 2, 0.01)
    row = deep.step_row(1, result)
    assert row[0] == "1"
    times = dict(
        zip((deep.TORCH, deep.CHANNELS_LAST), map(float, row[3:5]), strict=True)
    )
    assert row[5] in times
    assert times[row[5]] == min(times.values())
    assert len(row) == 8


def test_the_parts_are_a_whole_step():
    spent = deep.seconds_by_part(1, 2, **SMALL)
    assert list(spent) == [*deep.PARTS, "the rest"]
    assert min(spent[part] for part in deep.PARTS if part != "Adam") > 0


def test_the_table_shows_the_share_of_each_part():
    shares = {}
    for line in deep.parts_table([1], 2, **SMALL).splitlines()[2:]:
        part, cell = (word.strip() for word in line.strip("|").split("|"))
        shares[part] = float(cell.partition("(")[2].rstrip("%)"))
    assert list(shares) == [*deep.PARTS, "the rest"]
    assert sum(shares.values()) == pytest.approx(100, abs=4)  # each one is rounded
