"""Training: one architecture by one recipe, replicate after replicate, the same bytes every time."""

from scramble.training.data import TrainingData, prepare
from scramble.training.trainer import Epoch, Trainer

__all__ = ["Epoch", "Trainer", "TrainingData", "prepare"]
