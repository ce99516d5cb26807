"""README's numbers are those of reports/, and its commands name what exists."""

import csv
import re
from pathlib import Path

import pytest

from scramble import params
from scramble.statistics import Estimate, mean_interval, paired_difference

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
RESULTS = re.search(r"<!-- results:.*?-->\n(.*?)<!-- end of results -->", README, re.DOTALL)
assert RESULTS
ROWS = [[cell.strip() for cell in line.strip("| \n").split("|")] for line in RESULTS[1].splitlines()[2:]]


def top1_errors(study: str) -> dict[tuple[str, str], list[float]]:
    """By model and permutation, the error of every replicate in percent."""
    errors: dict[tuple[str, str], list[float]] = {}
    with (ROOT / "reports" / study / "results.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["metric"] == "top1_error":
                errors.setdefault((row["model"], row["permutation"]), []).append(100 * float(row["value"]))
    return errors


def percent(estimate: Estimate, sign: str = "") -> str:
    mean = round(estimate.mean, 2) + 0.0  # no -0.00
    return f"{mean:{sign}.2f} ± {estimate.half_width:.2f}".replace("-", "−")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: " ".join(row[:2]))
def test_a_row_of_results_is_what_the_report_says(row: list[str]) -> None:
    study, model, *numbers, _ = row
    errors = top1_errors(study)
    natural, scrambled = errors[model, "identity"], errors[model, "pixels"]
    expected = [
        percent(mean_interval(natural)),
        percent(mean_interval(scrambled)),
        percent(paired_difference(natural, scrambled), "+"),
        str(len(natural)),
    ]
    assert numbers == expected


@pytest.mark.parametrize("study", ["digits", "lecture", "architectures"])
def test_every_network_of_a_study_has_its_row(study: str) -> None:
    folder = ROOT if study == "digits" else ROOT / "pipelines" / study
    assert [row[1] for row in ROWS if row[0] == study] == list(params.load(folder / "params.yaml").grid.models)


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
