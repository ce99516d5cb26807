"""Where the uncertainty of a mean over replicates and test images comes from.

The two-way layout without replication, both factors random: value = mean + replicate + image + residual, the last being
what one network makes of one image beyond both. With R replicates and n images the mean has the variance

    V(replicate) / R + V(image) / n + V(residual) / (R n)

and the components are estimated from the mean squares of the analysis of variance: V(replicate) by (MS_replicates -
MS_residual) / n, V(image) by (MS_images - MS_residual) / R (Searle, Casella & McCulloch 1992, chapter 4), an estimate
below 0 taken as 0.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Components:
    """Standard deviations behind a mean over replicates and test images, in units of the values.

    The variance of the mean of R replicates is between² / R + of_images².
    """

    between: float | None
    """Between the means of single replicates, as measured on these images; None with one replicate."""
    of_networks: float | None
    """Between replicates on a test set without end: `between` without what the finite test set adds to it."""
    of_images: float
    """Of the mean, by the choice of the test images: what is left with replicates without end, unless there is but one
    (then the residual cannot be told from the image, and is in it)."""


def mean_squares(values: NDArray[np.floating]) -> tuple[float, float, float]:
    """Of replicates, images and residual, of values (replicates, images); 0 where there are no degrees of freedom."""
    num_replicates, num_images = values.shape
    mean = values.mean()
    by_replicate = values.mean(axis=1) - mean  # (replicates,)
    by_image = values.mean(axis=0) - mean  # (images,)
    residual = values - mean - by_replicate[:, None] - by_image
    return (
        num_images * float(np.square(by_replicate).sum()) / max(num_replicates - 1, 1),
        num_replicates * float(np.square(by_image).sum()) / max(num_images - 1, 1),
        float(np.square(residual).sum()) / max((num_replicates - 1) * (num_images - 1), 1),
    )


def variance_components(values: NDArray[Any]) -> Components:
    """The components of values (replicates, images), such as errors 0/1 or permuted minus natural errors."""
    num_replicates, num_images = values.shape
    of_replicates, of_images, residual = mean_squares(values.astype(np.float64))
    single = num_replicates == 1
    return Components(
        between=None if single else (of_replicates / num_images) ** 0.5,
        of_networks=None if single else (max(of_replicates - residual, 0.0) / num_images) ** 0.5,
        of_images=(max(of_images - residual, 0.0) / values.size) ** 0.5,
    )


def binomial_error(error: float, num_images: int) -> float:
    """Standard error √(p (1 - p) / n) of the error p of one network on n test images."""
    return (error * (1 - error) / num_images) ** 0.5
