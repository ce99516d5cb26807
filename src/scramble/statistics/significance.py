"""Whether two conditions differ: per replicate, over replicates and images, and over several models."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from scramble.statistics.resampling import CrossedEstimate


@dataclass(frozen=True)
class McNemar:
    """Test images on which the networks of two conditions disagree, and how surprising their shares are."""

    natural_wrong: int
    """Images that only the network of the natural pictures gets wrong."""
    permuted_wrong: int
    """Images that only the network of the permuted pictures gets wrong."""
    p_value: float


def mcnemar(natural: NDArray[Any], permuted: NDArray[Any]) -> McNemar:
    """McNemar's test (1947) of one pair of networks, from their errors 0/1 on the same images (images,).

    Exact: of the images on which they disagree, each is wrong on a binomial number with probability 1/2, where they
    are equally good. It speaks of other images for these two networks, not of other trainings.
    """
    natural_wrong = int(np.count_nonzero((natural != 0) & (permuted == 0)))
    permuted_wrong = int(np.count_nonzero((natural == 0) & (permuted != 0)))
    disagreements = natural_wrong + permuted_wrong
    p_value = float(stats.binomtest(permuted_wrong, disagreements).pvalue) if disagreements else 1.0
    return McNemar(natural_wrong, permuted_wrong, p_value)


def bootstrap_test(price: CrossedEstimate) -> float:
    """Two-sided p of a price of 0, over other replicates and images at once.

    The share of draws that lie at least as far from the price as 0 does: the bootstrap distribution shifted to the null
    hypothesis. The price itself counts as a draw (Davison & Hinkley 1997, chapter 4), so the smallest p is
    1 / (draws + 1). NaN counts as far.
    """
    nearer = np.count_nonzero(np.abs(price.draws - price.mean) < abs(price.mean))
    return 1 - nearer / (len(price.draws) + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) adjusted p values, in the order given: below alpha, the family has at most alpha false alarms.

    The smallest of m values is multiplied by m, the next by m - 1, and so on; none falls below one before it.
    """
    ordered = np.argsort(p_values, kind="stable")
    factors = np.arange(len(ordered), 0, -1)
    adjusted = np.empty(len(ordered))
    adjusted[ordered] = np.minimum(np.maximum.accumulate(factors * np.asarray(p_values)[ordered]), 1)
    return [float(value) for value in adjusted]
