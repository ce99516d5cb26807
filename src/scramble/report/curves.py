"""Error as a function of how finely, or how coarsely, the picture is scrambled.

The tile families have two ends in common, the natural picture (strength 0) and all pixels (strength 1). Between them
the strength is a share of the logarithm of length, since structure is lost scale by scale:

- within_tiles destroys what is smaller than its tiles: log(pixels of a tile) / log(pixels of the image), 0 for tiles
  of one pixel, 1 for one tile as large as the image;
- tiles destroys what is larger than its tiles: 1 - log(pixels of a tile) / log(pixels of the image), 0 for one tile
  as large as the image, 1 for tiles of one pixel.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from scramble.params import AnyPermutation, ImageShape, Tiled
from scramble.report.cells import CellNumbers
from scramble.report.results import Results
from scramble.statistics import CrossedEstimate, Resampling, area_under_curve

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
    """How much a tile family scrambles, in [0, 1]; of other families, 0 for `identity` and 1 for `pixels`."""
    if not isinstance(permutation, Tiled):
        return float(permutation.family != "identity")
    height, width, _ = image_shape
    share = math.log(permutation.size**2) / math.log(height * width)
    return share if permutation.family == "within_tiles" else 1 - share


Cells = Mapping[tuple[str, str], CellNumbers]
"""By (model, permutation)."""


def structure_curves(results: Results, cells: Cells, model: str, resampling: Resampling) -> tuple[StructureCurve, ...]:
    """The curves of one model, one for each tile family of the grid."""
    study = results.study
    families = {study.permutations[name].family for name in study.grid.permutations}
    return tuple(_curve(results, cells, model, family, resampling) for family in TILE_FAMILIES if family in families)


def _curve(results: Results, cells: Cells, model: str, family: TileFamily, resampling: Resampling) -> StructureCurve:
    """Its ends are the first of `identity` and of `pixels`, unless the family has a member that is as strong."""
    specs = {name: results.study.permutations[name] for name in results.study.grid.permutations}
    by_strength: dict[float, list[str]] = {}
    for name, spec in specs.items():
        if spec.family == family:
            by_strength.setdefault(strength(spec, results.info.image_shape), []).append(name)
    for name, spec in specs.items():
        if spec.family in ("identity", "pixels"):
            by_strength.setdefault(strength(spec, results.info.image_shape), [name])
    points = tuple(
        StructurePoint(name, each, getattr(specs[name], "size", None), cells[model, name].top1)
        for each, names in sorted(by_strength.items())
        for name in names
    )
    return StructureCurve(model, family, points, _area(results, model, by_strength, resampling))


def _area(
    results: Results, model: str, by_strength: Mapping[float, Sequence[str]], resampling: Resampling
) -> CrossedEstimate | None:
    """Permutations of one strength count as one point, their mean."""
    strengths = sorted(by_strength)
    if (strengths[0], strengths[-1]) != (0, 1):
        return None
    errors = [np.mean([results.cells[model, name].errors for name in by_strength[each]], axis=0) for each in strengths]
    return area_under_curve(strengths, errors, resampling)


def neighbour_points(results: Results, cells: Cells, model: str) -> tuple[NeighbourPoint, ...]:
    """Every permutation of the grid, the one that keeps the most neighbours first."""
    points = [
        NeighbourPoint(name, results.structures[name]["neighbour_pairs_kept"]["mean"], cells[model, name].top1)
        for name in results.study.grid.permutations
    ]
    return tuple(sorted(points, key=lambda point: -point.kept))
