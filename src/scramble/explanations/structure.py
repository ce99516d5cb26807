"""Numbers beside the pictures: how smooth filters are, and how alike two attention maps."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from scramble import permutations


def morans_i_of_filters(filters: NDArray[np.floating]) -> float | None:
    """Moran's I of convolution kernels (fh, fw, in, out), mean over all that vary.

    Shuffled weights have about -1 / (fh * fw - 1), a smooth filter or an edge more. None for kernels of less than 2x2.
    """
    if min(filters.shape[:2]) < 2:
        return None
    return permutations.morans_i(filters.transpose(3, 0, 1, 2))


def rank_correlation(first: NDArray[Any], second: NDArray[Any]) -> float | None:
    """Mean of Spearman's rank correlations of maps (k, h, w), the i-th with the i-th.

    Adebayo, Gilmer, Muelly, Goodfellow, Hardt & Kim 2018, section 3: an explanation that is as good without what the
    network has learned shows the picture, and not the network. Maps without variation have no ranks and are left out;
    None if nothing is left.
    """
    pairs = [(a.ravel(), b.ravel()) for a, b in zip(first, second, strict=True) if np.ptp(a) > 0 and np.ptp(b) > 0]
    values = [spearmanr(*pair).statistic for pair in pairs]
    return float(np.mean(values)) if values else None
