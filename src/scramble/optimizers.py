"""A recipe's optimizer and learning rate schedule."""

import math
from typing import Any

import keras
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
    one dimension.
    """
    decay = recipe.weight_decay or None
    match recipe.optimizer:
        case "sgd":
            optimizer = keras.optimizers.SGD(
                schedule, momentum=recipe.momentum, nesterov=recipe.momentum > 0, weight_decay=decay
            )
        case "adam":
            optimizer = keras.optimizers.Adam(schedule)
        case "adamw":
            optimizer = keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay)
    if decay:
        optimizer.exclude_from_weight_decay([weight for weight in model.trainable_weights if len(weight.shape) < 2])
    optimizer.build(model.trainable_variables)
    return optimizer
