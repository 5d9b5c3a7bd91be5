"""The harness: separate processes, asked in turn, on a given number of threads."""

import importlib.util
from pathlib import Path

import pytest

from benchmarks import memory, training_step
from benchmarks.harness import (
    Comparison,
    Contestant,
    Spread,
    Worker,
    check_threads,
    compare,
    describe_machine,
    markdown_table,
    print_report,
    replace_block,
)
from benchmarks.worker import LINUX_STATUS
from ece662._computer import cores

TINY = {
    "hidden_dims": [5, 4],
    "update_rule": "adam",
    "batch_size": 3,
    "image_shape": [2, 3, 3],
    "num_train": 10,
}
STEP = "benchmarks.ece662_nets:training_step"
QUICK = {"threads": 1, "rounds": 3, "seconds_per_turn": 0.01}

needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="torch is not installed"
)
needs_linux = pytest.mark.skipif(
    not LINUX_STATUS.exists(), reason=f"there is no {LINUX_STATUS}"
)


def test_compare_times_every_contestant_once_a_round():
    other = TINY | {"normalization": "batchnorm", "dropout": 0.5}
    result = compare(
        [Contestant("plain", STEP, TINY), Contestant("normalised", STEP, other)],
        **QUICK,
    )
    assert {name: len(times) for name, times in result.seconds.items()} == {
        "plain": 3,
        "normalised": 3,
    }
    assert all(seconds > 0 for times in result.seconds.values() for seconds in times)


def test_compare_refuses_zero_rounds():
    with pytest.raises(ValueError, match="rounds and threads >= 1, got 0 and 1"):
        compare([Contestant("plain", STEP, TINY)], threads=1, rounds=0)


@pytest.mark.parametrize("threads", range(1, min(2, cores()) + 1))
def test_worker_runs_on_the_threads_it_was_given(threads):
    with Worker(Contestant("plain", STEP, TINY), threads) as worker:
        description = worker.ask("describe")
    assert {pool["num_threads"] for pool in description["pools"]} <= {threads}
    assert description["versions"].keys() == {"numpy"}  # torch stays out of it


def test_check_threads_names_the_library_that_uses_more():
    pools = [{"num_threads": 1}, {"num_threads": 4}]
    with pytest.raises(RuntimeError, match=r"ours was asked .* 1 threads .* \[1, 4\]"):
        check_threads({"ours": {"pools": pools}}, threads=1)


def test_worker_reports_a_failure_with_its_traceback_and_goes_on():
    with Worker(Contestant("plain", STEP, TINY), threads=1) as worker:
        with pytest.raises(
            RuntimeError, match=r"plain failed at 'run'[\s\S]*TypeError"
        ):
            worker.ask("run", steps="three")
        assert worker.ask("run", steps=1) > 0


def test_worker_that_cannot_build_leaves_no_process_behind():
    worker = Worker(Contestant("absent", "benchmarks.absent:step"), threads=1)
    with pytest.raises(RuntimeError, match=r"No module named .benchmarks"):
        worker.__enter__()
    assert worker.process.returncode is not None


def test_worker_that_died_is_reported():
    with Worker(Contestant("plain", STEP, TINY), threads=1) as worker:
        worker.process.kill()
        worker.process.wait()
        with pytest.raises(RuntimeError, match=r"plain failed[^.]*process has ended"):
            worker.ask("run", steps=1)


def test_worker_refuses_to_time_a_step_that_warns():
    diverges = TINY | {"learning_rate": 1e30, "update_rule": "sgd"}
    with (
        Worker(Contestant("wild", STEP, diverges), threads=1) as worker,
        pytest.raises(RuntimeError, match="Warning"),
    ):
        worker.ask("run", steps=20)


@pytest.mark.slow
@needs_torch
def test_training_step_prints_a_row_for_each_net():
    net = training_step.Net("tiny net", TINY | {"normalization": "layernorm"})
    text = training_step.report([net], [1], rounds=2, seconds_per_turn=0.01)
    heading, rule, row = [line for line in text.splitlines() if line.startswith("|")]
    assert heading.count("|") == rule.count("|") == row.count("|")
    assert row.startswith("| tiny net | 1 | ")
    assert "torch 2." in text
    assert "kernels" in text


