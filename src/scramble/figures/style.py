"""How every figure looks, and how it becomes bytes that depend on the arguments alone.

Colours are Okabe and Ito's (2008), which the colour-blind can tell apart; markers, dashes and labels say the same.
"""

import io
import re
from html import escape

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

BLACK, ORANGE, SKY, GREEN, BLUE, VERMILION, PURPLE = (
    *("#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7"),
)
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
DASHES = ("-", "--", "-.", ":")
GREY = "#555555"

matplotlib.rcdefaults()  # whatever the user's own matplotlibrc says
plt.rcParams.update(
    {
        "svg.hashsalt": "scramble",
        "svg.fonttype": "none",
        "font.size": 10,
        "text.parse_math": False,  # class names may hold a $
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": GREY,
        "xtick.color": GREY,
        "ytick.color": GREY,
        "xtick.labelcolor": BLACK,
        "ytick.labelcolor": BLACK,
    }
)


LONGEST_NAME = 12


def shorten(name: str) -> str:
    """A name that fits under or over a small picture."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def inline_svg(figure: Figure, name: str, alt: str) -> str:
    """The figure as an <svg> element for an HTML page, and closes it.

    Args:
        name: goes before every id, since the ids of two figures of one page must differ.
        alt: what the picture shows, for those who do not see it.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    svg = buffer.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->|\n *", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r'(\bid="|url\(#|xlink:href="#)', rf"\g<1>{name}-", svg)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(alt)}" ', 1)
