"""All that the rest of a training depends on, besides its data, its recipe and its seeds."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Arrays = list[NDArray[Any]]


@dataclass(frozen=True)
class Epoch:
    """What an epoch left: a row of history.csv. Losses include label smoothing, accuracies are fractions.

    Of mixed images the training accuracy counts the own label alone, so it reads low.
    """

    epoch: int
    learning_rate: float
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float


def best_epoch(history: Sequence[Epoch]) -> Epoch | None:
    """The first epoch with the lowest validation loss; None if no epoch has a finite one."""
    finite = [epoch for epoch in history if np.isfinite(epoch.validation_loss)]
    return min(finite, key=lambda epoch: epoch.validation_loss, default=None)


@dataclass
class State:
    """A training between two epochs."""

    history: list[Epoch] = field(default_factory=list)
    model: Arrays = field(default_factory=list)
    """The model's variables: weights, moving statistics, and the counters of its random layers."""
    optimizer: Arrays = field(default_factory=list)
    best: Arrays = field(default_factory=list)
    """The weights of the best epoch, where the recipe keeps them."""

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """As named arrays, for a .npz file."""
        named = {"history": np.array([astuple(epoch) for epoch in self.history], np.float64)}
        for group in ("model", "optimizer", "best"):
            named |= {f"{group}/{number}": array for number, array in enumerate(getattr(self, group))}
        return named

    @classmethod
    def from_arrays(cls, named: dict[str, NDArray[Any]]) -> Self:
        """The inverse of `to_arrays`."""
        state = cls([Epoch(int(row[0]), *map(float, row[1:])) for row in named["history"]])
        for group in ("model", "optimizer", "best"):
            count = sum(name.startswith(f"{group}/") for name in named)
            getattr(state, group).extend(named[f"{group}/{number}"] for number in range(count))
        return state
