"""Every figure of the report on awkward data: one replicate, diverged runs, empty bins, many permutations.

As a program it prints the SHA-256 of what each figure becomes.
"""

import hashlib
from collections.abc import Callable

import numpy as np

from scramble.figures.attention import Attention, attention
from scramble.figures.canvas import Canvas
from scramble.figures.confusion import confusion
from scramble.figures.curves import learning_curves
from scramble.figures.filters import FirstLayer, feature_maps, filters
from scramble.figures.handmade_filters import handmade_filters
from scramble.figures.inline import themed_svg
from scramble.figures.mistakes import Mistakes, mistakes
from scramble.figures.neighbours import Neighbours, neighbour_plot
from scramble.figures.prices import Condition, Measured, prices
from scramble.figures.raster import png
from scramble.figures.receptive_fields import Growth, receptive_fields
from scramble.figures.reliability import Bins, reliability
from scramble.figures.search import SearchCourse, search_courses
from scramble.figures.structure import Panel, Strength, structure_curves
from scramble.figures.style import Figure
from scramble.figures.transfer import transfer
from scramble.statistics import Estimate, mean_interval

NAN = float("nan")
MODELS = ("mlp", "lenet5")
MANY = tuple(f"permutation_{number}" for number in range(14))
CLASSES = ("T-shirt/top", "a $ and a <", "a class with a long name")


def around(mean: float, half_width: float = 0.01) -> Estimate:
    return Estimate(mean, mean - half_width, mean + half_width, 3)


def one(value: float) -> Estimate:
    return mean_interval([value])


def images(count: int, side: int = 6, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, channels), np.uint8)


def structure(estimate: Callable[[float], Estimate] = around) -> Figure:
    lines = {
        model: [Strength(strength, label, estimate(0.1 + slope * strength)) for strength, label in LABELS.items()]
        for model, slope in zip(MODELS, (0, 0.05), strict=True)
    }
    panels = [Panel("fine", "inside", lines, list(images(3))), Panel("coarse", "tiles", lines, list(images(3, 7, 3)))]
    return structure_curves(panels, {"guessing": 0.9, "near": 0.16})


LABELS = {0.0: "natural", 0.4: "2×2", 1.0: "all pixels"}


def neighbours() -> Figure:
    errors = {name: around(0.1 + number / 200) for number, name in enumerate(MANY)} | {MANY[-1]: one(0.8)}
    return neighbour_plot(
        {
            model: [Neighbours(name, number % 3 / 2, errors[name]) for number, name in enumerate(MANY)]
            for model in MODELS
        }
    )


def priced(names: tuple[str, ...] = MANY) -> Figure:
    verdicts = ("pays", "gains", "equal within ±1 point", "undecided: one replicate")
    rows = [Condition("identity", True, Measured([0.1], one(0.1)), None)]
    for number, name in enumerate(names):
        price = Measured([0.01, 0.02], around(0.8 if number == 1 else 0.01 * number - 0.02))
        error = Measured([0.1], around(0.9) if number == 1 else one(NAN if number == 2 else 0.1))
        rows.append(Condition(name, False, error, price, verdicts[number % 4]))
    return prices({"mlp": rows}, 0.01)


def history(*validation_losses: float) -> dict[str, list[float]]:
    epochs = np.arange(1, 1 + len(validation_losses))
    return {
        "loss": (1 / epochs).tolist(),
        "validation_loss": list(validation_losses),
        "validation_accuracy": (1 - 0.5 / epochs).tolist(),
    }


def bins() -> Bins:
    return Bins(np.array([NAN, 0.5, 0.9]), np.array([NAN, 0.4, 1.0]), np.array([0, 3, 20_000]))


def found(count: int, channels: int = 1) -> Mistakes:
    return Mistakes(
        images(count, channels=channels), np.arange(count) % 3, np.arange(1, 1 + count) % 3, np.linspace(1, 0.9, count)
    )


def layer(channels: int, num_filters: int, value: float = 1.0) -> FirstLayer:
    weights = value * np.random.default_rng(0).normal(size=(3, 3, channels, num_filters))
    maps = value * np.random.default_rng(0).normal(size=(4, 4, num_filters))
    return FirstLayer(weights, images(1, channels=channels)[0], maps, None if value != value else -0.25, 0.0)


def looks(value: float = 1.0) -> Attention:
    return Attention(
        value * np.random.default_rng(0).random((2, 6, 6)),
        np.random.default_rng(0).random((2, 6, 6)),
        (CLASSES[0], CLASSES[2]),
    )


CHARTS: dict[str, Callable[[], Figure]] = {
    "structure": structure,
    "structure of one replicate": lambda: structure(one),
    "structure of diverged runs": lambda: structure(lambda _: one(NAN)),
    "neighbours": neighbours,
    "prices": priced,
    "curves": lambda: learning_curves(
        {"identity": [history(2, 1), history(3)], "pixels": [history(float("inf"), NAN)]}
    ),
    "curves of one epoch": lambda: learning_curves({"identity": [history(0)]}),
    "curves of many": lambda: learning_curves({name: [history(2, 1, 0.5), history(3, 2, NAN)] for name in MANY}),
    "reliability": lambda: reliability({"identity": bins()}),
    "reliability of many": lambda: reliability(dict.fromkeys(MANY, bins())),
    "transfer": lambda: transfer(np.array([[0.1, NAN], [0.8, 0.2]]), ["identity", "pixels"]),
    "transfer of many": lambda: transfer(np.random.default_rng(0).random((14, 14)), MANY),
    "search": lambda: search_courses(
        {"a": SearchCourse([NAN, 0.9, 0.2, 0.1], around(0.12)), "b": SearchCourse([NAN], None)}
    ),
    "confusion": lambda: confusion({"identity": np.zeros((3, 3), int)}, CLASSES),
    "confusion of many": lambda: confusion(dict.fromkeys(MANY, 9 * np.eye(3, dtype=int)), CLASSES),
    "receptive fields": lambda: receptive_fields({"lenet5": Growth((1, 5, 28), 1)}, 28),
}
SHEETS: dict[str, Callable[[], Figure]] = {
    "mistakes": lambda: mistakes({"identity": found(9), "pixels": found(0)}, CLASSES),
    "mistakes in colour": lambda: mistakes({"identity": found(2, channels=3)}, CLASSES),
    "no mistakes": lambda: mistakes({"identity": found(0)}, CLASSES),
    "filters": lambda: filters({"identity": layer(1, 6), "pixels": layer(1, 6, NAN)}),
    "many filters in colour": lambda: filters({"a": layer(3, 40), "b": layer(3, 40), "c": layer(3, 1)}),
    "feature maps": lambda: feature_maps({"identity": layer(3, 40), "pixels": layer(1, 6, NAN)}),
    "handmade filters": lambda: handmade_filters({"natural": images(1)[0], "black": 0 * images(1, channels=3)[0]}),
    "attention": lambda: attention(images(2), CLASSES[:2], {"identity": looks(), "pixels": looks(NAN)}),
    "an empty sheet": lambda: Canvas(1).figure,
}


def draw(name: str) -> bytes:
    if name in SHEETS:
        return png(SHEETS[name]())
    return themed_svg(CHARTS[name](), "figure", f"what {name} shows").encode()


if __name__ == "__main__":
    for each in (*CHARTS, *SHEETS):
        print(each, hashlib.sha256(draw(each)).hexdigest())
