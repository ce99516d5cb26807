"""The training loop: an epoch is one graph, the data resident, every random choice a function of (seed, epoch, step).

The examples of a run are one stream: the shuffled training part of epoch 1, then that of epoch 2, and so on. Batches
are cut from the stream, all of one size, so a batch may reach over the end of an epoch; no example is left out or
padded, and batch normalisation always sees full batches.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from scramble import inputs, layers, optimizers, params
from scramble.artifacts import DatasetInfo
from scramble.errors import UserError
from scramble.training.data import TrainingData

VALIDATION_BATCH = 500
ORDER, AUGMENTATION = 0, 1
"""Streams of random numbers, folded into the seeds of a replicate."""


@dataclass(frozen=True)
class Epoch:
    """What an epoch left: a row of history.csv. Losses include label smoothing, accuracies are fractions."""

    epoch: int
    learning_rate: float
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float


@dataclass(frozen=True)
class Resident:
    """`TrainingData` on the devices: per replica what the steps read."""

    images: Any
    labels: Any
    index: Any
    validation_images: tf.Tensor
    validation_labels: tf.Tensor


class Trainer:
    """Trains one architecture by one recipe, replicate after replicate, tracing its graphs once.

    Args:
        architecture: the model as Keras JSON; (height, width, channels) -> (classes,) logits.
        recipe: how to train.
        info: the dataset, for the normalisation.
        strategy: where to train; the batch of the recipe is the global one.
    """

    def __init__(
        self,
        architecture: str,
        recipe: params.Recipe,
        info: DatasetInfo,
        strategy: tf.distribute.Strategy,
    ) -> None:
        self.architecture = architecture
        self.recipe = recipe
        self.strategy = strategy
        self.num_train = info.splits["train"].count
        self.normalise = inputs.Normaliser(info.mean, info.std)
        if recipe.batch_size > self.num_train:
            raise UserError(f"batch_size {recipe.batch_size} is more than the {self.num_train} training images")
        with strategy.scope():
            self.model = layers.model_from_json(architecture)
            self.schedule = optimizers.Schedule(recipe, num_steps=self._first_step(recipe.epochs))
            self.optimizer = optimizers.build(recipe, self.schedule, self.model)
        # Loops are written out as tf.while_loop: AutoGraph leans on what Python 3.15 removes.
        self._run_epoch = tf.function(self._epoch, autograph=False)
        self._run_validation = tf.function(self._validate, autograph=False)

    def train(self, data: TrainingData, seeds: tuple[int, int]) -> Iterator[Epoch]:
        """Trains from a fresh initialisation, and yields after every epoch; `self.model` then holds its weights.

        When the generator ends, the model holds the weights to keep: the last, or with early stopping those of the
        epoch with the lowest validation loss.

        Args:
            data: from `training_data.prepare`.
            seeds: (study seed, replicate).

        Raises:
            UserError: the loss is not a number any more.
        """
        self._reset(seeds)
        resident = self._resident(data)
        best_loss, best_weights, best_epoch = np.inf, None, 0
        for epoch in range(self.recipe.epochs):
            result = self._train_epoch(epoch, resident, seeds)
            if not np.isfinite(result.loss):
                raise UserError(
                    f"the loss is {result.loss} in epoch {result.epoch}: training diverged, lower recipe.learning_rate "
                    f"{self.recipe.learning_rate} or add recipe.warmup_epochs"
                )
            yield result
            if self.recipe.early_stopping is not None:
                if result.validation_loss < best_loss:
                    best_loss, best_weights, best_epoch = result.validation_loss, self.model.get_weights(), epoch
                elif epoch - best_epoch >= self.recipe.early_stopping.patience:
                    break
        if best_weights is not None:
            self.model.set_weights(best_weights)

    def _reset(self, seeds: tuple[int, int]) -> None:
        """Gives every variable the value it has in a model newly made from the seeds."""
        keras.utils.set_random_seed(int(np.random.SeedSequence(seeds).generate_state(1)[0]))
        fresh = layers.model_from_json(self.architecture)
        for variable, initial in zip(self.model.variables, fresh.variables, strict=True):
            variable.assign(initial.value)
        for variable in self.optimizer.variables:
            variable.assign(np.zeros(variable.shape, variable.dtype))

    def _resident(self, data: TrainingData) -> Resident:
        """Copies the training part to every replica, the validation part to the first."""

        def everywhere(array: NDArray[Any]) -> Any:
            def on_replica(context: Any) -> tf.Tensor:
                with tf.device(self.strategy.extended.worker_devices[context.replica_id_in_sync_group]):
                    return tf.constant(array)

            return self.strategy.experimental_distribute_values_from_function(on_replica)

        return Resident(
            images=everywhere(data.images),
            labels=everywhere(data.labels),
            index=everywhere(data.index),
            validation_images=tf.constant(data.validation_images),
            validation_labels=tf.constant(data.validation_labels),
        )

    def _first_step(self, epoch: int) -> int:
        """The first step whose batch begins in `epoch` (from 0) or later."""
        return -(-epoch * self.num_train // self.recipe.batch_size)

    def _train_epoch(self, epoch: int, resident: Resident, seeds: tuple[int, int]) -> Epoch:
        first, end = self._first_step(epoch), self._first_step(epoch + 1)
        loss, accuracy = self._run_epoch(
            resident.images,
            resident.labels,
            resident.index,
            seeds=tf.constant(seeds, tf.int32),
            epoch=tf.constant(epoch),
            first_step=tf.constant(first),
            num_steps=tf.constant(end - first),
        )
        validation_loss, validation_accuracy = self._run_validation(
            resident.validation_images, resident.validation_labels
        )
        return Epoch(
            epoch=epoch + 1,
            learning_rate=float(self.schedule(end - 1)),
            loss=float(loss),
            accuracy=float(accuracy),
            validation_loss=float(validation_loss),
            validation_accuracy=float(validation_accuracy),
        )

    def _epoch(
        self,
        images: Any,
        labels: Any,
        index: Any,
        seeds: tf.Tensor,
        epoch: tf.Tensor,
        first_step: tf.Tensor,
        num_steps: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The steps of one epoch in one graph. Returns the mean loss and the accuracy over its batches."""
        batch_size = self.recipe.batch_size
        stream = tf.concat([self._order(seeds, epoch), self._order(seeds, epoch + 1)[:batch_size]], axis=0)
        offset = first_step * batch_size - epoch * self.num_train

        def train_step(step: tf.Tensor, loss: tf.Tensor, correct: tf.Tensor) -> tuple[tf.Tensor, ...]:
            rows = tf.slice(stream, [offset + step * batch_size], [batch_size])
            seed = tf.random.fold_in(tf.random.fold_in(seeds, AUGMENTATION), first_step + step)
            losses, corrects = self.strategy.run(self._step, args=(images, labels, index, rows, seed))
            loss += self.strategy.reduce("SUM", losses, axis=None)
            correct += self.strategy.reduce("SUM", corrects, axis=None)
            return step + 1, loss, correct

        _, loss, correct = tf.while_loop(lambda step, *_: step < num_steps, train_step, (0, 0.0, 0.0))
        count = tf.cast(num_steps, tf.float32)
        return loss / count, correct / (count * batch_size)

    def _order(self, seeds: tf.Tensor, epoch: tf.Tensor) -> tf.Tensor:
        seed = tf.random.fold_in(tf.random.fold_in(seeds, ORDER), epoch)
        return tf.random.experimental.stateless_shuffle(tf.range(self.num_train), seed)

    def _step(
        self, images: tf.Tensor, labels: tf.Tensor, index: tf.Tensor, rows: tf.Tensor, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """One replica's part of a step. Returns its share of the batch's mean loss, and how many it got right."""
        size = self.recipe.batch_size // self.strategy.num_replicas_in_sync
        first = tf.distribute.get_replica_context().replica_id_in_sync_group * size
        part = tf.slice(rows, [first], [size])
        x = self.normalise(self._changed(tf.gather(images, part), index, part, first, seed))
        y = tf.gather(labels, part)
        with tf.GradientTape() as tape:
            logits = tf.cast(self.model(x, training=True), tf.float32)
            loss = tf.reduce_sum(self._losses(logits, y)) / self.recipe.batch_size
        variables = self.model.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return loss, _num_correct(logits, y)

    def _changed(
        self, images: tf.Tensor, index: tf.Tensor, rows: tf.Tensor, first: tf.Tensor, seed: tf.Tensor
    ) -> tf.Tensor:
        """Augments, then permutes, where the recipe asks for it; else the resident images are permuted already.

        The draws are made for the whole batch, so that an image's change does not depend on the replicas.

        Args:
            images: (size, height, width, channels), those at the positions `rows` (size,) of the resident ones; in the
                batch they begin at `first`.
        """
        if not self.recipe.augmentation.active:
            return images
        draws = tf.random.stateless_uniform([self.recipe.batch_size, 3], seed)
        draws = tf.slice(draws, [first, 0], [images.shape[0], 3])
        images = inputs.augment(images, self.recipe.augmentation, draws)
        if index.shape.rank == 1:
            return inputs.permute(images, index)
        return inputs.permute_each(images, tf.gather(index, rows))

    def _losses(self, logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Cross-entropy per example, (n,), against labels smoothed as in Szegedy et al. 2016, section 7."""
        smoothing, num_classes = self.recipe.label_smoothing, logits.shape[-1]
        if not smoothing:
            return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        targets = tf.one_hot(labels, num_classes) * (1 - smoothing) + smoothing / num_classes
        return tf.nn.softmax_cross_entropy_with_logits(targets, logits)

    def _validate(self, images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Mean loss and accuracy over the validation part."""
        count = tf.shape(labels)[0]

        def validate_batch(start: tf.Tensor, loss: tf.Tensor, correct: tf.Tensor) -> tuple[tf.Tensor, ...]:
            end = tf.minimum(start + VALIDATION_BATCH, count)
            logits = tf.cast(self.model(self.normalise(images[start:end]), training=False), tf.float32)
            loss += tf.reduce_sum(self._losses(logits, labels[start:end]))
            return end, loss, correct + _num_correct(logits, labels[start:end])

        _, loss, correct = tf.while_loop(lambda start, *_: start < count, validate_batch, (0, 0.0, 0.0))
        return loss / tf.cast(count, tf.float32), correct / tf.cast(count, tf.float32)


def _num_correct(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    right = tf.equal(tf.argmax(logits, axis=-1, output_type=labels.dtype), labels)
    return tf.reduce_sum(tf.cast(right, tf.float32))
