"""Stage train: every replicate of one model under one permutation, in parallel processes on a CPU.

A replicate leaves its files in its checkpoint first, and the stage gathers them when all are there: ended at any moment
and started again, it goes on after the last epoch that was saved, and ends with the same bytes.
"""

import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import scramble
from scramble import artifacts, checkpoints, environment, params, permutations, processes, quiet
from scramble.checkpoints import Checkpoint
from scramble.errors import UserError
from scramble.events import EventWriter
from scramble.paths import StudyPaths
from scramble.progress import Report, Resumption, TrainingProgress

if TYPE_CHECKING:
    from scramble.training import Epoch, Trainer

HDF5_SLACK_BYTES = 1_000_000
"""What a file of weights may hold beside the weights."""
NUM_SAMPLES = 8
"""Images that each replicate shows in TensorBoard, as the network sees them."""


@dataclass(frozen=True)
class Job:
    """What the worker processes train."""

    study: params.Study
    model: str
    permutation: str
    recipe: params.Recipe
    key: str
    """Of the checkpoints"""
    save_every: float
    profile: bool

    @property
    def paths(self) -> StudyPaths:
        return StudyPaths(self.study.study)

    def checkpoint(self, replicate: int) -> Checkpoint:
        folder = self.paths.checkpoints(self.model, self.permutation) / str(replicate)
        return Checkpoint(folder, self.key)


def run(
    study: params.Study, model: str, permutation: str, workers: int | None, save_every: float, profile: bool
) -> None:
    """Trains the replicates, `workers` at a time; by default as many as fill the cores.

    Args:
        save_every: seconds that have to pass between two checkpoints of a replicate.
        profile: whether to trace an epoch of replicate 0.
    """
    paths = StudyPaths(study.study)
    artifacts.require(paths.architecture(model))
    recipe = params.Recipe.model_validate(artifacts.read_json(paths.recipe(model, permutation) / "recipe.json"))
    if profile and recipe.epochs == 1:
        raise UserError(
            "--profile traces the second epoch, recipe.epochs is 1: the first spends its time on its graphs"
        )
    job = Job(study, model, permutation, recipe, _key(study, model, permutation), save_every, profile)
    missing = [replicate for replicate in range(study.replicates) if not job.checkpoint(replicate).is_finished]
    workers = workers or processes.default_workers(len(missing), study.compute.threads * study.compute.devices)
    with TrainingProgress(f"{model} {permutation}", study.replicates, recipe.epochs) as progress:
        for replicate in set(range(study.replicates)) - set(missing):
            progress.resume(Resumption(replicate, recipe.epochs))
        for message in processes.run(partial(train_replicates, job), missing, workers):
            match message:
                case Report():
                    progress.update(message)
                case Resumption():
                    progress.resume(message)
                case int():
                    progress.finish(message)
    _gather(job)


def _key(study: params.Study, model: str, permutation: str) -> str:
    """Stands for all that a training's bytes depend on."""
    paths = StudyPaths(study.study)
    code = Path(scramble.__file__).parent.rglob("*.py")
    files = [
        paths.dataset,
        paths.train_split,
        paths.permutation(permutation),
        paths.architecture(model),
        paths.recipe(model, permutation),
    ]
    return checkpoints.key([*files, *sorted(code)], study.seed, study.compute, environment.describe([]))


def _gather(job: Job) -> None:
    """Moves what the replicates left to where DVC expects it, and removes their checkpoints."""
    paths = job.paths
    with (
        artifacts.whole(paths.replicates(job.model, job.permutation)) as weights,
        artifacts.whole(paths.events(job.model, job.permutation)) as events,
    ):
        weights.mkdir()
        for replicate in range(job.study.replicates):
            finished = job.checkpoint(replicate).finished
            shutil.copytree(finished / "replicate", weights / str(replicate))
            shutil.copytree(finished / "events", events / str(replicate))
        shutil.copy(job.checkpoint(0).finished / "environment.json", weights)
    artifacts.remove(paths.checkpoints(job.model, job.permutation))


def train_replicates(job: Job, replicates: list[int], send: processes.Send) -> None:
    """Trains some replicates one after another; runs in a process of its own, where TensorFlow starts."""
    quiet.import_tensorflow()
    from scramble import distribution
    from scramble.training import Trainer

    strategy = distribution.configure(job.study.compute)
    trainer = Trainer(
        architecture=job.paths.architecture(job.model).read_text(encoding="utf-8"),
        recipe=job.recipe,
        info=artifacts.read_dataset_info(job.paths.dataset),
        strategy=strategy,
        compute=job.study.compute,
    )
    split = artifacts.read_train_split(job.paths.train_split)
    for replicate in replicates:
        with artifacts.disk_errors_told(job.paths.replicates(job.model, job.permutation)):
            _train_replicate(job, replicate, trainer, split, send)


