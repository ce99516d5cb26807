"""How much of what a network knows rests on the structure of the picture."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scramble.statistics.resampling import (
    CrossedEstimate,
    Resampling,
    crossed_bootstrap,
    deviations,
    percentile_interval,
)


def structure_reliance(
    natural: NDArray[Any],
    permuted: NDArray[Any],
    per_image: NDArray[Any] | float,
    resampling: Resampling,
) -> CrossedEstimate | None:
    """The structure reliance index (error_permuted - error_natural) / (error_per_image - error_natural).

    0: the permutation costs nothing; 1: it costs as much as a permutation of every image on its own, which leaves no
    place its meaning. A ratio of means over replicates and images; its draws are ratios of draws of the numerator
    minus index times denominator, which has the mean 0, over draws of the denominator, plus the index.

    Args:
        natural, permuted: errors 0/1, (replicates, images)
        per_image: errors of the same shape, or one number: the error of guessing the most frequent class

    Returns:
        None where the denominator is not certainly above 0: its interval holds 0.

    Raises:
        ValueError: the arrays do not pair up, or the resampling was made for another shape.
    """
    if natural.shape != permuted.shape or np.shape(per_image) not in {(), natural.shape}:
        raise ValueError(
            f"natural errors {natural.shape}, permuted {permuted.shape} and per image {np.shape(per_image)} do not pair"
        )
    numerator = permuted.astype(np.float64) - natural
    denominator = np.asarray(per_image, np.float64) - natural
    below = crossed_bootstrap(denominator, resampling)
    if below.low is None or below.low <= 0:
        return None
    index = float(numerator.mean()) / below.mean
    draws = index + deviations(numerator - index * denominator, resampling) / below.draws
    return percentile_interval(index, draws, natural.shape)


def area_under_curve(strengths: Sequence[float], errors: ArrayLike, resampling: Resampling) -> CrossedEstimate:
    """The area under the error as a function of the strength of scrambling, by the trapezoidal rule.

    Over strengths from 0 to 1 it is the mean error along the curve.

    Args:
        strengths: ascending, in [0, 1]
        errors: 0/1, (strengths, replicates, images)

    Raises:
        ValueError: fewer than two strengths, or they do not ascend within [0, 1], or the shapes do not fit.
    """
    widths = np.diff(strengths)
    if len(strengths) < 2 or not ((widths > 0).all() and strengths[0] >= 0 and strengths[-1] <= 1):
        raise ValueError(f"strengths {list(strengths)} must be two or more, ascending, from 0 to 1")
    weights = (np.append(widths, 0) + np.append(0, widths)) / 2  # (strengths,)
    return crossed_bootstrap(np.tensordot(weights, np.asarray(errors), axes=1), resampling)
