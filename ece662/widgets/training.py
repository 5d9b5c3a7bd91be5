"""Training dashboard: choose, start, watch, compare.

The network is the student's own, or one of PyTorch's or TensorFlow's layers, trained by
the Solver in a thread of its own, so that the page stays alive. One run goes on at a
time, however often the cell is run.

A run in the background draws its random numbers where the notebook's cells draw theirs:
let it end before you run a cell whose numbers you want to see again.
"""

import html
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

import ipywidgets as widgets
import numpy as np
from matplotlib.ticker import MaxNLocator

from ece662.figures.style import COLOURS, MARKERS
from ece662.widgets._base import (
    Dashboard,
    Drawing,
    choice,
    folded_code,
    log_slider,
    own_random_numbers,
    panel,
    slider,
)
from ece662.widgets._settings import (
    LEARNING_RATES,
    NETS,
    NORMS,
    Settings,
    call_of,
    nets_of,
    picture_counts,
    settings_from,
)
from ece662.widgets._trainer import Trainer, TrainingRun
from ece662.widgets.race import RULES

__all__ = [
    "TrainingDashboard",
    "draw_runs",
    "name_runs",
    "runs_table",
    "training_dashboard",
]

WORDS = {  # a setting in a legend
    "net": str,
    "rule": str,
    "learning_rate": "rate {:.2g}".format,
    "weight_scale": "scale {:.2g}".format,
    "reg": "reg {:.2g}".format,
    "batch_size": "batch {}".format,
    "dropout": "keep {:.2g}".format,
    "normalization": NORMS.get,
    "pictures": "{} pictures".format,
    "epochs": "{} epochs".format,
}
SHOWN = 6  # runs in the plot: as many as there are colours


def training_dashboard(
    data: Mapping,
    framework: str = "numpy",
    networks: Mapping[str, Callable] | None = None,
    **start,
) -> "TrainingDashboard":
    """Train networks in the background and compare the runs.

    Args:
        data: as the Solver takes it.
        framework: whose layers and update rules run: "numpy" for the student's own,
            "torch" or "tensorflow". These two get pixels divided by their standard
            deviation, as everywhere in Q5.
        networks: for torch and tensorflow, networks of the student's: under the name
            for the list a class or function that makes one, or a `functools.partial`.
        **start: the dials' first values: `net`, `rule`, `learning_rate`,
            `weight_scale`, `reg`, `batch_size`, `dropout` (keep), `normalization`
            ("none", "batchnorm", "layernorm"), `pictures`, `epochs`.

    Raises:
        ValueError: a framework, network or dial is unknown.
        ImportError: the framework is not installed.
    """
    return TrainingDashboard(data, framework, networks or {}, start)


