"""Panels in rows and columns."""

from typing import Any

from matplotlib.axes import Axes

from scramble.figures.style import Figure, plt

WIDTH = 9.0
"""Inches, of every chart, so that a page shows all of them at one scale."""


def grid(count: int, most_columns: int, row_height: float, **arguments: Any) -> tuple[Figure, list[Axes]]:
    """A figure with `count` panels, from left to right and from top to bottom, and some room for words around them.

    Args:
        row_height: inches.
        arguments: of `pyplot.subplots`.
    """
    num_columns = min(count, most_columns)
    num_rows = -(-count // num_columns)
    size = (WIDTH, 0.4 + row_height * num_rows)
    figure, axes = plt.subplots(num_rows, num_columns, figsize=size, squeeze=False, layout="constrained", **arguments)
    for axis in axes.flat[count:]:
        axis.set_axis_off()
    for axis in axes.flat[max(0, count - num_columns) : count]:  # the last ones of their columns
        axis.tick_params(labelbottom=True)
    return figure, list(axes.flat[:count])
