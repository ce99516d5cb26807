"""The graphs of a training: an epoch of steps, and a validation.

The examples of a run are one stream: the shuffled training part of epoch 1, then that of epoch 2, and so on. Batches
are cut from the stream, all of one size, so a batch may reach over the end of an epoch; no example is left out or
padded, and batch normalisation always sees full batches. Every random choice is a function of (seeds, epoch, step).

Loops are written out as tf.while_loop: AutoGraph leans on what Python 3.15 removes.
"""

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from scramble import inputs, optimizers, params
from scramble.training.losses import AUXILIARY_WEIGHT, cross_entropy, mixed_cross_entropy, num_correct

VALIDATION_BATCH = 500
ORDER, AUGMENTATION = 0, 1
"""Streams of random numbers, folded into the seeds of a replicate."""


class Resident(NamedTuple):
    """The training part, per replica where it is read."""

    images: Any
    labels: Any
    index: Any


class Batch(NamedTuple):
    """One replica's part of a batch."""

    images: tf.Tensor
    """(size, height, width, channels), as the network takes them"""
    labels: tf.Tensor
    partners: tf.Tensor | None
    """Labels of the images that are mixed in"""
    share: tf.Tensor | None
    """Of an image's own label, (size,)"""


class Graphs:
    """Traced once, run for every epoch of every replicate."""

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        recipe: params.Recipe,
        compute: params.Compute,
        strategy: tf.distribute.Strategy,
        normalise: inputs.Normaliser,
        num_train: int,
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.recipe = recipe
        self.strategy = strategy
        self.normalise = normalise
        self.num_train = num_train
        self.data_on_host = compute.data == "host"
        self.run_epoch = tf.function(self._epoch, autograph=False)
        self.run_validation = tf.function(self._validate, autograph=False)
        self.update = tf.function(self._update, autograph=False, jit_compile=True) if compute.jit else self._update

    def _epoch(
        self, resident: Resident, seeds: tf.Tensor, epoch: tf.Tensor, first_step: tf.Tensor, num_steps: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The steps of one epoch in one graph. Returns the mean loss and the accuracy over its batches."""
        batch_size = self.recipe.batch_size
        stream = tf.concat([self.order(seeds, epoch), self.order(seeds, epoch + 1)[:batch_size]], axis=0)
        offset = first_step * batch_size - epoch * self.num_train

        def train_step(step: tf.Tensor, loss: tf.Tensor, correct: tf.Tensor) -> tuple[tf.Tensor, ...]:
            rows = tf.slice(stream, [offset + step * batch_size], [batch_size])
            arguments = (*resident, rows, self.seed(seeds, first_step + step))
            losses, corrects = self.strategy.run(self.step, args=arguments)
            loss += self.strategy.reduce("SUM", losses, axis=None)
            correct += self.strategy.reduce("SUM", corrects, axis=None)
            return step + 1, loss, correct

        nothing = 0, tf.constant(0, tf.float64), 0.0
        _, loss, correct = tf.while_loop(lambda step, *_: step < num_steps, train_step, nothing)
        count = tf.cast(num_steps, tf.float32)
        return tf.cast(loss, tf.float32) / count, correct / (count * batch_size)

    def order(self, seeds: tf.Tensor, epoch: tf.Tensor) -> tf.Tensor:
        """The order of the examples in an epoch, (num_train,)."""
        seed = tf.random.fold_in(tf.random.fold_in(seeds, ORDER), epoch)
        return tf.random.experimental.stateless_shuffle(tf.range(self.num_train), seed)

    def seed(self, seeds: tf.Tensor, step: tf.Tensor | int) -> tf.Tensor:
        """The seed (2,) of all that is random in the batch of a step."""
        return tf.random.fold_in(tf.random.fold_in(seeds, AUGMENTATION), step)

    def step(
        self, images: tf.Tensor, labels: tf.Tensor, index: tf.Tensor, rows: tf.Tensor, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """One replica's part of a step. Returns its share of the batch's mean loss, and how many it got right."""
        batch = self.batch(images, labels, index, rows, seed)
        return self.update(*batch)

    def batch(self, images: tf.Tensor, labels: tf.Tensor, index: tf.Tensor, rows: tf.Tensor, seed: tf.Tensor) -> Batch:
        """One replica's part of a batch: the images at the positions `rows` (batch_size,) of the resident ones.

        Random choices are drawn for the whole batch, so that an image's change does not depend on the replicas.
        """
        size = self.recipe.batch_size // self.strategy.num_replicas_in_sync
        first = tf.distribute.get_replica_context().replica_id_in_sync_group * size
        part = tf.slice(rows, [first], [size])
        x, y = self._gather(images, labels, part)
        augmentation = self.recipe.augmentation
        if not augmentation.active:
            return Batch(self.normalise(x), y, None, None)
        draws = inputs.draw(seed, self.recipe.batch_size, augmentation)
        x = inputs.augment(x, augmentation, draws.part(first, size))
        partners = share = None
        if augmentation.mixes:
            # An image's partner is the one at its place counted from the end of the batch.
            last = self.recipe.batch_size - size - first
            others, partners = self._gather(images, labels, tf.reverse(tf.slice(rows, [last], [size]), [0]))
            others = inputs.augment(others, augmentation, draws.part(last, size).reversed())
            x, share = inputs.mix(x, others, augmentation, draws.part(first, size))
        x = inputs.permute(x, index) if index.shape.rank == 1 else inputs.permute_each(x, tf.gather(index, part))
        return Batch(self.normalise(x), y, partners, share)

    def _gather(self, images: tf.Tensor, labels: tf.Tensor, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Images and labels at `rows`; from the main memory, only these travel to the device."""
        with tf.device("/cpu:0" if self.data_on_host else None):
            return tf.gather(images, rows), tf.gather(labels, rows)

    def _update(
        self, x: tf.Tensor, labels: tf.Tensor, partners: tf.Tensor | None, share: tf.Tensor | None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Changes the weights by one replica's part of a batch. Returns as `step`."""
        with tf.GradientTape() as tape:
            logits, *auxiliary = self._outputs(x, training=True)
            loss = self._loss(logits, labels, partners, share)
            losses = [AUXILIARY_WEIGHT * self._loss(head, labels, partners, share) for head in auxiliary]
            scaled = self.optimizer.scale_loss(tf.add_n([loss, *losses]))
        variables = self.model.trainable_variables
        optimizers.apply(self.optimizer, tape.gradient(scaled, variables), variables, self.recipe.clip_norm)
        # In float64: compiled for one process or for several, sums of float32 are rounded in different orders.
        return tf.cast(loss, tf.float64), num_correct(logits, labels)

    def _outputs(self, x: tf.Tensor, training: bool) -> list[tf.Tensor]:
        """The logits and, where the network has auxiliary heads, theirs."""
        return [tf.cast(output, tf.float32) for output in keras.tree.flatten(self.model(x, training=training))]

    def _loss(
        self, logits: tf.Tensor, labels: tf.Tensor, partners: tf.Tensor | None, share: tf.Tensor | None
    ) -> tf.Tensor:
        """One replica's share of the batch's mean loss."""
        smoothing = self.recipe.label_smoothing
        if partners is None:
            losses = cross_entropy(logits, labels, smoothing)
        else:
            losses = mixed_cross_entropy(logits, labels, partners, share, smoothing)
        return tf.reduce_sum(losses) / self.recipe.batch_size

    def _validate(self, images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Mean loss and accuracy over the validation part."""
        count = tf.shape(labels)[0]

        def validate_batch(start: tf.Tensor, loss: tf.Tensor, correct: tf.Tensor) -> tuple[tf.Tensor, ...]:
            end = tf.minimum(start + VALIDATION_BATCH, count)
            logits = self._outputs(self.normalise(images[start:end]), training=False)[0]
            loss += tf.reduce_sum(cross_entropy(logits, labels[start:end], self.recipe.label_smoothing))
            return end, loss, correct + num_correct(logits, labels[start:end])

        _, loss, correct = tf.while_loop(lambda start, *_: start < count, validate_batch, (0, 0.0, 0.0))
        return loss / tf.cast(count, tf.float32), correct / tf.cast(count, tf.float32)
