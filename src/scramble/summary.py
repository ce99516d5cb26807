"""Learning curves over replicates as TensorBoard runs, since TensorBoard cannot average.

Of every model under every permutation there are three runs: mean, low and high, the limits of its interval.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from scramble.events import EventWriter
from scramble.statistics import Estimate

TAGS = {
    "loss": "loss/train",
    "validation_loss": "loss/validation",
    "accuracy": "accuracy/train",
    "validation_accuracy": "accuracy/validation",
}
"""By column of history.csv, the tag that the replicates have in TensorBoard, too."""
RUNS = ("mean", "low", "high")

Curves = Mapping[str, Sequence[Estimate]]
"""By column of history.csv, epoch by epoch."""


def write(learning_curves: Mapping[tuple[str, str], Curves], folder: Path) -> None:
    """Writes <folder>/<model>/<permutation>/{mean,low,high}/; no limits where there is one replicate.

    Args:
        learning_curves: by (model, permutation).
    """
    for (model, permutation), curves in learning_curves.items():
        for run in RUNS:
            points = _points(curves, run)
            if points:
                with EventWriter(folder / model / permutation / run) as writer:
                    for tag, value, epoch in points:
                        writer.scalars({tag: value}, epoch)


def _points(curves: Curves, run: str) -> list[tuple[str, float, int]]:
    """(tag, value, epoch) of a run; epochs without an interval have no limits."""
    values = [
        (tag, getattr(estimate, run), epoch)
        for column, tag in TAGS.items()
        for epoch, estimate in enumerate(curves[column], start=1)
    ]
    return [point for point in values if point[1] is not None]
