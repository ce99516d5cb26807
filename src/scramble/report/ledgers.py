"""What the ledgers of a study's models say about their receptive fields."""

from itertools import accumulate
from typing import Any

from scramble.params import ImageShape


def map_depth(ledger: dict[str, Any]) -> int:
    """The depth of the last layer with a map, 0 where that is the image: whatever is deeper sees the whole image."""
    return max((row["depth"] for row in _with_map(ledger)), default=0)


def field_by_depth(ledger: dict[str, Any], image_shape: ImageShape) -> tuple[int, ...]:
    """How many pixels the units of every depth see, from depth 0, in height or width, whichever is more."""
    fields = [1] * (map_depth(ledger) + 1)
    for row in _with_map(ledger):
        fields[row["depth"]] = max(fields[row["depth"]], *row["receptive_field"])
    fields += [max(image_shape[:2])] * (ledger["depth"] - map_depth(ledger))
    return tuple(accumulate(fields, max))


def _with_map(ledger: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for row in ledger["layers"] if row["receptive_field"] and not row["auxiliary"]]


def fields_in_words(ledgers: dict[str, dict[str, Any]], image_shape: ImageShape) -> str:
    """What the figure of receptive fields shows, for those who do not see it."""
    models = "; ".join(_in_words(model, ledger) for model, ledger in ledgers.items())
    return f"Receptive field by depth; the images have {image_shape[0]} × {image_shape[1]} pixels. {models}."


def _in_words(model: str, ledger: dict[str, Any]) -> str:
    depth = map_depth(ledger)
    if not depth:
        return f"{model}: the whole image from the first layer on"
    field = " × ".join(map(str, ledger["receptive_field"]))
    return f"{model}: {field} pixels at depth {depth}, the whole image at depth {depth + 1}"
