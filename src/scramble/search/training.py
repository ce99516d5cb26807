"""A trial's trainings as Keras Tuner asks for them: a hypermodel that builds and runs this package's own training."""

from collections.abc import Callable
from dataclasses import astuple
from typing import Any

import keras
import keras_tuner
import numpy as np
import tensorflow as tf

from scramble import artifacts, distribution, models, params, permutations
from scramble.errors import UserError
from scramble.search.job import OBJECTIVE, Job
from scramble.search.journal import EpochRow
from scramble.training import Trainer, prepare
from scramble.training.state import best_epoch


class RecipeModel(keras_tuner.HyperModel):
    """Builds a trainer by the setting that an oracle's numbers stand for, and trains it once per replicate."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self._job = job
        self._info = artifacts.read_dataset_info(job.paths.dataset)
        self._split = artifacts.read_train_split(job.paths.train_split)
        self._strategy = distribution.configure(job.study.compute)
        # It would warn that a graph is made for every trial.
        tf.get_logger().setLevel("ERROR")

    def build(self, hp: keras_tuner.HyperParameters) -> Trainer:
        keras.backend.clear_session()
        setting = self._job.search.read(hp.values)
        return Trainer(
            architecture=architecture(self._job, setting.options, self._info),
            recipe=setting.recipe,
            info=self._info,
            strategy=self._strategy,
            compute=self._job.study.compute,
        )

    def fit(
        self, hp: keras_tuner.HyperParameters, model: Trainer, replicate: int, epoch_done: Callable[[], None]
    ) -> dict[str, float]:
        """Trains one replicate. Returns its error and history as Keras Tuner's metrics: numbers by name.

        That a training diverges is a result here, and no mistake of the user's.
        """
        data = prepare(self._split, self._draw(replicate), model.recipe)
        try:
            for _ in model.train(data, (self._job.study.seed, replicate)):
                epoch_done()
        except UserError:
            if not model.history or np.isfinite(model.history[-1].loss):
                raise
        diverged = not np.isfinite(model.history[-1].loss)
        error = 1.0 if diverged else self._error(model)
        rows = [EpochRow(*astuple(epoch)) for epoch in model.history]
        history = {f"{name}/{row.epoch}": float(value) for row in rows for name, value in row._asdict().items()}
        return {OBJECTIVE: error, "diverged": float(diverged), **history}

    def _error(self, trainer: Trainer) -> float:
        """Share of the validation images that the weights which the recipe keeps get wrong."""
        recipe, history = trainer.recipe, trainer.history
        best = best_epoch(history) if recipe.keep == "best" or recipe.early_stopping else None
        count = self._info.splits["validation"].count
        # The accuracy is a float32; what it counts is whole.
        return round((1 - (best or history[-1]).validation_accuracy) * count) / count

    def _draw(self, replicate: int) -> permutations.Permutation:
        spec = self._job.study.permutations[self._job.permutation]
        if spec.family == "per_image":
            return permutations.PerImagePermutation(spec.seed, replicate)
        return permutations.FixedPermutation(permutations.draw(spec, self._info.image_shape, replicate))


def architecture(job: Job, options: params.ArchitectureOptions, info: artifacts.DatasetInfo) -> str:
    """The model with these options as Keras JSON, as the stage `describe` writes it."""
    model = job.study.models[job.model]
    if options == model.options:
        return job.paths.architecture(job.model).read_text(encoding="utf-8")
    # Weights without values: only the graph is asked for.
    with keras.StatelessScope(initialize_variables=False):
        built = models.build(model.architecture, info.image_shape, info.num_classes, **options.model_dump())
    return str(built.to_json(indent=2)) + "\n"


def read_metrics(metrics: dict[str, float]) -> dict[str, Any]:
    """The inverse of how `RecipeModel.fit` names its numbers: the fields of a `journal.Training`."""
    count = sum(name.startswith("epoch/") for name in metrics)
    rows = [[metrics[f"{name}/{epoch}"] for name in EpochRow._fields] for epoch in range(1, count + 1)]
    return {"error": metrics[OBJECTIVE], "diverged": bool(metrics["diverged"]), "history": rows}
