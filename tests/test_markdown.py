"""report.md: the numbers of metrics.json, links that lead somewhere, tables that GitHub can read."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import synthetic_study
from scramble import verdicts
from scramble.report import markdown, numbers, provenance, tables, words
from scramble.report.analysis import Analysis, analyse
from scramble.report.provenance import StageRecord
from scramble.report.results import gather
from scramble.statistics import Estimate

TILES = {
    "identity": {"family": "identity"},
    "within_4": {"family": "within_tiles", "size": 4},
    "pixels": {"family": "pixels"},
}
RECORD = StageRecord("train", "python", "once", (), (), (), "ab" * 32, "0123456789" * 4, {})


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def analysed(searched=(), shape=(28, 28, 1), **description) -> Analysis:
    study = synthetic_study.write(synthetic_study.document(**description), image_shape=shape, searched=searched)
    return analyse(gather(study))


def table(text: str, first_column: str) -> list[dict[str, str]]:
    """The first table of the text whose header begins so, as rows by column."""
    lines = text.splitlines()
    [start] = [
        number
        for number, line in enumerate(lines)
        if line.startswith(f"| {first_column} |") and lines[number + 1].startswith("|:---")
    ]
    columns = cells_of(lines[start])
    assert len(cells_of(lines[start + 1])) == len(columns)
    assert lines[start - 1] == ""
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(dict(zip(columns, cells_of(line), strict=True)))
    return rows


def cells_of(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def test_the_answer_comes_first():
    analysis = analysed()
    lines = markdown.render(analysis, [RECORD]).splitlines()
    assert lines[0] == "# Does this network use what the picture looks like?"
    assert lines[2] == f"**{words.answer(analysis)[0]}**"
    assert lines[4] == words.answer(analysis)[1]


def test_its_numbers_are_those_of_metrics_json():
    analysis = analysed(permutations=TILES, searched=("lenet5",))
    Path("out").mkdir()
    tables.write(analysis, Path("out"))
    metrics = json.loads(Path("out/metrics.json").read_text())
    text = markdown.render(analysis, [RECORD])
    prices = table(text, "model | permutation | natural")
    assert len(prices) == 4
    for row in prices:
        entry = metrics[row["model"]][row["permutation"]]
        price = Estimate(*(entry["price"][key] for key in ("mean", "low", "high", "n")))
        assert row["difference"] == numbers.points(price.mean)
        assert row["95 % interval"] == numbers.limits(price)
        assert row["p"] == numbers.p_value(entry["price"]["p_holm"])
        assert row["permuted"] == numbers.percent(entry["top1_error"]["mean"])
        assert row["natural"] == numbers.percent(metrics[row["model"]]["identity"]["top1_error"]["mean"])
        index = Estimate(*(entry["structure_reliance"][key] for key in ("mean", "low", "high", "n")))
        assert row["reliance on structure"] == numbers.plain(index, 2)
    for row in table(text, "model | permutation | top-1 error"):
        entry = metrics[row["model"]][row["permutation"]]["brier"]
        assert row["Brier score"] == numbers.plain(Estimate(entry["mean"], entry["low"], entry["high"], 3))
    areas = {row["model"]: row["area"] for row in table(text, "model | family")}
    area = metrics["mlp"]["area under within_tiles"]
    assert areas["mlp"] == numbers.percent(Estimate(area["mean"], area["low"], area["high"], 3))
    [first, *_] = table(text, "model | permutation | algorithm")
    optimism = metrics["lenet5"][first["permutation"]]["search"]["optimism"]
    assert first["optimism"] == numbers.points(Estimate(optimism["mean"], optimism["low"], optimism["high"], 3))
    [identity, *_] = table(text, "lenet5")
    assert float(identity["identity"]) / 100 == pytest.approx(
        metrics["lenet5"]["identity"]["top1_error"]["mean"], abs=1e-4
    )


@pytest.mark.parametrize(("file", "command"), [("params.yaml", "dvc repro"), ("pipelines/synthetic/params.yaml", "")])
def test_links_lead_from_the_folder_of_the_report(file, command):
    text = markdown.render(analysed(models=("mlp",), params=file), [RECORD])
    assert set(re.findall(r"\]\(([^)]*)\)", text)) == {
        *("report.html", "metrics.json", "results.csv", "figure.png"),
        f"../../{file}",
    }
    assert (command or "dvc repro pipelines/synthetic/dvc.yaml") in text


def test_the_same_study_gives_the_same_text():
    study = synthetic_study.write(synthetic_study.document())
    assert markdown.render(analyse(gather(study)), []) == markdown.render(analyse(gather(study)), [])


def test_one_replicate_on_colour_images():
    text = markdown.render(analysed(replicates=1, models=("mlp",), shape=(32, 32, 3)), [RECORD])
    assert "One replicate cannot say it for mlp" in text
    assert "± half width of the 95 % interval over test images. Spread" in text
    assert "a bootstrap over test images" in text
    [row] = table(text, "model | permutation | natural")
    assert row["verdict"] == "undecided: one replicate"
    [first, _] = table(text, "model | permutation | top-1 error")
    assert (first["spread"], first["calibration error"]) == (
        "–",
        numbers.percent(float(first["calibration error"]) / 100),
    )


@pytest.mark.parametrize("permutations", [{"pixels": {"family": "pixels"}}, {"identity": {"family": "identity"}}])
def test_a_study_that_cannot_answer_has_no_prices(permutations):
    text = markdown.render(analysed(permutations=permutations), [RECORD])
    assert "This study cannot say" in text
    assert "The price" not in text
    assert "Trained on one" not in text
    assert len(table(text, "model | permutation | top-1 error")) == 2


def test_what_would_resolve_it_and_what_diverged_are_told():
    study = synthetic_study.write(synthetic_study.document(models=("mlp",)))
    logits = np.load("predictions/synthetic/mlp/identity.npy")
    logits[0] = np.nan
    synthetic_study.predict(study, "mlp", {"identity": logits})
    analysis = analyse(gather(study))
    text = markdown.render(analysis, [RECORD])
    assert "> **Note:** 1 of 3 trainings of mlp under identity diverged" in text
    assert f"- mlp under pixels: {words.what_would_resolve(analysis.prices['mlp', 'pixels'])}\n" in text
    assert "not finite" in text
    assert not re.search(r"\bnan\b|None|Undefined", text)


def test_a_matrix_of_many_permutations_is_folded():
    permutations = TILES | {family: {"family": family} for family in ("rows", "columns", "transpose", "rows_columns")}
    text = markdown.render(analysed(models=("mlp",), permutations=permutations), [RECORD])
    assert text.count("<details>") == text.count("</details>") == 1
    assert len(table(text, "mlp | identity")) == 7


def test_no_table_is_empty():
    permutations = {"identity": {"family": "identity"}, "within_4": {"family": "within_tiles", "size": 4}}
    text = markdown.render(analysed(permutations=permutations), [RECORD])  # a curve without an end has no area
    assert not re.search(r"^\|:---.*\n(?!\|)", text, re.MULTILINE)
    assert "Fine and coarse" not in text


def test_the_last_line_names_the_commits():
    said = [RECORD.commit, f"{RECORD.commit}, {provenance.UNCOMMITTED}", provenance.NO_COMMIT, provenance.CUT_OFF]
    records = [replace(RECORD, name=f"stage{number}", commit=commit) for number, commit in enumerate(said)]
    text = markdown.render(analysed(models=("mlp",)), records)
    assert text.endswith(
        f"- Code: stage0 `0123456789`, stage1 `0123456789, {provenance.UNCOMMITTED}`, "
        f"stage2 `{provenance.NO_COMMIT}`, stage3 `{provenance.CUT_OFF}`\n"
    )


def test_verification_in_one_sentence():
    analysis = analysed(models=("mlp",))
    assert markdown.verified(analysis) == "nothing verified yet"
    fields = {"tolerance": 0, "outputs": {}, "differences": (), "events": (), "environment_changes": {}}
    stages = {name: verdicts.Reexecution(verdict="identical", **fields) for name in ("fetch", "report")}
    stages["tune"] = verdicts.Reexecution(verdict="different", **fields)
    outcomes = (True, True, False, None)
    controls = tuple(verdicts.Control(name="n", expected="e", measured="m", passed=passed) for passed in outcomes)
    document = verdicts.Document(study="synthetic", stages=stages, controls=verdicts.Controls(results=controls))
    verified = replace(analysis, results=replace(analysis.results, verification=document))
    assert markdown.verified(verified) == "stages executed again: 1 different, 2 identical; 2 of 3 controls passed"