class TrainingDashboard(Dashboard):
    """Dials, three buttons, and the runs so far in a plot and a table.

    Attributes:
        runs: every run, the latest last.
    """

    _latest: "TrainingDashboard | None" = None

    def __init__(self, data: Mapping, framework: str, networks: Mapping, start):
        """Lay everything out; a dashboard of an earlier run of the cell stops."""
        if networks and framework == "numpy":
            raise ValueError("networks of your own need framework torch or tensorflow")
        for factory in networks.values():
            call_of(factory)  # refuses what has no name
        # Imported here and now: what is missing is said at once, and a stop need not
        # wait for an import in the thread.
        self._nets = nets_of(framework)
        self.data, self.framework, self.networks = data, framework, networks
        self.runs, self.trainer = [], Trainer(self._build, self._on_news)
        before = TrainingDashboard._latest
        if before is not None:
            before.trainer.stop()
            if before.data is data and before.framework == framework:
                # The cell was run again. Without its network a run has no code.
                known = {*NETS, *networks}
                self.runs = [run for run in before.runs if run.settings.net in known]
        TrainingDashboard._latest = self
        self.progress = widgets.FloatProgress(min=0, max=1, description="progress")
        self.progress.layout.width = "auto"
        self.table, self.code = widgets.HTML(), widgets.HTML()
        extra = [self._make_buttons(), self.progress, self.table]
        dials = _make_dials(data, networks)
        super().__init__("Training", dials, self._draw_all, start, extra)
        self.box.children = [*self.box.children, self.code]
        if self.runs:
            self._show_results()

    def run(self, **values) -> TrainingRun:
        """Turn dials, train here and now, and return the run."""
        with self._without_drawing():
            for name, value in values.items():
                self._turn(name, value)
        run = self._new_run()
        with own_random_numbers(), self._nets.own_random_numbers():
            self.trainer.train(run)
        return run

    def start(self) -> TrainingRun:
        """Train in the background with what the dials say."""
        self.trainer.stop()
        run = self._new_run()
        self.trainer.start(run)
        self._on_news(run)
        return run

    def pause(self) -> None:
        """Hold the run, or let it go on."""
        run = self.trainer.run
        if run is not None and self.trainer.running:
            self.trainer.pause(run.status != "paused")

    def stop(self) -> None:
        """End the run after the current step; what it has learned stays in the plot."""
        self.trainer.stop()

    def _build(self, settings, callbacks):
        return self._nets.build_solver(settings, self.data, callbacks, self.networks)

    def _make_buttons(self):
        self.buttons = {
            "start": widgets.Button(description="Start", button_style="primary"),
            "pause": widgets.Button(description="Pause", disabled=True),
            "stop": widgets.Button(description="Stop", disabled=True),
        }
        for name, act in (
            ("start", self.start),
            ("pause", self.pause),
            ("stop", self.stop),
        ):
            self.buttons[name].on_click(lambda _, act=act: act())
        row = widgets.Box(list(self.buttons.values()))
        row.layout.flex_flow = "row wrap"
        return row

    def _new_run(self):
        """Add a run; one with the same settings made way for it, ended as it is."""
        settings = settings_from(self.values)
        number = 1 + max((run.number for run in self.runs), default=0)
        self.runs[:] = [run for run in self.runs if run.settings != settings]
        self.runs.append(TrainingRun(number, settings))
        return self.runs[-1]

    def _on_dial(self, change) -> None:
        """Leave the pictures alone: they show runs, not the dials."""
        rate = self.dials["learning_rate"]
        if change["owner"] is self.dials["rule"] and np.isclose(
            rate.value, LEARNING_RATES[change["old"]]
        ):  # nobody has touched it
            rate.value = LEARNING_RATES[change["new"]]

    def _draw_all(self, **values):
        return Drawing(draw_runs(self.runs), describe(self.runs))

    def _on_news(self, run: TrainingRun) -> None:
        """Show what a run has done; called from its thread."""
        alive = run.status in ("running", "paused")
        for name in ("pause", "stop"):
            self.buttons[name].disabled = not alive
        paused = run.status == "paused"
        self.buttons["pause"].description = "Go on" if paused else "Pause"
        self.progress.value = run.iteration / max(1, run.iterations)
        self.draw_now()
        self._show_results()

    def _show_results(self):
        self.table.value = runs_table(self.runs)
        best = _best(self.runs)
        if best is not None:
            code = self._nets.as_code(best.settings, self.data, self.networks)
            self.code.value = folded_code(f"Run {best.number}", code)


def _make_dials(data, networks):
    most = len(data["y_train"])
    default = Settings()
    batches = [10, 25, 50, 100, 200, 500]
    # "none", since a list whose value is None looks as if nothing were chosen.
    normalisations = {words: name or "none" for name, words in NORMS.items()}
    return {
        "net": choice("network", [*NETS, *networks], default.net),
        "rule": choice("update rule", list(RULES), default.rule),
        "learning_rate": log_slider("learning rate", 1e-5, 10, default.learning_rate),
        "weight_scale": log_slider("weight scale", 1e-5, 1, default.weight_scale),
        "reg": slider("regularisation", 0.0, 0.1, default.reg, step=0.001),
        "batch_size": choice("batch size", batches, default.batch_size),
        "dropout": slider("dropout: keep", 0.1, 1.0, default.dropout, step=0.05),
        "normalization": choice("normalisation", normalisations),
        "pictures": choice(
            "pictures", picture_counts(most), min(default.pictures, most)
        ),
        "epochs": slider("epochs", 1, 30, default.epochs),
    }


def describe(runs: Sequence[TrainingRun]) -> str:
    """Say in a line how the latest run is doing."""
    if not runs:
        return "Choose, and press Start. Every run is kept for comparison."
    run = runs[-1]
    if run.error:
        return f"Run {run.number} failed. {run.error}"
    said = f"Run {run.number} ({run.settings}): {run.status}"
    if run.iteration:
        said += f", step {run.iteration} of {run.iterations}, loss {run.loss[-1]:.3f}"
    if run.val_acc:
        said += f", best validation accuracy {run.best:.3f}"
    if run.status == "running" and run.iteration:
        said += f", {run.seconds_left:.0f} s left"
    if run.status == "diverged":
        said += ". The loss became infinite: try a tenth of the learning rate."
    return said


