"""The training of one architecture by one recipe, epoch by epoch, from the start or from a saved state."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from scramble import clusters, distribution, inputs, layers, optimizers, params
from scramble.artifacts import DatasetInfo
from scramble.errors import UserError
from scramble.training.data import TrainingData
from scramble.training.graphs import Graphs, Resident
from scramble.training.state import Arrays, Epoch, State, best_epoch


class Trainer:
    """Trains replicate after replicate, tracing its graphs once.

    Args:
        architecture: the model as Keras JSON; (height, width, channels) -> (classes,) logits.
        recipe: how to train.
        info: the dataset, for the normalisation.
        strategy: where to train; the batch of the recipe is the global one.
        compute: whether the step is compiled, and where the data is held.
    """

    def __init__(
        self,
        architecture: str,
        recipe: params.Recipe,
        info: DatasetInfo,
        strategy: tf.distribute.Strategy,
        compute: params.Compute | None = None,
    ) -> None:
        self.architecture = architecture
        self.recipe = recipe
        self.strategy = strategy
        self.compute = compute or params.Compute()
        self.num_train = info.splits["train"].count
        if recipe.batch_size > self.num_train:
            raise UserError(f"batch_size {recipe.batch_size} is more than the {self.num_train} training images")
        with strategy.scope():
            self.model = layers.model_from_json(architecture, recipe.precision)
            self.schedule = optimizers.Schedule(recipe, num_steps=self._first_step(recipe.epochs))
            self.optimizer = optimizers.build(recipe, self.schedule, self.model)
        self._fresh_optimizer = _values(self.optimizer.variables)
        self._keeps_best = recipe.keep == "best" or recipe.early_stopping is not None
        self._state = State()
        self.normalise = inputs.Normaliser(info.mean, info.std)
        self.graphs = Graphs(self.model, self.optimizer, recipe, self.compute, strategy, self.normalise, self.num_train)

    def train(self, data: TrainingData, seeds: tuple[int, int], state: State | None = None) -> Iterator[Epoch]:
        """Trains from a fresh initialisation, or on from a state, and yields after every epoch that it trains.

        Between epochs, `state` tells all that the rest depends on. When the generator ends, `self.model` holds the
        weights to keep: the last, the best epoch's, or their moving averages, as the recipe says.

        Args:
            data: from `training.prepare`.
            seeds: (study seed, replicate).
            state: what `self.state()` was after an epoch of the same training; in a cluster, the chief's counts.

        Raises:
            UserError: the loss is not a number any more.
        """
        self._reset(seeds)
        self._restore(self._of_chief(state or State()))
        resident = self._resident(data)
        validation = tf.constant(data.validation_images), tf.constant(data.validation_labels)
        del data  # the devices hold it now
        while not self._done():
            epoch = self._train_epoch(resident, validation, seeds)
            if not np.isfinite(epoch.loss):
                raise UserError(
                    f"the loss is {epoch.loss} in epoch {epoch.epoch}: training diverged, lower recipe.learning_rate "
                    f"{self.recipe.learning_rate} or add recipe.warmup_epochs"
                )
            yield epoch
        self._keep()

    def first_inputs(self, data: TrainingData, seeds: tuple[int, int]) -> NDArray[np.uint8]:
        """The images of the first batch as the network is given them, augmented and permuted, of the first replica."""
        first_batch = self.graphs.order(tf.constant(seeds), 0)[: self.recipe.batch_size].numpy()
        index = data.index[first_batch] if data.index.ndim == 2 else data.index
        batch = self.graphs.batch(
            tf.constant(data.images[first_batch]),
            tf.constant(data.labels[first_batch]),
            tf.constant(index),
            rows=tf.range(len(first_batch)),
            seed=self.graphs.seed(tf.constant(seeds), 0),
        )
        return self.normalise.undo(batch.images)

    @property
    def history(self) -> list[Epoch]:
        """The epochs trained so far, those before a resumption included."""
        return self._state.history

    def state(self) -> State:
        """All that the rest of the training depends on, after the epoch that was yielded last."""
        return State(
            history=list(self.history),
            model=_values(self.model.variables),
            optimizer=_values(self.optimizer.variables),
            best=self._state.best,
        )

    def _reset(self, seeds: tuple[int, int]) -> None:
        """Gives every variable the value it has in a model newly made from the seeds."""
        keras.utils.set_random_seed(int(np.random.SeedSequence(seeds).generate_state(1)[0]))
        fresh = layers.model_from_json(self.architecture, self.recipe.precision)
        _assign(self.model.variables, _values(fresh.variables))
        _assign(self.optimizer.variables, self._fresh_optimizer)

    def _of_chief(self, state: State) -> State:
        """The state that the chief of a cluster was given; the others may know of none."""
        member = clusters.member(self.compute)
        if member.size == 1:
            return state
        arrays = state.to_arrays() if member.is_chief else None
        return State.from_arrays(distribution.broadcast(self.strategy, arrays))

    def _restore(self, state: State) -> None:
        self._state = State(history=list(state.history), best=state.best)
        if state.history:
            _assign(self.model.variables, state.model)
            _assign(self.optimizer.variables, state.optimizer)

    def _resident(self, data: TrainingData) -> Resident:
        """Copies the training part to every replica of this process, or holds it in the main memory."""
        devices = ["/cpu:0"] if self.compute.data == "host" else self.strategy.extended.worker_devices

        def everywhere(array: NDArray[Any]) -> Any:
            def on_replica(context: Any) -> tf.Tensor:
                with tf.device(devices[context.replica_id_in_sync_group % len(devices)]):
                    return tf.constant(array)

            return self.strategy.experimental_distribute_values_from_function(on_replica)

        return Resident(everywhere(data.images), everywhere(data.labels), everywhere(data.index))

    def _first_step(self, epoch: int) -> int:
        """The first step whose batch begins in `epoch` (from 0) or later."""
        return -(-epoch * self.num_train // self.recipe.batch_size)

    def _done(self) -> bool:
        """Whether all epochs are trained, or early stopping has waited long enough."""
        history, stopping = self._state.history, self.recipe.early_stopping
        best = best_epoch(history)
        waited = len(history) - best.epoch if best else 0
        return len(history) == self.recipe.epochs or (stopping is not None and waited >= stopping.patience)

    def _train_epoch(
        self, resident: Resident, validation: tuple[tf.Tensor, tf.Tensor], seeds: tuple[int, int]
    ) -> Epoch:
        """Trains the next epoch and takes it up in the state."""
        number = len(self.history)
        first, end = self._first_step(number), self._first_step(number + 1)
        loss, accuracy = self.graphs.run_epoch(
            resident,
            seeds=tf.constant(seeds, tf.int32),
            epoch=tf.constant(number),
            first_step=tf.constant(first),
            num_steps=tf.constant(end - first),
        )
        with self._averaged():
            validation_loss, validation_accuracy = self.graphs.run_validation(*validation)
            epoch = Epoch(
                epoch=number + 1,
                learning_rate=float(self.schedule(max(0, self.optimizer.iterations.numpy() - 1))),
                loss=float(loss),
                accuracy=float(accuracy),
                validation_loss=float(validation_loss),
                validation_accuracy=float(validation_accuracy),
            )
            self._state.history.append(epoch)
            if self._keeps_best and best_epoch(self._state.history) is epoch:
                self._state.best = self.model.get_weights()
        return epoch

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """Within, the model holds the moving averages of its weights, if the recipe keeps any."""
        if self.recipe.ema_decay is None:
            yield
            return
        variables = self.model.trainable_variables
        weights = _values(variables)
        _assign(variables, _values(optimizers.averages(self.optimizer)))
        yield
        _assign(variables, weights)

    def _keep(self) -> None:
        """Leaves the model with the weights to keep."""
        if self._state.best:
            self.model.set_weights(self._state.best)
        elif self.recipe.ema_decay is not None:
            _assign(self.model.trainable_variables, _values(optimizers.averages(self.optimizer)))


def _values(variables: list[Any]) -> Arrays:
    return [variable.numpy() for variable in variables]


def _assign(variables: list[Any], values: Arrays) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
