"""A recipe's learning rate schedule and optimizer, and how gradients are applied."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from scramble import params


@keras.saving.register_keras_serializable(package="scramble")
class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate at a step: a linear warm-up from 0, then constant, cosine to 0, or steps of one tenth.

    Cosine: Loshchilov & Hutter 2017, equation 5 without restarts. Steps at one half and three quarters of what
    follows the warm-up, as in He et al. 2016, section 4.2.
    """

    def __init__(self, recipe: params.Recipe, num_steps: int) -> None:
        self.recipe = recipe
        self.num_steps = num_steps
        self.warmup_steps = min(round(num_steps * recipe.warmup_epochs / recipe.epochs), num_steps - 1)

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32")
        after_warmup = (step - self.warmup_steps) / (self.num_steps - self.warmup_steps)
        rate = self.recipe.learning_rate * self._shape(ops.maximum(after_warmup, 0.0))
        if self.warmup_steps == 0:
            return rate
        return ops.where(step < self.warmup_steps, self.recipe.learning_rate * step / self.warmup_steps, rate)

    def _shape(self, share: Any) -> Any:
        """The factor of the learning rate when `share` (0..1) of the training after the warm-up is done."""
        match self.recipe.schedule:
            case "constant":
                return ops.ones_like(share)
            case "cosine":
                return 0.5 * (1.0 + ops.cos(math.pi * share))
            case "step":
                return ops.where(share < 0.5, 1.0, ops.where(share < 0.75, 0.1, 0.01))

    def get_config(self) -> dict[str, Any]:
        return {"recipe": self.recipe.model_dump(mode="json"), "num_steps": self.num_steps}


def build(recipe: params.Recipe, schedule: Schedule, model: keras.Model) -> keras.optimizers.Optimizer:
    """The optimizer of a recipe, for a model that is built.

    Weight decay is decoupled (Loshchilov & Hutter 2019) and leaves out biases and normalisation, the variables of
    one dimension. Mixed float16 scales the loss (Micikevicius et al. 2018, section 3.2): take the gradients of
    `optimizer.scale_loss(loss)`. A step whose gradients overflow is left out, and the schedule waits for it.
    """
    decay = recipe.weight_decay or None
    average = {"use_ema": True, "ema_momentum": recipe.ema_decay} if recipe.ema_decay else {}
    match recipe.optimizer:
        case "sgd":
            optimizer = keras.optimizers.SGD(
                schedule, momentum=recipe.momentum, nesterov=recipe.nesterov, weight_decay=decay, **average
            )
        case "adam":
            optimizer = keras.optimizers.Adam(schedule, **average)
        case "adamw":
            optimizer = keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay, **average)
    if decay:
        optimizer.exclude_from_weight_decay([weight for weight in model.trainable_weights if len(weight.shape) < 2])
    if recipe.precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(model.trainable_variables)
    return optimizer


def averages(optimizer: keras.optimizers.Optimizer) -> list[keras.Variable]:
    """The moving averages of the weights, in the order of the model's trainable variables; none without `ema_decay`.

    They start as the weights after the first step.
    """
    return [variable for variable in optimizer.variables if variable.name.endswith("_average")]


def apply(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[tf.Tensor],
    variables: Sequence[keras.Variable],
    clip_norm: float | None,
) -> None:
    """Makes one step against the sum of all replicas' gradients; to be called on each of them.

    Clipping scales the sum down to the norm `clip_norm` over all variables (Pascanu et al. 2013, algorithm 1).

    Args:
        gradients: of each replica's part of `optimizer.scale_loss(loss)`.
    """
    context = tf.distribute.get_replica_context()
    replicas = context.num_replicas_in_sync
    # Keras asks the first replica alone whether a gradient has overflowed: all must see the sum.
    ahead = replicas > 1 and (clip_norm or isinstance(optimizer, keras.optimizers.LossScaleOptimizer))
    if ahead:
        gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
    if clip_norm:
        gradients = _clipped(gradients, optimizer.scale_loss(clip_norm))
    if ahead:
        gradients = [gradient / replicas for gradient in gradients]  # the optimizer sums once more
    optimizer.apply(gradients, variables)


def _clipped(gradients: Sequence[tf.Tensor], norm: float | tf.Tensor) -> list[tf.Tensor]:
    """Gradients that are short enough stay as they are, to the bit."""
    factor = norm / tf.maximum(tf.linalg.global_norm(gradients), norm)
    return [gradient * factor for gradient in gradients]
