"""How far the layers of every model see."""

from collections.abc import Mapping
from dataclasses import dataclass

from matplotlib.ticker import MaxNLocator

from scramble.figures.style import COLOURS, DASHES, GREY, Figure, plt


@dataclass(frozen=True)
class Growth:
    """The receptive field of a model, layer by layer with weights."""

    pixels: tuple[int, ...]
    """By depth from 0, the image itself. Where a unit is connected to all of a map, at least the image's size."""
    map_depth: int
    """That of the last layer with a map: what is deeper, sees the whole image."""


def receptive_fields(growths: Mapping[str, Growth], image_size: int) -> Figure:
    """Receptive field against depth, with a dot where units are first connected to the whole image.

    Models whose field grows alike share a line.

    Args:
        growths: by model.
        image_size: height or width of the images in pixels, the larger one; drawn as a line.
    """
    figure, axis = plt.subplots(figsize=(9, max(3.6, 0.6 + 0.22 * len(growths))), layout="constrained")
    lines: dict[Growth, list[str]] = {}
    for model, growth in growths.items():
        lines.setdefault(growth, []).append(model)
    for number, (growth, models) in enumerate(lines.items()):
        axis.plot(
            growth.pixels,
            color=COLOURS[number % len(COLOURS)],
            linestyle=DASHES[number % len(DASHES)],
            linewidth=1.8,
            marker="o",
            markevery=[growth.map_depth + 1],
            label=", ".join(models),
        )
    axis.axhline(image_size, color=GREY, linewidth=1, zorder=0)
    axis.annotate(
        f"the image: {image_size} pixels",
        (1, image_size),
        (0, 3),
        ("axes fraction", "data"),
        "offset points",
        ha="right",
    )
    axis.set_yscale("log", base=2)
    axis.yaxis.set_major_formatter("{x:g}")
    axis.set_xlabel("depth (layers with weights)")
    axis.set_ylabel("receptive field (pixels)")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(loc="outside right center", frameon=False, handlelength=3)
    return figure
