"""Strategies: what cannot work is refused; two workers train the bytes of two devices; a lost worker is told."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import cluster_process
from scramble import clusters, params
from scramble.errors import UserError

HERE = Path(__file__).parent


def compute(strategy: str = "multi_worker", **changes: Any) -> params.Compute:
    workers = 2 if strategy == "multi_worker" else 1
    return params.Compute.model_validate({"strategy": strategy, "workers": workers} | changes)


# --- who trains together --------------------------------------------------------------------------------------

SLURM = {
    "SLURM_JOB_ID": "4711",
    "SLURM_STEP_ID": "1",
    "SLURM_STEP_NODELIST": "n[9-10]",
    "SLURM_STEP_TASKS_PER_NODE": "1(x2)",
    "SLURM_STEP_NUM_TASKS": "2",
    "SLURM_PROCID": "0",
    "SLURM_LOCALID": "0",
    "SLURMD_NODENAME": "n9",
}
"""Of the first of two processes, on nodes whose order by name is not Slurm's."""


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Without what names workers."""
    for name in os.environ:
        if name.startswith(("SLURM", "TF_CONFIG", "TPU_NAME")):
            monkeypatch.delenv(name)
    return monkeypatch


def tf_config(index: Any = 0, job: str = "worker", **cluster: list[str]) -> str:
    addresses = cluster or {"worker": ["one:2222", "two:2222"]}
    return json.dumps({"cluster": addresses, "task": {"type": job, "index": index}, "environment": "cloud"})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (tf_config(0), clusters.Member(0, 2, "one:2222")),
        (tf_config(1), clusters.Member(1, 2, "two:2222")),
        (tf_config(0, worker=["w:1"], chief=["c:1"]), clusters.Member(1, 2, "w:1")),
        (tf_config(0, job="chief", worker=["w:1"], chief=["c:1"]), clusters.Member(0, 2, "c:1")),
    ],
    ids=["first", "second", "worker beside a chief", "chief"],
)
def test_tf_config_names_the_workers(environment: pytest.MonkeyPatch, value: str, expected: clusters.Member) -> None:
    environment.setenv("TF_CONFIG", value)
    assert clusters.member(compute()) == expected
    assert expected.is_chief == (expected.rank == 0)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{", r"TF_CONFIG: invalid JSON"),
        ("[]", r"TF_CONFIG: .*received \[\]"),
        ('{"task": {"type": "worker", "index": 0}}', r"TF_CONFIG: cluster: is missing"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}}', r"TF_CONFIG: task: is missing"),
        (tf_config("x"), r"TF_CONFIG: task\.index: .*received 'x'"),
        (tf_config(2), r"task worker 2 is not in the cluster"),
        (tf_config(0, "chief"), r"task chief 0 is not in the cluster"),
        (tf_config(0, worker=["a:1", "b:1"], ps=["c:1"]), r"'ps' has no part in multi_worker: name chief and worker"),
        (tf_config(0, "evaluator"), r"'evaluator' has no part"),
        (tf_config(0, worker=["a:1", "b"]), r"'b' is no address: host:port"),
        (tf_config(0, worker=["a:1", "a:1"]), r"a:1 is named twice"),
        (tf_config(0, chief=["a:1", "b:1"]), r"there is one chief"),
        (tf_config(0, worker=["a:1", "b:1", "c:1"]), r"compute\.workers is 2 .*TF_CONFIG names 3"),
    ],
)
def test_an_impossible_tf_config_is_refused(environment: pytest.MonkeyPatch, value: str, message: str) -> None:
    environment.setenv("TF_CONFIG", value)
    with pytest.raises(UserError, match=message) as refused:
        clusters.member(compute())
    assert "\n" not in str(refused.value)


def test_workers_that_a_study_of_one_process_does_not_expect_are_refused(environment: pytest.MonkeyPatch) -> None:
    """They would all write the same files."""
    assert clusters.member(compute("mirrored", devices=2)).is_chief
    environment.setenv("TF_CONFIG", tf_config(1))
    with pytest.raises(UserError, match=r"compute\.workers is 1 \(strategy mirrored\), but TF_CONFIG names 2"):
        clusters.member(compute("mirrored", devices=2))


def test_no_workers_are_refused(environment: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"TF_CONFIG.*srun"):
        clusters.member(compute())


def test_slurm_names_the_workers(environment: pytest.MonkeyPatch, tf: ModuleType) -> None:
    from scramble import distribution

    for name, value in SLURM.items():
        environment.setenv(name, value)
    first = clusters.member(compute())
    assert first == clusters.Member(0, 2, "n9:24808")
    resolver = distribution._resolver(first, {})
    assert resolver.cluster_spec().as_dict() == {"worker": ["n10:24808", "n9:24808"]}
    assert (resolver.task_type, resolver.task_id) == ("worker", 1)
    assert resolver.num_accelerators() == {}


def test_two_workers_of_slurm_on_one_node_have_ports_of_their_own(
    environment: pytest.MonkeyPatch, tf: ModuleType
) -> None:
    from scramble import distribution

    one_node = {
        "SLURM_STEP_NODELIST": "n9",
        "SLURM_STEP_TASKS_PER_NODE": "2",
        "SLURM_PROCID": "1",
        "SLURM_LOCALID": "1",
    }
    for name, value in (SLURM | one_node).items():
        environment.setenv(name, value)
    second = clusters.member(compute())
    assert second == clusters.Member(1, 2, "n9:24809")
    resolver = distribution._resolver(second, {"GPU": 1})
    assert resolver.cluster_spec().as_dict() == {"worker": ["n9:24808", "n9:24809"]}
    assert (resolver.task_id, resolver.num_accelerators()) == (1, {"GPU": 1})


def test_a_slurm_job_without_srun_is_refused(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SLURM_JOB_ID", "4711")
    with pytest.raises(UserError, match="SLURM_PROCID is not set: start the workers by srun"):
        clusters.member(compute())


# --- what cannot work -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "num_gpus", "message"),
    [
        ({"strategy": "mirrored", "devices": 3}, 2, "compute.devices is 3, but TensorFlow sees 2 GPUs"),
        ({"devices": 2}, 1, "compute.devices is 2, but TensorFlow sees 1 GPUs"),
        ({"strategy": "mirrored", "devices": 2, "jit": True}, 0, "compute.jit is true.*set jit to false"),
        ({"jit": True}, 0, "compute.jit is true.*set jit to false"),
        ({"devices": 2}, 0, "set devices to 1 and workers to 4, or the strategy to mirrored"),
    ],
)
def test_strategies_without_their_devices_are_refused(
    tf: ModuleType, changes: dict[str, Any], num_gpus: int, message: str
) -> None:
    from scramble import distribution

    with pytest.raises(UserError, match=message):
        distribution._check_devices(compute(**changes), num_gpus)


@pytest.mark.parametrize(
    ("changes", "num_gpus"),
    [
        ({"strategy": "one_device", "jit": True}, 0),
        ({"strategy": "mirrored", "devices": 2, "jit": True}, 2),
        ({"strategy": "mirrored", "devices": 2}, 0),
        ({"devices": 2}, 2),
        ({}, 0),
        ({"strategy": "tpu", "devices": 8, "jit": True}, 0),
    ],
)
def test_what_can_work_is_not_refused(tf: ModuleType, changes: dict[str, Any], num_gpus: int) -> None:
    from scramble import distribution

    distribution._check_devices(compute(**changes), num_gpus)


@pytest.mark.parametrize("name", [None, "nothing-listens"])
def test_a_tpu_that_is_not_there_is_refused_at_once(
    environment: pytest.MonkeyPatch, tf: ModuleType, name: str | None
) -> None:
    from scramble import distribution

    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen
        if name is not None:
            environment.setenv("TPU_NAME", f"grpc://127.0.0.1:{bound.getsockname()[1]}")
        start = time.monotonic()
        with pytest.raises(UserError, match=r"there is no TPU .*set TPU_NAME") as refused:
            distribution._tpu(compute("tpu", devices=8))
    assert time.monotonic() - start < 30
    assert "\n" not in str(refused.value)


def test_what_is_not_exact_is_said(tf: ModuleType) -> None:
    from scramble import distribution

    def starts(num_gpus: int = 0, **changes: Any) -> list[str]:
        return [sentence.partition(":")[0] for sentence in distribution.caveats(compute(**changes), num_gpus)]

    assert starts(strategy="one_device") == []
    assert starts(strategy="one_device", threads=2) == ["2 threads"]
    assert starts(strategy="one_device", jit=True, num_gpus=1) == ["GPU", "jit"]
    assert starts(strategy="mirrored", devices=2) == starts() == ["2 replicas"]
    assert starts(strategy="tpu", devices=8) == ["8 replicas", "TPU"]


# --- two processes on the loopback ----------------------------------------------------------------------------


@dataclass
class Cluster:
    """Two workers, in the midst of a training, and what they and a mirrored training had after some epochs."""

    workers: list[subprocess.Popen[str]]
    addresses: list[str]
    states: list[dict[str, np.ndarray]]
    mirrored: dict[str, np.ndarray]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    processes = [start("multi_worker", folder / f"{index}.npz", tf_config(index, worker=addresses)) for index in (0, 1)]
    processes.append(start("mirrored", folder / "mirrored.npz"))
    try:
        names = ("0", "1", "mirrored")
        states = [state(folder / f"{name}.npz", process) for name, process in zip(names, processes, strict=True)]
        yield Cluster(processes[:2], addresses, states[:2], states[2])
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def start(strategy: str, target: Path, config: str | None = None) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(HERE.parent / "src"), "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment |= {"KERAS_BACKEND": "tensorflow"} | ({"TF_CONFIG": config} if config else {})
    stop = [] if config else ["--stop"]
    command = [sys.executable, str(HERE / "cluster_process.py"), strategy, str(target), *stop]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)


def state(path: Path, process: subprocess.Popen[str]) -> dict[str, np.ndarray]:
    """The arrays that a process writes to `path`, once they are there."""
    deadline = time.monotonic() + 240
    while not path.exists():
        if process.poll() is not None and not path.exists():
            pytest.fail(process.communicate()[1])
        assert time.monotonic() < deadline, f"{path.name} did not come"
        time.sleep(0.05)
    with np.load(path) as saved:
        return dict(saved)


def test_two_workers_train_the_bytes_of_two_mirrored_devices(cluster: Cluster) -> None:
    """Weights, moving statistics, optimizer, history, and the best epoch's averaged weights."""
    names = [name for name in cluster.mirrored if not name.startswith("received")]
    assert {name.partition("/")[0] for name in names} == {"history", "model", "optimizer", "best"}
    for state in cluster.states:
        for name in names:
            assert state[name].tobytes() == cluster.mirrored[name].tobytes(), name


def test_what_the_chief_knows_arrives_bit_for_bit(cluster: Cluster) -> None:
    for state in (*cluster.states, cluster.mirrored):
        for name, array in cluster_process.ARRAYS.items():
            received = state[f"received {name}"]
            assert (received.dtype, received.shape) == (array.dtype, array.shape)
            assert received.tobytes() == array.tobytes(), name


def test_a_killed_worker_is_told(cluster: Cluster) -> None:
    chief, other = cluster.workers
    assert (chief.poll(), other.poll()) == (None, None)
    start = time.monotonic()
    other.kill()
    _, errors = chief.communicate(timeout=60)
    assert time.monotonic() - start < 30
    assert chief.returncode == 1
    assert f"error: worker 1 of 2 ({cluster.addresses[1]}) is gone" in errors
    assert "start all workers again" in errors
    assert "Traceback" not in errors
