"""Optimiser race: the four update rules on surfaces that one can see.

Two parameters instead of millions, the same rules: those of `ece662.optim`, the
student's own, looked up at each drawing.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import ipywidgets as widgets
import numpy as np

from ece662 import optim
from ece662.figures.moving import show_moving
from ece662.figures.style import COLOURS, MARKERS
from ece662.live.limit import EndlessError, patience, time_limit
from ece662.widgets._base import (
    Dashboard,
    Drawing,
    choice,
    log_axis,
    log_slider,
    panel,
    slider,
)
from ece662.widgets._errors import describe_error, finished

__all__ = [
    "RULES",
    "SURFACES",
    "Surface",
    "optimiser_race",
    "run_race",
    "show_race",
]

RULES = ("sgd", "sgd_momentum", "rmsprop", "adam")
STYLES = ("-", "--", "-.", ":")
STEPS = 150
PAUSE = 0.15  # seconds between two pictures of the animation
SECONDS = 4  # that a rule may take: all four have 20


class Surface(NamedTuple):
    """A function of two parameters, with what it takes to walk down and to draw it."""

    height: Callable
    slope: Callable  # the gradient, as a pair
    start: tuple[float, float]
    lowest: tuple[float, float]
    window: tuple[float, float, float, float]  # left, right, bottom, top


SURFACES = {
    "long valley": Surface(
        lambda x, y: 0.05 * x**2 + y**2,
        lambda x, y: (0.1 * x, 2 * y),
        (-8.0, 1.6),
        (0.0, 0.0),
        (-10, 6, -2.6, 2.6),
    ),
    "tilted valley": Surface(
        lambda x, y: 0.05 * (x + y) ** 2 + (x - y) ** 2,
        lambda x, y: (
            0.1 * (x + y) + 2 * (x - y),
            0.1 * (x + y) - 2 * (x - y),
        ),
        (-4.0, -2.6),
        (0.0, 0.0),
        (-5, 3, -4, 3),
    ),
    "round bowl": Surface(
        lambda x, y: 0.5 * (x**2 + y**2),
        lambda x, y: (x, y),
        (-3.0, 2.0),
        (0.0, 0.0),
        (-4, 3, -3, 3),
    ),
    "banana (Rosenbrock)": Surface(
        lambda x, y: 0.1 * (1 - x) ** 2 + (y - x**2) ** 2,
        lambda x, y: (
            -0.2 * (1 - x) - 4 * x * (y - x**2),
            2 * (y - x**2),
        ),
        (-1.4, 1.0),
        (1.0, 1.0),
        (-2, 2, -1.2, 2.6),
    ),
    "saddle": Surface(
        lambda x, y: 0.5 * x**2 - 0.5 * y**2 + 0.05 * y**4,
        lambda x, y: (x, -y + 0.2 * y**3),
        (-3.0, 0.01),
        (0.0, np.sqrt(5)),
        (-4, 2, -4, 4),
    ),
    "two dips": Surface(
        lambda x, y: 0.05 * x**4 - 0.5 * x**2 + 0.2 * x + 0.5 * y**2 + 1.75,
        lambda x, y: (0.2 * x**3 - x + 0.2, y),
        (3.6, 1.5),
        (-2.33006, 0.0),
        (-4, 4.4, -2.5, 2.5),
    ),
}


def run_race(surface: Surface, settings: dict, steps: int = STEPS) -> dict:
    """Let every rule walk down a surface from the same point.

    Args:
        surface: what to walk on.
        settings: "learning_rate", "momentum", "decay_rate", "beta1", "beta2".
        steps: of each rule.

    Returns:
        For each rule its path, (steps + 1, 2), which ends early where it flies off to
        infinity; or the exception that the rule raised.
    """
    paths = {}
    for name in RULES:
        try:
            with time_limit(SECONDS * patience()):
                paths[name] = _walk(name, surface, settings, steps)
        except (Exception, EndlessError) as error:  # whatever the student's rule does
            paths[name] = error
    return paths


def _walk(name, surface, settings, steps):
    rule, config = getattr(optim, name), dict(settings)
    place = np.array(surface.start, dtype=float)
    path = [place]
    for _ in range(steps):
        slope = np.array(surface.slope(*place))
        place, config = finished(name, rule(place, slope, config))
        if not np.all(np.abs(place) < 1e6):
            break
        path.append(np.array(place))
    return np.array(path)


def optimiser_race(**start) -> Dashboard:
    """Let sgd, momentum, RMSProp and Adam race down a surface.

    Args:
        **start: the dials' first values: `surface` (of SURFACES), `rate`, `momentum`,
            `decay`, `beta1`, `beta2`, `steps`.
    """
    steps = slider("steps", 1, STEPS, STEPS)
    play = widgets.Play(min=1, max=STEPS, value=STEPS, step=3, interval=250)
    widgets.jslink((play, "value"), (steps, "value"))
    dials = {
        "surface": choice("surface", list(SURFACES)),
        "rate": log_slider("learning rate", 1e-3, 10, 0.3),
        "momentum": slider("momentum", 0.0, 0.99, 0.9, step=0.01),
        "decay": slider("RMSProp decay", 0.5, 0.999, 0.99, step=0.001),
        "beta1": slider("Adam beta1", 0.0, 0.99, 0.9, step=0.01),
        "beta2": slider("Adam beta2", 0.5, 0.999, 0.999, step=0.001),
        "steps": steps,
    }
    for name in ("decay", "beta2"):
        dials[name].readout_format = ".3f"
    return Dashboard("Optimiser race", dials, draw_race, start, extra=[play])


def draw_race(surface, rate, momentum, decay, beta1, beta2, steps) -> Drawing:
    """Draw the paths on the surface's contour lines, and the height at each step."""
    land = SURFACES[surface]
    settings = {"learning_rate": rate, "momentum": momentum, "decay_rate": decay}
    paths = run_race(land, {**settings, "beta1": beta1, "beta2": beta2}, steps)
    lowest = land.height(*land.lowest)
    map_figure, map_ax = panel(surface, 6.2, 4.2, xlabel="w₁", ylabel="w₂")
    _draw_land(map_ax, land)
    line_figure, line_ax = panel(
        "Height above the lowest point", 4.8, 4.2, xlabel="step", ylabel="height"
    )
    said = []
    for name, colour, style, marker in zip(
        RULES, COLOURS, STYLES, MARKERS, strict=False
    ):
        path = paths[name]
        if isinstance(path, BaseException):
            said.append(f"{name}: {describe_error(path)}")
            continue
        heights = land.height(*path.T) - lowest
        look = {"color": colour, "marker": marker, "markersize": 5}
        look["markevery"] = max(1, len(path) // 8)
        map_ax.plot(*path.T, style, label=name, **look)
        map_ax.plot(*path[-1], marker, color=colour, markersize=11, mec="white")
        line_ax.plot(np.maximum(heights, 1e-8), style, label=name, **look)
        off = len(path) <= steps
        said.append(f"{name} {'flew off' if off else f'{heights[-1]:.2g}'}")
    log_axis(line_ax.yaxis, 5e-9, 1e3)
    line_ax.set_xlim(0, max(steps, 5))
    if line_ax.lines:
        line_ax.legend(loc="best")
    text = f"Height above the lowest point after {steps} steps: " + ", ".join(said)
    return Drawing((map_figure, line_figure), text)


def show_race(surface: str, rates: Mapping[str, float], steps: int = 60) -> None:
    """Show the race as an animation.

    Args:
        surface: one of SURFACES.
        rates: for each rule that takes part its learning rate.
        steps: of each rule, an even number: every second one is drawn.

    Raises:
        Exception: what a rule of the student's raises.
    """
    land, paths = SURFACES[surface], {}
    for name, rate in rates.items():
        with time_limit(SECONDS * patience()):
            paths[name] = _walk(name, land, {"learning_rate": rate}, steps)
    heights = {name: land.height(*path[-1]) for name, path in paths.items()}
    lowest = land.height(*land.lowest)
    ends = ", ".join(f"{name} {heights[name] - lowest:.2g}" for name in paths)
    text = (
        f"{surface}, seen from above: {len(paths)} rules walk down from the same "
        f"point. Height above the lowest point after {steps} steps: {ends}."
    )
    show_moving(_step_by_step(surface, paths, steps), text, PAUSE)


def _step_by_step(surface, paths, steps):
    """Yield one figure, again and again, each time with longer paths."""
    figure, ax = panel(surface, 7.2, 4.2, xlabel="w₁", ylabel="w₂")
    _draw_land(ax, SURFACES[surface])
    looks = zip(paths.items(), COLOURS, STYLES, MARKERS, strict=False)
    drawn = []
    for (name, path), colour, style, marker in looks:
        (line,) = ax.plot([], [], style, color=colour)
        (head,) = ax.plot([], [], marker, color=colour, ms=10, mec="white", label=name)
        drawn.append((path, line, head))
    ax.legend(loc="upper right", fontsize=10, ncols=2)
    for step in range(0, steps + 1, 2):
        for path, line, head in drawn:
            line.set_data(*path[: step + 1].T)
            head.set_data(*path[: step + 1][-1:].T)
        ax.set_title(f"{surface}, step {step}")
        yield figure


def _draw_land(ax, land):
    left, right, bottom, top = land.window
    x, y = np.meshgrid(np.linspace(left, right, 100), np.linspace(bottom, top, 80))
    height = np.sqrt(land.height(x, y) - land.height(*land.lowest) + 1e-12)
    ax.contourf(x, y, height, levels=14, cmap="Greys", alpha=0.5)
    ax.plot(*land.lowest, "*", color="black", markersize=16, label="lowest point")
    ax.plot(*land.start, "o", color="black", markersize=8, mfc="white", label="start")
    ax.set(xlim=(left, right), ylim=(bottom, top))
    ax.grid(False)
    ax.legend(loc="upper right", fontsize=10)
