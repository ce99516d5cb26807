"""Exact resume: stage `train`, killed with SIGKILL at random moments and started again, ends with the same bytes.

Twenty trainings of the same small study, each in two worker processes that save their state after every epoch. Each is
killed once, with all its processes, at a moment anywhere between its start and its end; between the kill and the second
start the stage's outputs are removed, as `dvc repro` does. Compared are the SHA-256 of all that the stage writes:
weights, histories, event files.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import Result
from benchmarks.scratch import ScratchStudy

KILLS = 20
SEED = 0
MODEL = "mlp"
STATES = Path(".scramble")
BLOCKS: dict[str, Any] = {
    "replicates": 2,
    "dataset": {"name": "digits", "train_limit": 400},
    "models": {
        MODEL: {
            "architecture": "mlp",
            "options": {"units": [256], "dropout": 0.2},
            "recipe": {
                "optimizer": "adam",
                "learning_rate": 0.001,
                "schedule": "cosine",
                "warmup_epochs": 2,
                "batch_size": 64,
                "epochs": 120,
                "ema_decay": 0.99,
                "keep": "best",
                "augmentation": {"max_shift": 2, "mixup": 0.2},
            },
        }
    },
}


def measure(kills: int = KILLS, blocks: dict[str, Any] = BLOCKS) -> Iterator[Result]:
    with tempfile.TemporaryDirectory() as name:
        study = ScratchStudy(Path(name), **blocks)
        study.prepare()
        start = time.perf_counter()
        train(study)
        duration = time.perf_counter() - start
        undisturbed = outputs(study)
        print(f"undisturbed: {len(undisturbed)} files in {duration:.1f} s", flush=True)
        outcomes: list[bool] = []
        random = np.random.default_rng(SEED)
        while len(outcomes) < kills:
            if kill(study, random.uniform(0, duration)):
                outcomes.append(resumed_identically(study, undisturbed))
    yield Result("resume: identical after SIGKILL / killed at random moments", sum(outcomes), kills, "kills", ">= 1")


def train(study: ScratchStudy) -> None:
    subprocess.run(command(study), **surroundings(study), check=True)


def command(study: ScratchStudy) -> list[str]:
    return study.command("train", model=MODEL, permutation="identity", workers="2")


def surroundings(study: ScratchStudy) -> dict[str, Any]:
    environment = os.environ | {"SCRAMBLE_SAVE_EVERY": "0"}
    return {"cwd": study.folder, "env": environment, "stdout": subprocess.DEVNULL}


def kill(study: ScratchStudy, moment: float) -> bool:
    """Starts a training and kills it after `moment` seconds. Returns whether it was still there to be killed."""
    remove_outputs(study)
    process = subprocess.Popen(command(study), **surroundings(study), start_new_session=True)
    time.sleep(moment)
    if process.poll() is not None:
        return False
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    print(f"killed after {moment:4.1f} s, saved: {', '.join(saved(study)) or 'nothing'}", end="", flush=True)
    return True


def resumed_identically(study: ScratchStudy, undisturbed: dict[str, str]) -> bool:
    """Whether the killed training, started again, leaves the undisturbed bytes, and no state."""
    remove_outputs(study)
    train(study)
    left = outputs(study)
    wrong = sorted(name for name in left.keys() | undisturbed.keys() if left.get(name) != undisturbed.get(name))
    wrong += saved(study)
    print(f"; started again: {', '.join(wrong) or 'identical'}", flush=True)
    return not wrong


def saved(study: ScratchStudy) -> list[str]:
    """What there is to go on from, whole or (`partial`) half-written."""
    paths = sorted(path for path in (study.folder / STATES).rglob("*") if path.is_file() and path.name != "key")
    return [f"{path.parent.name}/{path.name}" for path in paths]


def results(study: ScratchStudy) -> list[Path]:
    """The folders that the stage writes."""
    paths = study.paths
    written = paths.replicates(MODEL, "identity"), paths.events(MODEL, "identity")
    return [study.folder / path for path in written]


def remove_outputs(study: ScratchStudy) -> None:
    for folder in results(study):
        shutil.rmtree(folder, ignore_errors=True)


def outputs(study: ScratchStudy) -> dict[str, str]:
    """SHA-256 of every file that the stage left, by its path in the study."""
    files = [path for folder in results(study) for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(study.folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
