import re
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from scramble.figures.confusion import confusion
from scramble.figures.prices import Condition, Measured, prices
from scramble.figures.receptive_fields import Growth, receptive_fields
from scramble.figures.sheets import image_sheet
from scramble.figures.style import inline_svg, plt
from scramble.statistics import mean_interval, paired_difference


def conditions(replicates=3):
    before = [0.05, 0.06, 0.055][:replicates]
    after = [0.14, 0.15, 0.13][:replicates]
    price = Measured([b - a for a, b in zip(before, after, strict=True)], paired_difference(before, after))
    natural = Condition("identity", True, Measured(before, mean_interval(before)), None)
    return {"lenet5": [natural, Condition("pixels", False, Measured(after, mean_interval(after)), price)]}


@pytest.mark.parametrize("channels", [1, 3])
def test_image_sheet_is_the_same_twice_and_grey_where_the_images_are(tmp_path, channels):
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, channels), np.uint8)
    for name in ("once.png", "twice.png.partial"):
        image_sheet([("natural", images), ("permuted", images[:, ::-1])], ["a", "$b"], tmp_path / name)
    assert (tmp_path / "once.png").read_bytes() == (tmp_path / "twice.png.partial").read_bytes()
    with Image.open(tmp_path / "once.png") as picture:
        assert picture.mode == ("L" if channels == 1 else "RGB")


def test_inline_svg_is_well_formed_the_same_twice_and_has_ids_of_its_own():
    once, twice = (inline_svg(prices(conditions()), "main", 'a "figure" & more') for _ in range(2))
    assert once == twice
    root = ElementTree.fromstring(once)
    assert root.get("role") == "img"
    assert root.get("aria-label") == 'a "figure" & more'
    assert all(identifier.startswith("main-") for identifier in re.findall(r'\bid="([^"]*)"', once))
    referred = {name for pair in re.findall(r'url\(#([^)]*)\)|href="#([^"]*)"', once) for name in pair if name}
    assert referred <= set(re.findall(r'\bid="([^"]*)"', once))
    assert "dc:date" not in once


def test_prices_says_the_numbers_in_percent():
    svg = inline_svg(prices(conditions()), "main", "")
    for text in ("lenet5", "identity", "pixels", "5.50", "14.00", "+8.50"):
        assert f">{text}<" in svg


def test_prices_without_a_natural_condition_has_one_panel():
    of_model = conditions()["lenet5"]
    assert len(prices({"lenet5": of_model}).axes) == 2
    assert len(prices({"lenet5": of_model[:1]}).axes) == 1
    plt.close("all")


def test_prices_of_one_replicate_has_marks_without_intervals():
    figure = prices(conditions(replicates=1))
    assert not [line for line in figure.axes[0].lines if len(line.get_xdata()) == 2]
    plt.close(figure)


@pytest.mark.parametrize(("num_classes", "num_permutations"), [(3, 1), (10, 2), (10, 13), (100, 2)])
def test_confusion_of_few_and_many(num_classes, num_permutations):
    counts = 9 * np.eye(num_classes, dtype=int)
    counts[0] = 0  # a class without images
    matrices = {f"p{number}": counts for number in range(num_permutations)}
    figure = confusion(matrices, [f"class {index}" for index in range(num_classes)])
    numbers = [text.get_text() for text in figure.axes[0].texts]
    assert numbers == (["100"] * (num_classes - 1) if num_classes <= 10 and num_permutations <= 4 else [])
    assert inline_svg(figure, "confusion", "").startswith("<svg")


def test_receptive_fields_are_drawn_by_depth_with_a_dot_at_the_first_connection_to_the_whole_image():
    alike = Growth((1, 3, 9, 28), 2)
    figure = receptive_fields({"mlp": Growth((1, 28, 28), 0), "a": alike, "b": Growth(alike.pixels, 2)}, 28)
    mlp, both, image = figure.axes[0].lines
    assert list(both.get_ydata()) == [1, 3, 9, 28]
    assert (mlp.get_markevery(), both.get_markevery()) == ([1], [3])
    assert both.get_label() == "a, b"
    assert list(image.get_ydata()) == [28, 28]
    svg = inline_svg(figure, "fields", "")
    assert "the image: 28 pixels" in svg


def test_receptive_fields_of_many_models_are_told_apart_by_more_than_colour():
    figure = receptive_fields({f"m{number}": Growth((1, 3 + number, 28), 1) for number in range(15)}, 28)
    lines = figure.axes[0].lines[:-1]
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == len(lines) == 15
    plt.close(figure)
