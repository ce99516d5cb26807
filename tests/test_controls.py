"""The built-in controls pass where they should, and fail where what they watch over breaks."""

import itertools
import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import yaml

from scramble import artifacts, params, verdicts
from scramble.__main__ import main
from scramble.paths import StudyPaths
from scramble.permutations import FixedPermutation, invert
from scramble.stages import fetch
from scramble.verification import controls, lock
from scramble.verification.controls import Laboratory

RECIPE = {"optimizer": "adam", "learning_rate": 0.005, "batch_size": 10, "epochs": 3, "warmup_epochs": 2.5}
DOCUMENT: dict[str, Any] = {
    "study": "tiny",
    "root": ".",
    "params": "params.yaml",
    "seed": 3,
    "replicates": 1,
    "dataset": {"name": "digits", "train_limit": 200, "test_limit": 120},
    "permutations": {"each": {"family": "per_image"}},
    "models": {
        "mlp": {"architecture": "mlp", "options": {"units": [64]}, "recipe": RECIPE},
        "lenet5": {
            "architecture": "lenet5",
            "recipe": RECIPE | {"augmentation": {"max_shift": 1, "horizontal_flip": True}},
        },
    },
    "grid": {"models": ["mlp", "lenet5"], "permutations": ["each"]},
    "tune": {"trials": 0},
    "compute": {"threads": 1},
    "report": {"equivalence_margin": 0.01},
}
PATHS = StudyPaths("tiny")


# Keras 3.15 itself makes arrays in a way that NumPy 2 warns of, where it saves weights.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tf: ModuleType) -> Path:
    """The study with data, architectures and recipes; its weights are those of a beginning."""
    from scramble import models

    folder = tmp_path_factory.mktemp("study")
    study = params.Study.model_validate(DOCUMENT)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        fetch.run(study)
        for name, model in study.models.items():
            network = models.build(model.architecture, (32, 32, 1), 10, **model.options.model_dump())
            PATHS.weights(name, "each", 0).parent.mkdir(parents=True)
            PATHS.recipe(name, "each").mkdir(parents=True)
            PATHS.trained_architecture(name, "each").write_text(network.to_json(), encoding="utf-8")
            network.save_weights(PATHS.weights(name, "each", 0))
            artifacts.write_json(PATHS.recipe(name, "each") / "recipe.json", model.recipe)
        Path("params.yaml").write_text(yaml.safe_dump(DOCUMENT), encoding="utf-8")
        dataset = PATHS.dataset.as_posix()
        entry = {"cmd": "python fetch", "outs": [{"path": dataset, "md5": lock.dvc_hash(PATHS.dataset)}]}
        Path("dvc.lock").write_text(yaml.safe_dump({"stages": {"fetch": entry}}), encoding="utf-8")
    return folder


@pytest.fixture
def laboratory(folder: Path, monkeypatch: pytest.MonkeyPatch, tf: ModuleType) -> Laboratory:
    monkeypatch.chdir(folder)
    train, info = controls.cut_down(
        artifacts.read_train_split(PATHS.train_split), artifacts.read_dataset_info(PATHS.dataset)
    )
    test = artifacts.read_test_split(PATHS.test_split)
    strategy = tf.distribute.OneDeviceStrategy("/cpu:0")
    return Laboratory(params.Study.model_validate(DOCUMENT), info, train, test, strategy)


def test_the_command_runs_them_in_a_process_of_its_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    assert main(["verify", "--controls"]) == 0
    written = json.loads(PATHS.verification.read_text(encoding="utf-8"))
    assert written["stages"] == {}
    assert set(written["controls"]["files"]) == verdicts.control_files(params.load(Path("params.yaml")))
    inverse, rows, labels = written["controls"]["results"]
    assert [each["passed"] for each in (inverse, rows, labels)] == [True, True, True]
    assert (inverse["name"], rows["name"]) == ("inverse permutation, lenet5", "permuted rows, mlp")
    assert inverse["measured"] == inverse["expected"].removeprefix("weights of natural training, ")
    assert float(rows["measured"]) < 1e-5
    assert labels["expected"].startswith("test error 90.00% ± ")
    assert "3/3 control@random labels: passed" in capsys.readouterr().out


