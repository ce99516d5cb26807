"""The block `tune`: which recipe fields and model options are searched, for which cells of the grid, and how."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any, Literal, get_args

from pydantic import Field, ValidationError

from scramble.errors import unknown_name
from scramble.params.config import Config, Name
from scramble.params.models import ARCHITECTURES, ArchitectureOptions, Model, options_of
from scramble.params.recipes import Recipe
from scramble.params.spaces import AnyEntry, Fixed
from scramble.params.words import describe

Algorithm = Literal["random", "bayesian", "hyperband", "grid"]
HYPERBAND_FACTOR = 3
"""From one rung of a bracket to the next: so many times fewer settings, trained for so many times more epochs."""


class Cells(Config):
    """Which cells of the grid are searched; the others train by the recipe below `models`, as it is."""

    models: tuple[Name, ...] | None = None
    """By default every model that has a space."""
    permutations: tuple[Name, ...] | None = None
    """By default all of the grid."""


class Tune(Config):
    algorithm: Algorithm = "random"
    trials: int = Field(0, ge=0)
    """Settings that the search tries, at most; 0: none, training uses the recipes below `models`, as they are."""
    epochs: int | None = Field(None, ge=1)
    """Of a trial (with hyperband, of the longest); by default the recipe's. Training keeps the recipe's."""
    replicates: int = Field(1, ge=1, le=1000)
    """A trial's score is the mean over so many trainings, each with its seeds and its draw of the permutation."""
    fresh: int = Field(3, ge=1, le=1000)
    """How often the winner is trained again, with seeds and draws that no trial has seen."""
    cells: Cells = Cells()
    space: dict[Name, dict[str, AnyEntry]] = Field(default_factory=dict)
    """By model: fields of its recipe, as `learning_rate` or `augmentation.max_shift`, and of its options, as
    `options.dropout`."""


@dataclass(frozen=True)
class Setting:
    """What one trial trains by."""

    values: dict[str, Any]
    """Of the searched fields, as the recipe and the options have them"""
    recipe: Recipe
    options: ArchitectureOptions


@dataclass(frozen=True)
class Search:
    """The search for one cell of the grid."""

    tune: Tune
    model: Model
    space: Mapping[str, AnyEntry]

    @property
    def searched(self) -> dict[str, AnyEntry]:
        """The entries of the space that a trial chooses values for."""
        return {field: entry for field, entry in self.space.items() if not isinstance(entry, Fixed)}

    @property
    def epochs(self) -> int:
        """Of a trial; with hyperband, of the longest."""
        return self.tune.epochs or self.model.recipe.epochs

    @property
    def order_matters(self) -> bool:
        """Whether the algorithm learns from finished trials, so that others follow if they finish in another order."""
        return self.tune.algorithm in {"bayesian", "hyperband"}

    def setting(self, values: Mapping[str, Any], epochs: int) -> Setting:
        """The setting with `values` for the searched fields, trained for `epochs`.

        Raises:
            ValidationError: no recipe has these values.
            ValueError: no options of the architecture have them.
        """
        fixed = {field: entry.only for field, entry in self.space.items() if isinstance(entry, Fixed)}
        recipe, options = _changed(self.model, {**fixed, **values}, epochs)
        read_back = {field: _value(recipe, options, field) for field in values}
        return Setting(read_back, recipe, options)

    def read(self, numbers: Mapping[str, Any]) -> Setting:
        """The setting that an oracle's numbers stand for; those of Keras Tuner's hyperband tell the epochs, too."""
        values = {field: entry.value(numbers[field]) for field, entry in self.searched.items()}
        return self.setting(values, numbers.get("tuner/epochs", self.epochs))

    def smallest_epochs(self) -> int:
        """Of the shortest trial."""
        return min(epochs for epochs, _ in _rungs(self.epochs)) if self.tune.algorithm == "hyperband" else self.epochs

    def least_trials(self) -> tuple[int, str]:
        """The fewest trials that the algorithm works with, and why."""
        count = len(self.searched)
        match self.tune.algorithm:
            case "random":
                return 1, ""
            case "grid":
                return math.prod(entry.count or 0 for entry in self.searched.values()), "the points of the grid"
            case "bayesian":
                initial = initial_points(count)
                return initial + 1, f"{initial} random ones for {count} fields, and one more"
            case "hyperband":
                return iteration_size(self.epochs), f"one iteration for {self.epochs} epochs"

    def corners(self) -> Iterator[dict[str, Any]]:
        """Values at the ends of the space: every pair of fields at all of its ends, the others at their first."""
        ends = {field: entry.ends for field, entry in self.searched.items()}
        first = {field: values[0] for field, values in ends.items()}
        for fields in combinations(ends, min(2, len(ends))):
            for values in product(*(ends[field] for field in fields)):
                yield {**first, **dict(zip(fields, values, strict=True))}


