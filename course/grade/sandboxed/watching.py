"""Record, in the sandbox, what the course's Solver has trained.

This file is copied into the student's copy of the package as `ece662.check._watching`.
Trained weights could come from elsewhere: a closed formula on random features, for
example, beside an object that only looks like a Solver. So each call of Solver.train is
recorded: the network's classes, its accuracy before, also on pictures that the cell has
not chosen, and a digest of the weights that resulted. Outside of the sandbox, the
weights of the submission are compared with those.
"""

import copy
import functools
import hashlib
import json
import weakref

import numpy as np

from ece662 import optim, solver

__all__ = ["SEEN", "Recorder", "digest_of"]

SEEN = "seen"  # the output's name; it holds the bytes of a JSON text
# With six classes, the accuracy of an untrained network is about 1/6.
GUESSING = {"val_acc_history": 0.30, "train_acc_history": 0.45}
PICTURES = 300  # of the notebook's, to measure what a network knows before
MAX_RUNS = 1000
MODULE = "ece662.classifiers.fc_net"
# What was trained, and the class that it should be of.
NETWORKS = {
    "q5-torch-module-convnet-train": ("model", "ThreeLayerConvNet"),
    "q5-torch-challenge-train": ("challenge", "ChallengeNet"),
    "q5-tf-nesterov-train": ("model", "ThreeLayerConvNet"),
}
CHALLENGES = {
    "q5-torch-challenge-network": ("torch", "ChallengeNet"),
    "q5-torch-challenge-train": ("torch", "challenge"),
    "q5-tf-challenge-net": ("tensorflow", "make_challenge_net"),
    "q5-tf-challenge-train": ("tensorflow", "challenge_net"),
}
BEND = 0.02  # rounding in half precision makes a linear network deviate by less
RULES = ("sgd", "sgd_momentum", "rmsprop", "adam", "adam_fast")


def digest_of(params):
    """Return a digest of weights, to recognise the same ones."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(params):
        array = np.ascontiguousarray(params[name])
        digest.update(f"{name} {array.shape} {array.dtype.str}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


class Recorder:
    """Records every training with the course's Solver from now on."""

    def __init__(self, data):
        """Replace `Solver.train` by a function that records and calls it.

        Args:
            data: the data set of the notebook; {} where it has none.
        """
        self._runs = runs = []
        # Copies: the cell gets the arrays themselves, and may write into them.
        shown = [np.array(data[k][:PICTURES]) for k in ("X_val", "y_val") if k in data]
        made_of = _made_of(solver.Solver, *_networks())
        rules = _usual_rules()
        # What each Solver held when it was done, to go on from.
        held = weakref.WeakKeyDictionary()
        original = solver.Solver.train

        @functools.wraps(original)
        def train(self):
            began = digest_of(self.model.params)
            knew = _knows(self.model, *shown)
            has_left_it = _held(self) == held.get(self, HELD_AT_FIRST)
            as_given = has_left_it and _is_as_given(self.model, made_of)
            usual = self.update_rule in rules and _is_as_given(self, made_of)
            try:
                return original(self)
            finally:
                held[self] = _held(self)
                runs.append(_noted(self, began, knew, as_given, usual))

        solver.Solver.train = train
        made_of[solver.Solver]["train"] = train

    def seen(self, exercise, names):
        """Return the records, as the bytes of a JSON text.

        Args:
            exercise: the id of the exercise whose cell has run.
            names: the notebook's names after the cells have run.
        """
        seen = {"runs": self._runs[-MAX_RUNS:]}
        if exercise in NETWORKS:
            network, kind = (names.get(name) for name in NETWORKS[exercise])
            seen["its own network"] = kind is not None and type(network) is kind
        if exercise in CHALLENGES:
            seen["straight"] = _is_linear(*CHALLENGES[exercise], names)
        return {SEEN: np.frombuffer(json.dumps(seen).encode(), np.uint8)}


