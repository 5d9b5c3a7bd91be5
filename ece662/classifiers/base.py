"""What every classifier has in common: parameters, and a state to save and restore."""

from collections.abc import Mapping, Sequence

import numpy as np

from ece662._checks import Array

__all__ = ["Classifier"]


class Classifier:
    """A network with parameters, for the Solver to train.

    A classifier gives:

        params: dict of name to array, what training changes.
        dtype: the floating type of the parameters and of all computation.
        loss(X, y): the scores where y is None, else (loss, grads), with a gradient
            in grads under the name of each parameter.

    Batch normalisation also keeps running statistics, in the dicts `bn_params`, which
    belong to a trained network as much as its parameters do.
    """

    params: dict[str, Array]
    dtype: np.dtype = np.dtype(np.float64)
    bn_params: Sequence[dict] = ()

    def state_dict(self) -> dict[str, Array]:
        """Return copies of all that makes this network what it is.

        Returns:
            dict of name to array: the parameters, and the running statistics under
            names such as "bn_params.0.running_mean".
        """
        state = {name: value.copy() for name, value in self.params.items()}
        for i, bn_param in enumerate(self.bn_params):
            for key in ("running_mean", "running_var"):
                if key in bn_param:
                    state[f"bn_params.{i}.{key}"] = bn_param[key].copy()
        return state

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Take over the parameters and running statistics of a like network.

        Raises:
            ValueError: a parameter is missing, unknown, or has another shape.
        """
        running = {key: v for key, v in state.items() if key.startswith("bn_params.")}
        params = {key: v for key, v in state.items() if key not in running}
        if params.keys() != self.params.keys():
            raise ValueError(
                f"expected the parameters {sorted(self.params)}, got {sorted(params)}"
            )
        for name, value in params.items():
            if value.shape != self.params[name].shape:
                raise ValueError(
                    f"{name} must be {self.params[name].shape}, got {value.shape}"
                )
        self.params.update({name: value.copy() for name, value in params.items()})
        for key in running:
            _, i, name = key.split(".")
            self.bn_params[int(i)][name] = running[key].copy()
