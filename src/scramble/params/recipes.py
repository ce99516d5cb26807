"""How a model is trained: `models.<model>.recipe`."""

from typing import Literal, Self

from pydantic import Field, model_validator

from scramble.params.config import Config, Fraction


class Augmentation(Config):
    """Random changes of the training images, made before they are permuted."""

    max_shift: int = Field(0, ge=0, le=16)
    """Largest shift in pixels in each direction; what is uncovered is the background of the picture, 0."""
    horizontal_flip: bool = False

    @property
    def active(self) -> bool:
        return self.max_shift > 0 or self.horizontal_flip


class EarlyStopping(Config):
    """Stops when the validation loss has not improved for `patience` epochs; the best epoch's weights are kept."""

    patience: int = Field(ge=1)


class Recipe(Config):
    """How a model is trained."""

    optimizer: Literal["sgd", "adam", "adamw"]
    learning_rate: float = Field(gt=0)
    momentum: Fraction = 0.9
    """Of sgd; Nesterov's form."""
    schedule: Literal["constant", "cosine", "step"] = "constant"
    """After the warm-up: cosine falls to 0 at the end; step divides by 10 after one half and three quarters of it."""
    warmup_epochs: float = Field(0, ge=0)
    """The learning rate rises linearly from 0 over these epochs."""
    batch_size: int = Field(ge=1)
    epochs: int = Field(ge=1)
    weight_decay: float = Field(0, ge=0)
    """Of sgd and adamw; decoupled (Loshchilov & Hutter 2019), never on biases and normalisation."""
    label_smoothing: Fraction = 0.0
    augmentation: Augmentation = Augmentation()
    early_stopping: EarlyStopping | None = None

    @model_validator(mode="after")
    def _check_fields(self) -> Self:
        if self.optimizer == "adam" and self.weight_decay:
            raise ValueError(f"optimizer adam has no weight decay, weight_decay is {self.weight_decay}: choose adamw")
        if self.warmup_epochs >= self.epochs:
            raise ValueError(f"warmup_epochs {self.warmup_epochs} must be less than epochs {self.epochs}")
        return self
