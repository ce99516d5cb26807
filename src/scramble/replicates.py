"""The replicates of one model under one permutation, as a worker process trains them.

A replicate leaves its files in its checkpoint; the stage `train` gathers them when all are there.
"""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scramble import artifacts, clusters, environment, params, permutations, processes, quiet
from scramble.checkpoints import Checkpoint, copy_tree
from scramble.events import EventWriter
from scramble.paths import StudyPaths
from scramble.progress import Report, Resumption

if TYPE_CHECKING:
    import tensorflow as tf

    from scramble.training import Epoch, Trainer, TrainingData

HDF5_SLACK_BYTES = 1_000_000
"""What a file of weights may hold beside the weights."""
NUM_SAMPLES = 8
"""Images that each replicate shows in TensorBoard, as the network sees them."""


@dataclass(frozen=True)
class Job:
    """What is trained, and how its progress is kept."""

    study: params.Study
    model: str
    permutation: str
    recipe: params.Recipe
    key: str
    """Of the checkpoints"""
    save_every: float
    """Seconds that have to pass between two checkpoints of a replicate"""
    profile: bool
    """Whether to trace an epoch of replicate 0"""
    member: clusters.Member
    """Who of a cluster this machine's process is; the chief alone writes"""

    @property
    def paths(self) -> StudyPaths:
        return StudyPaths(self.study.study)

    def checkpoint(self, replicate: int) -> Checkpoint:
        folder = self.paths.checkpoints(self.model, self.permutation) / str(replicate)
        return Checkpoint(folder, self.key)

    def missing(self) -> list[int]:
        """The replicates that no attempt with these inputs has finished; removes what attempts with others left."""
        return [replicate for replicate in range(self.study.replicates) if not self.checkpoint(replicate).is_finished]


def train(job: Job, replicates: list[int], send: processes.Send) -> None:
    """Trains some replicates one after another; in a process of its own, where TensorFlow starts."""
    quiet.import_tensorflow()
    import tensorflow as tf

    from scramble import distribution
    from scramble.training import Trainer

    strategy = distribution.configure(job.study.compute)
    split = artifacts.read_train_split(job.paths.train_split)
    with (
        distribution.cluster_errors_told(strategy),
        artifacts.disk_errors_told(job.paths.replicates(job.model, job.permutation)),
    ):
        trainer = Trainer(
            architecture=job.paths.trained_architecture(job.model, job.permutation).read_text(encoding="utf-8"),
            recipe=job.recipe,
            info=artifacts.read_dataset_info(job.paths.dataset),
            strategy=strategy,
            compute=job.study.compute,
        )
        if 0 in replicates and job.member.is_chief:
            gpus = tf.config.list_physical_devices("GPU")
            for sentence in distribution.caveats(job.study.compute, len(gpus)):
                send(sentence)
        for replicate in replicates if job.member.size == 1 else _agreed(job, strategy, send):
            _train_one(job, replicate, trainer, split, send)
        if job.member.size > 1:
            # Nobody leaves before the chief is done.
            distribution.broadcast(strategy, {} if job.member.is_chief else None)


def _agreed(job: Job, strategy: "tf.distribute.Strategy", send: processes.Send) -> list[int]:
    """The replicates that the chief of the cluster misses; the others know of no checkpoints."""
    from scramble import distribution

    arrays = {"missing": np.array(job.missing(), np.int64)} if job.member.is_chief else None
    missing = [int(replicate) for replicate in distribution.broadcast(strategy, arrays)["missing"]]
    for replicate in set(range(job.study.replicates)) - set(missing):
        send(Resumption(replicate, job.recipe.epochs))
    return missing


def _train_one(job: Job, replicate: int, trainer: "Trainer", split: artifacts.TrainSplit, send: processes.Send) -> None:
    if job.member.is_chief:
        _train_and_write(job, replicate, trainer, split, send)
    else:
        epochs = trainer.train(_data(job, replicate, split), (job.study.seed, replicate))
        for epoch, images_per_second in _timed(epochs, trainer.num_train):
            send(_report(replicate, epoch, images_per_second))
    send(replicate)


def _data(job: Job, replicate: int, split: artifacts.TrainSplit) -> "TrainingData":
    from scramble.training import prepare

    return prepare(split, permutations.load(job.paths.permutation(job.permutation), replicate), job.recipe)


