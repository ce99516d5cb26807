"""The block `tune`: spaces are read, and impossible ones refused by name, before TensorFlow."""

import copy
from typing import Any

import pytest
from pydantic import ValidationError

from scramble.params import Study
from scramble.params.tune import iteration_size
from scramble.params.words import describe
from search_study import STUDY, study

LEARNING_RATE = {"float": [0.0001, 0.1], "scale": "log"}
MISTAKES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "unknown field": ({"space": {"mlp": {"learning_rat": LEARNING_RATE}}}, ["tune.space.mlp", "'learning_rate'"]),
    "field of a block": ({"space": {"mlp": {"augmentation.shift": {"int": [0, 2]}}}}, ["augmentation.max_shift"]),
    "unknown option": ({"space": {"mlp": {"options.width": {"int": [1, 2]}}}}, ["unknown field 'options.width'"]),
    "unknown model": ({"space": {"lenet": {"learning_rate": LEARNING_RATE}}}, ["tune.space", "model 'lenet'", "mlp"]),
    "unknown cell": ({"cells": {"permutations": ["pixel"]}}, ["tune.cells.permutations", "did you mean 'pixels'"]),
    "cell without a space": ({"cells": {"models": ["mlp"]}, "space": {}}, ["names mlp", "no tune.space.mlp"]),
    "no space": ({"space": {}}, ["tune.trials is 5", "no model"]),
    "nothing searched": ({"space": {"mlp": {"learning_rate": {"fixed": 1}}}}, ["tune.space.mlp: nothing is searched"]),
    "unknown kind": ({"space": {"mlp": {"learning_rate": {"floats": [1, 2]}}}}, ["mlp.learning_rate", "'float'"]),
    "two kinds": ({"space": {"mlp": {"batch_size": {"int": [1, 2], "fixed": 1}}}}, ["one of float, int", "received"]),
    "unknown key": ({"space": {"mlp": {"momentum": {"float": [0, 0.9], "scal": "log"}}}}, ["did you mean 'scale'"]),
    "empty range": ({"space": {"mlp": {"learning_rate": {"float": [0.1, 0.1]}}}}, ["learning_rate", "empty range"]),
    "range upside down": (
        {"space": {"mlp": {"batch_size": {"int": [64, 32]}}}},
        ["batch_size: [64, 32]", "empty range"],
    ),
    "log from 0": (
        {"space": {"mlp": {"weight_decay": {"float": [0, 0.1], "scale": "log"}}}},
        ["weight_decay", "above 0"],
    ),
    "a word in a range": ({"space": {"mlp": {"momentum": {"float": [0, "half"]}}}}, ["momentum: float.1", "'half'"]),
    "more than a float can count": ({"space": {"mlp": {"batch_size": {"int": [1, 10**30]}}}}, ["batch_size: int.1"]),
    "a range wider than memory": ({"space": {"mlp": {"batch_size": {"int": [1, 10**12]}}}}, ["batch_size 10000000000"]),
    "ratio 1": ({"space": {"mlp": {"batch_size": {"int": [8, 64], "scale": "log", "step": 1}}}}, ["step 1", "ratio"]),
    "one choice": ({"space": {"mlp": {"optimizer": {"choice": ["sgd"]}}}}, ["optimizer", "use fixed"]),
    "equal choices": ({"space": {"mlp": {"batch_size": {"choice": [8, 8]}}}}, ["batch_size: 8 is given twice"]),
    "epochs": ({"space": {"mlp": {"epochs": {"int": [1, 3]}}}}, ["epochs: tune.epochs sets those of a trial"]),
    "a block and its field": (
        {"space": {"mlp": {"augmentation": {"fixed": {}}, "augmentation.max_shift": {"int": [0, 2]}}}},
        ["augmentation is given as a whole and augmentation.max_shift besides"],
    ),
    "impossible value": (
        {"space": {"mlp": {"optimizer": {"choice": ["adamw", "adma"]}}}},
        ["optimizer adma", "'adam'"],
    ),
    "impossible pair": (
        {"space": {"mlp": {"weight_decay": {"float": [0.01, 0.1]}, "optimizer": {"choice": ["sgd", "adam"]}}}},
        ["tune.space.mlp with", "optimizer adam", "no weight decay"],
    ),
    "impossible option": ({"space": {"mlp": {"options.units": {"choice": [[8], [0]]}}}}, ["options.units [0]"]),
    "warm-up longer than a trial": ({"space": {"mlp": {"warmup_epochs": {"float": [0, 2]}}}}, ["less than epochs 2"]),
    "cutout": ({"space": {"mlp": {"augmentation.cutout": {"int": [0, 40]}}}}, ["cutout 33", "32x32"]),
    "batches": ({"space": {"mlp": {"batch_size": {"choice": [32, 512]}}}}, ["batch_size 512", "train_limit 300"]),
    "too few for bayesian": ({"algorithm": "bayesian"}, ["tune.trials 5", "bayesian needs 7", "tune.space.mlp"]),
    "too few for hyperband": ({"algorithm": "hyperband", "epochs": 9}, ["hyperband needs 23", "one iteration"]),
    "too few for grid": (
        {
            "algorithm": "grid",
            "space": {
                "mlp": {"batch_size": {"int": [8, 64], "scale": "log", "step": 2}, "momentum": {"choice": [0, 0.9]}}
            },
        },
        ["grid needs 8", "the points of the grid"],
    ),
    "grid of a range": ({"algorithm": "grid"}, ["tune.space.mlp.learning_rate", "choice"]),
    "algorithm": ({"algorithm": "baysian"}, ["algorithm", "did you mean 'bayesian'"]),
    "negative trials": ({"trials": -1}, ["trials", "received -1"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_refused_by_name(mistake: str) -> None:
    tune, expected = MISTAKES[mistake]
    with pytest.raises(ValidationError) as refusal:
        study(**tune)
    message = describe(refusal.value)
    assert all(part in message for part in expected), message
    assert "\n" not in message


def test_a_batch_is_divisible_at_every_value() -> None:
    document = copy.deepcopy(STUDY)
    document["compute"] = {"strategy": "mirrored", "devices": 2}
    document["tune"]["space"] = {"mlp": {"batch_size": {"int": [16, 20]}}}
    with pytest.raises(ValidationError, match=r"batch_size 17: recipe\.batch_size 17 is not divisible"):
        Study.model_validate(document)


def test_a_trial_needs_one_process() -> None:
    document = copy.deepcopy(STUDY)
    document["compute"] = {"strategy": "multi_worker", "workers": 2}
    with pytest.raises(ValidationError, match=r"a trial trains in one process, compute\.strategy is multi_worker"):
        Study.model_validate(document)


def test_only_named_cells_are_searched() -> None:
    assert study().search("mlp", "identity") is None
    assert study().search("mlp", "pixels") is not None
    assert study(cells={}).search("mlp", "identity") is not None
    assert study(trials=0).search("mlp", "pixels") is None


def test_a_setting_is_the_recipe_with_the_chosen_values() -> None:
    search = study().search("mlp", "pixels")
    assert search is not None
    setting = search.read({"learning_rate": 0.00123456, "options.units": 1})
    assert setting.values == {"learning_rate": 0.001235, "options.units": (24, 8)}
    assert setting.recipe == search.model.recipe.model_copy(
        update={"learning_rate": 0.001235, "weight_decay": 0.01, "epochs": 2}
    )
    assert setting.options.model_dump() == {"units": (24, 8), "dropout": 0.0}
    assert search.read({"learning_rate": 0.11, "options.units": 0}).values["learning_rate"] == 0.1


def test_fields_of_a_block_that_is_not_there() -> None:
    search = study(space={"mlp": {"early_stopping.patience": {"int": [1, 2]}}}).search("mlp", "pixels")
    assert search is not None
    stopping = search.read({"early_stopping.patience": 2}).recipe.early_stopping
    assert stopping is not None
    assert stopping.patience == 2


@pytest.mark.parametrize(("epochs", "trials"), [(1, 1), (2, 2), (3, 6), (9, 23)])
def test_the_size_of_hyperband(epochs: int, trials: int) -> None:
    assert iteration_size(epochs) == trials
