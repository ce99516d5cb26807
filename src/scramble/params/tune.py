"""The block `tune`: which recipe fields and model options are searched, for which cells of the grid, and how."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic import Field, ValidationError
from pydantic.fields import FieldInfo

from scramble.errors import unknown_name
from scramble.params.config import Config, Name
from scramble.params.models import ARCHITECTURES, ArchitectureOptions, Model, options_of
from scramble.params.recipes import Recipe
from scramble.params.spaces import AnyEntry, Fixed, FloatRange
from scramble.params.words import describe

Algorithm = Literal["random", "bayesian", "hyperband", "grid"]
HYPERBAND_FACTOR = 3
"""From one rung of a bracket to the next: so many times fewer settings, trained for so many times more epochs."""
MOST = 10**6
"""Trials of a search, and epochs of a trial: more is a slip of the finger."""


class Cells(Config):
    """Which cells of the grid are searched; the others train by the recipe below `models`, as it is."""

    models: tuple[Name, ...] | None = Field(None, min_length=1)
    """By default every model that has a space."""
    permutations: tuple[Name, ...] | None = Field(None, min_length=1)
    """By default all of the grid."""


class Tune(Config):
    algorithm: Algorithm = "random"
    trials: int = Field(0, ge=0, le=MOST)
    """Settings that the search tries, at most; 0: none, training uses the recipes below `models`, as they are."""
    epochs: int | None = Field(None, ge=1, le=MOST)
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

    @property
    def num_points(self) -> int | None:
        """How many settings there are; None where they are not counted."""
        counts = [entry.count for entry in self.searched.values()]
        known = [count for count in counts if count is not None]
        return math.prod(known) if known == counts else None

    def smallest_epochs(self) -> int:
        """Of the shortest trial."""
        if self.tune.algorithm != "hyperband":
            return self.epochs
        return min(epochs for bracket in _brackets(self.epochs) for epochs, _ in bracket)

    def least_trials(self) -> tuple[int, str]:
        """The fewest trials that the algorithm works with, and why."""
        count = len(self.searched)
        match self.tune.algorithm:
            case "random":
                return 1, ""
            case "grid":
                return self.num_points or 0, "the points of the grid"
            case "bayesian":
                initial = initial_points(count)
                return initial + 1, f"{initial} random ones for {count} fields, and one more"
            case "hyperband":
                return iteration_size(self.epochs), f"one iteration for {self.epochs} epochs"

    def corners(self) -> Iterator[dict[str, Any]]:
        """Values that stand for the space: every sample of a field beside every end of each other, the rest at their
        first."""
        first = {field: entry.samples[0] for field, entry in self.searched.items()}
        for field, entry in self.searched.items():
            beside = [(other, end) for other in first if other != field for end in self.space[other].ends[1:]]
            for value in entry.samples:
                yield {**first, field: value}
                for other, end in beside:
                    yield {**first, field: value, other: end}


def initial_points(num_fields: int) -> int:
    """Random trials that Keras Tuner's Bayesian optimisation begins with."""
    return max(3 * num_fields, 3)


def _brackets(epochs: int) -> Iterator[list[tuple[int, int]]]:
    """Epochs and number of trials of every rung, by bracket, as Keras Tuner's oracle counts them in an iteration."""
    num_brackets, left = 0, float(epochs)
    while left >= 1:
        left, num_brackets = left / HYPERBAND_FACTOR, num_brackets + 1
    end_size = math.ceil(1 + math.log(epochs, HYPERBAND_FACTOR))
    for bracket in range(num_brackets):
        powers = [HYPERBAND_FACTOR**power for power in range(bracket, -1, -1)]
        yield [(math.ceil(epochs / power), math.ceil(end_size / (bracket + 1) * power)) for power in powers]


def iteration_size(epochs: int) -> int:
    """Trials of one hyperband iteration (Li et al. 2018) whose longest trial takes `epochs`."""
    return sum(size for bracket in _brackets(epochs) for _, size in bracket)


def num_drawn(trials: int, epochs: int) -> int:
    """Settings that hyperband draws, no two alike, for so many trials: those of the first rungs.

    The trials of an unfinished iteration may all be among them, where they are trained side by side.
    """
    size, drawn = iteration_size(epochs), sum(bracket[0][1] for bracket in _brackets(epochs))
    return trials // size * drawn + min(trials % size, drawn)


def check_space(key: str, model: Model, space: Mapping[str, AnyEntry]) -> None:
    """Raises ValueError when a field of the space is unknown, takes no fractions, or is given twice."""
    known = _fields(model.architecture)
    for field, entry in space.items():
        if field == "epochs":
            raise ValueError(f"{key}.epochs: tune.epochs sets those of a trial, training keeps the recipe's")
        if field not in known:
            raise ValueError(f"{key}: {unknown_name('field', field, known)}")
        if isinstance(entry, FloatRange) and float not in known[field]:
            raise ValueError(f"{key}.{field}: it takes no fractions, received float: int or choice was expected")
        inner = next((other for other in space if other.startswith(f"{field}.")), None)
        if inner:
            raise ValueError(f"{key}: {field} is given as a whole and {inner} besides: leave out one of them")


def check_search(key: str, search: Search) -> Iterator[tuple[str, Recipe]]:
    """Yields, each with the key to name it by, the recipes at the corners of a search's space.

    Raises:
        ValueError: nothing is searched, trials or points are too few, or there is no such recipe.
    """
    if not search.searched:
        raise ValueError(f"{key}: nothing is searched: name a field with float, int or choice")
    if search.epochs > MOST:
        raise ValueError(f"{key}: a trial has the recipe's epochs {search.epochs}, more than {MOST}: set tune.epochs")
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
    if search.tune.algorithm == "hyperband" and search.num_points is not None:
        drawn = num_drawn(search.tune.trials, search.epochs)
        if search.num_points < drawn:
            raise ValueError(
                f"{key}: {search.num_points} points are too few: for {search.tune.trials} trials and {search.epochs} "
                f"epochs hyperband draws {drawn} different ones: name more values, or take random or grid"
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


def _fields(architecture: str) -> dict[str, tuple[Any, ...]]:
    """The dotted names of what a space may hold, each with the types of its values."""
    fields = {f"options.{name}": _kinds(field) for name, field in ARCHITECTURES[architecture].model_fields.items()}
    for name, field in Recipe.model_fields.items():
        fields[name] = _kinds(field)
        blocks = [kind for kind in fields[name] if isinstance(kind, type) and issubclass(kind, Config)]
        fields |= {f"{name}.{inner}": _kinds(each) for block in blocks for inner, each in block.model_fields.items()}
    del fields["epochs"]
    return fields


def _kinds(field: FieldInfo) -> tuple[Any, ...]:
    return get_args(field.annotation) or (field.annotation,)


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
