"""Hyperparameter search: set the ranges, press Start, read the lines.

Each trial trains the student's network with settings drawn from the ranges on the
dials, on this computer's cores or on a Dask cluster. A line of the plot is a trial; the
darkest ones show where to look next.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import ipywidgets as widgets
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.ticker import MaxNLocator

from ece662._computer import cores as cores_of_computer
from ece662.figures.style import COLOURS
from ece662.widgets._base import (
    Dashboard,
    Drawing,
    choice,
    folded_code,
    panel,
    slider,
)
from ece662.widgets._search import (
    LINEAR,
    DaskCluster,
    LocalCores,
    Ranges,
    Search,
    Trial,
    has_optuna,
)
from ece662.widgets._settings import NETS, NORMS, Settings, nets_of, picture_counts
from ece662.widgets.race import RULES

__all__ = ["SearchDashboard", "draw_search", "hyperparameter_search"]

NAMES = {
    "learning_rate": "learning\nrate",
    "weight_scale": "weight\nscale",
    "reg": "regu-\nlarisation",
    "dropout": "keep",
    "rule": "rule",
    "normalization": "norm",
}
SHORT = {"sgd_momentum": "momen-\ntum", None: "none", "batchnorm": "batch"}
SHORT |= {"layernorm": "layer"}


def hyperparameter_search(
    data: Mapping,
    path: str | Path | None = None,
    client=None,
    framework: str = "numpy",
    **start,
) -> "SearchDashboard":
    """Search for good settings in the background.

    Args:
        data: as the Solver takes it.
        path: file to keep the trials in; a search goes on from there, another day too.
        client: a `dask.distributed.Client` to try on; None for this computer's cores.
        framework: whose layers and update rules run, as in `training_dashboard`. Each
            core first imports it, which takes some seconds.
        **start: the dials' first values: `net`, `sampler`, `trials`, `epochs`,
            `pictures`, `cores`, and the ranges, as powers of ten: `learning_rate`,
            `weight_scale`, `reg`; `dropout` (keep), `rules`, `normalizations`.
    """
    return SearchDashboard(data, path, client, framework, start)


class SearchDashboard(Dashboard):
    """Ranges to set, two buttons, and the trials as lines.

    Attributes:
        search: the Search; its `trials` are there to compute with.
    """

    _latest: "SearchDashboard | None" = None

    def __init__(self, data: Mapping, path, client, framework: str, start: Mapping):
        """Lay everything out; a search that an earlier cell began is stopped."""
        self.data, self.path, self._client = data, path, client
        self.framework, self._nets = framework, nets_of(framework)
        if SearchDashboard._latest is not None:
            SearchDashboard._latest.stop()
        SearchDashboard._latest = self
        self.buttons = {
            "start": widgets.Button(description="Start", button_style="primary"),
            "stop": widgets.Button(description="Stop", disabled=True),
        }
        self.buttons["start"].on_click(lambda _: self.start())
        self.buttons["stop"].on_click(lambda _: self.stop())
        row = widgets.Box(list(self.buttons.values()))
        self.code = widgets.HTML()
        self.search = Search(Settings(), Ranges(), 0, path=path)
        dials = _make_dials(data, client)
        super().__init__("Hyperparameter search", dials, self._draw_all, start, [row])
        self.box.children = [*self.box.children, self.code]

    def start(self) -> None:
        """Search in the background, from the trials that are there on."""
        self.stop()
        self._renew()
        self.search.start(self._make_workers, self._on_news)

    def run(self) -> None:
        """Search here and now, and return when it is done."""
        self.stop()
        self._renew()
        self.search.run(self._make_workers, self._on_news)

    def stop(self) -> None:
        """End the search; what has been found stays."""
        self.search.stop()

    def _renew(self):
        """Take over the dials; the trials stay."""
        known, values = self.search.trials, self.values
        fixed = ("net", "epochs", "pictures", "batch_size")
        self.search = Search(
            Settings(**{name: values[name] for name in fixed}),
            _ranges(values),
            values["trials"],
            values["sampler"],
            self.path,
        )
        if self.path is None:
            self.search.trials = known

    def _make_workers(self):
        count = self.values["pictures"]  # the workers get no more than they need
        part = {key: self.data[key][:count] for key in ("X_train", "y_train")}
        part |= {key: self.data[key][:] for key in ("X_val", "y_val")}
        if self._client is not None:
            return DaskCluster(part, self._client, self.framework)
        return LocalCores(part, self.values["cores"], self.framework)

    def _on_dial(self, change) -> None:
        """Leave the picture alone: it shows trials, not the dials."""

    def _draw_all(self, **values):
        return Drawing(draw_search(self.search.trials), describe(self.search))

    def _on_news(self) -> None:
        """Show what has been found; called from the search's thread."""
        running = self.search.status == "running"
        self.buttons["start"].disabled = running
        self.buttons["stop"].disabled = not running
        self.draw_now()
        best = self.search.best
        if best is not None:
            code = self._nets.as_code(best.settings, self.data)
            self.code.value = folded_code(f"Trial {best.number}", code)


