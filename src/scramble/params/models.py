"""The block `models`: architectures with their options, and the recipe beside each."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, SerializeAsAny, ValidationError, model_validator

from scramble.errors import unknown_name
from scramble.params.config import Config, Fraction, ImageShape
from scramble.params.recipes import Recipe
from scramble.params.words import describe


class ArchitectureOptions(Config):
    """The options of one architecture; `smallest` is the smallest height and width that it works on."""

    smallest: ClassVar[int]


class MlpOptions(ArchitectureOptions):
    smallest: ClassVar = 1
    units: tuple[Annotated[int, Field(ge=1)], ...] = (512, 512)
    dropout: Fraction = 0.0


class LeNet5Options(ArchitectureOptions):
    smallest: ClassVar = 1


class AlexNetOptions(ArchitectureOptions):
    """AlexNet as published, for images of 227 pixels (and from 67 on)."""

    smallest: ClassVar = 67
    dropout: Fraction = 0.5


class SmallAlexNetOptions(AlexNetOptions):
    """For images of 28 to 64 pixels (and from 15 on)."""

    smallest: ClassVar = 15


class GoogLeNetOptions(ArchitectureOptions):
    """GoogLeNet as published, for images of 224 pixels (and from 65 on)."""

    smallest: ClassVar = 65
    dropout: Fraction = 0.4
    auxiliary_heads: bool = False
    """Two more classifiers half-way, which help to train it: their losses enter the training with weight 0.3."""


class SmallGoogLeNetOptions(GoogLeNetOptions):
    """For images of 28 to 64 pixels (and from 17 on)."""

    smallest: ClassVar = 17


class XceptionOptions(ArchitectureOptions):
    """Xception as published, for images of 299 pixels (and from 71 on)."""

    smallest: ClassVar = 71
    dropout: Fraction = 0.5


class SmallXceptionOptions(XceptionOptions):
    """For images of 28 to 64 pixels (and smaller ones)."""

    smallest: ClassVar = 1


class CifarResNetOptions(ArchitectureOptions):
    smallest: ClassVar = 1
    shortcut: Literal["A", "B"] = "A"
    """Where the shape changes: A pads with zeros, B projects with a 1x1 convolution."""


class ImageNetResNetOptions(ArchitectureOptions):
    """The ImageNet form, for images of 224 pixels (and from 65 on)."""

    smallest: ClassVar = 65
    shortcut: Literal["A", "B", "C"] = "B"
    """Where the shape changes: A pads with zeros, B projects with a 1x1 convolution; C projects at every block."""
    conv_bias: bool = False
    """Whether convolutions have a bias before their normalisation, as in keras.applications."""


class SmallResNetOptions(ImageNetResNetOptions):
    """For images of 28 to 64 pixels (and smaller ones)."""

    smallest: ClassVar = 1


class SqueezeExcitation(Config):
    reduction: int = Field(16, ge=1)
    """How many times fewer units than channels the squeezed description has."""


class SeCifarResNetOptions(CifarResNetOptions, SqueezeExcitation):
    pass


class SeImageNetResNetOptions(ImageNetResNetOptions, SqueezeExcitation):
    pass


class SeSmallResNetOptions(SmallResNetOptions, SqueezeExcitation):
    pass


class SeNet154Options(ArchitectureOptions, SqueezeExcitation):
    """SENet-154, for images of 224 pixels (and from 65 on)."""

    smallest: ClassVar = 65
    dropout: Fraction = 0.2


class SmallSeNet154Options(SeNet154Options):
    """For images of 28 to 64 pixels (and smaller ones)."""

    smallest: ClassVar = 1


CIFAR_DEPTHS = (20, 32, 44, 56, 110)
IMAGENET_DEPTHS = (18, 34, 50, 101, 152)

ARCHITECTURES: dict[str, type[ArchitectureOptions]] = {
    "mlp": MlpOptions,
    "lenet5": LeNet5Options,
    "lenet5_1998": LeNet5Options,
    "lenet5_channel_pooling": LeNet5Options,
    "alexnet": AlexNetOptions,
    "alexnet_one_tower": AlexNetOptions,
    "alexnet_small": SmallAlexNetOptions,
    "googlenet": GoogLeNetOptions,
    "googlenet_small": SmallGoogLeNetOptions,
    **{f"resnet{depth}": CifarResNetOptions for depth in CIFAR_DEPTHS},
    **{f"resnet{depth}": ImageNetResNetOptions for depth in IMAGENET_DEPTHS},
    **{f"resnet{depth}_small": SmallResNetOptions for depth in IMAGENET_DEPTHS},
    "xception": XceptionOptions,
    "xception_small": SmallXceptionOptions,
    **{f"se_resnet{depth}": SeCifarResNetOptions for depth in CIFAR_DEPTHS},
    **{f"se_resnet{depth}": SeImageNetResNetOptions for depth in IMAGENET_DEPTHS},
    **{f"se_resnet{depth}_small": SeSmallResNetOptions for depth in IMAGENET_DEPTHS},
    "senet154": SeNet154Options,
    "senet154_small": SmallSeNet154Options,
}
"""The options of every architecture that `scramble.models.MODELS` builds (a test holds the two together)."""


class Model(Config):
    architecture: str
    options: SerializeAsAny[ArchitectureOptions]
    recipe: Recipe

    @model_validator(mode="before")
    @classmethod
    def _options_of_architecture(cls, data: Any) -> Any:
        """Reads `options` as the options of the architecture named beside it."""
        if not isinstance(data, dict) or not isinstance(data.get("architecture"), str):
            return data
        architecture = data["architecture"]
        if architecture not in ARCHITECTURES:
            raise ValueError(unknown_name("architecture", architecture, ARCHITECTURES))
        return data | {"options": options_of(architecture, data.get("options", {}))}


def options_of(architecture: str, options: Any) -> ArchitectureOptions:
    """Checks the options of one architecture.

    Raises:
        ValueError: an option is unknown or out of range.
    """
    try:
        return ARCHITECTURES[architecture].model_validate(options)
    except ValidationError as error:
        raise ValueError(describe(error, prefix=("options",))) from None


def check_architecture_fits(key: str, architecture: str, shape: ImageShape) -> None:
    """Raises ValueError when images of `shape` (height, width, channels) are too small for the architecture."""
    height, width, _ = shape
    smallest = ARCHITECTURES[architecture].smallest
    if min(height, width) < smallest:
        small_form = f"{architecture}_small"
        has_small_form = small_form in ARCHITECTURES and min(height, width) >= ARCHITECTURES[small_form].smallest
        hint = f"; its small form is {small_form}" if has_small_form else ""
        raise ValueError(
            f"{key}: {architecture} needs images of at least {smallest}x{smallest}, these are {height}x{width}{hint}"
        )
