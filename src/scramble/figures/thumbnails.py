"""Small pictures inside a chart."""

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from scramble.figures.style import GREY

SHARP = 112
"""Pixels, at least, of the height of a small picture: viewers of SVG blur what they enlarge."""


def show(axis: Axes, picture: NDArray[np.uint8]) -> None:
    """Fills the axis with a picture (h, w, c), 1 or 3 channels, its pixels sharp."""
    factor = max(1, -(-SHARP // picture.shape[0]))
    pixels = picture.repeat(factor, axis=0).repeat(factor, axis=1)
    colours = pixels.repeat(3, axis=2) if pixels.shape[2] == 1 else pixels
    axis.imshow(colours, interpolation="none")
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(True)
    axis.spines[:].set_color(GREY)
    axis.spines[:].set_linewidth(0.6)
