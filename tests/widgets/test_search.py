"""Hyperparameter search: guesses in range, workers that end, trials that stay."""

import threading
import warnings
from dataclasses import asdict, replace

import numpy as np
import pytest

from ece662 import optim
from ece662.widgets import hyperparameter_search
from ece662.widgets._search import (
    DaskCluster,
    LocalCores,
    OptunaGuesses,
    RandomGuesses,
    Ranges,
    Search,
    Trial,
    read_trials,
    try_settings,
)
from ece662.widgets._settings import Settings
from ece662.widgets.search import SearchDashboard, describe, draw_search
from tests.limits import wait_until

BASE = Settings(net="2 layers", pictures=100, epochs=1)


class Workers:
    """Workers without processes: each try gives what a function says."""

    def __init__(self, judge, count=2):
        self.judge, self.count = judge, count
        self.tried, self.closed = [], False

    def submit(self, settings, done):
        self.tried.append(settings)
        threading.Timer(0.001, lambda: done(self.judge(settings))).start()

    def close(self):
        self.closed = True


def near_a_thousandth(settings):
    """The best learning rate is 1e-3, the best keep probability 0.8."""
    away = abs(np.log10(settings.learning_rate) + 3) / 4 + abs(settings.dropout - 0.8)
    return max(0.0, 1 - away), 0.01, ""


def searched(search, judge=near_a_thousandth):
    workers = Workers(judge)
    search.run(lambda: workers, lambda: None)
    return workers


@pytest.fixture(autouse=True)
def _stop_searches(monkeypatch):
    monkeypatch.setattr(SearchDashboard, "_latest", None)
    yield
    if SearchDashboard._latest is not None:
        SearchDashboard._latest.stop()
    assert not [t for t in threading.enumerate() if t.name == "ece662 search"]


def inside(values, ranges):
    return all(
        among[0] <= values[name] <= among[1]
        if isinstance(among[0], float)
        else values[name] in among
        for name, among in asdict(ranges).items()
    )


@pytest.mark.parametrize("guesses", [RandomGuesses, OptunaGuesses])
def test_guesses_lie_in_the_ranges(guesses):
    if guesses is OptunaGuesses:
        pytest.importorskip("optuna")
    ranges = Ranges(learning_rate=(1e-3, 1e-2), normalization=("layernorm",))
    sampler = guesses(ranges, [], seed=1)
    for _ in range(20):
        values = sampler.ask()
        assert inside(values, ranges)
        assert Settings(**values)
        sampler.tell(values, 0.5)


def test_random_guesses_are_even_in_powers_of_ten():
    sampler = RandomGuesses(Ranges(learning_rate=(1e-5, 1e-1)), [], seed=0)
    rates = [sampler.ask()["learning_rate"] for _ in range(400)]
    assert 0.4 < np.mean(np.array(rates) < 1e-3) < 0.6


def test_random_guesses_go_on_with_others():
    known = [Trial(1, BASE, 0.5, 1.0)]
    first = RandomGuesses(Ranges(), [], seed=0).ask()
    assert RandomGuesses(Ranges(), [], seed=0).ask() == first
    assert RandomGuesses(Ranges(), known, seed=0).ask() != first


def test_optuna_learns_where_to_look():
    pytest.importorskip("optuna")
    search = Search(BASE, Ranges(), 40, "optuna")
    searched(search)
    gone = [abs(np.log10(t.settings.learning_rate) + 3) for t in search.trials]
    assert np.mean(gone[-15:]) < np.mean(gone[:8])


def test_optuna_takes_over_earlier_trials():
    pytest.importorskip("optuna")
    outside = replace(BASE, learning_rate=0.9, reg=1e-3)
    known = [
        Trial(1, replace(BASE, rule="adam", reg=1e-3), 0.5, 1.0),
        Trial(2, outside, 0.6, 1.0),
        Trial(3, replace(BASE, rule="adam", reg=1e-3), None, 1.0, "failed"),
    ]
    assert len(OptunaGuesses(Ranges(), known, seed=0)._study.trials) == 1


def test_search_tries_as_many_as_asked():
    search = Search(BASE, Ranges(), 7)
    workers = searched(search)
    assert search.status == "finished"
    assert len(search.trials) == len(workers.tried) == 7
    assert workers.closed
    assert [trial.number for trial in search.trials] == list(range(1, 8))
    assert search.best.accuracy == max(t.accuracy for t in search.trials)
    assert all(t.settings.pictures == 100 for t in search.trials)


def test_search_stops_and_goes_on_from_its_file(tmp_path):
    path = tmp_path / "new folder" / "search.jsonl"
    search = Search(BASE, Ranges(), 50, path=path)

    def stop_at_five():
        if len(search.trials) == 5:
            search.stop()

    search.run(lambda: Workers(near_a_thousandth), stop_at_five)
    assert search.status == "stopped"
    assert read_trials(path) == search.trials
    assert len(search.trials) == 5

    again = Search(BASE, Ranges(), 8, path=path)
    workers = searched(again)
    assert len(workers.tried) == 3
    assert again.trials[:5] == search.trials
    assert len({t.settings for t in again.trials}) == 8


def test_read_trials_skips_a_line_cut_off(tmp_path):
    path = tmp_path / "search.jsonl"
    search = Search(BASE, Ranges(), 2, path=path)
    searched(search)
    with open(path, "a", encoding="utf-8") as file:
        file.write('{"number": 3, "settings": {"net"')
    assert read_trials(path) == search.trials


