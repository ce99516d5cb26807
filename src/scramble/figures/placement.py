"""Where labels and outliers go, so that everything stays readable."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from scramble.statistics import Estimate

FAR = 2.0
"""A value this many times the median of all is far above the rest."""


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


def upper_limit(estimates: Iterable[Estimate]) -> float | None:
    """The largest value, or end of an interval, that is not far above the rest; None where nothing is finite."""
    kept = [estimate for estimate in estimates if np.isfinite(estimate.mean)]
    if not kept:
        return None
    far = FAR * float(np.median([estimate.mean for estimate in kept]))
    near = [estimate for estimate in kept if estimate.mean <= far] or kept
    return max(estimate.mean if estimate.high is None else estimate.high for estimate in near)
