"""The block `tune`: spaces are read, and impossible ones refused by name, before TensorFlow."""

import copy
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from scramble.artifacts import DatasetInfo, SplitInfo, write_json
from scramble.errors import UserError
from scramble.params import Study
from scramble.params.tune import iteration_size, num_drawn
from scramble.params.words import describe
from scramble.paths import StudyPaths
from scramble.search import conduct
from scramble.stages import tune as stage
from search_study import STUDY, study

LEARNING_RATE = {"float": [0.0001, 0.1], "scale": "log"}
MISTAKES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "unknown field": ({"space": {"mlp": {"learning_rat": LEARNING_RATE}}}, ["tune.space.mlp", "'learning_rate'"]),
    "field of a block": ({"space": {"mlp": {"augmentation.shift": {"int": [0, 2]}}}}, ["augmentation.max_shift"]),
    "unknown option": ({"space": {"mlp": {"options.width": {"int": [1, 2]}}}}, ["unknown field 'options.width'"]),
    "unknown model": ({"space": {"lenet": {"learning_rate": LEARNING_RATE}}}, ["tune.space", "model 'lenet'", "mlp"]),
    "no models": ({"cells": {"models": []}}, ["tune.cells.models: at least one", "an empty list"]),
    "no permutations": ({"cells": {"permutations": []}}, ["tune.cells.permutations: at least one", "an empty list"]),
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
    "a step out of the range": (
        {"space": {"mlp": {"batch_size": {"int": [8, 16], "step": 100}}}},
        ["batch_size: step 100 leads from 8 out of [8, 16]"],
    ),
    "a ratio out of the range": (
        {"space": {"mlp": {"batch_size": {"int": [8, 64], "scale": "log", "step": 9}}}},
        ["batch_size: step 9 leads from 8 out of [8, 64]"],
    ),
    "a step longer than a float can count": (
        {"space": {"mlp": {"batch_size": {"int": [8, 16], "step": 10**30}}}},
        ["batch_size: step: input should be less"],
    ),
    "ratio 1": ({"space": {"mlp": {"batch_size": {"int": [8, 64], "scale": "log", "step": 1}}}}, ["step 1", "ratio"]),
    "one choice": ({"space": {"mlp": {"optimizer": {"choice": ["sgd"]}}}}, ["optimizer", "use fixed"]),
    "equal choices": ({"space": {"mlp": {"batch_size": {"choice": [8, 8]}}}}, ["batch_size: 8 is given twice"]),
    "fractions of a whole number": (
        {"space": {"mlp": {"batch_size": {"float": [8, 64]}}}},
        ["tune.space.mlp.batch_size", "no fractions", "received float", "int or choice"],
    ),
    "fractions in a block": (
        {"space": {"mlp": {"augmentation.max_shift": {"float": [0, 3]}}}},
        ["tune.space.mlp.augmentation.max_shift", "no fractions"],
    ),
    "fractions of a switch": ({"space": {"mlp": {"nesterov": {"float": [0, 1]}}}}, ["mlp.nesterov", "no fractions"]),
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
    "impossible pair amid choices": (
        {
            "space": {
                "mlp": {
                    "batch_size": {"choice": [8, 1, 16]},
                    "augmentation": {"choice": [{}, {"mixup": 0.2}, {"cutout": 4}]},
                }
            }
        },
        ["tune.space.mlp with", "batch_size 1 ", "no partner"],
    ),
    "impossible option": ({"space": {"mlp": {"options.units": {"choice": [[8], [0]]}}}}, ["options.units [0]"]),
    "warm-up longer than a trial": ({"space": {"mlp": {"warmup_epochs": {"float": [0, 2]}}}}, ["less than epochs 2"]),
    "cutout": ({"space": {"mlp": {"augmentation.cutout": {"int": [0, 40]}}}}, ["cutout 40", "32x32"]),
    "batches": ({"space": {"mlp": {"batch_size": {"choice": [32, 512]}}}}, ["batch_size 512", "train_limit 300"]),
    "too few for bayesian": ({"algorithm": "bayesian"}, ["tune.trials 5", "bayesian needs 7", "tune.space.mlp"]),
    "too few for hyperband": ({"algorithm": "hyperband", "epochs": 9}, ["hyperband needs 23", "one iteration"]),
    "too few points for hyperband": (
        {
            "algorithm": "hyperband",
            "epochs": 9,
            "trials": 23,
            "space": {"mlp": {"optimizer": {"choice": ["sgd", "adamw"]}, "batch_size": {"choice": [16, 32]}}},
        },
        ["tune.space.mlp: 4 points are too few", "23 trials and 9 epochs", "draws 17", "random"],
    ),
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
    "more trials than a float can count": ({"trials": 10**400}, ["tune.trials", "less than or equal to 1000000"]),
    "more epochs than a float can count": (
        {"epochs": 10**400, "algorithm": "hyperband"},
        ["tune.epochs", "less than or equal to 1000000"],
    ),
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
    for wide in ({"int": [16, 128]}, {"int": [16, 128], "step": 7}, {"int": [16, 128], "scale": "log"}):
        document["tune"]["space"] = {"mlp": {"batch_size": wide}}
        with pytest.raises(ValidationError, match=r"is not divisible by the 2 replicas"):
            Study.model_validate(document)
    document["tune"]["space"] = {"mlp": {"batch_size": {"int": [16, 128], "step": 2}}}
    Study.model_validate(document)


