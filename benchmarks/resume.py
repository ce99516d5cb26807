"""Exact resume: a training, killed with SIGKILL at random moments and started again, ends with the same bytes.

Twenty trainings of the same small study through `dvc repro` in a clone of the last commit, each in two worker processes
that save their state after every epoch. Each is killed once, with DVC and all its processes, at a moment anywhere
between its first state and its end, and started again by the same `dvc repro`. Compared are the SHA-256 of all that the
stage writes: weights, histories, event files.
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
from benchmarks.scratch import ScratchStudy, clone, dvc_environment, dvc_repro

KILLS = 20
SEED = 0
MODEL = "mlp"
POLL_SECONDS = 0.005
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
                "early_stopping": {"patience": 60},
                "augmentation": {"max_shift": 2, "mixup": 0.2},
            },
        }
    },
}


def measure() -> Iterator[Result]:
    with tempfile.TemporaryDirectory() as name:
        study = ScratchStudy(clone(Path(name)), **BLOCKS)
        lock = prepare(study)
        duration = train(study)
        undisturbed = outputs(study)
        print(f"undisturbed: {len(undisturbed)} files, {duration:.1f} s after the first state", flush=True)
        found: list[list[str]] = []
        identical = 0
        random = np.random.default_rng(SEED)
        while len(found) < KILLS:
            forget(study, lock)
            moment = random.uniform(0, duration)
            files = kill(study, moment)
            if files is not None:
                print(f"killed {moment:4.1f} s after the first state, left: {', '.join(files) or 'nothing'}", end="")
                found.append(files)
                identical += resumed_identically(study, undisturbed)
    with_state = sum(any(file.endswith("/state.npz") for file in files) for files in found)
    with_partial = sum(any(".partial" in file for file in files) for files in found)
    yield Result("resume: identical after SIGKILL / killed at random moments", identical, KILLS, "kills", ">= 1")
    yield Result("resume: kills that left a state / kills", with_state, KILLS, "kills")
    yield Result("resume: kills that left a file half-written / kills", with_partial, KILLS, "kills")


def prepare(study: ScratchStudy) -> bytes:
    """Runs the stages before `train`. Returns dvc.lock as they leave it."""
    lock = study.folder / "dvc.lock"
    lock.unlink(missing_ok=True)
    stages = "permute@identity", f"describe@{MODEL}", f"tune@{MODEL}-identity"
    subprocess.run(dvc_repro(*stages), **surroundings(study), check=True)
    return lock.read_bytes()


def forget(study: ScratchStudy, lock: bytes) -> None:
    """Has DVC know nothing of a training: without its outputs, their lock and the cache of earlier runs."""
    for folder in results(study):
        shutil.rmtree(folder, ignore_errors=True)
    (study.folder / "dvc.lock").write_bytes(lock)
    shutil.rmtree(study.folder / ".dvc/cache/runs", ignore_errors=True)


def command() -> list[str]:
    return dvc_repro(f"train@{MODEL}-identity")


def surroundings(study: ScratchStudy) -> dict[str, Any]:
    environment = dvc_environment(study.folder) | {"SCRAMBLE_SAVE_EVERY": "0", "SCRAMBLE_WORKERS": "2"}
    return {"cwd": study.folder, "env": environment, "stdout": subprocess.DEVNULL}


def train(study: ScratchStudy) -> float:
    """Trains undisturbed. Returns the seconds from the first state to the end."""
    with subprocess.Popen(command(), **surroundings(study)) as process:
        await_state(study, process)
        start = time.perf_counter()
        if process.wait() != 0:
            raise subprocess.CalledProcessError(process.returncode, process.args)
        return time.perf_counter() - start


def await_state(study: ScratchStudy, process: "subprocess.Popen[bytes]") -> None:
    """Returns when a state is there. CalledProcessError: the training ended without one."""
    while not any(file.endswith("/state.npz") for file in saved(study)):
        if process.poll() is not None:
            raise subprocess.CalledProcessError(process.returncode, process.args)
        time.sleep(POLL_SECONDS)


def kill(study: ScratchStudy, moment: float) -> list[str] | None:
    """Starts a training and kills it `moment` seconds after its first state.

    Returns:
        What it leaves to go on from; None if it had ended by then.
    """
    process = subprocess.Popen(command(), **surroundings(study), start_new_session=True)
    await_state(study, process)
    time.sleep(moment)
    if process.poll() is not None:
        return None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return saved(study)


def resumed_identically(study: ScratchStudy, undisturbed: dict[str, str]) -> bool:
    """Whether the killed training, started again, leaves the undisturbed bytes, and no state."""
    subprocess.run(command(), **surroundings(study), check=True)
    left = outputs(study)
    wrong = sorted(name for name in left.keys() | undisturbed.keys() if left.get(name) != undisturbed.get(name))
    wrong += saved(study)
    print(f"; started again: {', '.join(wrong) or 'identical'}", flush=True)
    return not wrong


def saved(study: ScratchStudy) -> list[str]:
    """What there is to go on from, whole or (`partial`) half-written, as <replicate>/<file>."""
    folder = study.folder / study.paths.checkpoints(MODEL, "identity")
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and path.name != "key")
    return sorted(path.as_posix() for path in paths if path.parts[1] != "events")


def results(study: ScratchStudy) -> list[Path]:
    """The folders that the stage writes."""
    paths = study.paths
    written = paths.replicates(MODEL, "identity"), paths.events(MODEL, "identity")
    return [study.folder / path for path in written]


def outputs(study: ScratchStudy) -> dict[str, str]:
    """SHA-256 of every file that the stage left, by its path in the study."""
    files = [path for folder in results(study) for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(study.folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
