"""The mistakes that students make, as wrong solutions that can be run.

Each stands beside one sentence that says what happened and one question that leads on.
What they return on fixed inputs is written into the signatures that travel with the
exercises; they themselves, and this folder, never leave the staff.

A mistake is entered by a decorator on its function, whose name becomes its id:

    @mistake("relu_forward", says="...", asks="...")
    def relu_leaks(x):
        return np.where(x > 0, x, 0.01 * x), x

Most of them run the reference and spoil one thing. A mistake should come out in numbers
as it does in a student's hands, not look like the student's code.
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
    rmsprop,
    sgd_momentum,
    small_networks,
    spatial_batchnorm,
    torch_nets,
)
from course.mistakes.registry import MISTAKES, Mistake

__all__ = ["Mistake", "all_mistakes"]


def all_mistakes() -> list[Mistake]:
    """Return every known mistake, exercise by exercise as they were entered."""
    return list(MISTAKES)
