"""What every source of data hands to the fetch stage."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class RawDataset:
    """A dataset as its source holds it: every image of the train and the test split, no limit applied.

    `source` and `licence` speak of the dataset, never of the way its bytes took (a mirror, one of several URLs):
    dataset.json is the same either way.
    """

    train_images: NDArray[np.uint8]
    """(n, height, width, channels)"""
    train_labels: NDArray[np.int32]
    """(n,), 0..classes-1"""
    test_images: NDArray[np.uint8]
    """(m, height, width, channels)"""
    test_labels: NDArray[np.int32]
    """(m,), 0..classes-1"""
    class_names: tuple[str, ...]
    source: str
    licence: str
