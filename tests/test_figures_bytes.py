"""What figures become: the same bytes in every process, readable on a light and on a dark page."""

import hashlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

import every_figure
from every_figure import CHARTS, SHEETS
from scramble.figures.canvas import Canvas
from scramble.figures.confusion import confusion
from scramble.figures.inline import MID_GREY, themed_svg
from scramble.figures.raster import png
from scramble.figures.style import BLACK, BLUE, GREY, plt

SOURCE = Path(__file__).parent.parent / "src"


@pytest.fixture(scope="module")
def drawn() -> dict[str, bytes]:
    return {name: every_figure.draw(name) for name in (*CHARTS, *SHEETS)}


def test_every_figure_is_the_same_in_another_process(drawn: dict[str, bytes]) -> None:
    environment = os.environ | {"PYTHONPATH": str(SOURCE), "PYTHONHASHSEED": "1"}
    printed = subprocess.run(
        [sys.executable, every_figure.__file__], check=True, capture_output=True, text=True, env=environment
    ).stdout
    there = dict(line.rsplit(" ", 1) for line in printed.splitlines())
    assert there == {name: hashlib.sha256(figure).hexdigest() for name, figure in drawn.items()}


def test_every_chart_is_well_formed_has_one_width_and_shows_no_nan(drawn: dict[str, bytes]) -> None:
    for name in CHARTS:
        svg = drawn[name].decode()
        root = ElementTree.fromstring(svg)
        assert (name, root.get("width")) == (name, "648pt")
        assert "nan" not in "".join(root.itertext()).lower()
        identifiers = re.findall(r'\bid="([^"]*)"', svg)
        assert len(identifiers) == len(set(identifiers)), name


def test_every_sheet_is_grey_unless_it_holds_colours(drawn: dict[str, bytes]) -> None:
    colourful = {"mistakes in colour", "many filters in colour", "feature maps", "attention"}
    modes = {name: Image.open(io.BytesIO(drawn[name])).mode for name in SHEETS}
    assert modes == {name: "P" if name in colourful else "L" for name in SHEETS}
    assert {Image.open(io.BytesIO(drawn[name])).width for name in SHEETS} == {900}


def test_figures_are_closed_once_they_are_bytes(drawn: dict[str, bytes]) -> None:
    before = plt.get_fignums()
    every_figure.draw("transfer")
    every_figure.draw("filters")
    assert plt.get_fignums() == before


def test_black_follows_the_page_and_other_colours_stay() -> None:
    figure, axis = plt.subplots()
    axis.plot([0, 1], color=BLACK)
    axis.plot([1, 0], color=BLUE)
    axis.plot([1, 1], color=GREY)
    axis.set_title(f"the name: {BLACK}")
    svg = themed_svg(figure, "name", "alt")
    assert svg.startswith('<svg fill="currentColor" role="img" aria-label="alt" ')
    drawn = svg.replace(f">the name: {BLACK}<", "><")
    assert BLACK not in drawn
    assert GREY not in drawn
    for colour in ("currentColor", BLUE.lower(), MID_GREY):
        assert f"stroke: {colour}" in drawn


def test_a_themed_chart_has_no_background_and_text_on_colour_keeps_its_own() -> None:
    svg = themed_svg(confusion({"identity": np.eye(2, dtype=int)}, ["cat", "dog"]), "name", "")
    assert "fill: #ffffff" not in re.sub(r"<text.*?</text>|<clipPath.*?</clipPath>", "", svg)
    assert re.search(r'<text style="[^"]*fill: #ffffff[^>]*>100<', svg)
    half = themed_svg(confusion({"identity": np.full((5, 5), 1)}, list("abcde")), "name", "")
    assert re.search(r'<text style="[^"]*fill: #111111[^>]*>20<', half)


def test_paths_are_written_in_hundredths_and_labels_as_they_are() -> None:
    figure, axis = plt.subplots()
    axis.plot([0, 1 / 3, 1], [0, 1 / 7, 1])
    axis.set_title("0.12345")
    svg = themed_svg(figure, "name", "")
    assert ">0.12345<" in svg
    assert max(len(digits) for path in re.findall(r' d="([^"]*)"', svg) for digits in re.findall(r"\.(\d+)", path)) == 2


def test_pictures_of_a_sheet_keep_every_pixel() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (7, 7, 1), np.uint8)
    canvas = Canvas(1)
    canvas.picture(picture, 0.503, 0.1, 0.5)
    sheet = np.asarray(Image.open(io.BytesIO(png(canvas.figure))))
    np.testing.assert_allclose(sheet[13:59:7, 53:99:7], picture[..., 0], atol=1)  # through a table of colours
