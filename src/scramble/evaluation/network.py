"""One architecture, whose weights are exchanged."""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from scramble.artifacts import DatasetInfo
from scramble.errors import UserError
from scramble.inputs import Normaliser
from scramble.layers import main_logits, model_from_json

BATCH = 250


class Network:
    """Its graph runs over all batches of images and is traced once, whatever the weights and the number of images."""

    def __init__(self, architecture: str, info: DatasetInfo) -> None:
        """`architecture` is Keras JSON, (h, w, c) -> (classes,) logits."""
        self.model = model_from_json(architecture)
        self.normalise = Normaliser(info.mean, info.std)
        signature = [tf.TensorSpec([None, *info.image_shape], tf.uint8)]
        self._run = tf.function(self._batches, input_signature=signature, autograph=False)

    def load(self, weights: Path) -> None:
        """Raises UserError where the file does not hold the weights of this architecture."""
        try:
            self.model.load_weights(weights)
        except (OSError, KeyError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"{weights} does not fit its architecture.json ({reason}): run `dvc repro`") from error

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(n, h, w, c) -> (n, classes)"""
        return self._run(tf.constant(images)).numpy()

    def _batches(self, images: tf.Tensor) -> tf.Tensor:
        count = tf.shape(images)[0]
        num_batches = -(-count // BATCH)

        def run(number: tf.Tensor, answers: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
            batch = images[number * BATCH : (number + 1) * BATCH]
            logits = main_logits(self.model(self.normalise(batch), training=False))
            return number + 1, answers.write(number, tf.cast(logits, tf.float32))

        shape = [None, main_logits(self.model.outputs).shape[-1]]
        answers = tf.TensorArray(tf.float32, num_batches, infer_shape=False, element_shape=shape)
        _, answers = tf.while_loop(
            lambda number, _: number < num_batches, run, (tf.constant(0), answers), parallel_iterations=1
        )
        return answers.concat()


def untrained(architecture: str, seed: int) -> keras.Model:
    """The network of `architecture` with new random weights."""
    keras.utils.set_random_seed(seed)
    return model_from_json(architecture)
