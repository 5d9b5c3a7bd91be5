"""What a training run is made of, whatever library trains it, and how to write it down.

`Settings` are the dials. A module for each library (`_numpy_nets`, `_torch_nets`,
`_keras_nets`; `nets_of` imports the right one) makes a Solver of them, and the code of
a cell that does the same:

    build_solver(settings, data, callbacks=(), networks=None) -> Solver
    as_code(settings, data, networks=None) -> str

Both go through `Call`, which can be made and be written: so they do not drift apart.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import NamedTuple

import numpy as np

from ece662 import solver as solver_module
from ece662.frameworks.installed import named_if_missing

__all__ = [
    "HIDDEN_DIM",
    "LEARNING_RATES",
    "NETS",
    "NORMS",
    "SEED",
    "Call",
    "Settings",
    "call_of",
    "count_classes",
    "first_pictures",
    "make_solver",
    "nets_of",
    "picture_counts",
    "settings_from",
    "solver_code",
]

SEED = 231
# Hidden layers of the fully connected networks, filters of the convolutional one, whose
# hidden layer has HIDDEN_DIM units.
NETS = {
    "2 layers": (100,),
    "3 layers": (100, 100),
    "5 layers": (100, 100, 100, 100),
    "8 layers": (100, 100, 100, 100, 100, 100, 100),
    "3 layers, convolution first": 16,
}
HIDDEN_DIM = 100
# What each rule is tried with first: its steps are of another size.
LEARNING_RATES = {"sgd": 1e-2, "sgd_momentum": 3e-3, "rmsprop": 1e-4, "adam": 1e-3}
NORMS = {None: "no norm", "batchnorm": "batch norm", "layernorm": "layer norm"}
MODULES = {"numpy": "_numpy_nets", "torch": "_torch_nets", "tensorflow": "_keras_nets"}


@dataclass(frozen=True)
class Settings:
    """All that decides how a run goes; a network not in NETS is the student's own."""

    net: str = "3 layers"
    rule: str = "sgd"
    learning_rate: float = 1e-2
    weight_scale: float = 2e-2
    reg: float = 0.0
    batch_size: int = 100
    dropout: float = 1.0
    normalization: str | None = None
    pictures: int = 2000
    epochs: int = 5

    def __str__(self) -> str:
        parts = [self.net, f"{self.rule} {self.learning_rate:.2g}"]
        parts += [f"scale {self.weight_scale:.2g}"] * (self.net in NETS)
        if self.reg:
            parts.append(f"reg {self.reg:.2g}")
        parts.append(f"batch {self.batch_size}")
        if self.takes_layers:
            parts += [f"keep {self.dropout:.2g}"] * (self.dropout != 1)
            parts += [NORMS[self.normalization]] * bool(self.normalization)
        return ", ".join(parts)

    @property
    def takes_layers(self) -> bool:
        """True where dropout and normalisation can be put into the network."""
        return isinstance(NETS.get(self.net), tuple)


def settings_from(values: Mapping) -> Settings:
    """Make settings of the dials' values; others are left out."""
    names = asdict(Settings())
    known = {key: value for key, value in values.items() if key in names}
    if known.get("normalization") == "none":
        known["normalization"] = None
    return Settings(**known)


class Call(NamedTuple):
    """A call, to be made and to be written.

    Attributes:
        name: of a function or class.
        arguments, words: by position and by name.
    """

    name: str
    arguments: tuple = ()
    words: Mapping = {}

    def make(self, place: ModuleType, *first):
        """Call what the name stands for in a module, with further arguments first."""
        return getattr(place, self.name)(*first, *self.arguments, **self.words)

    def write(self, place: str = "", *first: str) -> str:
        """Write the same call as code; `place` and `first` are code themselves."""
        words = [f"{name}={value!r}" for name, value in self.words.items()]
        inside = ", ".join([*first, *map(repr, self.arguments), *words])
        return f"{place}{'.' if place else ''}{self.name}({inside})"


def call_of(factory: Callable) -> tuple[Call, ModuleType]:
    """Take a student's class or function, or a partial of one, as a call.

    Returns:
        the call, and the module to make it in: it has the latest version.

    Raises:
        ValueError: it has no name, so that no code could be written.
    """
    whole = factory if isinstance(factory, partial) else partial(factory)
    name = getattr(whole.func, "__name__", "")
    place = sys.modules.get(getattr(whole.func, "__module__", ""))
    if not hasattr(place, name):
        raise ValueError(
            "expected as a network a class or a function of this notebook, or a "
            f"functools.partial of one, got {factory!r}"
        )
    return Call(name, whole.args, whole.keywords), place


def nets_of(framework: str) -> ModuleType:
    """Import what trains networks in numpy, torch or tensorflow.

    Raises:
        ValueError: no such framework is known.
        MissingFrameworkError: it is not installed.
    """
    if framework not in MODULES:
        raise ValueError(f"expected one of {list(MODULES)}, got {framework!r}")
    with named_if_missing():
        return import_module(f"ece662.widgets.{MODULES[framework]}")


def count_classes(data: Mapping) -> int:
    """Count the classes of a data set."""
    return int(np.max(data["y_train"])) + 1


def picture_counts(most: int) -> list[int]:
    """List how many training pictures a dial offers, up to all that there are."""
    return [*(n for n in (500, 1000, 2000, 5000, 20_000) if n < most), most]


def first_pictures(data: Mapping, count: int) -> dict:
    """Return the data with the first training pictures only."""
    part = {key: data[key][:count] for key in ("X_train", "y_train")}
    return {**data, **part}


def make_solver(settings: Settings, model, part: Mapping, callbacks, **arguments):
    """Make a Solver; `solver_code` writes the same.

    Args:
        settings: of the run.
        model: what it trains.
        part: data, from `first_pictures`.
        callbacks: that watch it.
        **arguments: further ones of the Solver's.
    """
    return solver_module.Solver(
        model,
        part,
        batch_size=settings.batch_size,
        num_epochs=settings.epochs,
        verbose=False,
        callbacks=callbacks,
        **arguments,
    )


def solver_code(settings: Settings, model: str, *arguments: str) -> str:
    """Write the making of a Solver, and its training.

    Args:
        settings: of the run.
        model: code of the Solver's model.
        *arguments: code of further arguments.
    """
    more = "".join(f"    {argument},\n" for argument in arguments)
    return (
        "solver = Solver(\n"
        f"    {model},\n"
        "    {\n"
        "        **data,\n"
        f'        "X_train": data["X_train"][:{settings.pictures}],\n'
        f'        "y_train": data["y_train"][:{settings.pictures}],\n'
        "    },\n"
        f"{more}"
        f"    batch_size={settings.batch_size},\n"
        f"    num_epochs={settings.epochs},\n"
        ")\n"
        "solver.train()"
    )
