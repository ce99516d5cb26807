"""The transfer matrix: trained on, tested on."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scramble.figures.style import Figure


def transfer(errors: NDArray[np.float64], permutations: Sequence[str]) -> Figure:
    """Test error of one model trained under one permutation (rows) and tested under another (columns), with numbers.

    Args:
        errors: (trained on, tested on), mean over replicates, fractions; NaN is left empty.
        permutations: the names of both axes.
    """
    raise NotImplementedError
