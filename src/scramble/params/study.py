"""A whole params.yaml, and what its blocks ask of each other."""

from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError, field_validator, model_validator

from scramble.errors import UserError, unknown_name
from scramble.params import document
from scramble.params.compute import Compute
from scramble.params.config import Config, Name, Seed
from scramble.params.datasets import AnyDataset
from scramble.params.models import Model, check_architecture_fits
from scramble.params.permutations import AnyPermutation, check_permutation_fits
from scramble.params.recipes import Recipe
from scramble.params.report import Report
from scramble.params.tune import Search, Tune, check_search, check_space
from scramble.params.words import describe

LOGS = {"search", "summary"}
"""Folders beside those of the models in runs/<study>/."""


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
    def _check_names(self) -> Self:
        for name in LOGS & set(self.models):
            raise ValueError(f"models.{name}: runs/{self.study}/{name} is another log's: choose another name")
        return self

    @model_validator(mode="after")
    def _check_recipes(self) -> Self:
        for name in self.grid.models:
            self._check_recipe(f"models.{name}.recipe", self.models[name].recipe)
        return self

    def _check_recipe(self, key: str, recipe: Recipe) -> None:
        """Raises ValueError when the machines or the images do not fit the recipe."""
        batch_size, limit = recipe.batch_size, self.dataset.train_limit
        if batch_size % self.compute.num_replicas:
            raise ValueError(
                f"{key}.batch_size {batch_size} is not divisible by the {self.compute.num_replicas} "
                "replicas (compute.devices x compute.workers): every replica takes an equal part"
            )
        if limit is not None and batch_size > limit:
            raise ValueError(f"{key}.batch_size {batch_size} is more than dataset.train_limit {limit}")
        if self.dataset.shape is not None:
            cutout, (height, width, _) = recipe.augmentation.cutout, self.dataset.shape
            if cutout > min(height, width):
                raise ValueError(f"{key}.augmentation.cutout {cutout} is larger than images of {height}x{width}")

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

    @model_validator(mode="after")
    def _check_tune(self) -> Self:
        for name, space in self.tune.space.items():
            if name not in self.models:
                raise ValueError(f"tune.space: {unknown_name('model', name, self.models)}")
            check_space(f"tune.space.{name}", self.models[name], space)
        for key in ("models", "permutations"):
            for name in getattr(self.tune.cells, key) or ():
                if name not in getattr(self.grid, key):
                    raise ValueError(f"tune.cells.{key}: {unknown_name(key[:-1], name, getattr(self.grid, key))}")
        if self.tune.trials:
            self._check_searches()
        return self

    def _check_searches(self) -> None:
        models = self._searched_models
        if not models:
            raise ValueError(f"tune.trials is {self.tune.trials}, but tune.space names no model of the grid")
        if self.compute.strategy in {"multi_worker", "tpu"}:
            raise ValueError(
                f"a trial trains in one process, compute.strategy is {self.compute.strategy}: search with one_device "
                "or mirrored, or set tune.trials to 0"
            )
        for name in models:
            if name not in self.tune.space:
                raise ValueError(f"tune.cells.models names {name}, but there is no tune.space.{name}")
            search = Search(self.tune, self.models[name], self.tune.space[name])
            for key, recipe in check_search(f"tune.space.{name}", search):
                self._check_recipe(key, recipe)

    @property
    def _searched_models(self) -> tuple[str, ...]:
        return self.tune.cells.models or tuple(name for name in self.grid.models if name in self.tune.space)

    def search(self, model: str, permutation: str) -> Search | None:
        """What is searched for one cell of the grid; None where training uses the recipe as it is."""
        permutations = self.tune.cells.permutations or self.grid.permutations
        if not self.tune.trials or model not in self._searched_models or permutation not in permutations:
            return None
        return Search(self.tune, self.models[model], self.tune.space[model])


def load(path: Path) -> Study:
    """Reads and checks a params.yaml.

    Raises:
        UserError: the file is missing, is not YAML, has a key twice, or describes no possible study.
    """
    try:
        return Study.model_validate(document.read(path))
    except ValidationError as error:
        raise UserError(f"{path}: {describe(error)}") from None
