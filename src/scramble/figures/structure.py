"""Error against how much of the picture's structure is left: the main figure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scramble.figures.style import Figure
from scramble.statistics import Estimate


@dataclass(frozen=True)
class Strength:
    """One model's error at one strength of scrambling."""

    strength: float
    """0 for the natural picture, 1 for all pixels."""
    label: str
    """Below the axis: "natural", "2×2", "all pixels"."""
    error: Estimate
    """A fraction."""


@dataclass(frozen=True, eq=False)
class Panel:
    """The curves of one tile family."""

    title: str
    """What is destroyed: "fine structure destroyed"."""
    axis: str
    """What the strengths are: "pixels shuffled inside tiles of"."""
    lines: Mapping[str, Sequence[Strength]]
    """By model, by ascending strength; every model at the same strengths."""
    pictures: Sequence[NDArray[np.uint8]] = ()
    """One example (h, w, c) for every strength, drawn below its label; () for none."""


@dataclass(frozen=True)
class Neighbours:
    """One model's error under one permutation."""

    permutation: str
    kept: float
    """Share of neighbouring pixels that are still neighbours."""
    error: Estimate
    """A fraction."""


def structure_curves(panels: Sequence[Panel], beyond: Mapping[str, float]) -> Figure:
    """Error against strength of scrambling: a panel for each tile family, a line with its 95 % band for each model.

    Args:
        panels: one or two.
        beyond: further levels by what they are, fractions, e.g. "lenet5, every image scrambled anew" or "guessing";
            those within the panels are lines, those above their range are said in words. {} for none.
    """
    raise NotImplementedError


def neighbour_plot(points: Mapping[str, Sequence[Neighbours]]) -> Figure:
    """Error against neighbour pairs kept: a labelled place for each permutation, a marker with its interval per model.

    Errors far above the rest stand at the upper edge, with an arrow and their number.

    Args:
        points: by model, every model under the same permutations.
    """
    raise NotImplementedError
