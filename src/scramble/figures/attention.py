"""Where a network looks: Grad-CAM."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scramble.figures.style import Figure


@dataclass(frozen=True, eq=False)
class Attention:
    """Where one network looks in k natural pictures."""

    maps: NDArray[np.floating]
    """(k, h, w), 0..1, carried back onto the natural pictures"""
    randomised: NDArray[np.floating]
    """(k, h, w), the same network with random weights: what the pictures and the architecture give by themselves"""
    predicted: Sequence[str]
    """k names of classes."""


def attention(pictures: NDArray[np.uint8], labels: Sequence[str], networks: Mapping[str, Attention]) -> Figure:
    """A sheet with the pictures in the first row and two rows per network: where it looks, and with random weights.

    Draw it with `raster.png`.

    Args:
        pictures: (k, h, w, c), natural, 1 or 3 channels.
        labels: k names of classes.
        networks: by title, e.g. "trained on natural pictures".
    """
    raise NotImplementedError
