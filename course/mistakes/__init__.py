"""The mistakes that students make, as wrong solutions that can be run.

Each has one sentence that says what happened, and one question that leads to the
answer. What the mistakes return on fixed inputs goes into the signatures that students
get with the exercises; the mistakes themselves, and this folder, stay with the staff.

A mistake is registered by a decorator on its function, whose name becomes its id:

    @mistake("relu_forward", says="...", asks="...")
    def relu_leaks(x):
        return np.where(x > 0, x, 0.01 * x), x

Most of them run the reference and change one thing. A mistake has to return the numbers
that a student's code would return; its own code may look quite different.
"""

from course.mistakes import (  # noqa: F401 (importing them enters their mistakes)
    adam,
    affine,
    batchnorm_backward,
    batchnorm_forward,
    batchnorm_running,
    conv_backward,
    conv_forward,
    dropout,
    dropout_network,
    every_network,
    fully_connected,
    groupnorm,
    keras_nets,
    layernorm,
    normalised_network,
    pool_backward,
    pool_forward,
    pruning,
    rmsprop,
    sgd_momentum,
    small_networks,
    spatial_batchnorm,
    torch_nets,
)
from course.mistakes.registry import MISTAKES, Mistake

__all__ = ["Mistake", "all_mistakes"]


def all_mistakes() -> list[Mistake]:
    """Return every known mistake, in the order of the exercises."""
    return list(MISTAKES)
