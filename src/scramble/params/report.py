"""What the report is asked to decide: `report`."""

from pydantic import Field

from scramble.params.config import Config


class Report(Config):
    """How the report judges what was measured; no other stage depends on it."""

    equivalence_margin: float = Field(gt=0, lt=1)
    """The smallest difference of errors that would matter, a fraction: a price shown to be smaller counts as none."""
