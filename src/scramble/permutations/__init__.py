"""Permutations of an image's values: families, draws, and what they leave of the structure. Pure NumPy."""

from scramble.permutations.draws import (
    FixedPermutation,
    PerImagePermutation,
    Permutation,
    check_bijection,
    draw,
    invert,
    load,
    positions,
)
from scramble.permutations.families import FAMILIES
from scramble.permutations.structure import mean_displacement, morans_i, neighbour_pairs_kept

__all__ = [
    "FAMILIES",
    "FixedPermutation",
    "PerImagePermutation",
    "Permutation",
    "check_bijection",
    "draw",
    "invert",
    "load",
    "mean_displacement",
    "morans_i",
    "neighbour_pairs_kept",
    "positions",
]
