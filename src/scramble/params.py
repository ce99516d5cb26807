"""A study as params.yaml describes it: the one typed place for configuration.

Everything is checked here, before TensorFlow is imported or data is read: unknown keys, names and impossible
combinations are refused with the key, what was received and what was expected.
"""

import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from scramble.errors import UserError, unknown_name

Fraction = Annotated[float, Field(ge=0, lt=1)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$")]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
"""TensorFlow's stateless random numbers take 32 bits; a larger seed would repeat a smaller one."""
ImageShape = tuple[int, int, int]


class Config(BaseModel):
    """A block of params.yaml: frozen, unknown keys refused with the nearest known one."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _keys_known(cls, data: Any) -> Any:
        for key in data if isinstance(data, dict) else ():
            if key not in cls.model_fields:
                raise ValueError(unknown_name("parameter", str(key), cls.model_fields))
        return data


# --- datasets -------------------------------------------------------------------------------------------------


class Dataset(Config):
    """What every dataset can be asked for."""

    shape: ClassVar[ImageShape | None] = None
    """(height, width, channels) where it is known without the data."""
    classes: ClassVar[int | None] = None

    seed: Seed = 0
    """Draws the validation part, the limits and, for digits, the test split and the shifts."""
    validation_fraction: Annotated[float, Field(gt=0, le=0.5)] = 0.1
    """Share of the train split that is held out for early stopping and tuning, stratified."""
    train_limit: int | None = Field(None, ge=1)
    """At most this many training images (validation part included), stratified."""
    test_limit: int | None = Field(None, ge=1)


class Digits(Dataset):
    """The UCI digits inside scikit-learn, enlarged to 20x20 and placed on a 32x32 canvas with a seeded shift."""

    shape: ClassVar = (32, 32, 1)
    classes: ClassVar = 10

    name: Literal["digits"]
    max_shift: int = Field(3, ge=0, le=6)
    """Largest shift from the centre, in pixels, in each direction."""


class Downloaded(Dataset):
    mirror: str | None = None
    """Folder with <dataset>/<official file names>, read instead of the network (also SCRAMBLE_MIRROR)."""


class Mnist(Downloaded):
    shape: ClassVar = (28, 28, 1)
    classes: ClassVar = 10

    name: Literal["mnist"]


class FashionMnist(Downloaded):
    shape: ClassVar = (28, 28, 1)
    classes: ClassVar = 10

    name: Literal["fashion_mnist"]


class Cifar10(Downloaded):
    shape: ClassVar = (32, 32, 3)
    classes: ClassVar = 10

    name: Literal["cifar10"]


class Idx(Dataset):
    """A user's own four IDX files."""

    name: Literal["idx"]
    folder: str
    """Holds {train,t10k}-{images-idx3,labels-idx1}-ubyte, gzipped or not."""
    class_names: tuple[str, ...] | None = None
    """One per distinct label, in ascending order of the labels; by default the labels themselves."""


AnyDataset = Annotated[Digits | Mnist | FashionMnist | Cifar10 | Idx, Field(discriminator="name")]


# --- permutations ---------------------------------------------------------------------------------------------


class PermutationFamily(Config):
    """A family of permutations. `seed` and the number of the replicate together choose the draw."""

    seed: Seed = 0

    def check_shape(self, shape: ImageShape) -> str | None:
        """Says why images of `shape` (height, width, channels) cannot be permuted so, or returns None."""
        return None


class Tiled(PermutationFamily):
    size: int = Field(ge=1)
    """Height and width of a tile, in pixels."""

    def check_shape(self, shape: ImageShape) -> str | None:
        height, width, _ = shape
        if height % self.size or width % self.size:
            return f"size {self.size} does not divide images of {height}x{width}"
        return None


class Plain(PermutationFamily):
    family: Literal["identity", "pixels", "rows", "columns", "rows_columns", "channels", "per_image"]


class Tiles(Tiled):
    """Tiles trade places, their inside stays."""

    family: Literal["tiles"]


class WithinTiles(Tiled):
    """Pixels are shuffled inside each tile, each tile by a draw of its own."""

    family: Literal["within_tiles"]


class Swaps(PermutationFamily):
    family: Literal["swaps"]
    share: float = Field(ge=0, le=1)
    """Share of the pixels that trade places among themselves."""


class Flip(PermutationFamily):
    family: Literal["flip"]
    axis: Literal["horizontal", "vertical"] = "horizontal"


class Transpose(PermutationFamily):
    family: Literal["transpose"]

    def check_shape(self, shape: ImageShape) -> str | None:
        height, width, _ = shape
        return None if height == width else f"only square images can be transposed, these are {height}x{width}"


AnyPermutation = Annotated[Plain | Tiles | WithinTiles | Swaps | Flip | Transpose, Field(discriminator="family")]


# --- models and recipes ---------------------------------------------------------------------------------------


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


# --- the study ------------------------------------------------------------------------------------------------


class Grid(Config):
    """Which of the models and permutations below are run, every one with every other."""

    models: tuple[Name, ...] = Field(min_length=1)
    permutations: tuple[Name, ...] = Field(min_length=1)

    @field_validator("models", "permutations")
    @classmethod
    def _once_each(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name!r} is named {names.count(name)} times: once is enough")
        return names


class Tune(Config):
    trials: Literal[0] = 0
    """Trials of the search; 0 trains by the recipes below `models`, as they are."""


class Compute(Config):
    """What of the machine can change a result. Workers and verbosity cannot: they are flags."""

    strategy: Literal["one_device", "mirrored"] = "one_device"
    devices: int = Field(1, ge=1)
    """Replicas of `mirrored`: GPUs, or logical CPUs where there is no GPU. All draw the same dropout masks, each for
    its part of the batch."""
    threads: int = Field(1, ge=1)
    """Intra-op threads of one training process; their number changes the bits of convolutions."""

    @model_validator(mode="after")
    def _devices_fit(self) -> Self:
        if self.strategy == "one_device" and self.devices != 1:
            raise ValueError(f"strategy one_device has 1 device, devices is {self.devices}: choose mirrored")
        return self


class Study(Config):
    """One params.yaml."""

    study: Name
    root: str
    """The repository root, seen from the folder of dvc.yaml."""
    params: str
    """This file, seen from the repository root."""
    seed: Seed
    """Replicate r initialises and orders its training by (seed, r)."""
    replicates: int = Field(ge=1)
    dataset: AnyDataset
    permutations: dict[Name, AnyPermutation]
    models: dict[Name, Model]
    grid: Grid
    tune: Tune
    compute: Compute

    @model_validator(mode="after")
    def _check_grid(self) -> Self:
        for key in ("models", "permutations"):
            for name in getattr(self.grid, key):
                if name not in getattr(self, key):
                    raise ValueError(f"grid.{key}: {unknown_name(key[:-1], name, getattr(self, key))}")
        return self

    @model_validator(mode="after")
    def _check_batches(self) -> Self:
        for name in self.grid.models:
            batch_size = self.models[name].recipe.batch_size
            if batch_size % self.compute.devices:
                raise ValueError(
                    f"models.{name}.recipe.batch_size {batch_size} is not divisible by compute.devices "
                    f"{self.compute.devices}: every replica takes an equal part"
                )
            if self.dataset.train_limit is not None and batch_size > self.dataset.train_limit:
                raise ValueError(
                    f"models.{name}.recipe.batch_size {batch_size} is more than dataset.train_limit "
                    f"{self.dataset.train_limit}"
                )
        return self

    @model_validator(mode="after")
    def _check_limits(self) -> Self:
        for key in ("train_limit", "test_limit"):
            limit, classes = getattr(self.dataset, key), self.dataset.classes
            if limit is not None and classes is not None and limit < classes:
                raise ValueError(f"dataset.{key} {limit} is less than the {classes} classes: each needs an image")
        return self

    @model_validator(mode="after")
    def _check_shapes(self) -> Self:
        if self.dataset.shape is not None:
            for name in self.grid.permutations:
                check_permutation_fits(name, self.permutations[name], self.dataset.shape)
            for name in self.grid.models:
                check_architecture_fits(f"models.{name}", self.models[name].architecture, self.dataset.shape)
        return self


def check_permutation_fits(name: str, permutation: PermutationFamily, shape: ImageShape) -> None:
    """Raises ValueError when images of `shape` (height, width, channels) cannot be permuted so."""
    reason = permutation.check_shape(shape)
    if reason:
        raise ValueError(f"permutations.{name}: {reason}")


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


def load(path: Path) -> Study:
    """Reads and checks a params.yaml.

    Raises:
        UserError: the file is missing, is not YAML, or describes no possible study.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: give the params.yaml of a study with --params") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as text: {error}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    try:
        return Study.model_validate(document)
    except ValidationError as error:
        raise UserError(f"{path}: {describe(error)}") from None


def describe(error: ValidationError, prefix: tuple[str, ...] = ()) -> str:
    """One line for the first thing that pydantic refused: the key, what is wrong and what was received."""
    first = error.errors()[0]
    # Pydantic puts the tag of a union into the location; no such key stands in the file.
    tags = {"digits", "mnist", "fashion_mnist", "cifar10", "idx"}
    location = [str(part) for part in (*prefix, *first["loc"])]
    if location[:1] == ["dataset"] and location[1:2] and location[1] in tags:
        del location[1]
    if location[:1] == ["permutations"] and len(location) > 2:
        del location[2]
    key = ".".join(location)
    message = _explain(first)
    return f"{key}: {message}" if key else message


def _explain(error: ErrorDetails) -> str:
    """What is wrong, in the words of params.yaml instead of Python's."""
    received = error["input"]
    match error["type"]:
        case "union_tag_invalid":
            known = re.findall(r"'(\w+)'", error["ctx"]["expected_tags"])
            kind = error["ctx"]["discriminator"].strip("'")
            return unknown_name("dataset" if kind == "name" else "family", error["ctx"]["tag"], known)
        case "union_tag_not_found":
            return f"{error['ctx']['discriminator'].strip(chr(39))} is missing"
        case "literal_error" if isinstance(received, str):
            return unknown_name("choice", received, re.findall(r"'(\w+)'", error["ctx"]["expected"]))
        case "value_error":
            return str(error["ctx"]["error"])
        case "missing":
            return "is missing"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"keys with values were expected, received {received!r}"
        case "tuple_type":
            return f"a list was expected, received {received!r}"
        case "too_short":
            return "at least one is needed, received an empty list"
        case "string_pattern_mismatch":
            return f"lower-case letters, digits and _ were expected, received {received!r}"
    return f"{error['msg'][0].lower()}{error['msg'][1:]}, received {received!r}"
