"""Error as a function of how finely, or how coarsely, the picture is scrambled.

The tile families have two ends in common, the natural picture (strength 0) and all pixels (strength 1). Between them
the strength is a share of the logarithm of length, since structure is lost scale by scale:

- within_tiles destroys what is smaller than its tiles: log(pixels of a tile) / log(pixels of the image), 0 for tiles
  of one pixel, 1 for one tile as large as the image;
- tiles destroys what is larger than its tiles: 1 - log(pixels of a tile) / log(pixels of the image), 0 for one tile
  as large as the image, 1 for tiles of one pixel.
"""

import math
from dataclasses import dataclass
from typing import Literal

from scramble.params import AnyPermutation, ImageShape
from scramble.statistics import CrossedEstimate

TileFamily = Literal["within_tiles", "tiles"]
TILE_FAMILIES: tuple[TileFamily, ...] = ("within_tiles", "tiles")


@dataclass(frozen=True)
class StructurePoint:
    permutation: str
    strength: float
    """0 for the natural picture, 1 for all pixels."""
    size: int | None
    """Height and width of a tile in pixels; None at the ends."""
    error: CrossedEstimate
    """Top-1, a fraction."""


@dataclass(frozen=True)
class StructureCurve:
    """One model under every strength of one family."""

    model: str
    family: TileFamily
    """within_tiles: fine structure goes first; tiles: coarse structure goes first."""
    points: tuple[StructurePoint, ...]
    """By ascending strength."""
    area: CrossedEstimate | None
    """The area under it, which is the mean error along the curve; None where the curve does not go from 0 to 1."""


@dataclass(frozen=True)
class NeighbourPoint:
    permutation: str
    kept: float
    """Share of neighbouring pixels that are still neighbours, mean over replicates."""
    error: CrossedEstimate
    """Top-1, a fraction."""


def strength(permutation: AnyPermutation, image_shape: ImageShape) -> float:
    """How much a tile family scrambles, in [0, 1]; `identity` and `pixels` are its ends."""
    if permutation.family == "identity":
        return 0.0
    if permutation.family == "pixels":
        return 1.0
    height, width, _ = image_shape
    share = 2 * math.log(permutation.size) / math.log(height * width)
    return share if permutation.family == "within_tiles" else 1 - share
