"""The stage `permute`: what it writes, that it writes it again to the byte, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scramble import params, permutations
from scramble.artifacts import DatasetInfo, SplitInfo, write_json
from scramble.errors import UserError
from scramble.figures import sheets
from scramble.paths import StudyPaths
from scramble.stages import permute

SHAPE = (8, 12, 3)
COUNT = 30


def study_of(**permutation: Any) -> params.Study:
    document = {
        "study": "small",
        "root": ".",
        "params": "params.yaml",
        "seed": 1,
        "replicates": 3,
        "dataset": {"name": "idx", "folder": "mine"},
        "permutations": {"scrambled": permutation},
        "models": {
            "mlp": {
                "architecture": "mlp",
                "recipe": {"optimizer": "adam", "learning_rate": 0.001, "batch_size": 8, "epochs": 1},
            }
        },
        "grid": {"models": ["mlp"], "permutations": ["scrambled"]},
        "tune": {"trials": 0},
        "compute": {"strategy": "one_device"},
        "report": {"equivalence_margin": 0.01},
    }
    return params.Study.model_validate(document)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository root with a dataset of smooth images in four classes and no test split; where the stage writes."""
    monkeypatch.chdir(tmp_path)
    paths = StudyPaths("small")
    paths.train_split.mkdir(parents=True)
    across = np.linspace(0, 255, SHAPE[1])[:, None] * np.array([1.0, 0.5, 0.0])
    images = np.broadcast_to(across, (COUNT, *SHAPE)).astype(np.uint8)
    np.save(paths.train_split / "images.npy", images)
    np.save(paths.train_split / "labels.npy", np.arange(COUNT, dtype=np.int32) % 4)
    np.save(paths.train_split / "validation.npy", np.arange(4, dtype=np.int32))
    split = SplitInfo(count=COUNT, per_class=(8, 8, 7, 7))
    info = DatasetInfo(
        name="idx",
        image_shape=SHAPE,
        class_names=("a", "b", "c", "d"),
        splits={"train": split, "validation": split, "test": split},
        mean=(0.5, 0.25, 0.0),
        std=(0.3, 0.15, 0.0),
        digest="0" * 64,
        duplicates=0,
        source="made",
        licence="none",
    )
    write_json(paths.dataset, info)
    return paths.permutation("scrambled")


def test_a_fixed_permutation_is_written_and_read_back(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = study_of(family="pixels", seed=5)
    permute.run(study, "scrambled")
    assert {path.name for path in folder.iterdir()} == {
        "permutation.json",
        "index.npy",
        "structure.json",
        "before_after.png",
    }
    assert json.loads((folder / "permutation.json").read_text()) == {
        "name": "scrambled",
        "family": "pixels",
        "seed": 5,
        "per_image": False,
        "replicates": 3,
    }
    for replicate in range(3):
        loaded = permutations.load(folder, replicate)
        assert isinstance(loaded, permutations.FixedPermutation)
        expected = permutations.draw(study.permutations["scrambled"], SHAPE, replicate)
        np.testing.assert_array_equal(loaded.index, expected)
    assert capsys.readouterr().out.startswith("scrambled: ")


def test_per_image_is_written_as_a_seed(folder: Path) -> None:
    permute.run(study_of(family="per_image", seed=5), "scrambled")
    assert not (folder / "index.npy").exists()
    assert permutations.load(folder, 2) == permutations.PerImagePermutation(5, 2)


@pytest.mark.parametrize("family", ["pixels", "per_image", "channels"])
def test_structure_is_lost(folder: Path, family: str) -> None:
    permute.run(study_of(family=family), "scrambled")
    structure = json.loads((folder / "structure.json").read_text())
    # Two random pixels are about a third of the height and a third of the width apart.
    for statistic, low, high in (("neighbour_pairs_kept", 0.0, 0.1), ("mean_displacement", 4.0, 6.5)):
        values = structure[statistic]["replicates"]
        assert len(values) == 3
        assert structure[statistic]["mean"] == pytest.approx(np.mean(values), abs=1e-5)
        assert low <= structure[statistic]["mean"] <= high
    assert structure["morans_i"]["before"] > 0.8
    assert abs(structure["morans_i"]["after"]) < 0.15


def test_identity_keeps_the_structure(folder: Path) -> None:
    permute.run(study_of(family="identity"), "scrambled")
    structure = json.loads((folder / "structure.json").read_text())
    assert structure["neighbour_pairs_kept"] == {"replicates": [1.0, 1.0, 1.0], "mean": 1.0}
    assert structure["mean_displacement"] == {"replicates": [0.0, 0.0, 0.0], "mean": 0.0}
    assert structure["morans_i"]["before"] == structure["morans_i"]["after"]


@pytest.mark.parametrize("family", ["pixels", "per_image"])
def test_a_second_run_writes_the_same_bytes(folder: Path, family: str) -> None:
    study = study_of(family=family)
    permute.run(study, "scrambled")
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "left_over").touch()
    permute.run(study, "scrambled")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first


def test_the_picture_begins_with_one_image_of_each_class() -> None:
    labels = np.array([1, 1, 0, 2, 0, 1], np.int32)
    assert permute._one_of_each_class(labels).tolist() == [2, 0, 3, 4, 1, 5]


def test_the_picture_shows_the_first_replicates_below_the_natural_images(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: dict[str, Any] = {}
    monkeypatch.setattr(sheets, "image_sheet", lambda rows, columns, path: drawn.update(rows=rows, columns=columns))
    permute.run(study_of(family="pixels"), "scrambled")
    (natural_title, natural), *permuted = drawn["rows"]
    assert (natural_title, [title for title, _ in permuted]) == ("natural", ["replicate 0", "replicate 1"])
    assert drawn["columns"] == ["a", "b", "c", "d", "a", "b", "c", "d", "a", "b"]
    for replicate, (_, images) in enumerate(permuted):
        expected = permutations.load(folder, replicate).apply(natural, "train")
        np.testing.assert_array_equal(images, expected)


@pytest.mark.parametrize(
    ("permutation", "message"),
    [
        ({"family": "tiles", "size": 3}, "permutations.scrambled: size 3 does not divide images of 8x12"),
        ({"family": "within_tiles", "size": 8}, "permutations.scrambled: size 8 does not divide images of 8x12"),
        ({"family": "transpose"}, "permutations.scrambled: only square images can be transposed, these are 8x12"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(
    folder: Path, permutation: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        permute.run(study_of(**permutation), "scrambled")
    assert not folder.parent.exists()


def test_an_unknown_permutation_is_refused_with_the_nearest(folder: Path) -> None:
    with pytest.raises(UserError, match="unknown permutation 'scramble': did you mean 'scrambled'"):
        permute.run(study_of(family="pixels"), "scramble")


def test_a_missing_dataset_names_the_stage_that_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"dataset\.json is missing"):
        permute.run(study_of(family="pixels"), "scrambled")


def test_nothing_is_left_when_writing_fails(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(permute, "_draw_before_after", fail)
    with pytest.raises(UserError, match="no space left"):
        permute.run(study_of(family="pixels"), "scrambled")
    assert list(folder.parent.iterdir()) == []