def test_search_failed_workers_are_said():
    search = Search(BASE, Ranges(), 3)
    searched(search, lambda settings: OSError("the line is dead"))
    assert search.status == "failed"
    assert "OSError: the line is dead" in describe(search)


def test_search_a_failed_trial_does_not_end_it():
    def judge(settings):
        return (None, 0.1, "boom") if settings.rule == "adam" else (0.4, 0.1, "")

    search = Search(BASE, Ranges(), 12)
    searched(search, judge)
    assert search.status == "finished"
    assert "failed; the last: boom" in describe(search)
    assert search.best.settings.rule == "sgd_momentum"


def test_try_settings_is_a_training_run(data):
    accuracy, seconds, error = try_settings(replace(BASE, rule="adam"), data)
    assert 0 < accuracy <= 1
    assert seconds > 0
    assert error == ""


def test_try_settings_diverging_or_unwritten(data, monkeypatch):
    with warnings.catch_warnings():
        wild = replace(BASE, learning_rate=1e9, weight_scale=10.0)
        assert try_settings(wild, data)[2] == ""

        def unwritten(w, dw, config=None):
            raise NotImplementedError

        monkeypatch.setattr(optim, "adam", unwritten)
        accuracy, _, error = try_settings(replace(BASE, rule="adam"), data)
    assert accuracy is None
    assert error.startswith("Not written yet")


def test_local_cores_try_and_end(data):
    search = Search(BASE, Ranges(), 3)
    search.run(lambda: LocalCores(data, 1), lambda: None)
    assert [trial.error for trial in search.trials] == [""] * 3
    settings = search.trials[0].settings
    assert search.trials[0].accuracy == try_settings(settings, data)[0]


def test_local_cores_are_ended_in_the_midst(data):
    workers = LocalCores(data, 1)
    processes = list(workers._pool._pool)
    results = []
    workers.submit(replace(BASE, epochs=1_000_000), results.append)
    workers.close()
    assert results == []
    assert not any(process.is_alive() for process in processes)


@pytest.mark.filterwarnings("ignore")  # distributed's own, and of its threads
def test_dask_cluster_tries(data):
    distributed = pytest.importorskip("distributed")
    options = {"processes": False, "n_workers": 1, "threads_per_worker": 2}
    with (
        distributed.LocalCluster(**options, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        search = Search(BASE, Ranges(), 3)
        search.run(lambda: DaskCluster(data, client), lambda: None)
    assert search.status == "finished", search.error
    assert all(trial.accuracy for trial in search.trials)


def test_dashboard_searches_and_shows(data, pictures, monkeypatch):
    board = hyperparameter_search(data, trials=6, net="2 layers")
    before = pictures(board)
    monkeypatch.setattr(board, "_make_workers", lambda: Workers(near_a_thousandth))
    board.run()
    assert "6 of 6 trials, finished. Best validation accuracy" in board.text
    assert all((a != b).any() for a, b in zip(before, pictures(board), strict=True))
    assert "is the best so far" in board.code.value
    board.set(trials=8)
    board.run()
    assert len(board.search.trials) == 8


def test_dashboard_ranges_are_those_of_the_dials(data, monkeypatch):
    board = hyperparameter_search(
        data,
        trials=10,
        learning_rate=(-3.0, -2.5),
        dropout=(0.6, 0.7),
        rules=("rmsprop",),
        normalizations=("layernorm",),
    )
    monkeypatch.setattr(board, "_make_workers", lambda: Workers(near_a_thousandth))
    board.run()
    for settings in (trial.settings for trial in board.search.trials):
        assert 1e-3 <= settings.learning_rate <= 10**-2.5
        assert 0.6 <= settings.dropout <= 0.7
        assert (settings.rule, settings.normalization) == ("rmsprop", "layernorm")


def test_dashboard_stops_in_the_background(data, monkeypatch):
    board = hyperparameter_search(data, trials=200)
    monkeypatch.setattr(board, "_make_workers", lambda: Workers(near_a_thousandth))
    board.buttons["start"].click()
    wait_until(lambda: len(board.search.trials) >= 3, "a third trial")
    board.buttons["stop"].click()
    assert board.search.status == "stopped"
    assert not board.search.running
    assert not board.buttons["start"].disabled


def test_second_dashboard_stops_the_first(data, monkeypatch):
    board = hyperparameter_search(data, trials=200)
    monkeypatch.setattr(board, "_make_workers", lambda: Workers(near_a_thousandth))
    board.start()
    hyperparameter_search(data)
    assert not board.search.running


@pytest.mark.parametrize("count", [0, 1, 5])
def test_draw_search_any_number_of_trials(count):
    rng = np.random.default_rng(0)
    trials = [
        Trial(i, replace(BASE, learning_rate=10 ** rng.uniform(-4, -1)), 0.1 * i, 1.0)
        for i in range(count)
    ]
    lines, progress = (figure.axes[0] for figure in draw_search(trials))
    drawn = lines.collections[0].get_segments() if count else []
    assert len(drawn) == count
    low, high = progress.get_xlim()
    ticks = [tick for tick in progress.get_xticks() if low <= tick <= high]
    assert all(tick == int(tick) for tick in ticks)
    assert len(ticks) <= 6
    if count > 1:
        assert drawn[-1][-1][1] == 1.0  # the best is drawn last, on top
        shown = progress.lines[0].get_ydata()
        assert np.allclose(shown, [10.0 * i for i in range(count)])
