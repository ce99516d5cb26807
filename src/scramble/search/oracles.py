"""Keras Tuner's oracles, by the names that params.yaml gives their algorithms, with the spaces that they search."""

import math
import warnings
from typing import Any

import keras_tuner

from scramble.params import Search
from scramble.params.spaces import Choice, FloatRange, IntRange
from scramble.params.tune import HYPERBAND_FACTOR, iteration_size
from scramble.search.job import OBJECTIVE

# Keras Tuner calls what Python's threading has renamed.
warnings.filterwarnings("ignore", category=DeprecationWarning, module="keras_tuner")


class GridSearchOracle(keras_tuner.oracles.GridSearchOracle):
    """Names the next point at once. Keras Tuner's own waits for a trial to end, since its end may name new fields."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        response = super().populate_space(trial_id)
        if response["status"] == "RUNNING":
            self._populate_next.append(trial_id)
        return response


def build(search: Search, seed: int) -> keras_tuner.Oracle:
    """The oracle of a search; the same numbers for the same seed, as long as it is told the same scores."""
    tune = search.tune
    common = {
        "objective": keras_tuner.Objective(OBJECTIVE, "min"),
        "hyperparameters": _space(search),
        "seed": seed + 1,  # 0 would be a random one
        "allow_new_entries": False,
    }
    match tune.algorithm:
        case "random":
            oracle = keras_tuner.oracles.RandomSearchOracle(max_trials=tune.trials, **common)
        case "grid":
            oracle = GridSearchOracle(max_trials=tune.trials, **common)
        case "bayesian":
            oracle = keras_tuner.oracles.BayesianOptimizationOracle(max_trials=tune.trials, **common)
        case "hyperband":
            iterations = math.ceil(tune.trials / iteration_size(search.epochs))
            oracle = keras_tuner.oracles.HyperbandOracle(
                max_epochs=search.epochs, factor=HYPERBAND_FACTOR, hyperband_iterations=iterations, **common
            )
            oracle.max_trials = tune.trials
    oracle.verbose = 0
    return oracle


def _space(search: Search) -> keras_tuner.HyperParameters:
    space = keras_tuner.HyperParameters()
    for field, entry in search.searched.items():
        match entry:
            case FloatRange():
                space.Float(field, *entry.bounds, sampling=entry.scale)
            case IntRange():
                space.Int(field, *entry.bounds, step=entry.step, sampling=entry.scale)
            case Choice():
                space.Choice(field, list(range(len(entry.values))))
    return space
