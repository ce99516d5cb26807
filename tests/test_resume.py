"""A training killed at any moment and started again ends with the bytes of one that nobody disturbed."""

import hashlib
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from scramble.paths import StudyPaths
from stage_process import finish, start, wait_for

PATHS = StudyPaths("resumed")
CHECKPOINTS = PATHS.checkpoints("mlp", "pixels")
STUDY = {
    "study": "resumed",
    "root": ".",
    "params": "params.yaml",
    "seed": 3,
    "replicates": 2,
    "dataset": {"name": "digits", "train_limit": 300, "test_limit": 30},
    "permutations": {"pixels": {"family": "pixels"}},
    "models": {
        "mlp": {
            "architecture": "mlp",
            "options": {"units": [400], "dropout": 0.2},
            "recipe": {
                "optimizer": "adam",
                "learning_rate": 0.002,
                "schedule": "cosine",
                "batch_size": 32,
                "epochs": 24,
                "ema_decay": 0.9,
                "augmentation": {"max_shift": 1},
                "early_stopping": {"patience": 20},
            },
        }
    },
    "grid": {"models": ["mlp"], "permutations": ["pixels"]},
    "tune": {"trials": 0},
    "compute": {"threads": 1},
    "report": {"equivalence_margin": 0.01},
}


TRAIN = ("train", "--model=mlp", "--permutation=pixels", "--workers=1")


def digests(folder: Path) -> dict[str, str]:
    outputs = (PATHS.replicates("mlp", "pixels"), PATHS.events("mlp", "pixels"))
    files = [path for output in outputs for path in sorted((folder / output).rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study up to where training begins."""
    folder = tmp_path_factory.mktemp("resumed")
    (folder / "params.yaml").write_text(yaml.safe_dump(STUDY), encoding="utf-8")
    finish(folder, "fetch")
    finish(folder, "permute", "--permutation=pixels")
    finish(folder, "describe", "--model=mlp")
    finish(folder, "tune", "--model=mlp", "--permutation=pixels")
    return folder


@pytest.fixture(scope="module")
def undisturbed(folder: Path) -> dict[str, str]:
    finish(folder, *TRAIN)
    found = digests(folder)
    assert len(found) == 7
    return found


MOMENTS: dict[str, Callable[[Path], object]] = {
    "a state is there": lambda folder: (folder / CHECKPOINTS / "0/state.npz").exists(),
    "a state is being written": lambda folder: (
        (folder / CHECKPOINTS / "1/state.npz").exists() and (folder / CHECKPOINTS / "1/state.partial.npz").exists()
    ),
    "one replicate is finished": lambda folder: (folder / CHECKPOINTS / "0/finished").exists(),
    "checkpoints are being removed": lambda folder: (folder / PATHS.events("mlp", "pixels")).exists(),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_and_started_again_it_ends_with_the_same_bytes(
    folder: Path, undisturbed: dict[str, str], moment: str
) -> None:
    for output in (PATHS.replicates("mlp", "pixels"), PATHS.events("mlp", "pixels")):
        shutil.rmtree(folder / output)
    process = start(folder, *TRAIN)
    wait_for(MOMENTS[moment], folder, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    output = finish(folder, *TRAIN)
    assert "removed" in moment or "is finished already" in output or "goes on after epoch" in output
    assert digests(folder) == undisturbed
    assert not (folder / CHECKPOINTS).exists()


def test_a_changed_recipe_begins_anew(folder: Path, undisturbed: dict[str, str]) -> None:
    process = start(folder, *TRAIN)
    wait_for(MOMENTS["a state is there"], folder, process)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert errors == ("interrupted: training goes on after the epoch saved last; run the same command again\n")
    recipe = folder / PATHS.recipe("mlp", "pixels") / "recipe.json"
    content = recipe.read_text(encoding="utf-8")
    try:
        recipe.write_text(content.replace('"epochs": 24', '"epochs": 2'), encoding="utf-8")
        assert "goes on" not in finish(folder, *TRAIN)
    finally:
        recipe.write_text(content, encoding="utf-8")
    assert digests(folder).keys() == undisturbed.keys()
    assert digests(folder) != undisturbed


def test_a_profile_is_written_and_changes_no_byte(folder: Path, undisturbed: dict[str, str]) -> None:
    finish(folder, *TRAIN, "--profile")
    (trace,) = (folder / PATHS.profile("mlp", "pixels")).rglob("*.xplane.pb")
    assert b"MatMul" in trace.read_bytes()
    assert digests(folder) == undisturbed
