"""What scrambling costs every model, and how sure that is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from scramble.report.results import Cell, Results
from scramble.statistics import (
    CONFIDENCE,
    CrossedEstimate,
    Equivalence,
    McNemar,
    PriceVerdict,
    Resampling,
    bootstrap_test,
    equivalence,
    holm,
    mcnemar,
    price,
    price_verdict,
    replicates_to_resolve,
    structure_reliance,
    variance_components,
)


@dataclass(frozen=True)
class Reliance:
    """The structure reliance index of a model under a permutation."""

    index: CrossedEstimate | None
    """None where the worst error is not certainly above the natural one."""
    measured: bool
    """The worst error is the model's own under `per_image`; else it is that of guessing."""
    worst: float
    """The error that counts as 1: mean error under `per_image`, or of guessing the most frequent class."""


@dataclass(frozen=True)
class Needed:
    """How many replicates would resolve a difference with the chance of 80 %; None where 1,000 do not."""

    for_margin: int | None
    """A difference as large as the margin."""
    for_difference: int | None
    """A difference as large as the one that was observed."""


@dataclass(frozen=True)
class Price:
    """Permuted minus natural top-1 error of one model, a fraction, paired by replicate and test image."""

    model: str
    permutation: str
    difference: CrossedEstimate
    runs: tuple[float, ...]
    """Of every replicate."""
    mcnemar: tuple[McNemar, ...]
    """Of every replicate."""
    p_value: float
    """Of no difference: the paired bootstrap test over replicates and images at once."""
    adjusted_p: float
    """The same, by Holm, over all models of the study under this permutation."""
    equivalence: Equivalence
    verdict: PriceVerdict
    """`undecided` also where the interval decides, but not after Holm's correction."""
    reliance: Reliance
    needed: Needed | None
    """None where the price is decided, or where one replicate has no spread."""
