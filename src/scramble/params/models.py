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


class SmallAlexNetOptions(ArchitectureOptions):
    """AlexNet's small form, for images of 28 to 64 pixels (and from 15 on)."""

    smallest: ClassVar = 15
    dropout: Fraction = 0.5


class ResNetOptions(ArchitectureOptions):
    """CIFAR ResNets; shortcut A pads with zeros, B projects with a 1x1 convolution."""

    smallest: ClassVar = 1
    shortcut: Literal["A", "B"] = "A"


ARCHITECTURES: dict[str, type[ArchitectureOptions]] = {
    "mlp": MlpOptions,
    "lenet5": LeNet5Options,
    "alexnet": AlexNetOptions,
    "alexnet_small": SmallAlexNetOptions,
    "resnet20": ResNetOptions,
    "resnet32": ResNetOptions,
    "resnet44": ResNetOptions,
    "resnet56": ResNetOptions,
    "resnet110": ResNetOptions,
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
