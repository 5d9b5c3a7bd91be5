"""What a Solver's checkpoint holds, and how a Solver takes it up again."""

import zlib

import numpy as np

from ece662.training._solver_checks import describe_rule

__all__ = [
    "check_config",
    "check_data",
    "fingerprint",
    "load_state",
    "model_state",
    "pack",
    "rule_named_in",
    "unpack",
]

HISTORIES = ("loss_history", "train_acc_history", "val_acc_history")
# What a checkpoint keeps of the Solver's arguments.
SETTINGS = (
    "lr_decay",
    "batch_size",
    "num_epochs",
    "num_train_samples",
    "num_val_samples",
    "print_every",
)


def model_state(model):
    """Return copies of a model's parameters and, where it has them, statistics."""
    if hasattr(model, "state_dict"):
        return model.state_dict()
    params = getattr(model, "params", {})  # a model with `step` may have none
    return {name: value.copy() for name, value in params.items()}


def load_state(model, state):
    """Give a model the state that `model_state` returned."""
    if hasattr(model, "load_state_dict"):
        model.load_state_dict(state)
    elif state:
        model.params.update({name: value.copy() for name, value in state.items()})


def fingerprint(solver):
    """Return a short text that tells this training data from other data."""
    # Augmentation draws anew at every access; the images that it starts from stay.
    X = getattr(solver.X_train, "pristine", solver.X_train)
    y = solver.y_train
    edge = np.unique([0, len(y) // 2, len(y) - 1])
    crc = zlib.crc32(np.ascontiguousarray(X[edge]).tobytes(), zlib.crc32(y.tobytes()))
    return f"{tuple(X.shape)} {X.dtype} {crc:08x}"


def pack(solver):
    """Return (arrays, meta) for `save_checkpoint`: the run as it stands."""
    latest = solver._latest_state or model_state(solver.model)
    arrays = {f"model/{key}": value for key, value in latest.items()}
    best = solver._best_state or {}  # none yet, if stopped before the first accuracy
    arrays |= {f"best/{key}": value for key, value in best.items()}
    arrays |= {name: np.array(getattr(solver, name)) for name in HISTORIES}
    if solver._order is not None:
        arrays["order"] = solver._order

    numbers = {}
    for param, config in solver.optim_configs.items():
        check_config(config)
        memory = {k: v for k, v in config.items() if isinstance(v, np.ndarray)}
        arrays |= {f"optim/{param}/{key}": value for key, value in memory.items()}
        numbers[param] = {k: _plain(v) for k, v in config.items() if k not in memory}

    generators = {"solver": solver._rng.get_state(), "global": np.random.get_state()}
    arrays |= {f"random/{name}": state[1] for name, state in generators.items()}
    meta = {name: getattr(solver, name) for name in SETTINGS}
    meta |= {
        "update_rule": solver._rule_name,
        "own_rule": None if solver._rule_name else describe_rule(solver.update_rule),
        "iteration": solver.iteration,
        "best_val_acc": solver.best_val_acc,
        "optim": numbers,
        "random": {name: state[2:] for name, state in generators.items()},
        "data": fingerprint(solver),
    }
    return arrays, meta


def check_data(solver, meta, name):
    """Raise ValueError where a checkpoint was written with other training data."""
    found = fingerprint(solver)
    if meta["data"] != found:
        raise ValueError(
            f"{name} was written with other data: expected {meta['data']}, got {found}"
        )


def rule_named_in(meta, name):
    """Return the name of a checkpoint's rule; ask for the rule if it was a function."""
    if meta.get("own_rule"):
        raise ValueError(
            f"the run in {name} used a function as its update rule, "
            f"{meta['own_rule']}: pass it again, as update_rule="
        )
    return meta["update_rule"]


def unpack(solver, arrays, meta):
    """Give a new Solver the state of the one that was packed."""
    load_state(solver.model, _part(arrays, "model"))
    solver._best_state = _part(arrays, "best") or None
    if solver._best_state is not None:
        solver.best_params = {k: solver._best_state[k] for k in solver._params}
    solver.best_val_acc = meta["best_val_acc"]
    solver.iteration = meta["iteration"]
    solver._order = arrays.get("order")
    for name in HISTORIES:
        setattr(solver, name, arrays[name].tolist())
    for param, numbers in meta["optim"].items():
        numbers = {key: _restored(value) for key, value in numbers.items()}
        solver.optim_configs[param] = numbers | _part(arrays, f"optim/{param}")
    state = {
        name: ("MT19937", arrays[f"random/{name}"], *rest)
        for name, rest in meta["random"].items()
    }
    solver._rng.set_state(state["solver"])
    solver._global_rng = state["global"]


def _part(arrays, prefix):
    """Return the arrays below a prefix, under the names that are left."""
    start = prefix + "/"
    return {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}


def check_config(config):
    """Refuse a rule's config that a checkpoint could not keep."""
    for key, value in config.items():
        if not isinstance(key, str):
            raise ValueError(f"optim_config must have text as keys, got {key!r}")
        if isinstance(value, np.ndarray) and not value.dtype.hasobject:
            continue
        try:
            _plain(value)
        except TypeError as error:
            raise ValueError(
                "a checkpoint keeps numbers, text and arrays of an update rule's "
                f"config, and lists, tuples and dicts of numbers and text, got {error} "
                f"in optim_config[{key!r}]"
            ) from None


def _plain(value):
    """Return a value as JSON can hold it; `_restored` undoes it."""
    if isinstance(value, np.bool_ | np.integer | np.floating):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, tuple):
        return {"tuple": [_plain(v) for v in value]}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": {key: _plain(v) for key, v in value.items()}}
    raise TypeError(type(value).__name__)


def _restored(value):
    if isinstance(value, list):
        return [_restored(v) for v in value]
    if isinstance(value, dict) and "tuple" in value:
        return tuple(_restored(v) for v in value["tuple"])
    if isinstance(value, dict):
        return {key: _restored(v) for key, v in value["dict"].items()}
    return value