def _train_and_write(
    job: Job, replicate: int, trainer: "Trainer", split: artifacts.TrainSplit, send: processes.Send
) -> None:
    """Trains on from the checkpoint if there is one, and leaves the replicate's files there."""
    from scramble.training import State

    seeds = job.study.seed, replicate
    checkpoint = job.checkpoint(replicate)
    saved = checkpoint.load()
    state, events_bytes = (State.from_arrays(saved[0]), saved[1]) if saved else (None, 0)
    if state is not None:
        send(Resumption(replicate, len(state.history)))
    data = _data(job, replicate, split)
    with EventWriter(checkpoint.events, resume_at=events_bytes) as events:
        if state is None:
            events.hparams(_hyperparameters(job), group=f"{job.study.study}/{job.model}/{job.permutation}")
            events.images("inputs/validation", data.validation_images[:NUM_SAMPLES], step=0)
            events.images("inputs/training", trainer.first_inputs(data, seeds)[:NUM_SAMPLES], step=0)
        epochs = trainer.train(data, seeds, state)
        del data  # the trainer puts it on its devices
        if job.profile and replicate == 0:
            epochs = _profiled(epochs, job.recipe.epochs, job.paths.profile(job.model, job.permutation))
        saved_at = time.monotonic()
        for epoch, images_per_second in _timed(epochs, trainer.num_train):
            _log_epoch(events, epoch, trainer)
            send(_report(replicate, epoch, images_per_second))
            if time.monotonic() - saved_at >= job.save_every:
                checkpoint.save(trainer.state().to_arrays(), events.written())
                saved_at = time.monotonic()
        events.histograms(_weights(trainer, "kept/"), step=len(trainer.history))
    _leave(job, checkpoint, trainer)


def _timed(epochs: Iterator["Epoch"], num_images: int) -> Iterator[tuple["Epoch", float]]:
    """Each epoch with the images per second that it took alone, without what is done between epochs."""
    while True:
        start = time.monotonic()
        epoch = next(epochs, None)
        if epoch is None:
            return
        yield epoch, num_images / (time.monotonic() - start)


def _report(replicate: int, epoch: "Epoch", images_per_second: float) -> Report:
    return Report(replicate, epoch.epoch, epoch.loss, epoch.validation_accuracy, images_per_second)


def _profiled(epochs: Iterator["Epoch"], num_epochs: int, folder: Path) -> Iterator["Epoch"]:
    """Writes a trace of the second of these epochs into `folder`, if there is one; in the first, graphs are made."""
    import tensorflow as tf

    first = next(epochs, None)
    if first is None:
        return
    yield first
    if first.epoch == num_epochs:
        return
    tf.profiler.experimental.start(str(folder))
    try:
        second = next(epochs, None)
    finally:
        tf.profiler.experimental.stop()
    if second is not None:
        yield second
        yield from epochs


def _leave(job: Job, checkpoint: Checkpoint, trainer: "Trainer") -> None:
    """Writes what a finished replicate leaves: its weights and history, its events, and what it was trained on."""
    import tensorflow as tf

    with checkpoint.finish() as folder:
        copy_tree(checkpoint.events, folder / "events")
        devices = [device.name for device in tf.config.list_logical_devices()]
        artifacts.write_json(folder / "environment.json", environment.describe(devices, job.study.compute.threads))
        replicate = folder / "replicate"
        replicate.mkdir()
        artifacts.write_table(replicate / "history.csv", [_row(epoch) for epoch in trainer.history])
        weights = replicate / "model.weights.h5"
        artifacts.require_space(weights, 4 * trainer.model.count_params() + HDF5_SLACK_BYTES)
        trainer.model.save_weights(weights)


def _log_epoch(events: EventWriter, epoch: "Epoch", trainer: "Trainer") -> None:
    """Logs the scalars of every epoch, and the weights after epochs 1, 2, 4, 8, ..."""
    scalars = {
        "loss/train": epoch.loss,
        "loss/validation": epoch.validation_loss,
        "accuracy/train": epoch.accuracy,
        "accuracy/validation": epoch.validation_accuracy,
        "learning_rate": epoch.learning_rate,
    }
    events.scalars(scalars, step=epoch.epoch)
    if epoch.epoch & (epoch.epoch - 1) == 0:
        events.histograms(_weights(trainer), step=epoch.epoch)


def _weights(trainer: "Trainer", prefix: str = "") -> dict[str, NDArray[np.float32]]:
    return {f"{prefix}{weight.path}": weight.numpy() for weight in trainer.model.trainable_weights}


def _hyperparameters(job: Job) -> dict[str, Any]:
    """The place in the grid, the options and the recipe, flat, as TensorBoard's HParams dashboard wants them."""
    flat: dict[str, Any] = {"dataset": job.study.dataset.name, "model": job.model, "permutation": job.permutation}
    options_file = job.paths.options_file(job.model, job.permutation)
    options = {name: str(value) for name, value in artifacts.read_json(options_file).items()}
    for name, value in (job.recipe.model_dump() | {"options": options}).items():
        if isinstance(value, dict):
            flat |= {f"{name}.{key}": inner for key, inner in value.items()}
        elif value is not None:
            flat[name] = value
    return flat


def _row(epoch: "Epoch") -> dict[str, str]:
    """A row of history.csv; nine digits identify a float32."""
    return {name: f"{value:.9g}" for name, value in asdict(epoch).items()}
