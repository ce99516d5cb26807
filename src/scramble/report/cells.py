"""What the replicates of one model under one permutation say together."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scramble.metrics import Reliability
from scramble.report.results import Cell
from scramble.statistics import (
    Components,
    CrossedEstimate,
    Estimate,
    Resampling,
    binomial_error,
    crossed_bootstrap,
    mean_interval,
    variance_components,
)


@dataclass(frozen=True, eq=False)
class CellNumbers:
    """One model under one permutation. Errors are fractions."""

    model: str
    permutation: str
    top1: CrossedEstimate
    top5: CrossedEstimate
    nll: CrossedEstimate
    """Nats per image."""
    brier: CrossedEstimate
    ece: Estimate
    """Expected calibration error, with Student's interval over replicates: it is no mean over images."""
    runs: tuple[float, ...]
    """Top-1 error of every replicate."""
    class_errors: tuple[Estimate | None, ...]
    """By class, over replicates; None for a class without a test image."""
    reliability: Reliability
    """The bins of all replicates together."""
    confusion: NDArray[np.int64]
    """(classes, classes), actual by predicted, summed over replicates"""
    spread: Components
    """What the top-1 error owes to replicates and to test images."""
    binomial: float
    """Standard error of the top-1 error of one network on as many test images, √(p (1 - p) / n)."""

    diverged: int
    """Replicates with predictions that are not finite: these count as wrong, and have no likelihood."""

    def metric(self, name: str) -> Estimate:
        """The estimate of a column of metrics.csv."""
        return {
            "top1_error": self.top1,
            "top5_error": self.top5,
            "nll": self.nll,
            "brier": self.brier,
            "ece": self.ece,
        }[name]


def cell_numbers(cell: Cell, resampling: Resampling) -> CellNumbers:
    """The numbers of a cell; every interval but those of `ece` and `class_errors` by the crossed bootstrap."""
    top1 = crossed_bootstrap(cell.errors, resampling)
    return CellNumbers(
        model=cell.model,
        permutation=cell.permutation,
        top1=top1,
        top5=crossed_bootstrap(cell.top5_errors, resampling),
        nll=crossed_bootstrap(cell.log_losses, resampling),
        brier=crossed_bootstrap(cell.brier_scores, resampling),
        ece=mean_interval(cell.values("ece")),
        runs=tuple(cell.values("top1_error")),
        class_errors=_class_errors(cell),
        reliability=cell.reliability,
        confusion=cell.confusion,
        spread=variance_components(cell.errors),
        binomial=binomial_error(top1.mean, cell.errors.shape[1]),
        diverged=int((~np.isfinite(cell.log_losses)).any(axis=1).sum()),
    )


def _class_errors(cell: Cell) -> tuple[Estimate | None, ...]:
    totals = cell.confusion.sum(axis=1)
    return tuple(
        mean_interval(cell.values(f"class_{index}_error")) if total else None for index, total in enumerate(totals)
    )
