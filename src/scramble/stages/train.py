"""Stage train: every replicate of one model under one permutation, in parallel processes on a CPU."""

import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scramble import artifacts, environment, params, permutations, processes, quiet
from scramble.events import EventWriter
from scramble.paths import StudyPaths
from scramble.progress import Report, TrainingProgress

if TYPE_CHECKING:
    from scramble.training import Epoch, Trainer, TrainingData

HDF5_SLACK_BYTES = 1_000_000
"""What a file of weights may hold beside the weights."""
NUM_SAMPLES = 8
"""Images that each replicate shows in TensorBoard, as the network sees them."""


@dataclass(frozen=True)
class Job:
    """What the worker processes train, and where they write it."""

    study: params.Study
    model: str
    permutation: str
    recipe: params.Recipe
    weights: Path
    events: Path


def run(study: params.Study, model: str, permutation: str, workers: int | None = None) -> None:
    """Trains the replicates, `workers` at a time; by default as many as fill the cores."""
    paths = StudyPaths(study.study)
    artifacts.require(paths.architecture(model))
    recipe = params.Recipe.model_validate(artifacts.read_json(paths.recipe(model, permutation) / "recipe.json"))
    workers = workers or processes.default_workers(study.replicates, study.compute.threads * study.compute.devices)
    with (
        artifacts.whole(paths.replicates(model, permutation)) as weights,
        artifacts.whole(paths.events(model, permutation)) as events,
        TrainingProgress(f"{model} {permutation}", study.replicates, recipe.epochs) as progress,
    ):
        weights.mkdir()
        events.mkdir()
        job = Job(study, model, permutation, recipe, weights, events)
        for message in processes.run(partial(train_replicates, job), range(study.replicates), workers):
            if isinstance(message, Report):
                progress.update(message)
            else:
                progress.finish(message)


def train_replicates(job: Job, replicates: list[int], send: processes.Send) -> None:
    """Trains some replicates one after another; runs in a process of its own, where TensorFlow starts."""
    quiet.import_tensorflow()
    import tensorflow as tf

    from scramble import distribution
    from scramble.training import Trainer, prepare

    paths = StudyPaths(job.study.study)
    strategy = distribution.configure(job.study.compute)
    split = artifacts.read_train_split(paths.train_split)
    folder = paths.permutation(job.permutation)
    trainer = Trainer(
        architecture=paths.architecture(job.model).read_text(encoding="utf-8"),
        recipe=job.recipe,
        info=artifacts.read_dataset_info(paths.dataset),
        strategy=strategy,
    )
    for replicate in replicates:
        data = prepare(split, permutations.load(folder, replicate), job.recipe)
        with artifacts.disk_errors_told(paths.replicates(job.model, job.permutation)):
            _train_replicate(job, replicate, trainer, data, send)
    if 0 in replicates:
        devices = [device.name for device in tf.config.list_logical_devices()]
        artifacts.write_json(job.weights / "environment.json", environment.describe(devices))


def _train_replicate(job: Job, replicate: int, trainer: "Trainer", data: "TrainingData", send: processes.Send) -> None:
    """Writes <replicate>/model.weights.h5, <replicate>/history.csv and the event file."""
    folder = job.weights / str(replicate)
    folder.mkdir()
    history: list[Epoch] = []
    with EventWriter(job.events / str(replicate)) as events:
        events.hparams(_hyperparameters(job), group=f"{job.study.study}/{job.model}/{job.permutation}")
        events.images("inputs", data.validation_images[:NUM_SAMPLES], step=0)
        start = time.monotonic()
        for epoch in trainer.train(data, (job.study.seed, replicate)):
            images_per_second = len(data.labels) / (time.monotonic() - start)
            history.append(epoch)
            _log_epoch(events, epoch, trainer, job.recipe.epochs)
            send(Report(replicate, epoch.epoch, epoch.loss, epoch.validation_accuracy, images_per_second))
            start = time.monotonic()
        events.histograms(_weights(trainer), step=history[-1].epoch)
    target = folder / "model.weights.h5"
    artifacts.require_space(target, 4 * trainer.model.count_params() + HDF5_SLACK_BYTES)
    trainer.model.save_weights(target)
    artifacts.write_table(folder / "history.csv", [_row(epoch) for epoch in history])
    send(replicate)


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
