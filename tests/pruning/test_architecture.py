"""The description of networks: what fits, and what it costs."""

import pytest

from ece662.pruning.architecture import Architecture, Block, residual

ODD = Architecture(
    5, (Block(3, 5, 1, project=False), Block(4, 7, 2, project=True)), num_classes=6
)


def test_parameters_and_macs_counted_by_hand():
    # stem 3*5*9; block 0: 5*3*9 and 3*5*9; block 1: 5*4*9, 4*7*9 and the 1 x 1 5*7
    weights = [135, 135, 135, 180, 252, 35]
    filters = [5, 3, 5, 4, 7, 7]
    assert ODD.parameters() == sum(weights) + 2 * sum(filters) + 7 * 6 + 6
    assert ODD.macs() == 1024 * sum(weights[:3]) + 256 * sum(weights[3:]) + 7 * 6


def test_macs_agree_with_torch():
    torch = pytest.importorskip("torch")
    from torch.utils.flop_counter import FlopCounterMode

    from ece662.pruning.torch_net import build

    net, counter = build(ODD).eval(), FlopCounterMode(display=False)
    with counter:
        net(torch.zeros(2, 3, 32, 32))
    assert counter.get_total_flops() == 2 * 2 * ODD.macs()  # 2 pictures, * and +
    assert sum(p.numel() for p in net.parameters()) == ODD.parameters()


def test_json_and_back():
    assert Architecture.from_json(residual(8).to_json()) == residual(8)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"stem": 0}, "from 1 to 4096"),
        ({"stem": 10**9}, "from 1 to 4096"),
        ({"stem": "8"}, "expected"),
        ({"blocks": [{"inner": 3}]}, "an architecture with"),
        ({"blocks": 3}, "an architecture with"),
        ({"blocks": [{"inner": 3, "out": 4, "stride": 1, "project": False}]}, "out 5"),
        ({"blocks": [{"inner": 3, "out": 5, "stride": 3, "project": True}]}, "stride"),
    ],
)
def test_from_json_says_what_does_not_fit(change, said):
    with pytest.raises(ValueError, match=said):
        Architecture.from_json(ODD.to_json() | change)


def test_from_json_without_classes():
    with pytest.raises(ValueError, match="num_classes"):
        Architecture.from_json({"stem": 8, "blocks": []})