def _train_replicate(
    job: Job, replicate: int, trainer: "Trainer", split: artifacts.TrainSplit, send: processes.Send
) -> None:
    """Trains one replicate, on from its checkpoint if there is one, and leaves its files there."""
    from scramble.training import State, prepare

    seeds = job.study.seed, replicate
    checkpoint = job.checkpoint(replicate)
    saved = checkpoint.load()
    state, events_bytes = (State.from_arrays(saved[0]), saved[1]) if saved else (None, 0)
    if state is not None:
        send(Resumption(replicate, len(state.history)))
    data = prepare(split, permutations.load(job.paths.permutation(job.permutation), replicate), job.recipe)
    with EventWriter(checkpoint.events, resume_at=events_bytes) as events:
        if state is None:
            events.hparams(_hyperparameters(job), group=f"{job.study.study}/{job.model}/{job.permutation}")
            events.images("inputs/validation", data.validation_images[:NUM_SAMPLES], step=0)
            events.images("inputs/training", trainer.first_inputs(data, seeds)[:NUM_SAMPLES], step=0)
        saved_at = start = time.monotonic()
        epochs = trainer.train(data, seeds, state)
        del data  # the trainer puts it on its devices
        if job.profile and replicate == 0:
            epochs = _profiled(epochs, job.paths.profile(job.model, job.permutation))
        for epoch in epochs:
            images_per_second = trainer.num_train / (time.monotonic() - start)
            _log_epoch(events, epoch, trainer, job.recipe.epochs)
            send(Report(replicate, epoch.epoch, epoch.loss, epoch.validation_accuracy, images_per_second))
            if time.monotonic() - saved_at >= job.save_every:
                checkpoint.save(trainer.state().to_arrays(), events.written())
                saved_at = time.monotonic()
            start = time.monotonic()
        events.histograms(_weights(trainer), step=trainer.history[-1].epoch)
    _leave(checkpoint, trainer)
    send(replicate)


def _profiled(epochs: Iterator["Epoch"], folder: Path) -> Iterator["Epoch"]:
    """Writes a trace of the second of these epochs into `folder`; in the first, graphs are made."""
    import tensorflow as tf

    for number, epoch in enumerate(epochs):
        if number == 1:
            tf.profiler.experimental.stop()
        yield epoch
        if number == 0:
            tf.profiler.experimental.start(str(folder))


def _leave(checkpoint: Checkpoint, trainer: "Trainer") -> None:
    """Writes what a finished replicate leaves: its weights and history, its events, and what it was trained on."""
    import tensorflow as tf

    with checkpoint.finish() as folder:
        shutil.copytree(checkpoint.events, folder / "events")
        devices = [device.name for device in tf.config.list_logical_devices()]
        artifacts.write_json(folder / "environment.json", environment.describe(devices))
        replicate = folder / "replicate"
        replicate.mkdir()
        artifacts.write_table(replicate / "history.csv", [_row(epoch) for epoch in trainer.history])
        weights = replicate / "model.weights.h5"
        artifacts.require_space(weights, 4 * trainer.model.count_params() + HDF5_SLACK_BYTES)
        trainer.model.save_weights(weights)


def _log_epoch(events: EventWriter, epoch: "Epoch", trainer: "Trainer", epochs: int) -> None:
    """Logs the scalars of every epoch, and the weights at epochs 1, 2, 4, 8, ...; the end logs those that are kept."""
    scalars = {
        "loss/train": epoch.loss,
        "loss/validation": epoch.validation_loss,
        "accuracy/train": epoch.accuracy,
        "accuracy/validation": epoch.validation_accuracy,
        "learning_rate": epoch.learning_rate,
    }
    events.scalars(scalars, step=epoch.epoch)
    if epoch.epoch & (epoch.epoch - 1) == 0 and epoch.epoch < epochs:
        events.histograms(_weights(trainer), step=epoch.epoch)


def _weights(trainer: "Trainer") -> dict[str, NDArray[np.float32]]:
    return {weight.path: weight.numpy() for weight in trainer.model.trainable_weights}


def _hyperparameters(job: Job) -> dict[str, Any]:
    """The place in the grid, the options and the recipe, flat, as TensorBoard's HParams dashboard wants them."""
    model, dataset = job.study.models[job.model], job.study.dataset.name
    flat: dict[str, Any] = {"dataset": dataset, "model": job.model, "permutation": job.permutation}
    options = {name: str(value) for name, value in model.options.model_dump().items()}
    for name, value in (job.recipe.model_dump() | {"options": options}).items():
        if isinstance(value, dict):
            flat |= {f"{name}.{key}": inner for key, inner in value.items()}
        elif value is not None:
            flat[name] = value
    return flat


def _row(epoch: "Epoch") -> dict[str, str]:
    """A row of history.csv; nine digits identify a float32."""
    return {name: f"{value:.9g}" for name, value in asdict(epoch).items()}
