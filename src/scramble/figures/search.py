"""How the searches for the recipes went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scramble.figures.style import Figure
from scramble.statistics import Estimate


@dataclass(frozen=True)
class SearchCourse:
    """The trials of one search in their order, validation errors as fractions."""

    scores: Sequence[float]
    """One per trial; NaN for a trial that failed."""
    fresh: Estimate | None
    """Error of the winner on fresh seeds; None where it was not trained again."""


def search_courses(searches: Mapping[str, SearchCourse]) -> Figure:
    """A panel for each search: every trial as a dot, the best so far as a line, and the winner on fresh seeds.

    Args:
        searches: by title, e.g. "lenet5, pixels".
    """
    raise NotImplementedError
