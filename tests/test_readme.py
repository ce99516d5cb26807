"""README's numbers are those of reports/, and its commands name what exists."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from scramble import params

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def rows(name: str) -> list[list[str]]:
    """The cells of the table between the comments `name` and `end of name`, without its head."""
    found = re.search(rf"<!-- {name}:.*?-->\n(.*?)<!-- end of {name} -->", README, re.DOTALL)
    assert found
    return [[cell.strip() for cell in line.strip("| \n").split("|")] for line in found[1].splitlines()[2:]]


RESULTS = rows("results")


def by_name(row: list[str]) -> str:
    return " ".join(row[:2])


def metrics(study: str) -> dict[str, Any]:
    return json.loads((ROOT / "reports" / study / "metrics.json").read_text(encoding="utf-8"))


def percent(mean: float, half_width: float, sign: str = "") -> str:
    """Of fractions; a mean that is rounded to 0 has no sign but +."""
    return f"{round(100 * mean, 2) + 0.0:{sign}.2f} ± {100 * half_width:.2f}".replace("-", "−")


def interval(estimate: dict[str, float], sign: str = "") -> str:
    return percent(estimate["mean"], (estimate["high"] - estimate["low"]) / 2, sign)


@pytest.mark.parametrize("row", RESULTS, ids=by_name)
def test_a_row_of_results_is_what_the_report_says(row: list[str]) -> None:
    study, model, *cells = row
    found = metrics(study)[model]
    natural, scrambled = found["identity"]["top1_error"], found["pixels"]["top1_error"]
    price = found["pixels"]["price"]
    assert cells == [
        interval(natural),
        interval(scrambled),
        interval(price, "+"),
        str(price["n"]),
        found["pixels"]["verdict"],
    ]


@pytest.mark.parametrize("study", ["digits", "lecture", "structure", "fair", "architectures"])
def test_every_network_of_a_study_has_its_row(study: str) -> None:
    folder = ROOT if study == "digits" else ROOT / "pipelines" / study
    shown = [row[1] for row in RESULTS if row[0] == study]
    assert shown == list(params.load(folder / "params.yaml").grid.models)


def test_the_sentence_that_it_opens_with_is_the_answer_of_the_structure_study() -> None:
    answer = re.search(r"<!-- answer:.*?-->\n\*\*(.*?)\*\*", README, re.DOTALL)
    report = (ROOT / "reports/structure/report.md").read_text(encoding="utf-8")
    assert answer
    assert f"**{' '.join(answer[1].split())}**" in report


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


def test_the_tree_and_the_make_targets_exist() -> None:
    tree = README.split("## The tree")[1].split("```")[1]
    package = {path.name for path in (ROOT / "src/scramble").iterdir() if path.suffix == ".py"}
    assert set(re.findall(r"\b\w+\.py\b", tree)) - package == {"test_house.py"}
    targets = re.findall(r"^make (\w+)", README, re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(f"\n{target}:" in makefile for target in targets)
