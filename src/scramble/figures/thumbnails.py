"""Small pictures inside a chart."""

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from scramble.figures.pixels import resized
from scramble.figures.style import GREY

DOTS = 112
"""Viewers of SVG blur what they enlarge."""


def show(axis: Axes, picture: NDArray[np.uint8]) -> None:
    """Fills the axis with a picture (h, w, c), 1 or 3 channels, its pixels sharp."""
    axis.imshow(resized(picture, DOTS), "gray", vmin=0, vmax=255, interpolation="none")
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(True)
    axis.spines[:].set_color(GREY)
    axis.spines[:].set_linewidth(0.6)
