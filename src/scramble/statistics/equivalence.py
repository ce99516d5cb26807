"""Whether a price is too small to matter, and the one word for a price. "Not significant" is not "equal"."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from scramble.statistics.estimates import CONFIDENCE
from scramble.statistics.resampling import CrossedEstimate

PriceVerdict = Literal["pays", "gains", "equal within the margin", "undecided"]


@dataclass(frozen=True)
class Equivalence:
    """What two one-sided tests say of a price."""

    margin: float
    """The smallest difference that would matter, a fraction."""
    p_value: float
    equal: bool
    """The price lies within ± margin, at the level of 5 %."""


def equivalence(price: CrossedEstimate, margin: float) -> Equivalence:
    """Two one-sided tests (Schuirmann 1987): is the price above -margin, and is it below +margin?

    Both must be answered yes at 5 %, which is the same as a 90 % interval within ± margin. Both are read off the
    draws of the crossed bootstrap, and not off Student's distribution over the replicates, so that equality holds for
    other test images as well. NaN is never equal.

    Raises:
        ValueError: `margin` is not positive.
    """
    if not margin > 0:
        raise ValueError(f"a margin of {margin} leaves no room for equality: it must be more than 0")
    within = min(np.count_nonzero(price.draws > -margin), np.count_nonzero(price.draws < margin))
    p_value = 1 - int(within) / (len(price.draws) + 1)
    return Equivalence(margin, p_value, p_value < 1 - CONFIDENCE)


def price_verdict(price: CrossedEstimate, margin: float) -> PriceVerdict:
    """One word for a price.

    A price within the margin is equal even where its interval leaves out 0: that is what a margin means. One replicate
    decides nothing: its interval does not know what another initialisation would do.
    """
    if price.low is None or price.high is None or price.over == "images":
        return "undecided"
    if equivalence(price, margin).equal:
        return "equal within the margin"
    if price.low > 0:
        return "pays"
    return "gains" if price.high < 0 else "undecided"