def initial_points(num_fields: int) -> int:
    """Random trials that Keras Tuner's Bayesian optimisation begins with."""
    return max(3 * num_fields, 3)


def _rungs(epochs: int) -> Iterator[tuple[int, int]]:
    """Epochs and number of trials of every rung of one hyperband iteration, as Keras Tuner's oracle counts them."""
    num_brackets, left = 0, float(epochs)
    while left >= 1:
        left, num_brackets = left / HYPERBAND_FACTOR, num_brackets + 1
    end_size = math.ceil(1 + math.log(epochs, HYPERBAND_FACTOR))
    for bracket in range(num_brackets):
        for power in range(bracket + 1):
            size = math.ceil(end_size / (bracket + 1) * HYPERBAND_FACTOR**power)
            yield math.ceil(epochs / HYPERBAND_FACTOR**power), size


def iteration_size(epochs: int) -> int:
    """Trials of one hyperband iteration (Li et al. 2018) whose longest trial takes `epochs`."""
    return sum(size for _, size in _rungs(epochs))


def check_space(key: str, model: Model, space: Mapping[str, AnyEntry]) -> None:
    """Raises ValueError when a field of the space is unknown, or given twice."""
    known = _fields(model.architecture)
    for field in space:
        if field == "epochs":
            raise ValueError(f"{key}.epochs: tune.epochs sets those of a trial, training keeps the recipe's")
        if field not in known:
            raise ValueError(f"{key}: {unknown_name('field', field, known)}")
        inner = next((other for other in space if other.startswith(f"{field}.")), None)
        if inner:
            raise ValueError(f"{key}: {field} is given as a whole and {inner} besides: leave out one of them")


def check_search(key: str, search: Search) -> Iterator[tuple[str, Recipe]]:
    """Yields, each with the key to name it by, the recipes at the corners of a search's space.

    Raises:
        ValueError: nothing is searched, the trials are too few, or there is no such recipe.
    """
    if not search.searched:
        raise ValueError(f"{key}: nothing is searched: name a field with float, int or choice")
    if search.tune.algorithm == "grid":
        for field, entry in search.searched.items():
            if entry.count is None:
                raise ValueError(f"{key}.{field}: grid needs single values: choice, or int with step, was expected")
    least, reason = search.least_trials()
    if search.tune.trials < least:
        raise ValueError(
            f"tune.trials {search.tune.trials} is too few: {search.tune.algorithm} needs {least} for {key}"
            + (f" ({reason})" if reason else "")
        )
    for values in search.corners():
        named = f"{key} with " + ", ".join(f"{field} {value}" for field, value in values.items())
        for epochs in sorted({search.smallest_epochs(), search.model.recipe.epochs}):
            try:
                yield f"{named}: recipe", search.setting(values, epochs).recipe
            except ValidationError as error:
                raise ValueError(f"{named}: {describe(error)}") from None
            except ValueError as error:
                raise ValueError(f"{named}: {error}") from None


def _fields(architecture: str) -> list[str]:
    """The dotted names of what a space may hold."""
    names = [f"options.{option}" for option in ARCHITECTURES[architecture].model_fields]
    for name, field in Recipe.model_fields.items():
        kinds = get_args(field.annotation) or (field.annotation,)
        blocks = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Config)]
        names += [name, *(f"{name}.{inner}" for block in blocks for inner in block.model_fields)]
    return [name for name in names if name != "epochs"]


def _changed(model: Model, values: Mapping[str, Any], epochs: int) -> tuple[Recipe, ArchitectureOptions]:
    """The recipe and the options of `model` with other values for some fields."""
    changed = {**model.recipe.model_dump(), "epochs": epochs, "options": model.options.model_dump()}
    for field, value in values.items():
        *blocks, name = field.split(".")
        block = changed
        for each in blocks:
            block[each] = block[each] or {}
            block = block[each]
        block[name] = value
    options = options_of(model.architecture, changed.pop("options"))
    return Recipe.model_validate(changed), options


def _value(recipe: Recipe, options: ArchitectureOptions, field: str) -> Any:
    first, *rest = field.split(".")
    value: Any = options if first == "options" else getattr(recipe, first)
    for name in rest:
        value = getattr(value, name)
    return value
