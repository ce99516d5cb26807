"""The lecture's hand-made filters: what a convolution does with an image, and what is left of it once scrambled."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from scramble.figures.style import Figure

FILTERS: Mapping[str, NDArray[np.float64]] = {
    "smoothing": np.full((3, 3), 1 / 9),
    "vertical edges": np.array([[1.0, 0.0, -1.0]] * 3),
    "horizontal edges": np.array([[1.0, 0.0, -1.0]] * 3).T,
}


def filtered(image: NDArray[np.generic], kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    """The cross-correlation, which networks call convolution, wherever the kernel fits inside the image.

    Args:
        image: (h, w)
        kernel: (kh, kw)

    Returns:
        (h - kh + 1, w - kw + 1)
    """
    raise NotImplementedError


def handmade_filters(images: Mapping[str, NDArray[np.uint8]]) -> Figure:
    """A sheet with one row per image: the image, and what every filter makes of it. Draw it with `raster.png`.

    Args:
        images: by title, e.g. "natural" and the name of a permutation, (h, w, c) with 1 or 3 channels, of which the
            filters see the mean.
    """
    raise NotImplementedError
