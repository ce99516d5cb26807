"""Drawing a permutation, applying it to images, and reading back what the stage `permute` wrote.

A permutation is an index over the flat (height, width, channel) positions of an image: int32 of shape (h*w*c,) with
`permuted.reshape(n, -1) == images.reshape(n, -1)[:, index]`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from scramble.artifacts import read_array, read_json
from scramble.errors import UserError
from scramble.params import AnyPermutation, ImageShape
from scramble.permutations.families import FAMILIES, Image, pixels

Index = NDArray[np.int32]
"""(height * width * channels,)"""
SplitName = Literal["train", "test"]

# NumPy pads the words of a seed with zeros, so that a split 0 would repeat the draw of [seed, replicate].
SPLIT_NUMBERS: dict[SplitName, int] = {"train": 1, "test": 2}


def positions(image_shape: ImageShape) -> Image:
    """The flat position of every value of an image, int32 of shape `image_shape`: the identity, not yet flat."""
    return np.arange(np.prod(image_shape), dtype=np.int32).reshape(image_shape)


def draw(spec: AnyPermutation, image_shape: ImageShape, replicate: int) -> Index:
    """Draws the permutation that `replicate` uses for images of `image_shape` (height, width, channels).

    Raises:
        ValueError: the images cannot be permuted so, or the draw is no bijection.
    """
    if reason := spec.check_shape(image_shape):
        raise ValueError(reason)
    strength = spec.model_dump(exclude={"family", "seed"})
    generator = np.random.default_rng([spec.seed, replicate])
    index = FAMILIES[spec.family](positions(image_shape), generator, **strength).reshape(-1)
    check_bijection(index)
    return index


def check_bijection(index: Index) -> None:
    """Raises ValueError unless every position occurs exactly once."""
    if not np.array_equal(np.sort(index), np.arange(len(index))):
        raise ValueError(f"no permutation: the {len(index)} positions do not occur once each")


def invert(index: Index) -> Index:
    """The index that undoes `index`."""
    inverse = np.empty_like(index)
    inverse[index] = np.arange(len(index), dtype=index.dtype)
    return inverse


@dataclass(frozen=True)
class FixedPermutation:
    """One permutation for all images."""

    index: Index

    def apply(self, images: NDArray[Any], split: SplitName) -> NDArray[Any]:
        """(n, h, w, c) -> (n, h, w, c)"""
        return np.take(images.reshape(len(images), -1), self.index, axis=1).reshape(images.shape)


@dataclass(frozen=True)
class PerImagePermutation:
    """The family `pixels`, drawn anew for every image of a split."""

    seed: int
    replicate: int

    def apply(self, images: NDArray[Any], split: SplitName) -> NDArray[Any]:
        """(n, h, w, c) -> (n, h, w, c); an image's draw depends on its position in the split alone."""
        generator = np.random.default_rng([self.seed, self.replicate, SPLIT_NUMBERS[split]])
        permuted = np.empty_like(images)
        for position, image in enumerate(images):
            permuted[position] = pixels(image, generator)
        return permuted


Permutation = FixedPermutation | PerImagePermutation


def load(folder: Path, replicate: int) -> Permutation:
    """Reads what the stage `permute` wrote.

    Raises:
        UserError: a file is missing, or there is no draw for `replicate`.
    """
    document = read_json(folder / "permutation.json")
    if replicate >= document["replicates"]:
        count = document["replicates"]
        raise UserError(f"{folder} has draws for {count} replicates, replicate {replicate} needs one: run `dvc repro`")
    if document["per_image"]:
        return PerImagePermutation(document["seed"], replicate)
    return FixedPermutation(read_array(folder / "index.npy")[replicate])
