"""The chief of a search: it asks the oracle, hands trials to workers, and keeps what they have trained."""

import threading
import time
from collections.abc import Callable
from typing import Any

import keras_tuner
from keras_tuner.src.engine.trial import Trial as Message

from scramble.errors import UserError
from scramble.search.job import OBJECTIVE, Job, stamp
from scramble.search.journal import Journal, Training
from scramble.search.training import read_metrics
from scramble.search.trials import Result, Trial, best_of

LOST_SECONDS = 60.0
"""After so long without a word from its worker, a trial is given to another."""
SEPARATOR = "|"
"""In the names of trials on the wire: name|stamp; in those of workers: name|cell."""

GO_ON, IDLE, STOPPED = "RUNNING", "IDLE", "STOPPED"


class StrangerError(UserError):
    """A worker speaks of a trial that is not of this search."""


class UnknownTrialError(UserError):
    """A worker speaks of a trial that a chief before this one has named, and this one has not come to yet."""


class Chief:
    """Keeps the search for one cell. Its methods may be called from several threads.

    Args:
        oracle: a new one.
        inputs: `Job.inputs`.
        note: is told what is worth knowing.
    """

    def __init__(
        self, job: Job, oracle: keras_tuner.Oracle, inputs: str, journal: Journal, note: Callable[[str], None]
    ) -> None:
        self.job = job
        self.trials: dict[str, Trial] = {}
        self.fresh: dict[str, Trial] = {}
        self.failure: BaseException | None = None
        self.parallel = False
        self.workers: set[str] = set()
        """Those that have not been told yet that the search is over."""
        self.heard = time.monotonic()
        """When any worker was last heard from"""
        self._oracle = oracle
        self._inputs = inputs
        self._journal = journal
        self.note = note
        self._lock = threading.RLock()
        self._exhausted = False

    def replay(self) -> None:
        """Goes through the trials that the journal answers, up to the first that has to be trained."""
        with self._lock:
            self._next_open()

    @property
    def finished(self) -> bool:
        with self._lock:
            return bool(self.fresh) and all(trial.finished for trial in self.fresh.values())

    @property
    def best(self) -> Trial | None:
        with self._lock:
            return best_of(self.trials.values(), self.job.search.epochs)

    @property
    def num_finished(self) -> int:
        with self._lock:
            return sum(trial.finished for trial in (*self.trials.values(), *self.fresh.values()))

    def result(self) -> Result:
        best = self.best
        assert best is not None
        trials = sorted(self.trials.values(), key=lambda trial: trial.number)
        return Result(trials, best, list(self.fresh.values()), self.parallel)

    # --- what workers ask -----------------------------------------------------------------------------------------

    def next_for(self, worker: str) -> tuple[str, Trial | None]:
        """What a worker has to do: a trial to train, to ask again, or to leave."""
        with self._lock:
            self._hear(worker)
            trial = next((each for each in self._unfinished() if each.worker == worker), None) or self._next_open()
            if trial:
                trial.touch(worker)
                self.parallel |= sum(not each.finished and bool(each.worker) for each in self.trials.values()) > 1
                return GO_ON, trial
            if not self.finished:
                return IDLE, None
            self.workers.discard(worker)
            return STOPPED, None

    def hear(self, name: str) -> Trial:
        """Notes that the worker of a trial is alive."""
        with self._lock:
            trial = self._named(name)
            if trial.worker:
                self._hear(trial.worker)
                trial.touch(trial.worker)
            return trial

    def record(self, name: str, replicate: int, metrics: dict[str, float]) -> Trial:
        """Keeps a finished training."""
        with self._lock:
            trial = self.hear(name)
            if replicate in trial.replicates and replicate not in trial.trainings:
                training = Training.model_validate(read_metrics(metrics))
                self._journal.add(trial.setting, replicate, training)
                self._take(trial, replicate, training)
            return trial

    def message(self, trial: Trial) -> Any:
        """A trial as Keras Tuner's protocol sends it, with the replicates that are trained already."""
        space = self._oracle.get_space()
        space.values = trial.numbers
        message = Message(space, f"{trial.name}{SEPARATOR}{self._stamp(trial)}", GO_ON)
        for replicate, training in trial.trainings.items():
            message.metrics.update(OBJECTIVE, training.error, step=replicate)
        return message.to_proto()

    # --- workers that are gone ------------------------------------------------------------------------------------

    def release_lost(self) -> None:
        """Takes the trials of workers that are silent for too long from them."""
        with self._lock:
            now = time.monotonic()
            for trial in self._unfinished():
                if trial.worker and now - trial.heard > LOST_SECONDS:
                    self.note(
                        f"{trial.worker} has not been heard from for {LOST_SECONDS:.0f} s: another takes {trial.name}"
                    )
                    self.workers.discard(trial.worker)
                    trial.worker = None

    # --- the oracle -----------------------------------------------------------------------------------------------

    def _hear(self, worker: str) -> None:
        self.workers.add(worker)
        self.heard = time.monotonic()

    def _unfinished(self) -> list[Trial]:
        return [trial for trial in (*self.trials.values(), *self.fresh.values()) if not trial.finished]

    def _named(self, name: str) -> Trial:
        number, _, agreed = name.partition(SEPARATOR)
        trials = {**self.trials, **self.fresh}
        # Where the order does not matter, the oracle names the same trials now as it would later.
        while number not in trials and not self.job.search.order_matters and self._ask():
            trials = self.trials
        if number not in trials:
            raise UnknownTrialError(f"trial {number} of {self.job.name} has not been asked for")
        if self._stamp(trials[number]) != agreed:
            raise StrangerError(f"trial {number} of {self.job.name} is of another search: start the worker again")
        return trials[number]

    def _stamp(self, trial: Trial) -> str:
        return stamp(self._inputs, trial.setting, trial.replicates)

    def _next_open(self) -> Trial | None:
        """A trial that nobody trains yet; None if there is none now."""
        while True:
            unfinished = self._unfinished()
            if waiting := [trial for trial in unfinished if trial.worker is None]:
                return waiting[0]
            if self.fresh or not (self._ask() or self._begin_fresh()):
                return None

    def _ask(self) -> bool:
        """Takes up the oracle's next trial, if it names one now."""
        if self._exhausted:
            return False
        # A name for each: the oracle takes one that asks twice for a worker that was restarted.
        asked = self._oracle.create_trial(f"trial{len(self.trials)}")
        self._exhausted = asked.status == STOPPED
        if asked.status != GO_ON:
            return False
        numbers = asked.hyperparameters.values
        name = str(int(asked.trial_id))
        trial = Trial(name, numbers, self.job.search.read(numbers), self.job.replicates_of(name))
        self.trials[trial.name] = trial
        self._recall(trial)
        return True

    def _begin_fresh(self) -> bool:
        """Takes up the winner's fresh trainings, once all trials are finished."""
        if not self._exhausted or self._unfinished():
            return False
        best = self.best
        if best is None:
            raise UserError(self._why_none_wins())
        for number in range(self.job.search.tune.fresh):
            name = f"fresh{number}"
            self.fresh[name] = Trial(name, best.numbers, best.setting, self.job.replicates_of(name))
        for trial in self.fresh.values():
            self._recall(trial)
        return True

    def _why_none_wins(self) -> str:
        count, epochs = len(self.trials), self.job.search.epochs
        if all(trial.diverged for trial in self.trials.values()):
            return (
                f"all {count} trials of {self.job.name} diverged: lower the learning rates in tune.space, or add "
                "warmup_epochs"
            )
        return (
            f"no trial of {count} of {self.job.name} was trained for all {epochs} epochs without diverging: give "
            "tune.space other values, or more of them"
        )

    def _recall(self, trial: Trial) -> None:
        """Takes from the journal what was trained before."""
        for replicate in trial.replicates:
            training = self._journal.find(trial.setting, replicate)
            if training:
                self._take(trial, replicate, training)

    def _take(self, trial: Trial, replicate: int, training: Training) -> None:
        trial.trainings[replicate] = training
        if trial.finished and trial.name in self.trials:
            asked = next(each for each in self._oracle.trials.values() if int(each.trial_id) == trial.number)
            self._oracle.update_trial(asked.trial_id, {OBJECTIVE: trial.score})
            asked.status = "COMPLETED"
            self._oracle.end_trial(asked)
