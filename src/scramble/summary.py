"""Learning curves over replicates as TensorBoard runs, since TensorBoard cannot average.

Of every model under every permutation there are three runs: mean, low and high, the limits being those of Student's
interval over the replicates. A curve ends with the shortest of its replicates.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from scramble.events import EventWriter
from scramble.statistics import Estimate, mean_interval

TAGS = {
    "loss/train": "loss",
    "loss/validation": "validation_loss",
    "accuracy/train": "accuracy",
    "accuracy/validation": "validation_accuracy",
}
"""TensorBoard's tags, and the columns of history.csv."""

History = Mapping[str, Sequence[float]]
"""The columns of a history.csv."""


def write(histories: Mapping[tuple[str, str], Sequence[History]], folder: Path) -> None:
    """Writes <folder>/<model>/<permutation>/{mean,low,high}/, the limits only where there are several replicates.

    Args:
        histories: by (model, permutation), one history per replicate.
    """
    for (model, permutation), replicates in histories.items():
        curves = {tag: curve(replicates, column) for tag, column in TAGS.items()}
        for limit in ("mean", "low", "high") if len(replicates) > 1 else ("mean",):
            _write_run(curves, limit, folder / model / permutation / limit)


def curve(replicates: Sequence[History], column: str) -> list[Estimate]:
    """Mean and interval of a column over replicates, epoch by epoch."""
    return [mean_interval(values) for values in zip(*(history[column] for history in replicates), strict=False)]


def _write_run(curves: Mapping[str, Sequence[Estimate]], limit: str, folder: Path) -> None:
    with EventWriter(folder) as writer:
        for tag, estimates in curves.items():
            for epoch, estimate in enumerate(estimates, start=1):
                value = getattr(estimate, limit)
                if value is not None:
                    writer.scalars({tag: value}, epoch)