def test_a_trial_of_more_epochs_than_a_float_can_count() -> None:
    document = copy.deepcopy(STUDY)
    document["models"]["mlp"]["recipe"]["epochs"] = 10**400
    document["tune"] |= {"algorithm": "hyperband", "epochs": None}
    with pytest.raises(ValidationError, match=r"tune\.space\.mlp: a trial has the recipe's epochs 10+, more than"):
        Study.model_validate(document)


def test_a_trial_needs_one_process() -> None:
    document = copy.deepcopy(STUDY)
    document["compute"] = {"strategy": "multi_worker", "workers": 2}
    with pytest.raises(ValidationError, match=r"a trial trains in one process, compute\.strategy is multi_worker"):
        Study.model_validate(document)


@pytest.mark.parametrize("field", ["clip_norm", "ema_decay", "momentum", "augmentation.mixup", "options.dropout"])
def test_a_field_takes_fractions(field: str) -> None:
    study(space={"mlp": {field: {"float": [0.1, 0.9]}}})


def test_an_option_that_takes_no_fractions() -> None:
    document = copy.deepcopy(STUDY)
    document["models"]["mlp"] |= {"architecture": "se_resnet20", "options": {}}
    document["tune"]["space"] = {"mlp": {"options.reduction": {"float": [4, 16]}}}
    with pytest.raises(ValidationError, match=r"tune\.space\.mlp\.options\.reduction: it takes no fractions"):
        Study.model_validate(document)


def test_a_space_is_checked_at_few_of_its_points() -> None:
    """Every command checks it, before it does anything else."""
    wide = ("batch_size", "learning_rate", "clip_norm", "weight_decay", "augmentation.mixup")
    ranges = study(space={"mlp": {field: {"int": [2, 65]} for field in wide}}).search("mlp", "pixels")
    choices = study(space={"mlp": {field: {"choice": list(range(1, 300))} for field in wide[:2]}})
    for search, most in ((ranges, 200), (choices.search("mlp", "pixels"), 1200)):
        assert search is not None
        assert 0 < len(list(search.corners())) < most


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


@pytest.mark.parametrize(
    ("epochs", "trials", "drawn"),
    [(1, 2, 2), (2, 2, 2), (3, 6, 5), (3, 12, 10), (9, 23, 17), (9, 25, 19), (27, 70, 49)],
)
def test_what_hyperband_draws(epochs: int, trials: int, drawn: int) -> None:
    """As counted in searches of Keras Tuner's oracle."""
    assert num_drawn(trials, epochs) == drawn


def test_just_enough_points_for_hyperband() -> None:
    space = {"mlp": {"batch_size": {"int": [16, 32]}}}
    study(algorithm="hyperband", epochs=9, trials=23, space=space)
    with pytest.raises(ValidationError, match="17 points are too few: for 24 trials"):
        study(algorithm="hyperband", epochs=9, trials=24, space=space)


@pytest.mark.parametrize("entry", [{"choice": [16, 64, 32]}, {"int": [8, 64], "step": 8}, {"fixed": 64}, None])
def test_a_batch_larger_than_the_data_is_refused_before_the_search(
    entry: dict[str, Any] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(conduct, "conduct", lambda *_: pytest.fail("the search has begun"))
    searched, paths = copy.deepcopy(STUDY), StudyPaths("searched")
    searched["dataset"]["train_limit"] = None
    searched["models"]["mlp"]["recipe"]["batch_size"] = 32 if entry else 64
    searched["tune"]["space"] = {"mlp": {"learning_rate": LEARNING_RATE} | ({"batch_size": entry} if entry else {})}
    for path in (paths.architecture("mlp"), paths.train_split / "images.npy"):
        path.parent.mkdir(parents=True)
        path.touch()
    info = DatasetInfo(
        name="few",
        image_shape=(32, 32, 1),
        class_names=("0", "1"),
        splits={"train": SplitInfo(count=63, per_class=(32, 31))},
        mean=(0.5,),
        std=(0.5,),
        digest="",
        duplicates=0,
        source="",
        licence="",
    )
    write_json(paths.dataset, info)
    message = r"^tune\.space\.mlp with .*: recipe\.batch_size 64 is more than the 63 training images: take fewer"
    with pytest.raises(UserError, match=message):
        stage.run(Study.model_validate(searched), "mlp", "pixels")
