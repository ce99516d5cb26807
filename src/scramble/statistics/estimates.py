"""Means over replicates, and how sure they are.

The interval is Student's (1908): mean ± t · s / √n, with t the quantile of the t distribution with n - 1 degrees of
freedom and s the sample standard deviation (divisor n - 1). It speaks of other replicates on the same test images.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over n replicates with its interval, which a single replicate does not have, nor what is not finite."""

    mean: float
    low: float | None
    high: float | None
    n: int

    @property
    def half_width(self) -> float | None:
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


def mean_interval(values: Sequence[float]) -> Estimate:
    """Mean and 95 % t interval of one value per replicate; no interval where one is not finite."""
    n = len(values)
    if not np.isfinite(values).all():
        return Estimate(float("nan"), None, None, n)
    mean = float(np.mean(values))
    if n < 2:
        return Estimate(mean, None, None, n)
    quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1))
    half_width = quantile * float(np.std(values, ddof=1)) / n**0.5
    return Estimate(mean, mean - half_width, mean + half_width, n)


def paired_difference(before: Sequence[float], after: Sequence[float]) -> Estimate:
    """Mean and 95 % t interval of after - before, replicate by replicate.

    Raises:
        ValueError: the replicates do not pair up.
    """
    if len(before) != len(after):
        raise ValueError(f"{len(before)} replicates cannot be paired with {len(after)}")
    return mean_interval([b - a for a, b in zip(before, after, strict=True)])
