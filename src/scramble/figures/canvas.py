"""A sheet of pictures and words at places in inches: one axis holds them all, so that hundreds are drawn in no time."""

import textwrap
from typing import Any

import numpy as np
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from scramble.figures.pixels import resized, resized_shape
from scramble.figures.raster import DOTS_PER_INCH
from scramble.figures.style import GREY, Figure, plt

WIDTH = 9.0
"""Of every sheet. Inches, as all lengths here."""
TITLE = 0.4
"""Left of a row of pictures, for its title."""
CHARACTER = 0.085
"""Width of a letter of a title."""


class Canvas:
    """An empty sheet; (0, 0) is its upper left corner."""

    def __init__(self, height: float) -> None:
        self.figure: Figure = plt.figure(figsize=(WIDTH, height), dpi=DOTS_PER_INCH)
        self._axis = self.figure.add_axes((0, 0, 1, 1), frame_on=False)
        self._axis.set(xlim=(0, WIDTH), ylim=(height, 0), xticks=[], yticks=[])

    def picture(self, picture: NDArray[np.uint8], left: float, top: float, side: float) -> None:
        """Draws a picture (h, w, c), 1 or 3 channels, at most `side` wide and high, with a thin frame.

        Its corner is on a whole dot and a small one has whole dots for pixels, so that all of them look alike.
        """
        left, top = (round(place * DOTS_PER_INCH) / DOTS_PER_INCH for place in (left, top))
        height, width = fitted(picture.shape, side)
        self._axis.imshow(
            resized(picture, round(side * DOTS_PER_INCH)),
            "gray",
            vmin=0,
            vmax=255,
            extent=(left, left + width, top + height, top),
            aspect="auto",
            interpolation="nearest",
        )
        self._axis.add_patch(Rectangle((left, top), width, height, fill=False, color=GREY, linewidth=0.5))

    def text(self, text: str, left: float, top: float, **style: Any) -> None:
        """Writes text with its upper left corner here, unless `ha` and `va` say otherwise."""
        placed: dict[str, Any] = {"ha": "left", "va": "top", "fontsize": 9} | style
        self._axis.text(left, top, text, **placed)

    def row_title(self, title: str, top: float, side: float) -> None:
        """Writes upright, to the left of a row of pictures of this size."""
        wrapped = "\n".join(textwrap.wrap(title, int(side / CHARACTER)))
        style = {"ha": "center", "va": "center", "ma": "center"}
        self.text(wrapped, TITLE / 2, top + side / 2, rotation=90, fontsize=8.5, fontweight="bold", **style)


def fitted(shape: tuple[int, ...], side: float) -> tuple[float, float]:
    """Height and width that a picture (h, w, c) gets in a square of `side`."""
    height, width = resized_shape(shape, round(side * DOTS_PER_INCH))
    return height / DOTS_PER_INCH, width / DOTS_PER_INCH