@pytest.mark.parametrize("benchmark", [training_step, memory])
def test_write_complains_before_the_measuring(benchmark, tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, "report", lambda *args: pytest.fail("measured"))
    page = tmp_path / "README.md"
    page.write_text("no marks here")
    with pytest.raises(ValueError, match="found them 0 and 0 times"):
        benchmark.main(["--write", str(page)])


@needs_linux
def test_memory_counts_from_the_imports_to_the_peak():
    # The weights are drawn in float64, scaled and then cast: of all that, only half
    # the float64 array's size stays.
    wide = TINY | {"hidden_dims": [100_000, 4]}
    drawn = 8 * 18 * 100_000
    with Worker(Contestant("wide", STEP, wide), threads=1) as worker:
        assert 1.4 * drawn < worker.ask("memory") < 4 * drawn
    with Worker(Contestant("tiny", STEP, TINY), threads=1) as worker:
        assert worker.ask("memory") < 0.5 * drawn  # NumPy itself takes more


@pytest.mark.slow
@needs_torch
@needs_linux
def test_memory_prints_a_row_for_each_net():
    sides = training_step.contestants(training_step.Net("tiny net", TINY))
    heading, rule, row = memory.report({"tiny net": sides}).split("\n")
    assert heading.count("|") == rule.count("|") == row.count("|")
    assert row.startswith("| tiny net | ")


def test_speedup_is_the_median_of_the_rounds_ratios():
    # The machine became slower from round to round; the ratio within a round is 2 or 3.
    result = Comparison({"ours": [1.0, 2.0, 4.0], "theirs": [2.0, 6.0, 8.0]}, {})
    assert result.speedup("ours", over="theirs").median == 2.0
    assert result.speedup("theirs", over="ours").median == 0.5
    assert result.rate("ours").median == 0.5


def test_spread_shows_the_quartiles():
    assert f"{Spread.of([1, 2, 3, 4, 5]):.1f}" == "3.0 (2.0 to 4.0)"
    assert f"{Spread.of([7]):.0f}" == "7 (7 to 7)"


def test_describe_machine_shows_settings_that_slow_numpy(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    pool = {"internal_api": "openblas", "version": "0.3", "architecture": "Prescott"}
    seen = {"python": "3.12.0", "versions": {"numpy": "2.4.0"}, "pools": [pool]}
    text = describe_machine({"a": seen, "b": seen})
    assert "a and b: numpy 2.4.0, openblas 0.3, Prescott kernels" in text
    assert "`OPENBLAS_CORETYPE=Prescott`" in text


def test_replace_block_changes_only_what_is_between_the_marks(tmp_path):
    page = tmp_path / "README.md"
    marked = "a\n<!-- benchmark: t -->\n{}\n<!-- end of benchmark: t -->\nz\n"
    page.write_text(marked.format("old"))
    replace_block(page, "t", markdown_table(["net", "speed"], [["tiny", "1.0"]]))
    table = "| net | speed |\n| --- | ---: |\n| tiny | 1.0 |"
    assert page.read_text() == marked.format(table)


@pytest.mark.parametrize(
    "content",
    ["", "<!-- benchmark: t -->", "<!-- end of benchmark: t --><!-- benchmark: t -->"],
)
def test_replace_block_refuses_a_page_without_its_marks(tmp_path, content):
    page = tmp_path / "README.md"
    page.write_text(content)
    with pytest.raises(ValueError, match="expected '<!-- benchmark: t -->'"):
        replace_block(page, "t", "new")
    assert page.read_text() == content


def test_print_report_writes_what_it_prints(tmp_path, capsys):
    page = tmp_path / "README.md"
    page.write_text("<!-- benchmark: t -->\n<!-- end of benchmark: t -->\n")
    print_report(lambda: "| 1 |", page, "t")
    assert capsys.readouterr().out == "| 1 |\n"
    assert "\n| 1 |\n" in page.read_text()
    print_report(lambda: "| 2 |")
    assert capsys.readouterr().out == "| 2 |\n"
    assert "2" not in page.read_text()


@pytest.mark.parametrize("side", ["ece662_nets", "ece662_layers"])
def test_ece662_is_imported_before_numpy_which_reads_what_it_sets(side):
    source = (Path(training_step.__file__).parent / f"{side}.py").read_text("utf-8")
    assert source.index("\nimport ece662") < source.index("\nimport numpy")
