"""Stage train by two processes on the loopback: one is killed, both are started again, and the bytes are the same."""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from scramble.paths import StudyPaths
from stage_process import finish, start, wait_for

PATHS = StudyPaths("clustered")
CHECKPOINTS = PATHS.checkpoints("mlp", "identity")
STUDY = {
    "study": "clustered",
    "root": ".",
    "params": "params.yaml",
    "seed": 1,
    "replicates": 1,
    "dataset": {"name": "digits", "train_limit": 200, "test_limit": 30},
    "permutations": {"identity": {"family": "identity"}},
    "models": {
        "mlp": {
            "architecture": "mlp",
            "options": {"units": [50], "dropout": 0.2},
            "recipe": {"optimizer": "sgd", "learning_rate": 0.05, "batch_size": 20, "epochs": 60},
        }
    },
    "grid": {"models": ["mlp"], "permutations": ["identity"]},
    "tune": {"trials": 0},
    "compute": {"strategy": "multi_worker", "workers": 2},
    "report": {"equivalence_margin": 0.01},
}
TRAIN = ("train", "--model=mlp", "--permutation=identity")


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two folders, as two machines without a common disk have them: the study up to where training begins."""
    chief = tmp_path_factory.mktemp("cluster") / "chief"
    chief.mkdir()
    (chief / "params.yaml").write_text(yaml.safe_dump(STUDY), encoding="utf-8")
    finish(chief, "fetch")
    finish(chief, "permute", "--permutation=identity")
    finish(chief, "describe", "--model=mlp")
    finish(chief, "tune", "--model=mlp", "--permutation=identity")
    other = chief.with_name("other")
    shutil.copytree(chief, other)
    return chief, other


def start_both(machines: tuple[Path, Path]) -> list[subprocess.Popen[str]]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in machines]
    workers = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return [
        start(
            folder,
            *TRAIN,
            TF_CONFIG=json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": rank}}),
        )
        for rank, folder in enumerate(machines)
    ]


def finish_both(machines: tuple[Path, Path]) -> str:
    """Returns what the chief printed."""
    processes = start_both(machines)
    outputs = [process.communicate(timeout=180) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    return outputs[0][0]


def digests(folder: Path) -> dict[str, str]:
    outputs = (PATHS.replicates("mlp", "identity"), PATHS.events("mlp", "identity"))
    files = [path for output in outputs for path in sorted((folder / output).rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_lost_worker_ends_the_other_and_both_go_on_to_the_same_bytes(machines: tuple[Path, Path]) -> None:
    chief, other = machines
    finish_both(machines)
    undisturbed = digests(chief)
    assert len(undisturbed) == 4
    assert digests(other) == {}, "the chief alone writes"

    processes = start_both(machines)
    wait_for(lambda folder: (folder / CHECKPOINTS / "0/state.npz").exists(), chief, processes[0])
    os.killpg(processes[1].pid, signal.SIGKILL)
    killed_at = time.monotonic()
    _, errors = processes[0].communicate(timeout=60)
    processes[1].communicate()
    assert time.monotonic() - killed_at < 30
    assert processes[0].returncode == 1
    assert "is gone" in errors
    assert "start all workers again" in errors
    assert errors.startswith("error: worker 1 of 2 (127.0.0.1:")

    assert "goes on after epoch" in finish_both(machines)
    assert digests(chief) == undisturbed
    assert not (chief / CHECKPOINTS).exists()
