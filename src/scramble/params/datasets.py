"""The block `dataset`."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from scramble.params.config import Config, ImageShape, Seed


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