def draw_runs(runs: Sequence[TrainingRun]):
    """Draw the loss and the accuracies of the latest runs; return the two panels."""
    labels = {"xlabel": "step", "ylabel": "loss"}
    loss_panel, loss = panel("Training loss", 5.4, 4.0, **labels)
    labels = {"xlabel": "epoch", "ylabel": "right answers in %"}
    accuracy_panel, accuracy = panel("Accuracy", 5.4, 4.0, **labels)
    names = name_runs(runs[-SHOWN:])
    for run, name in zip(runs[-SHOWN:], names, strict=True):
        place = run.number % SHOWN - 1
        look = {"color": COLOURS[place], "marker": MARKERS[place], "markersize": 5}
        look["linewidth"] = 2.5 if run is runs[-1] else 1.5
        losses = np.asarray(run.loss, dtype=float)
        if losses.size:
            steps, smooth = _smooth(losses)
            every = max(1, len(smooth) // 6)
            loss.plot(steps, smooth, markevery=every, **look)
        epochs = np.arange(len(run.val_acc))
        # A legend with longer lines would cover the axis.
        label = textwrap.fill(name, 36, subsequent_indent="    ")
        accuracy.plot(epochs, np.multiply(run.val_acc, 100), label=label, **look)
        look |= {"linestyle": ":", "marker": ""}
        accuracy.plot(epochs, np.multiply(run.train_acc, 100), **look)
    accuracy.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    accuracy.set_xlim(0, max([1, *(len(run.val_acc) - 1 for run in runs[-SHOWN:])]))
    accuracy.set_ylim(0, 100)
    if runs:
        accuracy.plot([], [], "k-", label="validation")
        accuracy.plot([], [], "k:", label="training")
        accuracy.legend(fontsize=10, loc="best")
        top = max(
            (np.max(run.loss[:20]) for run in runs[-SHOWN:] if run.loss), default=3
        )
        loss.set_ylim(0, min(1.1 * top, 10) if np.isfinite(top) else 10)
    return loss_panel, accuracy_panel


def name_runs(runs: Sequence[TrainingRun]) -> list[str]:
    """Name runs by what distinguishes them from each other."""
    settings = [asdict(run.settings) for run in runs]
    differing = [key for key in WORDS if len({entry[key] for entry in settings}) > 1]
    names = []
    for run, entry in zip(runs, settings, strict=True):
        words = [WORDS[key](entry[key]) for key in differing or ["rule"]]
        names.append(f"{run.number}: {', '.join(words)}")
    return names


def _smooth(losses):
    """Return a running mean over a 25th of the steps, and the steps it belongs to."""
    width = max(1, len(losses) // 25)
    sums = np.cumsum(np.insert(losses, 0, 0.0))
    return np.arange(width, len(losses) + 1), (sums[width:] - sums[:-width]) / width


def runs_table(runs: Sequence[TrainingRun]) -> str:
    """Write the runs as an HTML table, the best first."""
    best = _best(runs)
    rows = []
    for run in sorted(runs, key=lambda run: -run.best):
        cells = [
            f"{run.number}{' ★' if run is best else ''}",
            f"{run.best:.1%}",
            f"{max(run.train_acc, default=0):.1%}",
            f"{run.loss[-1]:.3f}" if run.loss else "",
            f"{run.seconds:.1f} s",
            run.status,
            str(run.settings),
        ]
        rows.append("".join(f"<td>{html.escape(cell)}</td>" for cell in cells))
    heads = ("run", "validation", "training", "loss", "time", "state", "settings")
    head = "".join(f"<th>{name}</th>" for name in heads)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return (
        # As wide as there is room for, however wide the table is.
        '<div role="region" aria-label="runs" tabindex="0" style="overflow-x: auto; '
        'width: 0; min-width: 100%">'
        '<table style="border-spacing: 12px 0; white-space: nowrap">'
        f'<tr style="text-align: left">{head}</tr>{body}</table></div>'
    )


def _best(runs):
    return max((run for run in runs if run.val_acc), key=lambda r: r.best, default=None)
