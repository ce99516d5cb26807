"""What a search may choose from, for one field of a recipe or one option of an architecture.

In params.yaml `{float: [low, high], scale: log}`, `{int: [low, high], step: 2}`, `{choice: [...]}` or `{fixed: value}`.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from scramble.errors import unknown_name
from scramble.params.config import Config
from scramble.params.words import describe

DIGITS = 4
"""Significant digits of a number from a range: a recipe is to be read, and no search is finer than its noise."""
FEW = 8
"""Samples of a field up to which each is an end."""

Whole = Annotated[int, Field(ge=-(2**53), le=2**53)]
"""Keras Tuner draws whole numbers as floats, which have no others."""


class Entry(Config):
    """What the values of one field may be."""

    @property
    @abstractmethod
    def count(self) -> int | None:
        """How many values there are; None where they are not counted."""

    @property
    @abstractmethod
    def samples(self) -> list[Any]:
        """The values that stand for all, where a recipe is checked."""

    @property
    def ends(self) -> list[Any]:
        """The samples that stand for all of them, beside every sample of another field."""
        samples = self.samples
        return samples if len(samples) <= FEW else [samples[0], samples[-1]]

    @abstractmethod
    def value(self, raw: Any) -> Any:
        """The value that an oracle's number stands for."""


class Range(Entry):
    scale: Literal["linear", "log"] = "linear"

    def check_bounds(self, low: float, high: float) -> None:
        if low >= high:
            raise ValueError(f"[{low}, {high}] is an empty range: the second has to be larger; one value is fixed")
        if self.scale == "log" and low <= 0:
            raise ValueError(f"[{low}, {high}] with scale log has to start above 0")


class FloatRange(Range):
    bounds: tuple[float, float]

    @property
    def count(self) -> None:
        return None

    @property
    def samples(self) -> list[Any]:
        return list(self.bounds)

    def value(self, raw: Any) -> float:
        """Rounded, and inside the range."""
        low, high = self.bounds
        digits = DIGITS - 1 - math.floor(math.log10(abs(raw))) if raw else 0
        return min(max(round(raw, digits), low), high)

    def __str__(self) -> str:
        low, high = self.bounds
        return f"{low:g} to {high:g}, {self.scale}"

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.check_bounds(*self.bounds)
        return self


class IntRange(Range):
    bounds: tuple[Whole, Whole]
    step: Whole | None = Field(None, ge=1)
    """Between two values: their difference or, with scale log, their ratio."""

    @property
    def points(self) -> Sequence[int]:
        """What can be chosen, ascending."""
        low, high = self.bounds
        if self.scale == "linear" or self.step is None:
            return range(low, high + 1, self.step or 1)
        points = [low]
        while points[-1] * self.step <= high:
            points.append(points[-1] * self.step)
        return points

    @property
    def count(self) -> int | None:
        return len(self.points) if self.scale == "linear" or self.step else None

    @property
    def samples(self) -> list[Any]:
        """The ends, and the second: a number of replicas that divides the first two divides all."""
        points = self.points
        return sorted({points[0], points[1], points[-1]})

    def value(self, raw: Any) -> int:
        """Inside the range; Keras Tuner's Bayesian optimisation may step over its end by one."""
        low, high = self.bounds
        return min(max(raw, low), high)

    def __str__(self) -> str:
        low, high = self.bounds
        return f"whole numbers {low} to {high}, {self.scale}" + (f", step {self.step}" if self.step else "")

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.check_bounds(*self.bounds)
        if self.scale == "log" and self.step == 1:
            raise ValueError("step 1 with scale log leads nowhere: it is the ratio of two values, 2 or more")
        if len(self.points) < 2:
            low, high = self.bounds
            raise ValueError(f"step {self.step} leads from {low} out of [{low}, {high}]: a smaller one was expected")
        return self


class Choice(Entry):
    values: tuple[Any, ...]

    @property
    def count(self) -> int:
        return len(self.values)

    @property
    def samples(self) -> list[Any]:
        return list(self.values)

    def value(self, raw: Any) -> Any:
        """That at the position which the oracle chose: Keras Tuner's own choices are numbers and words of one kind."""
        return self.values[raw]

    def __str__(self) -> str:
        return "one of " + ", ".join(map(str, self.values))

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.values) < 2:
            raise ValueError(f"{list(self.values)} leaves nothing to choose: give two values or more, or use fixed")
        for value in self.values:
            if self.values.count(value) > 1:
                raise ValueError(f"{value!r} is given twice")
        return self


class Fixed(Entry):
    only: Any

    @property
    def count(self) -> int:
        return 1

    @property
    def samples(self) -> list[Any]:
        return [self.only]

    def value(self, raw: Any) -> Any:
        return self.only

    def __str__(self) -> str:
        return f"{self.only}, fixed"


KINDS: dict[str, tuple[type[Entry], str]] = {
    "float": (FloatRange, "bounds"),
    "int": (IntRange, "bounds"),
    "choice": (Choice, "values"),
    "fixed": (Fixed, "only"),
}
"""The key of params.yaml that says what an entry is, its class, and the class's field for its values."""


def _entry(data: Any) -> Entry:
    """Reads an entry of params.yaml."""
    given = [kind for kind in KINDS if isinstance(data, dict) and kind in data]
    if len(given) != 1:
        if isinstance(data, dict) and len(data) == 1 and not given:
            raise ValueError(unknown_name("kind of values", str(next(iter(data))), KINDS))
        raise ValueError(f"one of {', '.join(KINDS)} with its values was expected, received {data!r}")
    kind, field = KINDS[given[0]]
    for key in data:
        known = {given[0], *kind.model_fields} - {field}
        if key not in known:
            raise ValueError(unknown_name("parameter", str(key), known))
    try:
        return kind.model_validate({field if key == given[0] else key: value for key, value in data.items()})
    except ValidationError as error:
        raise ValueError(describe(error).replace(field, given[0], 1)) from None


AnyEntry = Annotated[FloatRange | IntRange | Choice | Fixed, BeforeValidator(_entry)]
