"""Optimiser race: the surfaces' gradients, the rules' paths, and what is shown."""

import numpy as np
import pytest

from ece662 import optim
from ece662.gradient_check import eval_numerical_gradient, rel_error
from ece662.widgets import optimiser_race, race
from ece662.widgets.race import RULES, SURFACES, run_race, show_race

SETTINGS = {
    "learning_rate": 0.1,
    "momentum": 0.9,
    "decay_rate": 0.99,
    "beta1": 0.9,
    "beta2": 0.999,
}


@pytest.mark.parametrize("name", SURFACES)
def test_surface_slope_is_that_of_its_height(name):
    surface = SURFACES[name]
    for place in ([0.3, -0.7], [-1.1, 0.4]):
        point = np.array(place)
        numerical = eval_numerical_gradient(
            lambda w, s=surface: s.height(*w), point, verbose=False
        )
        assert rel_error(np.array(surface.slope(*point)), numerical) < 1e-7


@pytest.mark.parametrize("name", SURFACES)
def test_surface_has_its_lowest_point_there(name):
    surface = SURFACES[name]
    left, right, bottom, top = surface.window
    x, y = np.meshgrid(np.linspace(left, right, 301), np.linspace(bottom, top, 301))
    lowest = surface.height(*surface.lowest)
    assert surface.height(x, y).min() >= lowest - 1e-9
    assert np.allclose(surface.slope(*surface.lowest), 0, atol=1e-4)


def test_run_race_is_the_rules_of_optim():
    surface = SURFACES["long valley"]
    paths = run_race(surface, SETTINGS, steps=3)
    w, config = np.array(surface.start), dict(SETTINGS)
    for step in range(3):
        w, config = optim.adam(w, np.array(surface.slope(*w)), config)
        assert np.array_equal(paths["adam"][step + 1], w)
    assert paths.keys() == set(RULES)


def test_run_race_stops_a_path_that_flies_off():
    settings = {**SETTINGS, "learning_rate": 10.0}
    path = run_race(SURFACES["long valley"], settings)["sgd"]
    assert len(path) < 20
    assert np.isfinite(path).all()


def test_optimiser_race_runs_the_students_rule(monkeypatch, pictures):
    board = optimiser_race(surface="round bowl", rate=0.1, steps=10)
    before = pictures(board)
    monkeypatch.setattr(optim, "sgd", lambda w, dw, config: (w, config))
    board.redraw()
    assert "sgd 6.5" in board.text  # it has not moved
    changed = zip(before, pictures(board), strict=True)
    assert all((a != b).any() for a, b in changed)


def test_optimiser_race_goes_on_without_an_unwritten_rule(monkeypatch, pictures):
    def unwritten(w, dw, config):
        raise NotImplementedError

    monkeypatch.setattr(optim, "adam", unwritten)
    monkeypatch.setattr(optim, "rmsprop", lambda w, dw, config: (None, config))
    board = optimiser_race()
    assert "adam: Not written yet" in board.text
    assert "rmsprop: rmsprop returns None so far" in board.text
    assert len(pictures(board)) == 2


@pytest.mark.parametrize(
    "values",
    [
        {"surface": "saddle"},
        {"rate": 0.9},
        {"momentum": 0.5},
        {"decay": 0.6},
        {"beta1": 0.1},
        {"beta2": 0.6},
        {"steps": 7},
    ],
)
def test_optimiser_race_every_dial_changes_the_result(values, pictures):
    board = optimiser_race(rate=0.1)
    text, before = board.text, pictures(board)
    board.set(**values)
    assert board.text != text
    assert (pictures(board)[1] != before[1]).any()


def test_optimiser_race_flying_off_is_said():
    assert "sgd flew off" in optimiser_race(rate=3.0).text


def test_show_race_lets_the_paths_of_the_rules_grow(monkeypatch):
    shown = []

    def note(states, text, seconds):
        for figure in states:
            heads = {line.get_label(): line for line in figure.axes[0].lines}
            shown.append([heads[rule].get_xydata()[0] for rule in rates])
        shown.append(text)

    monkeypatch.setattr(race, "show_moving", note)
    rates = {"sgd": 0.3, "adam": 0.2}
    show_race("long valley", rates, steps=6)
    *places, text = shown
    for column, (rule, rate) in enumerate(rates.items()):
        path = run_race(SURFACES["long valley"], {"learning_rate": rate}, 6)[rule]
        assert np.array_equal([place[column] for place in places], path[::2])
    assert "2 rules" in text
    # Each step of sgd leaves 0.97 of the way along the valley: 3.2 times 0.97 ** 12.
    assert "after 6 steps: sgd 2.2, adam " in text


def test_show_race_raises_what_a_rule_raises(monkeypatch):
    def unfinished(w, dw, config=None):
        raise NotImplementedError("Need to implement adam")

    monkeypatch.setattr(optim, "adam", unfinished)
    with pytest.raises(NotImplementedError, match="adam"):
        show_race("long valley", {"sgd": 0.3, "adam": 0.2})