def test_controls_need_a_finished_training(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    weights = PATHS.weights("lenet5", "each", 0)
    hidden = weights.rename(weights.with_name("hidden"))
    assert main(["verify", "--controls"]) == 1
    hidden.rename(weights)
    assert f"{weights} is missing: an earlier stage writes it" in capsys.readouterr().err


def test_a_wrong_inverse_fails(laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    def exchanged(index: np.ndarray) -> np.ndarray:
        """The inverse with two pixels in the middle exchanged."""
        inverse = invert(index)
        inverse[[500, 501]] = inverse[[501, 500]]
        return inverse

    monkeypatch.setattr("scramble.permutations.invert", exchanged)
    assert controls.inverse_permutation(laboratory).passed is False


def test_rows_of_another_permutation_fail(laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    apply = FixedPermutation.apply
    monkeypatch.setattr(FixedPermutation, "apply", lambda self, images, split: apply(self, images, split)[:, ::-1])
    assert controls.permuted_rows(laboratory).passed is False


def test_labels_that_are_not_random_fail(laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scramble.verification.controls._with_random_labels", lambda split, *_: split)
    assert controls.random_labels(laboratory).passed is False


def with_model(laboratory: Laboratory, model: str) -> Laboratory:
    """The study with this model alone in its grid."""
    alone = DOCUMENT | {"grid": DOCUMENT["grid"] | {"models": [model]}}
    return replace(laboratory, study=params.Study.model_validate(alone))


def test_an_inverse_can_be_undone_before_any_network(laboratory: Laboratory) -> None:
    outcome = controls.inverse_permutation(with_model(laboratory, "mlp"))
    assert (outcome.name, outcome.passed) == ("inverse permutation, mlp", True)


def test_a_control_that_does_not_apply_says_so(laboratory: Laboratory) -> None:
    outcome = controls.permuted_rows(with_model(laboratory, "lenet5"))
    assert (outcome.passed, outcome.measured) == (None, "no model of the grid is an mlp")


def test_random_labels_are_balanced_and_their_own_for_every_seed(laboratory: Laboratory) -> None:
    drawn = [controls._with_random_labels(laboratory.train_split, 10, (3, replicate)).labels for replicate in range(2)]
    assert set(np.bincount(drawn[0])) == {20}
    assert not np.array_equal(*drawn)


def test_variance_over_matchings_is_that_of_all_matchings() -> None:
    counts = np.array([[9, 1, 0, 2], [3, 3, 5, 0], [0, 7, 1, 1], [2, 2, 2, 8]])
    sums = [sum(counts[row, column] for row, column in enumerate(matching)) for matching in MATCHINGS]
    assert controls.variance_over_matchings(counts) == pytest.approx(np.var(sums))


MATCHINGS = list(itertools.permutations(range(4)))


def test_cut_down_keeps_classes_and_validation_in_proportion() -> None:
    count = 30_000
    labels = np.repeat(np.arange(10, dtype=np.int32), count // 10)  # sorted, as in folders of images
    validation = np.arange(0, count, 10, dtype=np.int32)
    images = np.zeros((count, 1, 1, 1), np.uint8)
    images[:, 0, 0, 0] = labels
    split = artifacts.TrainSplit(images=images, labels=labels, validation=validation)
    info = artifacts.DatasetInfo(
        name="sorted",
        image_shape=(1, 1, 1),
        class_names=tuple("0123456789"),
        splits={"test": artifacts.SplitInfo(count=1, per_class=())},
        mean=(0.0,),
        std=(1.0,),
        digest="",
        duplicates=0,
        source="",
        licence="",
    )
    smaller, described = controls.cut_down(split, info)
    assert len(smaller.labels) == controls.MAX_IMAGES
    assert set(np.bincount(smaller.labels)) <= set(range(190, 211))
    assert len(smaller.validation) == 200
    assert described.splits["train"].count == 1800
    assert described.splits["test"].count == 1
    np.testing.assert_array_equal(smaller.images[:, 0, 0, 0], smaller.labels)
    assert set(controls.cut_down(smaller, described)[0].labels) == set(range(10))
