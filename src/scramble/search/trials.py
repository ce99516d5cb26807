"""Trials as the chief keeps them, and which of them wins."""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from scramble.params import Setting
from scramble.search.journal import Training


@dataclass
class Trial:
    """A setting, the replicates that it is to be trained with, and what has come of them."""

    name: str
    """Its number; for the winner's fresh trainings, `fresh` and their number."""
    numbers: dict[str, Any]
    """What the oracle has chosen, as Keras Tuner's hyperparameters"""
    setting: Setting
    replicates: range
    trainings: dict[int, Training] = field(default_factory=dict)
    """By replicate"""
    worker: str | None = None
    """Who trains it"""
    heard: float = 0.0
    """When that worker was last heard from, on the monotonic clock"""

    @property
    def number(self) -> int:
        return int(self.name)

    @property
    def finished(self) -> bool:
        return len(self.trainings) == len(self.replicates)

    @property
    def diverged(self) -> bool:
        return any(training.diverged for training in self.trainings.values())

    @property
    def score(self) -> float:
        """Mean error over the replicates; six digits, so that no trial wins by the order in which a sum was rounded."""
        return round(math.fsum(training.error for training in self.trainings.values()) / len(self.trainings), 6)

    def touch(self, worker: str) -> None:
        self.worker, self.heard = worker, time.monotonic()


@dataclass(frozen=True)
class Result:
    """What a finished search has found."""

    trials: list[Trial]
    """In the order of their numbers"""
    best: Trial
    fresh: list[Trial]
    """The winner's trainings with other seeds and draws, one each"""
    parallel: bool
    """Whether trials were trained side by side"""


def best_of(trials: Iterable[Trial], epochs: int) -> Trial | None:
    """The trial with the lowest score, the earlier one of equals; None if there is none yet.

    Shorter trials, as those of hyperband's first rungs, and those that diverged are not compared.
    """
    comparable = [
        each for each in trials if each.finished and not each.diverged and each.setting.recipe.epochs == epochs
    ]
    return min(comparable, key=lambda trial: (trial.score, trial.number), default=None)
