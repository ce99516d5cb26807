"""A whole params.yaml, and what its blocks ask of each other."""

from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from scramble.errors import UserError, unknown_name
from scramble.params.compute import Compute
from scramble.params.config import Config, Name, Seed
from scramble.params.datasets import AnyDataset
from scramble.params.models import Model, check_architecture_fits
from scramble.params.permutations import AnyPermutation, check_permutation_fits
from scramble.params.report import Report
from scramble.params.words import describe


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
    report: Report

    @property
    def natural(self) -> str | None:
        """The first permutation of the grid that leaves the picture as it is."""
        return next((name for name in self.grid.permutations if self.permutations[name].family == "identity"), None)

    @property
    def scrambled(self) -> tuple[str, ...]:
        """The permutations of the grid whose price can be asked for: all but the natural one."""
        return tuple(name for name in self.grid.permutations if name != self.natural)

    @property
    def headline(self) -> str | None:
        """The permutation that the answer speaks of: all pixels, if the grid has it, else the last that scrambles."""
        of_pixels = [name for name in self.scrambled if self.permutations[name].family == "pixels"]
        return next(iter([*of_pixels, *reversed(self.scrambled)]), None)

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
            if batch_size % self.compute.num_replicas:
                raise ValueError(
                    f"models.{name}.recipe.batch_size {batch_size} is not divisible by the {self.compute.num_replicas} "
                    "replicas (compute.devices x compute.workers): every replica takes an equal part"
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
                cutout, (height, width, _) = self.models[name].recipe.augmentation.cutout, self.dataset.shape
                if cutout > min(height, width):
                    raise ValueError(
                        f"models.{name}.recipe.augmentation.cutout {cutout} is larger than images of {height}x{width}"
                    )
        return self


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
