"""A whole search: the chief in this process, and workers in others, here or on other machines."""

import os
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from scramble import checkpoints, environment, params, processes, quiet
from scramble.errors import UserError
from scramble.search import peers
from scramble.search.job import Job
from scramble.search.journal import Journal
from scramble.search.peers import Peer
from scramble.search.progress import SearchProgress
from scramble.search.trials import Result

if TYPE_CHECKING:
    from scramble.search.chief import Chief

SILENT_SECONDS = 1800
"""How long a chief waits for any worker of other machines."""
GOODBYE_SECONDS = 15
"""How long it stays, after the search, for workers that have not asked since."""
LOOK_SECONDS = 0.2


def conduct(job: Job, workers: int | None, peer: Peer | None) -> Result:
    """Searches as chief. Started again after its end, it goes on where it was.

    Args:
        workers: processes of this machine; by default what fills its cores or GPUs.
        peer: this process among those of several machines; None: it starts its own workers.

    Raises:
        UserError: every trial diverges, a worker fails, or none comes.
    """
    quiet.import_tensorflow()
    from scramble.search import chief, oracles, server

    paths, tune = job.paths, job.search.tune
    folder = paths.journal(job.model, job.permutation)
    with (
        tempfile.TemporaryDirectory() as scratch,
        checkpoints.locked(folder),
        SearchProgress(job.name, tune.trials + tune.fresh) as progress,
    ):
        inputs = job.inputs()
        oracle = oracles.build(job.search, job.study.seed)
        oracle._set_project_dir(scratch, "search")
        journal = Journal(folder, inputs, environment.machine(), progress.note)
        here = chief.Chief(job, oracle, inputs, journal, progress.note)
        here.replay()
        progress.resume(here.num_finished)
        if not here.finished:
            with server.served(here, peer.address if peer else "127.0.0.1:0") as port:
                for _ in _others(here, peer) if peer else _own(here, port, workers):
                    progress.update(here.num_finished, here.best)
        return here.result()


def work(job: Job, peer: Peer) -> None:
    """Trains for the chief of another process, until its search is over."""
    _work(job, peer, lambda message: None)


def _work(job: Job, peer: Peer, send: processes.Send) -> None:
    quiet.import_tensorflow()
    from scramble.search import worker

    worker.work(job, peer, lambda: send(None))


def default_workers(search: params.Search, compute: params.Compute) -> int:
    """How many trials are trained side by side: what fills the GPUs or the cores; one where their order matters."""
    devices = peers.gpus()
    if search.order_matters:
        return 1
    if devices:
        return max(1, len(devices) // compute.devices)
    return max(1, min(search.tune.trials, peers.num_cores() // (compute.threads * compute.devices)))


def _own(chief: "Chief", port: int, workers: int | None) -> Iterator[None]:
    """Starts workers here, and gives a moment to look at the chief whenever one has done something."""
    job = chief.job
    workers = workers or default_workers(job.search, job.study.compute)
    try:
        yield from processes.run(partial(_work_here, job, port), range(workers), workers)
    except UserError as error:
        # What has gone wrong in the chief reaches a worker as a refusal.
        raise chief.failure or error from None


def _work_here(job: Job, port: int, share: list[int], send: processes.Send) -> None:
    """A worker of this machine, in a process of its own."""
    (number,) = share
    visible, count = peers.gpus(), job.study.compute.devices
    if len(visible) > count:
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(peers.share_of_gpus(visible, number, count))
    os.environ.update(no_grpc_proxy="127.0.0.1")
    _work(job, Peer(f"worker{number}", "127.0.0.1", port), send)


def _others(chief: "Chief", peer: Peer) -> Iterator[None]:
    """Waits for workers of other processes, and gives moments to look at the chief."""
    chief.note(f"waits at {peer.address} for workers")
    while not chief.finished:
        if chief.failure:
            raise chief.failure
        chief.release_lost()
        if time.monotonic() - chief.heard > SILENT_SECONDS:
            raise UserError(
                f"no worker has asked at {peer.address} for {SILENT_SECONDS / 60:.0f} minutes: start some "
                "(docs/search/README.md); the search goes on where it was"
            )
        time.sleep(LOOK_SECONDS)
        yield
    leaves = time.monotonic() + GOODBYE_SECONDS
    while chief.workers and time.monotonic() < leaves:
        time.sleep(LOOK_SECONDS)
