"""How many replicates would settle it.

The power of the paired t test by the noncentral t distribution (Cohen 1988, chapter 2; as R's power.t.test), extended
by the part of the test images, which no number of replicates makes smaller: with R replicates the variance of a mean is
between² / R + of_images², and its degrees of freedom are Hillis' (2007),
(between² / R + of_images²)² / ((between² / R)² / (R - 1)). The interval of the crossed bootstrap is a little more
cautious where both parts are of a size and replicates few: 21 % measured where this says 25 %, with five replicates.
"""

import math
from bisect import bisect_left

from scipy import stats

from scramble.statistics.components import Components
from scramble.statistics.estimates import CONFIDENCE

POWER = 0.8
"""The chance of resolving a difference that is wanted where none is named (Cohen 1988, chapter 2)."""
MOST_REPLICATES = 1000


def power(difference: float, components: Components, replicates: int, confidence: float = CONFIDENCE) -> float:
    """The chance that the interval over so many replicates shows a true mean of `difference` on its side of 0.

    Args:
        components: of the paired differences of a study, whatever the number of its replicates
        replicates: at least 2
        confidence: of the interval; more where a test is one of several

    Raises:
        ValueError: one replicate has no spread.
    """
    of_replicates, variance = _variances(components, replicates)
    if variance == 0:
        return float(difference != 0)
    degrees = (replicates - 1) * (variance / of_replicates) ** 2 if of_replicates else math.inf
    limit = stats.t.ppf((1 + confidence) / 2, degrees)
    return float(stats.nct.sf(limit, degrees, abs(difference) / variance**0.5))


def replicates_to_resolve(
    difference: float, components: Components, wanted: float = POWER, confidence: float = CONFIDENCE
) -> int | None:
    """The smallest number of replicates that resolves `difference` with the chance `wanted`.

    None where 1,000 do not: then it is the test images that are too few. Raises what `power` raises.
    """
    counts = range(2, MOST_REPLICATES + 1)
    found = bisect_left(counts, wanted, key=lambda count: power(difference, components, count, confidence))
    return counts[found] if found < len(counts) else None


def _variances(components: Components, replicates: int) -> tuple[float, float]:
    """Of a mean over so many replicates: the variance by the replicates, and the whole."""
    if components.between is None or replicates < 2:
        raise ValueError("one replicate has no spread: power needs two or more")
    of_replicates = components.between**2 / replicates
    return of_replicates, of_replicates + components.of_images**2
