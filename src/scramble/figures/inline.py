"""A chart as part of a page: its text, axes and black lines take the colour of the page's text, light or dark."""

from scramble.figures.style import Figure


def themed_svg(figure: Figure, name: str, alt: str) -> str:
    """The figure as an <svg> element without a background, and closes it; black and grey become `currentColor`.

    Args:
        name: goes before every id, since the ids of two figures of one page must differ.
        alt: what the picture shows, for those who do not see it.
    """
    raise NotImplementedError
