"""Training: one architecture by one recipe, replicate after replicate, the same bytes every time."""

from scramble.training.data import TrainingData, prepare
from scramble.training.state import Epoch, State
from scramble.training.trainer import Trainer

__all__ = ["Epoch", "State", "Trainer", "TrainingData", "prepare"]
