"""What the notebooks lean on: lines that say what came and what was expected."""

import subprocess
import sys
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ece662 import notebook
from tests.limits import WAIT


def test_report_error_good(capsys):
    notebook.report_error("dx", np.array([1.0]), np.array([1.0 + 4e-10]))
    assert capsys.readouterr().out == "dx error 2e-10, expected below 1e-8\n"


def test_report_error_exact_and_bound_of_ones_own(capsys):
    notebook.report_error("dx", np.ones(2), np.ones(2), below=1e-6)
    assert capsys.readouterr().out == "dx error 0, expected below 1e-6\n"


@pytest.mark.parametrize(
    ("got", "shown"), [(3.0, "0.5"), (-1.0, "1"), (1.002, "1e-3"), (np.nan, "nan")]
)
def test_report_error_bad(capsys, got, shown):
    notebook.report_error("dx", np.array([got]), np.array([1.0]))
    expected = f"dx error {shown}, expected below 1e-8  <- look again\n"
    assert capsys.readouterr().out == expected


def test_report_error_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match="differ in shape"):
        notebook.report_error("db", np.ones((1, 3)), np.ones(3))


def test_report_value(capsys):
    notebook.report_value("loss", 2.30, 2.3 + 1e-9)
    notebook.report_value("loss", 2.30, 2.31)
    assert capsys.readouterr().out == (
        "loss 2.30000000, expected 2.30000000\n"
        "loss 2.30000000, expected 2.31000000  <- look again\n"
    )


def test_report_accuracy(capsys):
    notebook.report_accuracy("validation", 0.583, at_least=0.4)
    notebook.report_accuracy("validation", 0.2, at_least=0.4)
    assert capsys.readouterr().out == (
        "validation accuracy 58.3%, expected at least 40%\n"
        "validation accuracy 20.0%, expected at least 40%  <- look again\n"
    )


def test_compare_losses_prints_some_steps_and_judges_all(capsys):
    notebook.compare_losses(
        {"NumPy": [2.0, 1.0, 0.5, 0.25], "torch": [2.0, 1.0, 0.5, 0.26]}
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["step", "NumPy", "torch"]
    assert [line.split()[0] for line in lines[1:4]] == ["1", "2", "4"]
    assert lines[3].split()[1:] == ["0.250000", "0.260000"]
    assert lines[4].startswith("torch against NumPy: error 0.02, expected below 1e-4")
    assert lines[4].endswith("look again")


def test_get_ready_sets_the_style_and_says_what_holds(capsys):
    with plt.rc_context():
        notebook.get_ready()
        assert plt.rcParams["axes.titlelocation"] == "left"
    assert "An edited file" in capsys.readouterr().out


def test_get_ready_leaves_what_takes_long_to_the_cell_that_needs_it():
    code = """if True:
        import sys
        from ece662.notebook import get_ready
        get_ready()
        print(*{"matplotlib.pyplot", "IPython", "ipywidgets", "torch"} & {*sys.modules})
    """
    command = [sys.executable, "-c", code]
    said = subprocess.check_output(command, text=True, timeout=WAIT)
    assert said.splitlines()[-1] == ""


@pytest.mark.parametrize(("wanted", "expected"), [("1", True), ("0", False)])
def test_full_size_as_the_environment_says(monkeypatch, wanted, expected):
    monkeypatch.setenv("ECE662_FULL", wanted)
    assert notebook.full_size() is expected


@pytest.mark.parametrize(
    ("kind", "expected"), [("cinic10", True), ("synthetic", False)]
)
def test_full_size_on_real_images_only(monkeypatch, kind, expected):
    served = SimpleNamespace(meta={"source": {"kind": kind}})
    monkeypatch.setattr(notebook, "find_data_set", lambda: served)
    monkeypatch.delenv("ECE662_FULL", raising=False)
    assert notebook.full_size() is expected
