"""A small study through its stages, as dvc.yaml runs them: each in a process of its own."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import yaml

from scramble import artifacts, metrics, permutations
from scramble.paths import StudyPaths

ROOT = Path(__file__).parent.parent
PATHS = StudyPaths("tiny")
STUDY = {
    "study": "tiny",
    "root": ".",
    "params": "params.yaml",
    "seed": 3,
    "replicates": 3,
    "dataset": {"name": "digits", "train_limit": 150, "test_limit": 30},
    "permutations": {"identity": {"family": "identity"}, "each": {"family": "per_image"}},
    "models": {
        "lenet5": {
            "architecture": "lenet5",
            "recipe": {
                "optimizer": "adam",
                "learning_rate": 0.002,
                "batch_size": 30,
                "epochs": 3,
                "augmentation": {"max_shift": 1},
                "early_stopping": {"patience": 1},
            },
        }
    },
    "grid": {"models": ["lenet5"], "permutations": ["identity", "each"]},
    "tune": {"trials": 0},
    "compute": {"threads": 1},
    "report": {"equivalence_margin": 0.01},
}


def stage(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "src/scramble"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def train(folder: Path, permutation: str, workers: int = 1) -> None:
    done = stage(folder, "train", "--model=lenet5", f"--permutation={permutation}", f"--workers={workers}")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study, trained by one worker and evaluated."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "params.yaml").write_text(yaml.safe_dump(STUDY), encoding="utf-8")
    for arguments in (
        ["fetch"],
        ["permute", "--permutation=identity"],
        ["permute", "--permutation=each"],
        ["describe", "--model=lenet5"],
        ["tune", "--model=lenet5", "--permutation=identity"],
        ["tune", "--model=lenet5", "--permutation=each"],
    ):
        done = stage(folder, *arguments)
        assert (done.returncode, done.stderr) == (0, "")
    train(folder, "identity")
    train(folder, "each")
    assert stage(folder, "evaluate", "--model=lenet5").returncode == 0
    assert stage(folder, "verify", "--recorded").returncode == 0
    assert stage(folder, "report").returncode == 0
    return folder


def digests(*folders: Path) -> dict[str, str]:
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_number_of_workers_changes_no_byte(folder: Path) -> None:
    written = (folder / PATHS.replicates("lenet5", "each"), folder / PATHS.events("lenet5", "each"))
    alone = digests(*written)
    assert len(alone) == 3 * 3 + 1
    shutil.rmtree(written[0])
    train(folder, "each", workers=2)
    assert digests(*written) == alone


def test_replicates_differ(folder: Path) -> None:
    weights = [folder / PATHS.weights("lenet5", "identity", replicate) for replicate in range(3)]
    assert len({path.read_bytes() for path in weights}) == 3


@pytest.mark.parametrize("permutation", ["identity", "each"])
def test_predictions_are_those_of_the_weights_for_images_permuted_as_in_training(
    folder: Path, permutation: str, tf: ModuleType
) -> None:
    from scramble import layers

    info = artifacts.read_dataset_info(folder / PATHS.dataset)
    split = artifacts.read_test_split(folder / PATHS.test_split)
    stored = artifacts.read_array(folder / PATHS.predictions("lenet5") / f"{permutation}.npy")
    model = layers.model_from_json((folder / PATHS.architecture("lenet5")).read_text(encoding="utf-8"))
    for replicate, logits in enumerate(stored):
        model.load_weights(folder / PATHS.weights("lenet5", permutation, replicate))
        draw = permutations.load(folder / PATHS.permutation(permutation), replicate)
        images = (draw.apply(split.images, split="test") / 255 - info.mean) / info.std
        np.testing.assert_allclose(model(images.astype(np.float32)), logits, atol=1e-4)


def test_metrics_are_those_of_the_predictions(folder: Path) -> None:
    split = artifacts.read_test_split(folder / PATHS.test_split)
    rows = artifacts.read_table(folder / PATHS.predictions("lenet5") / "metrics.csv")
    for row in rows:
        logits = artifacts.read_array(folder / PATHS.predictions("lenet5") / f"{row['permutation']}.npy")
        error = metrics.top_k_error(logits[int(row["replicate"])], split.labels, k=1)
        assert float(row["top1_error"]) == pytest.approx(error)
        assert float(row["brier"]) == pytest.approx(metrics.brier_score(logits[int(row["replicate"])], split.labels))
    assert len(rows) == 2 * 3


def test_nothing_half_written_is_left(folder: Path) -> None:
    assert list(folder.rglob("*.partial*")) == []
    assert (folder / PATHS.report / "report.html").is_file()


@pytest.mark.parametrize(
    "arguments", [["train", "--model=lenet5", "--permutation=identity"], ["evaluate", "--model=lenet5"], ["report"]]
)
def test_a_stage_before_its_time_names_what_is_missing(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(STUDY), encoding="utf-8")
    done = stage(tmp_path, *arguments)
    assert done.returncode == 1
    assert "missing: an earlier stage writes it, run `dvc repro`" in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]
