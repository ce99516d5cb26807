"""A sheet of pictures and words at places in inches: one axis holds them all, so that hundreds are drawn in no time."""

import textwrap
from typing import Any

import numpy as np
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from PIL import Image

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
        """Draws a picture (h, w), (h, w, 1) or (h, w, 3), at most `side` wide and high, with a thin frame.

        A small one gets a whole number of dots for each of its pixels, a large one is made smaller.
        """
        dots = _resized(picture.squeeze(-1) if picture.shape[2:] == (1,) else picture, side)
        left, right, bottom, top = _edges(dots.shape, left, top)
        edges = (left, right, bottom, top)
        self._axis.imshow(dots, "gray", vmin=0, vmax=255, extent=edges, aspect="auto", interpolation="nearest")
        self._axis.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, color=GREY, linewidth=0.5))

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
    """Height and width that a picture (h, w, ...) gets in a square of `side`."""
    factor = _factor(shape, side)
    height, width = (max(1, round(factor * length)) / DOTS_PER_INCH for length in shape[:2])
    return height, width


def _factor(shape: tuple[int, ...], side: float) -> float:
    """Dots for each pixel of a picture (h, w, ...) in a square of `side`."""
    factor = round(side * DOTS_PER_INCH) / max(shape[:2])
    return float(int(factor)) if factor >= 1 else factor


def _resized(picture: NDArray[np.uint8], side: float) -> NDArray[np.uint8]:
    factor = _factor(picture.shape, side)
    if factor >= 1:
        return picture.repeat(int(factor), axis=0).repeat(int(factor), axis=1)
    height, width = (round(DOTS_PER_INCH * length) for length in fitted(picture.shape, side))
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BOX))


def _edges(shape: tuple[int, ...], left: float, top: float) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of `shape` (h, w, ...) dots, on whole dots."""
    left, top = (round(place * DOTS_PER_INCH) / DOTS_PER_INCH for place in (left, top))
    return left, left + shape[1] / DOTS_PER_INCH, top + shape[0] / DOTS_PER_INCH, top
