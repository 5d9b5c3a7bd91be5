"""The table of lessons: its rows, its verdict, and the convolutional nets behind it."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import synthetic_lessons
from benchmarks.synthetic_lessons import Row, fit, main, report, rule
from ece662.classifiers.fc_net import TwoLayerNet

GOOD = Row("a net", 80.0, 57.26, "val 40 to 70", True)
BAD = Row("another", 20.0, 16.7, "val 40 to 70", False)


@pytest.fixture
def tiny():
    """Six images of each class, which are plain and easy to tell apart."""
    y = np.tile(np.arange(6), 6)
    X = np.zeros((36, 3, 32, 32), np.float32)
    X[np.arange(36), :, y * 5] = 50.0
    return {
        f"{name}_{s}": v
        for s in ("train", "val")
        for name, v in zip("Xy", (X, y), strict=True)
    }


def test_report_shows_figures_and_verdicts():
    lines = report([GOOD, BAD, Row("to compare with", 1, 2)]).splitlines()
    assert lines[2] == "| a net | 80.0 | 57.3 | val 40 to 70 | yes |"
    assert lines[3] == "| another | 20.0 | 16.7 | val 40 to 70 | NO |"
    assert lines[4] == "| to compare with | 1.0 | 2.0 |  |  |"


@pytest.mark.parametrize(("rows", "code"), [([GOOD], 0), ([GOOD, BAD], 1)])
def test_main_fails_where_a_lesson_does_not_hold(rows, code, monkeypatch, capsys):
    monkeypatch.setattr(synthetic_lessons, "get_CINIC10_data", lambda source: {})
    monkeypatch.setattr(synthetic_lessons, "LESSONS", (lambda data: rows,))
    assert main([]) == code
    assert report(rows) in capsys.readouterr().out


def test_main_writes_the_table(tmp_path, monkeypatch, capsys):
    page = tmp_path / "page.md"
    mark = "benchmark: synthetic lessons -->"
    page.write_text(f"above\n<!-- {mark}\nold\n<!-- end of {mark}\nbelow\n")
    monkeypatch.setattr(synthetic_lessons, "get_CINIC10_data", lambda source: {})
    monkeypatch.setattr(synthetic_lessons, "LESSONS", (lambda data: [GOOD],))
    main(["--write", str(page)])
    assert page.read_text() == (
        f"above\n<!-- {mark}\n{report([GOOD])}\n<!-- end of {mark}\nbelow\n"
    )


def test_page_shows_every_lesson_holding():
    page = Path(__file__).parents[2] / "docs" / "data.md"
    text = page.read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.endswith(("yes |", "NO |"))]
    assert len(rows) == 13
    assert all(row.endswith("yes |") for row in rows)


def test_fit_returns_per_cent_of_the_last_epoch(tiny):
    def build():
        return TwoLayerNet(num_classes=6, dtype=np.float32)

    train, val = fit(build, tiny, batch_size=6, num_epochs=20, **rule("sgd", 1e-2))
    assert train == val == 100


def test_prune_zeroes_the_smallest_weights_of_all_layers():
    torch = pytest.importorskip("torch")
    from benchmarks.synthetic_convnets import deep_net, prune

    net = deep_net(width=2)
    before = [p.detach().clone() for p in net.parameters()]
    pruned = list(prune(net, 0.5).parameters())
    kept = [p for p in pruned if p.dim() > 1]
    sizes = torch.cat([w.abs().flatten() for w in before if w.dim() > 1])
    zeros = sum(int((w == 0).sum()) for w in kept)
    assert zeros == round(0.5 * len(sizes))
    left = torch.cat([w[w != 0].abs().flatten() for w in kept])
    assert left.min() > sizes.median()
    assert all(torch.equal(p, q) for p, q in zip(before, net.parameters(), strict=True))


def test_epochs_yields_accuracies_of_both_splits(tiny):
    pytest.importorskip("torch")
    from benchmarks.synthetic_convnets import deep_net, epochs

    settings = {"batch_size": 6, "learning_rate": 1e-2, "decay": 0.9}
    found = list(epochs(deep_net(width=2), tiny, 8, **settings))
    assert len(found) == 8
    train, val = found[-1]
    assert train == val > 90
