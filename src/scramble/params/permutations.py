"""The block `permutations`."""

from typing import Annotated, Literal

from pydantic import Field

from scramble.params.config import Config, ImageShape, Seed


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


def check_permutation_fits(name: str, permutation: PermutationFamily, shape: ImageShape) -> None:
    """Raises ValueError when images of `shape` (height, width, channels) cannot be permuted so."""
    reason = permutation.check_shape(shape)
    if reason:
        raise ValueError(f"permutations.{name}: {reason}")
