"""How sure a study is of its numbers: intervals, tests, equivalence and power. Pure NumPy and SciPy.

Everything is in fractions. Values of the shape (replicates, images) hold one number per network and test image: 1 for
a wrong answer, or what that answer costs.
"""

from scramble.statistics.components import Components, binomial_error, variance_components
from scramble.statistics.equivalence import Equivalence, PriceVerdict, equivalence, price_verdict
from scramble.statistics.estimates import CONFIDENCE, Estimate, mean_interval, paired_difference
from scramble.statistics.power import power, replicates_to_resolve
from scramble.statistics.resampling import CrossedEstimate, Resampling, crossed_bootstrap, price, resample
from scramble.statistics.significance import McNemar, bootstrap_test, holm, mcnemar
from scramble.statistics.structure import area_under_curve, structure_reliance

__all__ = [
    "CONFIDENCE",
    "Components",
    "CrossedEstimate",
    "Equivalence",
    "Estimate",
    "McNemar",
    "PriceVerdict",
    "Resampling",
    "area_under_curve",
    "binomial_error",
    "bootstrap_test",
    "crossed_bootstrap",
    "equivalence",
    "holm",
    "mcnemar",
    "mean_interval",
    "paired_difference",
    "power",
    "price",
    "price_verdict",
    "replicates_to_resolve",
    "resample",
    "structure_reliance",
    "variance_components",
]
