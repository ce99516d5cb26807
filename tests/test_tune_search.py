"""A search as a stage: killed, started again, led by a chief for workers, and never in sight of the test split."""

import json
import os
import shutil
import signal
import socket
from pathlib import Path

import pytest
import yaml

from scramble.paths import StudyPaths
from search_study import STUDY, files
from stage_process import finish, start, wait_for

PATHS = StudyPaths("searched")
OUTPUTS = (PATHS.recipe("mlp", "pixels"), PATHS.search("mlp", "pixels"), PATHS.search_events("mlp", "pixels"))
JOURNAL = PATHS.journal("mlp", "pixels")
TUNE = ("tune", "--model=mlp", "--permutation=pixels")


def outputs(folder: Path) -> dict[str, bytes]:
    return {f"{output}/{name}": content for output in OUTPUTS for name, content in files(folder / output)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study up to where its search begins, and without its test split."""
    folder = tmp_path_factory.mktemp("searched")
    (folder / "params.yaml").write_text(yaml.safe_dump(STUDY), encoding="utf-8")
    finish(folder, "fetch")
    finish(folder, "describe", "--model=mlp")
    shutil.rmtree(folder / PATHS.test_split)
    return folder


@pytest.fixture(scope="module")
def undisturbed(folder: Path) -> dict[str, bytes]:
    """What a search with one worker leaves; its journal is kept as journal/."""
    finish(folder, *TUNE, "--workers=1")
    found = outputs(folder)
    assert len(found) == 5 + STUDY["tune"]["trials"]
    shutil.copytree(folder / JOURNAL, folder / "journal")
    shutil.rmtree(folder / ".scramble")
    return found


def test_the_winner_is_trained_again_as_no_trial_was(folder: Path, undisturbed: dict[str, bytes]) -> None:
    entries = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((folder / "journal").glob("*.json"))]
    settings = [(entry["recipe"], entry["options"]) for entry in entries]
    winner = max(settings, key=settings.count)
    histories = [
        entry["training"]["history"] for entry, setting in zip(entries, settings, strict=True) if setting == winner
    ]
    assert len(histories) == STUDY["tune"].get("replicates", 1) + STUDY["tune"]["fresh"]
    assert all(histories.count(history) == 1 for history in histories)


def test_killed_and_started_again_side_by_side_it_ends_with_the_same_bytes(
    folder: Path, undisturbed: dict[str, bytes]
) -> None:
    for output in OUTPUTS:
        shutil.rmtree(folder / output)
    process = start(folder, *TUNE, "--workers=2")
    wait_for(lambda folder: len(list((folder / JOURNAL).glob("*.json"))) >= 2, folder, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    damaged, *whole = sorted((folder / JOURNAL).glob("*.json"))
    damaged.write_bytes(damaged.read_bytes()[:50])
    written = {path: path.stat().st_mtime_ns for path in whole}
    printed = finish(folder, *TUNE, "--workers=2")
    assert "is damaged, its training is done again" in printed
    assert written == {path: path.stat().st_mtime_ns for path in whole}  # none of these was trained again
    assert outputs(folder) == undisturbed


def test_a_worker_is_killed_and_another_finishes(folder: Path, undisturbed: dict[str, bytes]) -> None:
    shutil.rmtree(folder / ".scramble", ignore_errors=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    where = {"KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": port}
    chief = start(folder, *TUNE, **where, KERASTUNER_TUNER_ID="chief")
    worker = start(folder, *TUNE, **where, KERASTUNER_TUNER_ID="worker1")
    wait_for(lambda folder: any((folder / JOURNAL).glob("*.json")), folder, worker)
    os.killpg(worker.pid, signal.SIGKILL)
    worker.communicate()
    again = start(folder, *TUNE, **where, KERASTUNER_TUNER_ID="worker1")
    for process in (again, chief):
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    assert outputs(folder) == undisturbed


def test_the_chief_is_told_by_halves(folder: Path) -> None:
    process = start(folder, *TUNE, KERASTUNER_ORACLE_IP="127.0.0.1", KERASTUNER_TUNER_ID="worker1")
    _, errors = process.communicate()
    assert process.returncode == 1
    assert errors.startswith("error: KERASTUNER_ORACLE_PORT is not set: chief and workers need all of")
