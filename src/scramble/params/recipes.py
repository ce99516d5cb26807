"""How a model is trained: `models.<model>.recipe`."""

from typing import Literal, Self

from pydantic import Field, model_validator

from scramble.params.config import Config, Fraction


class Augmentation(Config):
    """Random changes of the training images, made in this order and before they are permuted."""

    max_shift: int = Field(0, ge=0, le=16)
    """Largest shift in pixels in each direction; what is uncovered is the background of the picture, 0. The same as a
    random crop of the image with a margin of so many pixels."""
    horizontal_flip: bool = False
    cutout: int = Field(0, ge=0)
    """Side in pixels of a square set to 0 around a random centre (DeVries & Taylor 2017); 0: none."""
    mixup: float = Field(0, ge=0)
    """Blends pairs of images and their labels, shares from Beta(mixup, mixup) (Zhang et al. 2018); 0: none."""
    cutmix: float = Field(0, ge=0)
    """Pastes a rectangle of another image, its area from Beta(cutmix, cutmix), and mixes the labels by area
    (Yun et al. 2019); 0: none. With mixup, too, each image takes one of the two, with equal chances."""

    @property
    def active(self) -> bool:
        return self.max_shift > 0 or self.horizontal_flip or self.cutout > 0 or self.mixes

    @property
    def mixes(self) -> bool:
        """Whether an image's label becomes a mixture of two."""
        return self.mixup > 0 or self.cutmix > 0


class EarlyStopping(Config):
    """Stops when the validation loss has not improved for `patience` epochs."""

    patience: int = Field(ge=1)


class Recipe(Config):
    """How a model is trained."""

    optimizer: Literal["sgd", "adam", "adamw"]
    learning_rate: float = Field(gt=0)
    momentum: Fraction = 0.9
    """Of sgd."""
    nesterov: bool = True
    """Of sgd: Nesterov's form of the momentum."""
    schedule: Literal["constant", "cosine", "step"] = "constant"
    """After the warm-up: cosine falls to 0 at the end; step divides by 10 after one half and three quarters of it."""
    warmup_epochs: float = Field(0, ge=0)
    """The learning rate rises linearly from 0 over these epochs."""
    batch_size: int = Field(ge=1)
    epochs: int = Field(ge=1)
    weight_decay: float = Field(0, ge=0)
    """Of sgd and adamw; decoupled (Loshchilov & Hutter 2019), never on biases and normalisation."""
    clip_norm: float | None = Field(None, gt=0)
    """Largest norm of the gradient of a whole batch, over all weights; longer ones are scaled down to it."""
    ema_decay: float | None = Field(None, gt=0, lt=1)
    """Keeps an exponential moving average of the weights with this decay per step; it is what is validated and kept.
    Normalisations keep the moving statistics that they have anyway."""
    label_smoothing: Fraction = 0.0
    augmentation: Augmentation = Augmentation()
    keep: Literal["last", "best"] = "last"
    """Whose weights are kept: those of the last epoch, or of the one with the lowest validation loss."""
    early_stopping: EarlyStopping | None = None
    """Keeps the best epoch's weights, whatever `keep` says."""
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """What layers compute in; weights, losses and normalisation's statistics stay float32. With mixed_float16 the loss
    is scaled up, and down again where that overflows. CPUs without avx512_bf16 or AMX emulate bfloat16, slowly."""

    @model_validator(mode="after")
    def _check_fields(self) -> Self:
        if self.optimizer == "adam" and self.weight_decay:
            raise ValueError(f"optimizer adam has no weight decay, weight_decay is {self.weight_decay}: choose adamw")
        if self.warmup_epochs >= self.epochs:
            raise ValueError(f"warmup_epochs {self.warmup_epochs} must be less than epochs {self.epochs}")
        if self.augmentation.mixes and self.batch_size == 1:
            raise ValueError("batch_size 1 leaves mixup and cutmix no partner in the batch: take 2 or more")
        return self