def _make_dials(data, client):
    most = len(data["y_train"])
    samplers = {"random": "random"}
    if has_optuna():
        samplers["Optuna (learns from results)"] = "optuna"
    cores = cores_of_computer()
    normalisations = [(words, name) for name, words in NORMS.items()]
    dials = {
        "learning_rate": _range("log₁₀ of rate", -6, 0, (-5, -1)),
        "weight_scale": _range("log₁₀ of scale", -5, 0, (-3, -1)),
        "reg": _range("log₁₀ of reg", -8, 0, (-6, -2)),
        "dropout": _range("dropout: keep", 0.1, 1.0, (0.5, 1.0), 0.05),
        "rules": _several("update rules", list(RULES), ("sgd_momentum", "adam")),
        "normalizations": _several(
            "normalisation", normalisations, (None, "batchnorm")
        ),
        "net": choice("network", list(NETS), "3 layers"),
        "batch_size": choice("batch size", [25, 50, 100, 200], 100),
        "pictures": choice("pictures", picture_counts(most), min(2000, most)),
        "epochs": slider("epochs", 1, 20, 3),
        "sampler": choice("guesses", samplers),
        "trials": slider("trials in all", 1, 200, 30),
        "cores": slider("cores", 1, cores, max(1, cores - 1)),
    }
    dials["cores"].disabled = client is not None
    return dials


def _range(name, low, high, value, step=0.5):
    return widgets.FloatRangeSlider(
        description=name,
        min=low,
        max=high,
        value=value,
        step=step,
        readout_format=".2f" if step < 0.1 else ".1f",
        style={"description_width": "105px"},
        layout=widgets.Layout(width="auto", min_width="0"),
    )


def _several(name, options, value):
    return widgets.SelectMultiple(
        description=name,
        options=options,
        value=value,
        rows=len(options),
        style={"description_width": "105px"},
        layout=widgets.Layout(width="auto", min_width="0"),
    )


def _ranges(values):
    """Turn the dials' values into ranges; powers of ten into numbers."""
    powers = {
        name: tuple(10.0**exponent for exponent in values[name])
        for name in ("learning_rate", "weight_scale", "reg")
    }
    return Ranges(
        **powers,
        dropout=tuple(map(float, values["dropout"])),
        rule=tuple(values["rules"]) or Ranges.rule,
        normalization=tuple(values["normalizations"]) or (None,),
    )


def describe(search: Search) -> str:
    """Say in a line how the search is doing."""
    if search.status == "failed":
        return f"The search failed. {search.error}"
    if not search.trials:
        return (
            "Set the ranges, and press Start. Hold Ctrl to choose several."
            if search.status == "waiting"
            else "The first trials are on their way."
        )
    said = f"{len(search.trials)} of {max(search.count, len(search.trials))} trials"
    said += "" if search.status == "waiting" else f", {search.status}"
    if search.best is not None:
        said += (
            f". Best validation accuracy {search.best.accuracy:.3f}: "
            f"{search.best.settings}"
        )
    failed = [trial for trial in search.trials if trial.error]
    if failed:
        said += f".\n{len(failed)} failed; the last: {failed[-1].error}"
    return said


