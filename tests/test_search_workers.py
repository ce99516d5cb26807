"""Chief and worker of a search in one process, over gRPC: what each is told when the other is gone or a stranger."""

import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from scramble.errors import UserError
from scramble.params import Compute, Study
from scramble.search import conduct, peers, results
from scramble.search.job import Job
from scramble.search.peers import VARIABLES, Peer
from search_study import STUDY, job, metrics, new_chief, study

# Keras Tuner calls what Python's threading has renamed.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:keras_tuner")


@pytest.fixture
def worker(tf: object, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module of workers, with trainings that are invented, and patience for a second."""
    from keras_tuner.src.distribute import oracle_client

    from scramble.search import training, worker

    def build(model: Any, hp: Any) -> Any:
        return model._job.search.read(hp.values)

    def fit(model: Any, hp: Any, setting: Any, replicate: int, epoch_done: Callable[[], None]) -> dict[str, float]:
        epoch_done()
        return metrics(setting.recipe.learning_rate, replicate, setting.recipe.epochs)

    def begin(model: Any, given: Job) -> None:
        model._job = given

    for name, method in {"__init__": begin, "build": build, "fit": fit}.items():
        monkeypatch.setattr(training.RecipeModel, name, method)
    monkeypatch.setattr(Job, "inputs", lambda job: "inputs")
    monkeypatch.setattr(worker, "CHIEF_SECONDS", 1)
    monkeypatch.setenv("no_grpc_proxy", "127.0.0.1")
    # A worker changes these; what was there comes back after the test.
    monkeypatch.setattr(oracle_client, "TIMEOUT", oracle_client.TIMEOUT)
    for name in VARIABLES:
        monkeypatch.setenv(name, "")
    return worker


def served(stack: ExitStack, chief: Any, port: int = 0) -> Peer:
    """Serves a chief until the stack is left. Returns a worker for it."""
    from scramble.search import server

    return Peer("worker1", "127.0.0.1", stack.enter_context(server.served(chief, f"127.0.0.1:{port}")))


def nothing() -> None:
    """What a worker does after an epoch, here."""


def searched(chief: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    return results.document(chief.job, chief.result()), results.table(chief.job, chief.result())


@pytest.fixture
def expected(worker: Any, tmp_path: Path) -> Any:
    """What a search finds that nothing disturbs."""
    chief = new_chief(study(), tmp_path, "undisturbed")
    with ExitStack() as stack:
        worker.work(job(study()), served(stack, chief), nothing)
    return searched(chief)


def work_for_two_chiefs(worker: Any, searched: Study, new: Callable[[], Any], at: int) -> Any:
    """Works for a chief that is replaced at the worker's `at`-th sign of life: two a trial, in it and after it.

    Returns the second chief.
    """
    chiefs = [new()]
    count = 0
    with ExitStack() as first, ExitStack() as second:
        peer = served(first, chiefs[0])

        def replace_chief() -> None:
            nonlocal count
            count += 1
            if count == at:
                first.close()
                chiefs.append(new())
                served(second, chiefs[1], peer.port)

        worker.work(job(searched), peer, replace_chief)
    assert len(chiefs) == 2
    return chiefs[1]


@pytest.mark.parametrize("at", [1, 5, 12])
def test_a_chief_that_comes_back_finds_its_worker_waiting(
    worker: Any, expected: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    monkeypatch.setattr(worker, "CHIEF_SECONDS", 30)
    chief = work_for_two_chiefs(worker, study(), partial(new_chief, study(), tmp_path), at)
    assert searched(chief) == expected


@pytest.mark.parametrize("tune", [{}, {"algorithm": "bayesian", "trials": 7}])
def test_a_worker_goes_on_with_a_chief_that_has_lost_everything(
    worker: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tune: dict[str, Any]
) -> None:
    monkeypatch.setattr(worker, "CHIEF_SECONDS", 30)
    undisturbed = new_chief(study(**tune), tmp_path, "undisturbed")
    with ExitStack() as stack:
        worker.work(job(study(**tune)), served(stack, undisturbed), nothing)
    journals = iter(("lost", "again"))
    chief = work_for_two_chiefs(worker, study(**tune), lambda: new_chief(study(**tune), tmp_path, next(journals)), at=5)
    assert searched(chief) == searched(undisturbed)


def test_a_chief_that_answers_is_not_gone(worker: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "ALIVE_SECONDS", 0.05)
    with ExitStack() as stack:
        peer = served(stack, new_chief(study(), tmp_path))
        made = worker.Worker(job(study()), peer, str(tmp_path / "scratch"), nothing)
        trial = made.oracle.create_trial(made.tuner_id)
        made.answered = 0.0
        made.on_search_begin()
        made.pre_create_trial()
        assert made.answered == 0
        made.pre_create_trial()  # asks again, so the first question was answered
        assert made.answered > 0
        made.answered = 0.0
        with made._signs_of_life(trial.trial_id):
            deadline = time.monotonic() + 30
            while not made.answered and time.monotonic() < deadline:
                time.sleep(0.01)
        assert made.answered > 0


def test_a_chief_that_is_gone_is_told(worker: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "ANSWER_SECONDS", 1)
    with ExitStack() as stack, pytest.raises(UserError, match="is it running, for this cell, and is the address right"):
        peer = served(stack, new_chief(study(), tmp_path))
        worker.work(job(study()), peer, stack.close)
    assert list((tmp_path / "journal").glob("*")) == []


def test_a_chief_that_never_came_is_told(worker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "ANSWER_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(UserError, match=f"the chief at 127.0.0.1:{port} has not answered for 1 s"):
        worker.work(job(study()), Peer("worker1", "127.0.0.1", port), nothing)


def test_a_worker_for_another_cell_waits_and_is_told(worker: Any, tmp_path: Path) -> None:
    other = Job(study(), "mlp", "identity", job(study()).search)
    with ExitStack() as stack, pytest.raises(UserError, match=r"\(this is the search for searched/mlp/pixels\)"):
        worker.work(other, served(stack, new_chief(study(), tmp_path)), nothing)


@pytest.mark.parametrize(
    "tune",
    [
        {"replicates": 2},
        {"space": {"mlp": STUDY["tune"]["space"]["mlp"] | {"momentum": {"float": [0.5, 0.9]}}}},
        {"space": {"mlp": STUDY["tune"]["space"]["mlp"] | {"options.units": {"choice": [[16], [8]]}}}},
        {"space": {"mlp": {"learning_rate": {"float": [0.001, 0.002]}, "weight_decay": {"fixed": 0.01}}}},
    ],
)
def test_a_worker_with_other_params_trains_nothing(worker: Any, tmp_path: Path, tune: dict[str, Any]) -> None:
    chief = new_chief(study(), tmp_path)
    with ExitStack() as stack, pytest.raises(UserError, match="are not the chief's: make them equal"):
        worker.work(job(study(**tune)), served(stack, chief), nothing)
    assert chief.failure is None


def test_the_chief_says_how_often_the_winner_is_trained_again(worker: Any, expected: Any, tmp_path: Path) -> None:
    chief = new_chief(study(), tmp_path)
    with ExitStack() as stack:
        worker.work(job(study(fresh=1)), served(stack, chief), nothing)
    assert searched(chief) == expected


def test_a_worker_with_other_data_trains_nothing(worker: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chief = new_chief(study(), tmp_path)
    monkeypatch.setattr(Job, "inputs", lambda job: "others")
    with ExitStack() as stack, pytest.raises(UserError, match="are not the chief's: make them equal"):
        worker.work(job(study()), served(stack, chief), nothing)
    assert (chief.num_finished, chief.failure) == (0, None)


def test_what_ends_the_chief_is_told_to_both(worker: Any, tmp_path: Path) -> None:
    hopeless: Study = study(space={"mlp": {"learning_rate": {"float": [0.06, 0.1]}}})
    chief = new_chief(hopeless, tmp_path)
    with ExitStack() as stack, pytest.raises(UserError, match="refuses: all 5 trials of mlp pixels diverged"):
        worker.work(job(hopeless), served(stack, chief), nothing)
    with pytest.raises(UserError, match=r"^all 5 trials of mlp pixels diverged: lower the learning rates"):
        list(conduct._others(chief, Peer("chief", "127.0.0.1", 1)))


def test_a_chief_that_nobody_asks_says_so(tf: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conduct, "SILENT_SECONDS", 0.3)
    chief = new_chief(study(), tmp_path)
    with pytest.raises(UserError, match=r"no worker has asked at 10\.0\.0\.1:8000 .* the search goes on where it was"):
        list(conduct._others(chief, Peer("chief", "10.0.0.1", 8000)))


def test_an_address_that_is_taken_is_told(tf: object, tmp_path: Path) -> None:
    chief = new_chief(study(), tmp_path)
    with ExitStack() as stack:
        peer = served(stack, chief)
        with pytest.raises(UserError, match=f"nobody can listen at {peer.address}"):
            served(stack, chief, peer.port)


@pytest.mark.parametrize(
    ("visible", "compute", "shares"),
    [
        ("0,1,2", {}, [["0"], ["1"], ["2"]]),
        ("GPU-a,GPU-b,GPU-c,GPU-d", {"strategy": "mirrored", "devices": 2}, [["GPU-a", "GPU-b"], ["GPU-c", "GPU-d"]]),
        ("4,2,7", {"strategy": "mirrored", "devices": 2}, [["4", "2"]]),
        ("3", {}, [["3"]]),
    ],
)
def test_a_worker_per_gpu(
    visible: str, compute: dict[str, Any], shares: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    machines = Compute(**compute)
    workers = conduct.default_workers(job(study()).search, machines)
    names = peers.gpus()
    assert [peers.share_of_gpus(names, number, machines.devices) for number in range(workers)] == shares


def test_more_workers_than_gpus_share_them() -> None:
    assert [peers.share_of_gpus(["0", "1", "2"], number, 2) for number in range(3)] == [
        ["0", "1"],
        ["2", "0"],
        ["1", "2"],
    ]


def test_gpus_are_counted_as_cuda_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(peers, "DEVICES", tmp_path)
    assert peers.gpus() == []
    for name in ("nvidia2", "nvidia3", "nvidiactl", "nvidia-uvm"):  # what a container with two of four GPUs has
        (tmp_path / name).touch()
    assert peers.gpus() == ["0", "1"]


def test_no_gpu_is_one_that_may_not_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "num_cores", lambda: 4)
    for hidden in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
        assert conduct.default_workers(job(study()).search, Compute(threads=2)) == 2
        assert conduct.default_workers(job(study(algorithm="bayesian", trials=7)).search, Compute()) == 1
