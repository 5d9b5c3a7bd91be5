"""Other right solutions, where their numbers differ from the reference's.

Two exercises have more than one right answer. A solution that gives the numbers of any
of these passes.
"""

import numpy as np

__all__ = ["ACCEPTED"]


def adam_in_the_papers_fast_form(w, dw, config):
    """Adam with both corrections drawn into the rate: end of the paper's section 2.

    Its epsilon is another one, `epsilon / sqrt(1 - beta2^t)` in the usual form.
    """
    beta1, beta2, rate = config["beta1"], config["beta2"], config["learning_rate"]
    for name in ("m", "v"):
        config.setdefault(name, np.zeros_like(w))
    config["t"] = t = config.get("t", 0) + 1
    config["m"] = beta1 * config["m"] + (1 - beta1) * dw
    config["v"] = beta2 * config["v"] + (1 - beta2) * dw**2
    rate *= np.sqrt(1 - beta2**t) / (1 - beta1**t)
    return w - rate * config["m"] / (np.sqrt(config["v"]) + config["epsilon"]), config


# By exercise: dicts of what to replace in the code.
ACCEPTED = {"adam": ({"adam": adam_in_the_papers_fast_form},)}
