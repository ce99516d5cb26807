"""What the page shows: charts as <svg> elements, image sheets as PNG files, each with its words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Chart:
    svg: str
    """An <svg> element with the label that says what it shows."""
    caption: str


@dataclass(frozen=True)
class Sheet:
    png: bytes
    alt: str
    """What it shows, for those who do not see it."""
    caption: str


@dataclass(frozen=True)
class Pictures:
    main: Chart
    """The structure curves where the study has tile families, else the prices."""
    main_png: bytes
    """The same for those who show no SVG."""
    prices: Chart | None
    """None where they are the main one."""
    neighbours: Chart
    before_after: Sequence[Sheet]
    transfer: Sequence[Chart]
    searches: Sequence[Chart]
    learning_curves: Mapping[str, Chart]
    """By model."""
    confusion: Mapping[str, Chart]
    """By model."""
    reliability: Mapping[str, Chart]
    """By model."""
    mistakes: Mapping[str, Sheet | None]
    """By model; None for one without mistakes."""
    handmade_filters: Sheet | None
    """None where no network convolves."""
    inside: Mapping[str, Sequence[Sheet]]
    """By model, what those with convolutions look at; empty where there are none."""
    receptive_fields: Chart
    samples: Sheet
