"""Single test images that `evaluate` has chosen: the most confident mistakes, and what the network sees in a few."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scramble.artifacts import require


@dataclass(frozen=True, eq=False)
class Mistakes:
    """The most confident mistakes under one permutation, over all replicates, the most confident one first."""

    images: NDArray[np.uint8]
    """(k, h, w, c), the natural pictures"""
    actual: NDArray[np.int64]
    """(k,)"""
    predicted: NDArray[np.int64]
    """(k,)"""
    confidence: NDArray[np.float64]
    """(k,), 0..1"""
    replicate: NDArray[np.int64]
    """(k,)"""


@dataclass(frozen=True, eq=False)
class View:
    """What replicate 0 of a convolutional network makes of a few test images."""

    pictures: NDArray[np.uint8]
    """(k, h, w, c), natural"""
    inputs: NDArray[np.uint8]
    """(k, h, w, c), as the network sees them"""
    labels: NDArray[np.int64]
    """(k,)"""
    predicted: NDArray[np.int64]
    """(k,)"""
    filters: NDArray[np.float32]
    """(fh, fw, in, out), the first convolution's"""
    feature_maps: NDArray[np.float32]
    """(k, h', w', f'), what the first convolution makes of `inputs`"""
    attention: NDArray[np.float32]
    """(k, h, w), 0..1: Grad-CAM, carried back onto the natural picture"""
    attention_random: NDArray[np.float32]
    """(k, h, w), the same with randomised weights"""


def read_mistakes(path: Path) -> Mistakes:
    """Raises UserError when the file is missing."""
    return Mistakes(**_arrays(path))


def read_view(path: Path) -> View:
    """Raises UserError when the file is missing."""
    return View(**_arrays(path))


def _arrays(path: Path) -> dict[str, Any]:
    require(path)
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}
