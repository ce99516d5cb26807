"""What the first convolution has learned, and what it makes of an image."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scramble.figures.style import Figure

MOST_FILTERS = 32


@dataclass(frozen=True, eq=False)
class FirstLayer:
    """The first convolution of one network, and one image as that network sees it."""

    filters: NDArray[np.floating]
    """(height, width, in, out)"""
    image: NDArray[np.uint8]
    """(h, w, c), 1 or 3 channels"""
    feature_maps: NDArray[np.floating]
    """(h', w', out), what the layer makes of `image`"""
    morans_i: float | None = None
    """Of the filters."""
    untrained_morans_i: float | None = None
    """Of the same filters before training."""


def filters(networks: Mapping[str, FirstLayer]) -> Figure:
    """The filters of one model's networks side by side, at most 32 each: grey for one input channel, RGB for three.

    A weight of 0 is mid-grey; every network has a scale of its own. Draw it with `raster.png`.

    Args:
        networks: by title, e.g. "trained on natural pictures".
    """
    raise NotImplementedError


def feature_maps(networks: Mapping[str, FirstLayer]) -> Figure:
    """The image of every network and its feature maps side by side, at most 32 each. Draw it with `raster.png`."""
    raise NotImplementedError
