"""The page in a real browser, which Debian's package `chromium` has; SCRAMBLE_CHROMIUM names another."""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

import synthetic_study
from scramble.stages import report

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = os.environ.get("SCRAMBLE_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = pytest.mark.skipif(
    not CHROMIUM, reason=f"no Chromium: none of {', '.join(NAMES)} is on the PATH, and SCRAMBLE_CHROMIUM names none"
)

PERMUTATIONS = {
    "identity": {"family": "identity"},
    **{f"within{size}": {"family": "within_tiles", "size": size} for size in (7, 14)},
    **{f"tiles{size}": {"family": "tiles", "size": size} for size in (14, 7)},
    "pixels": {"family": "pixels"},
}
PRICES = '[aria-label="Table: the price of scrambling"] table'
SKY, CHALK = "rgb(20, 23, 26)", "rgb(255, 255, 255)"
"""Backgrounds of a dark page and of a light one."""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A report with every section, as the stage writes it."""
    folder = tmp_path_factory.mktemp("study")
    back = Path.cwd()
    os.chdir(folder)
    try:
        report.run(synthetic_study.write(synthetic_study.document(permutations=PERMUTATIONS), num_test=100))
    finally:
        os.chdir(back)
    return (folder / "reports/synthetic/report.html").as_uri()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    as_root = ["--no-sandbox"] if sys.platform == "linux" and os.geteuid() == 0 else []
    home = {"HOME": str(tmp_path_factory.mktemp("home"))}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=as_root, env={**os.environ, **home})
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, address):
    """Opens the page, and fails where the page says something on the console or asks for another file."""
    said, asked, contexts = [], [], []

    def open_page(width=1280, height=800, **settings):
        context = browser.new_context(viewport={"width": width, "height": height}, **settings)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []
    assert {url for url in asked if not url.startswith("data:")} <= {address}


def header(page, name):
    return page.locator(f"{PRICES} thead th", has_text=re.compile(f"^{name}$"))


def column(page, name):
    """The values that a column sorts by, from the first row down."""
    place = page.locator(f"{PRICES} thead th").all_inner_texts().index(name) + 1
    cells = page.locator(f"{PRICES} tbody tr > :nth-child({place})")
    return cells.evaluate_all("cells => cells.map(cell => cell.dataset.value ?? cell.textContent)")


def test_the_first_screen_is_question_answer_and_main_figure(visit):
    page = visit()
    assert page.locator("h1").inner_text() == "Does this network use what the picture looks like?"
    box = page.locator("header figure svg").bounding_box()
    assert box["y"] + box["height"] <= 800
    assert page.locator(".answer").bounding_box()["y"] < box["y"]


@pytest.mark.parametrize("key", [None, "Enter", "Space"])
def test_tables_sort_by_the_mean_and_go_back(visit, key):
    page = visit()
    button = header(page, "difference").get_by_role("button")
    before = column(page, "difference")
    numbers = sorted(map(float, before))
    for order, expected in (("ascending", numbers), ("descending", numbers[::-1]), ("none", list(map(float, before)))):
        if key is None:
            button.click()
        else:
            button.press(key)
        assert header(page, "difference").get_attribute("aria-sort") == order
        assert list(map(float, column(page, "difference"))) == expected
    assert numbers != list(map(float, before))


def test_words_sort_too_and_one_column_at_a_time(visit):
    page = visit()
    header(page, "difference").get_by_role("button").click()
    header(page, "permutation").get_by_role("button").click()
    assert header(page, "difference").get_attribute("aria-sort") == "none"
    names = column(page, "permutation")
    assert names == [name for name in ("pixels", "tiles7", "tiles14", "within7", "within14") for _ in range(2)]


def test_the_keyboard_reaches_the_buttons_and_shows_where_it_is(visit):
    page = visit()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the results"
    assert page.locator(".skip").bounding_box()["y"] >= 0
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('th button')"):
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


@pytest.mark.parametrize(("scheme", "background"), [("light", CHALK), ("dark", SKY)])
def test_nothing_stands_in_the_way_of_anybody(visit, scheme, background):
    """axe-core's rules: headings, names, tables, contrast."""
    page = visit(color_scheme=scheme)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == background
    page.locator("details").evaluate_all("all => all.forEach(each => { each.open = true; })")
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert found.response["violations"] == [], found.generate_report()


def test_charts_are_drawn_in_the_colour_of_the_text(visit):
    colours = {
        scheme: visit(color_scheme=scheme)
        .locator("header svg text")
        .first.evaluate("text => getComputedStyle(text).fill")
        for scheme in ("light", "dark")
    }
    assert colours["light"] != colours["dark"]


def test_a_phone_scrolls_tables_but_not_the_page(visit):
    page = visit(width=360, height=740)
    page.locator("details").evaluate_all("all => all.forEach(each => { each.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.locator(".scroll").first.evaluate("each => each.scrollWidth > each.clientWidth")


def test_what_is_folded_is_printed_but_the_list_of_files(visit):
    page = visit(color_scheme="dark")
    printed = page.pdf(format="A4")
    assert printed.startswith(b"%PDF")
    opened = "all => all.map(each => each.open)"
    assert not any(page.locator("details").evaluate_all(opened)), "they are folded again"
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert all(page.locator("details:not(.long)").evaluate_all(opened))
    assert not any(page.locator("details.long").evaluate_all(opened))
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == CHALK
    assert not page.locator("nav").is_visible()


def test_without_scripts_the_page_says_all_the_same(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert page.locator("th button").count() == 0
    assert page.locator(f"{PRICES} tbody tr").count() == 10
    context.close()
