"""The arrays that one replicate is trained on: the split parted, and permuted where that can be done at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scramble import params
from scramble.artifacts import TrainSplit
from scramble.permutations import FixedPermutation, Permutation


@dataclass(frozen=True)
class TrainingData:
    """The arrays of one replicate, as its loop reads them."""

    images: NDArray[np.uint8]
    """(n, height, width, channels), already permuted unless `Trainer` permutes in the graph"""
    labels: NDArray[np.int32]
    validation_images: NDArray[np.uint8]
    """(v, height, width, channels), permuted"""
    validation_labels: NDArray[np.int32]
    index: NDArray[np.int32]
    """What the graph permutes by, after augmentation: (height * width * channels,) for all images alike, or
    (n, height * width) for each; () without augmentation"""


def prepare(split: TrainSplit, permutation: Permutation, recipe: params.Recipe) -> TrainingData:
    """Parts the split, and permutes it at once wherever no augmentation has to come first."""
    permuted = permutation.apply(split.images, split="train")
    augmented = recipe.augmentation.active
    training = np.setdiff1d(np.arange(len(split.labels), dtype=np.int32), split.validation)
    return TrainingData(
        images=(split.images if augmented else permuted)[training],
        labels=split.labels[training],
        validation_images=permuted[split.validation],
        validation_labels=split.labels[split.validation],
        index=_index(permutation, split.images.shape, training) if augmented else np.zeros((), np.int32),
    )


def _index(permutation: Permutation, shape: tuple[int, ...], training: NDArray[np.int32]) -> NDArray[np.int32]:
    """The permutation of the images at the positions `training` of a split of `shape` (n, height, width, channels)."""
    if isinstance(permutation, FixedPermutation):
        return permutation.index
    count, height, width, _ = shape
    natural = np.arange(height * width, dtype=np.int32).reshape(height, width, 1)
    indices = permutation.apply(np.broadcast_to(natural, (count, height, width, 1)), split="train")
    return indices[training].reshape(-1, height * width)
