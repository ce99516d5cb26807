"""The most confident mistakes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scramble.figures.style import Figure


@dataclass(frozen=True, eq=False)
class Mistakes:
    """The most confident mistakes, the most confident one first; k may be 0."""

    images: NDArray[np.uint8]
    """(k, h, w, c), natural, 1 or 3 channels"""
    actual: NDArray[np.integer]
    """(k,) classes"""
    predicted: NDArray[np.integer]
    """(k,)"""
    confidence: NDArray[np.floating]
    """(k,), 0..1"""


def mistakes(rows: Mapping[str, Mistakes], class_names: Sequence[str], most: int = 8) -> Figure:
    """A sheet with one row per permutation: natural pictures with what they show, what the network said, how surely.

    Draw it with `raster.png`.

    Args:
        rows: by permutation (or any other title).
        most: pictures in a row.
    """
    raise NotImplementedError
