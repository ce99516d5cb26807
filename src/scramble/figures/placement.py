"""Where labels and outliers go, so that everything stays readable."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from scramble.statistics import Estimate

FAR, FEW = 3.0, 0.2
"""The highest values are outliers if they are this many times the next lower one, and no larger a share of all."""


def apart(positions: Sequence[float], gap: float, low: float, high: float) -> NDArray[np.float64]:
    """Places for labels within [low, high], at least `gap` apart, in the same order and near their positions.

    The squared distances are the least possible: an isotonic regression of the positions minus the gaps before them.
    Where so many do not fit, they are as far apart as the room allows.
    """
    order = np.argsort(positions, kind="stable")
    gap = min(gap, (high - low) / max(len(order) - 1, 1))
    before = gap * np.arange(len(order))
    packed = isotonic_regression(np.asarray(positions, np.float64)[order] - before).x
    places = np.empty(len(order))
    places[order] = np.clip(packed, low, high - before[-1:].sum()) + before
    return places


def upper_limit(estimates: Iterable[Estimate]) -> float:
    """The highest mean that is no outlier; infinity where there are no outliers."""
    means = np.sort([estimate.mean for estimate in estimates if np.isfinite(estimate.mean)])
    for number in range(max(1, int(np.ceil(len(means) * (1 - FEW)))), len(means)):
        if means[number] > FAR * means[number - 1]:
            return float(means[number - 1])
    return np.inf