def draw_search(trials: Sequence[Trial]):
    """Draw each trial as a line through its settings, and the best so far."""
    good = [trial for trial in trials if trial.accuracy is not None]
    return _draw_lines(good), _draw_progress(good)


def _draw_lines(trials):
    figure, ax = panel("Each line is a trial", 6.6, 4.2, margins=(0.5, 0.75, 0.6, 0.42))
    axes = [_scale(name, [getattr(t.settings, name) for t in trials]) for name in NAMES]
    axes.append(_scale("accuracy", [trial.accuracy for trial in trials]))
    names = [*NAMES.values(), "accuracy"]
    if trials:
        heights = np.array([places for places, _ in axes]).T  # (trials, axes)
        order = np.argsort([trial.accuracy for trial in trials])
        across = np.arange(len(names))
        lines = [np.column_stack([across, heights[i]]) for i in order]
        accuracies = np.array([trials[i].accuracy for i in order])
        widths = np.where(np.arange(len(order)) == len(order) - 1, 4.0, 1.4)
        look = {"cmap": "cividis_r", "linewidths": widths, "alpha": 0.9}
        ax.add_collection(LineCollection(lines, array=accuracies, zorder=2, **look))
    for place, (_, ticks) in enumerate(axes):
        ax.axvline(place, color="black", linewidth=1)
        for height, label in ticks:
            box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1}
            text = {"fontsize": 9, "ha": "center", "va": "center", "zorder": 3}
            ax.text(place, height, label, bbox=box, **text)
    ax.set_xticks(range(len(names)), labels=names, fontsize=10)
    ax.set(xlim=(-0.35, len(names) - 0.65), ylim=(-0.05, 1.05), yticks=[])
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return figure


def _scale(name, values):
    """Return where values lie between 0 and 1, and (place, label) of some ticks."""
    if name in ("rule", "normalization"):
        kinds = sorted(set(values), key=str)
        step = 1 / max(1, len(kinds) - 1)
        places = {
            kind: i * step if len(kinds) > 1 else 0.5 for i, kind in enumerate(kinds)
        }
        ticks = [(place, SHORT.get(kind, kind)) for kind, place in places.items()]
        return [places[value] for value in values], ticks
    values = np.array(values, dtype=float)
    if not values.size:
        return [], []
    log = name != "accuracy" and name not in LINEAR
    shown = np.log10(np.maximum(values, 1e-12)) if log else values
    low, high = shown.min(), shown.max()
    spread = max(high - low, 1e-12)
    label = "{:.0e}" if log else "{:.2f}"
    ends = [(0, low), (1, high)] if high > low else [(0.5, low)]
    ticks = [(place, label.format(10**end if log else end)) for place, end in ends]
    places = (shown - low) / spread if high > low else np.full(len(shown), 0.5)
    return list(places), ticks


def _draw_progress(trials):
    labels = {"xlabel": "trial", "ylabel": "validation accuracy in %"}
    figure, ax = panel("Best so far", 3.8, 4.2, **labels)
    accuracies = 100 * np.array([trial.accuracy for trial in trials], dtype=float)
    numbers = np.arange(1, len(accuracies) + 1)
    ax.plot(numbers, accuracies, "o", color=COLOURS[0], markersize=5, label="a trial")
    if len(accuracies):
        best = np.maximum.accumulate(accuracies)
        ax.step(numbers, best, where="post", color=COLOURS[1], label="best so far")
        ax.legend(loc="upper left", fontsize=10)
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.set(xlim=(0, max(2, len(trials)) + 0.5), ylim=(0, 100))
    return figure
