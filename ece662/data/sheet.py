"""A contact sheet: a few pictures of each class on one page, to look at a data set."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

__all__ = ["contact_sheet"]

ZOOM = 2  # 32 pixels are hard to see on today's screens
GAP = 4
LABELS = 110  # width of the column of class names
TITLE = 28


def contact_sheet(
    images, labels: np.ndarray, classes: list[str], title: str, columns: int = 12
) -> Image.Image:
    """Lay out the first ``columns`` pictures of each class, a class a row.

    Args:
        images: (N, 3, 32, 32) uint8.
        labels: (N,) integers; label k belongs to ``classes[k]``.
        classes: the names for the rows.
        title: one line for the top.
        columns: how many pictures a row.
    """
    side = 32 * ZOOM + GAP
    size = (LABELS + columns * side + GAP, TITLE + len(classes) * side + GAP)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(13)
    draw.text((GAP, GAP), title, "black", font)
    for label, name in enumerate(classes):
        top = TITLE + label * side
        draw.text((GAP, top + side // 2), name, "black", font, anchor="lm")
        for column, row in enumerate(np.flatnonzero(labels == label)[:columns]):
            picture = Image.fromarray(
                np.ascontiguousarray(images[row].transpose(1, 2, 0))
            )
            picture = picture.resize((32 * ZOOM, 32 * ZOOM), Image.Resampling.NEAREST)
            sheet.paste(picture, (LABELS + column * side, top))
    return sheet
