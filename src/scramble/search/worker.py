"""A worker of a search: Keras Tuner's tuner, which asks the chief for trials and trains them."""

import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import grpc
import keras_tuner
from keras_tuner.src.distribute import oracle_client

from scramble.errors import UserError
from scramble.search import oracles
from scramble.search.chief import SEPARATOR
from scramble.search.job import OBJECTIVE, Job, stamp
from scramble.search.peers import Peer
from scramble.search.training import RecipeModel

ANSWER_SECONDS = 60
"""How long one question to the chief may take; Keras Tuner alone would wait for an hour."""
CHIEF_SECONDS = 600
"""How long a worker goes on asking a chief that does not answer, or searches for another cell: it may start later."""
ALIVE_SECONDS = 5
"""Between two signs of life while a trial is trained."""
ASK_SECONDS = 0.1
"""Before asking again, where the chief had nothing to do."""


class Worker(keras_tuner.Tuner):
    """Trains what the chief asks for, until it has nothing left. Writes nothing.

    Args:
        directory: for what Keras Tuner writes; nobody reads it.
        alive: is called after every epoch.
    """

    def __init__(self, job: Job, peer: Peer, directory: str, alive: Callable[[], None]) -> None:
        peer.enter()
        self._job = job
        self._inputs = job.inputs()
        self._alive = alive
        self.answered = time.monotonic()
        """When the chief last answered"""
        self._asked = False
        super().__init__(
            oracles.build(job.search, job.study.seed),
            RecipeModel(job),
            directory=directory,
            tuner_id=f"{peer.name}{SEPARATOR}{job.cell}",
        )

    def on_search_begin(self) -> None:
        self._asked = False

    def pre_create_trial(self) -> None:
        if self._asked:  # and answered, for else the search had ended
            self._hear()
        self._asked = True
        time.sleep(ASK_SECONDS)

    def on_trial_begin(self, trial: Any) -> None:
        self._hear()

    def run_trial(self, trial: Any) -> None:
        """Trains the replicates that the chief misses, and reports each when it is done."""
        try:
            with self._signs_of_life(trial.trial_id):
                self._train(trial)
        except Exception as error:
            # Keras Tuner takes other errors for a property of the trial, and goes on with the next.
            raise keras_tuner.errors.FatalError from error

    def _train(self, trial: Any) -> None:
        hp, (name, _, agreed) = trial.hyperparameters, trial.trial_id.partition(SEPARATOR)
        wanted = self._job.replicates_of(name)
        if self._stamp(hp, wanted) != agreed:
            raise UserError(
                f"this worker's data, params.yaml or code for {self._job.name} are not the chief's: make them equal "
                "(git pull, dvc repro) and start it again"
            )
        known = trial.metrics.get_history(OBJECTIVE) if trial.metrics.exists(OBJECTIVE) else []
        trainer = self.hypermodel.build(hp)
        for replicate in sorted(set(wanted) - {each.step for each in known}):
            metrics = self.hypermodel.fit(hp, trainer, replicate=replicate, epoch_done=self._alive)
            self.oracle.update_trial(trial.trial_id, metrics, step=replicate)
            self._hear()
            self._alive()

    def _stamp(self, hp: keras_tuner.HyperParameters, replicates: Iterable[int]) -> str | None:
        """None where this worker's space has no such setting."""
        try:
            return stamp(self._inputs, self._job.search.read(hp.values), replicates)
        except (LookupError, TypeError, ValueError):
            return None

    def _hear(self) -> None:
        self.answered = time.monotonic()

    def save(self) -> None:
        """Nothing: the chief keeps the trainings."""

    def _populate_initial_space(self) -> None:
        """Nothing: params.yaml names the space."""

    @contextmanager
    def _signs_of_life(self, trial_id: str) -> Iterator[None]:
        done = threading.Event()

        def tell() -> None:
            while not done.wait(ALIVE_SECONDS):
                with suppress(grpc.RpcError):
                    self.oracle.get_trial(trial_id)
                    self._hear()

        thread = threading.Thread(target=tell, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def work(job: Job, peer: Peer, alive: Callable[[], None]) -> None:
    """Trains for the chief until the search is over.

    Raises:
        UserError: the chief is gone or never came, refuses this worker, or a training cannot be done.
    """
    oracle_client.TIMEOUT = ANSWER_SECONDS
    # It reports replicates one by one, which Keras Tuner would rather have in one piece.
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="keras_tuner")
    with tempfile.TemporaryDirectory() as directory:
        worker = Worker(job, peer, directory, alive)
        while True:
            try:
                worker.search()
                return
            except (grpc.RpcError, keras_tuner.errors.FatalError) as error:
                _wait_or_raise(error.__cause__ or error, worker, peer)


def _wait_or_raise(error: BaseException, worker: Worker, peer: Peer) -> None:
    """Waits a moment where the chief may come back; else raises what the worker's user has to know."""
    if not isinstance(error, grpc.RpcError):
        raise error
    code, details = error.code(), error.details()
    if code not in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
        raise UserError(f"the chief at {peer.address} refuses: {details}") from None
    if time.monotonic() - worker.answered > CHIEF_SECONDS:
        raise UserError(
            f"the chief at {peer.address} has not answered for {CHIEF_SECONDS:.0f} s ({details}): is it running, "
            "for this cell, and is the address right? Its search goes on where it was when both are started again"
        ) from None
    time.sleep(ASK_SECONDS)
