"""The embedded default: a synthetic data set that the package draws itself.

dataset             the classes, the splits and the order of the pictures
machines, animals   what the six kinds of object look like
scenery             what is behind and in front of them, and the photograph
drawing             the shapes all are made of, and why the bytes never differ
"""

from ece662.data.synthetic.dataset import (
    COUNTS,
    SUBJECTS,
    VERSION,
    draw_block,
    draw_split,
    generate,
)

__all__ = ["COUNTS", "SUBJECTS", "VERSION", "draw_block", "draw_split", "generate"]
