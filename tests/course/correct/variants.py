"""All right variants; importing this enters them."""

from tests.course.correct import (  # noqa: F401
    affine,
    batchnorm,
    conv,
    conv_nets,
    deep_nets,
    dropout,
    groupnorm,
    habits,
    layernorm,
    optim,
    pool,
    pruning,
    second_crowd,
    second_crowd_images,
    spatial_batchnorm,
    two_layers,
)
from tests.course.correct.registry import VARIANTS

__all__ = ["VARIANTS"]