def _is_linear(framework, name, names):
    """True where the scores of the mean of two pictures are the mean of their scores.

    Args:
        framework: "torch" or "tensorflow".
        name: of the network, or of a class or function that makes one of a width.
        names: the notebook's names.
    """
    pictures = np.random.RandomState(0).standard_normal((2, 3, 32, 32)) * 60
    pictures = np.concatenate([pictures, pictures.mean(axis=0, keepdims=True)])
    pictures = pictures.astype(np.float32)
    scores_of = _torch_scores if framework == "torch" else _keras_scores
    try:
        one, other, between = scores_of(names[name], pictures)
    except Exception:  # its recipe will raise and report it, too
        return False
    bend = np.max(np.abs(between - (one + other) / 2))
    return bool(bend < BEND * max(np.max(np.abs(one)), np.max(np.abs(other))))


def _torch_scores(network, pictures):
    import torch

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        net = network(8) if isinstance(network, type) else copy.deepcopy(network)
        return net.cpu().eval()(torch.from_numpy(pictures)).float().numpy()


def _keras_scores(network, pictures):
    net = network if hasattr(network, "layers") else network(8)
    return net(pictures.transpose(0, 2, 3, 1), training=False).numpy()


def _knows(model, X=None, y=None):
    """True where a network classifies pictures better than by guessing.

    A Solver may be given other labels, by which the same network knows nothing.
    """
    if X is None:
        return False
    drawn = np.random.get_state()
    try:
        share = np.mean(np.argmax(model.loss(X), axis=1) == y)
    except Exception:  # such as pictures of another size: then it has learned others
        return False
    finally:
        np.random.set_state(drawn)
    return bool(share >= GUESSING["val_acc_history"])


def _networks():
    """Return the classes of the student's networks."""
    from ece662.classifiers import fc_net

    return [kind for kind in vars(fc_net).values() if isinstance(kind, type)]


def _made_of(*kinds):
    """Return what classes and their bases consist of now: by class, values by name."""
    return {c: dict(vars(c)) for kind in kinds for c in kind.__mro__[:-1]}


def _is_as_given(it, made_of):
    """True where an object does what its class did before any cell has run.

    A class of the cell's own, or a method put in the place of another one, could set
    weights while the Solver seems to train. `step` is what a Solver calls instead of
    its own steps, where a network has it.
    """
    kinds = type(it).__mro__[:-1]
    if any(made_of.get(kind) != dict(vars(kind)) for kind in kinds):
        return False
    methods = {n for k in kinds for n, value in vars(k).items() if callable(value)}
    return not {"step", *methods} & {*vars(it)}


def _held(trainer):
    """Return what a Solver has from earlier: digests of weights, and its histories.

    It gives the network the best weights that it holds, and measures nothing that its
    histories have already: both could be put there.
    """
    states = (trainer._best_state, trainer._latest_state, trainer.best_params)
    histories = (trainer.val_acc_history, trainer.train_acc_history)
    digests = [digest_of(state) if state else "" for state in states]
    return digests, *map(list, histories)


HELD_AT_FIRST = (["", "", ""], [], [])


def _noted(done, began, knew, as_given, usual):
    """Return the record of a training that has ended.

    Args:
        done: the Solver.
        began: digest of the weights before.
        knew: from `_knows`, before.
        as_given: whether the network was one of its class alone, and the Solver held
            nothing but what it had left itself.
        usual: whether the same is true of the Solver, and its rule is one of ours.
    """
    latest = done._latest_state or {}
    last = {name: latest[name] for name in done.model.params if name in latest}
    kind = type(done.model)
    watchers = {type(callback).__module__ for callback in done.callbacks}
    return {
        "networks": [c.__name__ for c in kind.__mro__ if c.__module__ == MODULE],
        "as given": as_given,
        "guessing at first": not knew
        and all(getattr(done, name)[0] < limit for name, limit in GUESSING.items()),
        "usual steps": usual and all(name.startswith("ece662.") for name in watchers),
        "began": began,
        "left": [
            digest_of(params)
            for params in (done.model.params, done.best_params, last)
            if params
        ],
    }


def _usual_rules():
    from ece662.fast import fast_optim

    places = (optim, fast_optim)
    return [getattr(place, n) for place in places for n in RULES if hasattr(place, n)]
