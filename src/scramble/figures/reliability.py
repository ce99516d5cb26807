"""Reliability diagrams."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scramble.figures.style import Figure


@dataclass(frozen=True, eq=False)
class Bins:
    """Test images in bins of equal width by the confidence of the network, each array (bins,)."""

    confidence: NDArray[np.float64]
    """Mean confidence; NaN in an empty bin."""
    accuracy: NDArray[np.float64]
    """Share of right answers; NaN in an empty bin."""
    count: NDArray[np.int64]


def reliability(diagrams: Mapping[str, Bins]) -> Figure:
    """Accuracy against confidence of one model, a panel for each permutation, the images of the bins below.

    Args:
        diagrams: by permutation (or any other title); four to a row.
    """
    raise NotImplementedError
